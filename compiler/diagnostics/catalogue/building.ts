/** @file F2C2xxx: what a compiled function captures, and how the parts of an experiment fit together. */
import type { Catalogue } from "../../../dsl/diagnostics/entry.js";

export const BUILDING = {
  "unknown-name": {
    code: "F2C2001",
    severity: "error",
    message: "`{name}` is not known inside a compiled function",
    hint: "compute it outside the compiled function, in a const, and use the const here; of JavaScript's own only Math, Number, Object and Array are known",
    why: "Most of JavaScript's global names mean nothing on the device.",
  },
  "captured-variable-changes": {
    code: "F2C2002",
    severity: "error",
    hint: "copy its last value into a const and use that, or make it a value of the plan",
    cases: {
      assigned: {
        message:
          "`{name}` is assigned more than once, so a compiled function cannot use it: it would see one moment of it only",
      },
      held: {
        message:
          "`{name}` is changed in place, so a compiled function cannot use it: it would see one moment of it only",
        hint: "read it in the plan, and return what the step needs of it as a value of the plan",
      },
    },
    why: "A captured value becomes a constant of the program when the program is built.",
  },
  "member-of-nothing": {
    code: "F2C2003",
    severity: "error",
    message: "`{expression}` is {value} here, so it has no `{member}`",
    hint: "check the option or the argument that it comes from; ?. reads a field that may be missing",
    why: "The value is known when the program is built, and it is missing.",
  },
  "call-threw": {
    code: "F2C2004",
    severity: "error",
    message: "{call} threw while the program was built: {error}",
    hint: "check its arguments: a call whose arguments are all known is made while the program is built, in Node",
    why: "A call whose arguments are all known is executed when the program is built.",
    remedy: "The message is that of the function that was called.",
  },
  "call-not-compiled": {
    code: "F2C2005",
    severity: "error",
    cases: {
      native: {
        message:
          "{callee} of a run-time value cannot be compiled: it is JavaScript's own, and runs in Node only",
        hint: "call it in the plan, and pass the result as a value of the plan",
      },
      "not-loaded": {
        message: "{callee} of a run-time value cannot be compiled: its TypeScript was not loaded",
        hint: "write it in a TypeScript file that the experiment imports by a relative path, or call it in the plan, and pass the result",
      },
    },
    why: "A function of a package is JavaScript that runs in Node; run-time values exist only on the device.",
    remedy: "Or call it in the plan, and pass the result as a value of the plan.",
  },
  "function-not-loaded": {
    code: "F2C2006",
    severity: "error",
    hint: "write it in the experiment, or in a file that it imports by a relative path",
    cases: {
      forward: {
        message: "the forward function of this module has no TypeScript source that could be compiled",
      },
      update: { message: "the optimizer's update has no TypeScript source that could be compiled" },
      method: {
        message: "the method's `{part}` has no TypeScript source that could be compiled",
        hint: "write it in the experiment, or in a .ts file that it imports by a relative path",
      },
    },
    why: "The compiler reads the source of the function; here it has only the function itself.",
  },
  "not-a-net": {
    code: "F2C2007",
    severity: "error",
    message: "{function} takes a net, got {operand}",
    hint: "pass a net of the method's state, or a child of the module",
    why: "The parameters and buffers of a net are named by the net.",
  },
  "captured-live-object": {
    code: "F2C2009",
    severity: "error",
    message:
      "`{name}` is {what}, which a compiled function cannot use: it lives in Node, and may change there",
    hint: "read what you need from it outside the compiled function, into a const, and use the const; what changes is a value of the plan",
    cases: {
      iterator: { hint: "one loop uses it up: make a list of it, [...list.keys()]" },
    },
    why: "A captured value becomes a constant of the program; a Date, a Map or an object of a class lives on in Node.",
    remedy: "The notes show where it is declared, and the functions through which it is captured.",
  },
  "unrepeatable-call": {
    code: "F2C2010",
    severity: "error",
    message: "`{call}` would be called once, while the program is built: every step would get the same value",
    hint: "read the clock in the plan, and pass the number as a value of the plan",
    cases: {
      random: {
        hint: "draw on the device, ops.rand([8]), or in the plan, and pass the number as a value of the plan",
      },
    },
    why: "A call whose arguments are all known is made when the program is built, and its result becomes a constant.",
    remedy:
      "The clock belongs in the plan, which runs before every step; random numbers too, or ops.rand, randn, randint, bernoulli and permutation draw them on the device.",
  },
  "console-call": {
    code: "F2C2011",
    severity: "error",
    message: "`{call}` prints in Node: it cannot be called on the device",
    hint: "return the number beside the loss, { loss, name: value }: it is logged with every step",
    why: "The step runs in the host, where there is no console; what it returns is logged.",
    remedy: "To see shapes and types, read the program: f2c-dsl ir.",
  },
  "assignment-to-capture": {
    code: "F2C2008",
    severity: "error",
    message: "`{name}` belongs to the code around the compiled function and cannot be assigned here",
    hint: "return the value; what one step leaves to the next is state(…)",
    why: "The code around it runs in Node, once; the compiled function runs on the device, every step.",
  },
  "plan-threw": {
    code: "F2C2012",
    severity: "error",
    message: "{policy} threw at step {step:number}: {error}",
    hint: "it is called before every step, in Node: mend it at the place shown, or let it take what this step brings",
    why: "The plan and the policies of an experiment are its own TypeScript; this time one of them ended with an exception.",
  },
  "bad-learning-rate": {
    code: "F2C2013",
    severity: "error",
    message: "`{name}` is {value} at step {step:number}",
    hint: "a learning rate is a finite number from 0 up: check the policy that computes it",
    why: "One step with such a rate would spoil every parameter.",
  },
  "parameter-groups": {
    code: "F2C2115",
    severity: "error",
    cases: {
      left: {
        message: "no group of `optimizer` takes {names}",
        hint: "end the list with a group that takes what is left: { by: sgd() }",
      },
      empty: {
        message: "the group `{group}` of `optimizer` takes no parameter",
        hint: "the trained parameters that no group before it takes are {names}",
      },
    },
    why: "A parameter that no group takes would never be trained, and a group that takes none is most often a name that is written wrong.",
  },
  "no-such-stream": {
    code: "F2C2015",
    severity: "error",
    message: "the loader has no stream `{name}`: it gives {streams}",
    hint: "use the streams that there are, or a loader that gives this one: dual({ identities, instances }) gives x and y",
    why: "A step gets the images of the loader's streams, by their names, and no others.",
  },
  "no-method": {
    code: "F2C2105",
    severity: "error",
    message: "the experiment's `method` returned {what}, not a method",
    hint: "return method(state, { plan, step, embed }), or use one of the library's, such as f2c({ … })",
    why: "The method says what a step computes; without one there is nothing to compile.",
  },
  "no-net": {
    code: "F2C2106",
    severity: "error",
    message: "the method's state has no net: it has {found}",
    hint: "put the net into the state: method({ net, … }, …)",
    why: "Parameters are found, named, trained and saved through the method's state.",
  },
  "nothing-to-train": {
    code: "F2C2107",
    severity: "error",
    message: "nothing to train: no net of the method's state has parameters",
    hint: "add a layer that learns, such as linear(…), or a parameter(…)",
    why: "The gradient of the loss would be taken by nothing.",
  },
  "net-outside-state": {
    code: "F2C2108",
    severity: "error",
    message: "{name} is not part of the method's state",
    hint: "put it there, and take it from there: method({ net, … }, …)",
    cases: {
      named: {
        message: "`{name}` is not part of the method's state",
        hint: "put it there, and take it from there: method({ {name}, … }, …)",
      },
    },
    why: "Parameters are found, named, trained and saved through the method's state; a net beside it would have none.",
  },
  "base-never-reached": {
    code: "F2C2110",
    severity: "warning",
    message: "`{option}` never reaches its base: its warm-up takes {warmup}, {outcome}",
    hint: "shorten the warm-up, or train longer",
    why: "A schedule that is cut off while it rises trains at a fraction of the rate that is written down.",
  },
  "milestones-beyond-end": {
    code: "F2C2111",
    severity: "warning",
    message: "`{option}` has milestones that the run does not reach: {milestones}; it ends after {length}",
    hint: "train longer, or leave them out; epochs count from 0",
    why: "A reduction that never happens is most often left over from a longer run.",
  },
  "twin-outside-state": {
    code: "F2C2120",
    severity: "error",
    message: "`{name}` is a twin of a net that is not part of the method's state",
    hint: "put the net there too: method({ net, {name}: twin(net), … }, …)",
    why: "A twin starts as a copy of its net, whose parameters are found, named and trained through the method's state.",
  },
  "state-name-taken": {
    code: "F2C2121",
    severity: "error",
    message: "the state's `{name}` has a name that is taken: {what} is called `{name}.…`",
    hint: "call it something else",
    why: "The tensors of the state, of the optimizer and of the compiler's own passes lie in one table and in one checkpoint, by name.",
  },
  "state-name-twice": {
    code: "F2C2122",
    severity: "error",
    message: "two tensors of the method's state would both be called `{name}`",
    hint: "rename one of the keys: a key with a dot in it can spell the name of another's child",
    why: "A tensor's name is the keys on the way to it, joined by dots; checkpoints and exported files know it by that.",
  },
  "log-name-taken": {
    code: "F2C2124",
    severity: "error",
    message: "`{value}` would be logged under a name that is taken: `{name}` is {what}",
    hint: "call it something else",
    why: "A line of metrics.jsonl holds what the step returns, the numbers of the plan, and what is logged of every step, by name.",
  },
  "state-key-with-dot": {
    code: "F2C2125",
    severity: "error",
    message: "the state's `{name}` has a dot in its name, and a dot stands between a net and its parts",
    hint: "write the key without a dot",
    why: "Names in an exported file are those within the net, which begins behind the first dot.",
  },
  "pool-larger-than-data": {
    code: "F2C2305",
    severity: "warning",
    message:
      "the class pool has a `capacity` of {slots:number}, and the data source has {identities:number} identities to train on: {idle:number} slots are never taken",
    hint: "lower `capacity` to the number of identities, or give a share of them, below 1",
    why: "Slots that nobody can take cost memory and time in every step.",
  },
  "book-missing": {
    code: "F2C2306",
    severity: "error",
    message: "the checkpoint lacks the book of `{name}`",
    hint: "resume from the checkpoint before it, or start the run anew",
    why: "What a plan keeps from step to step is part of a checkpoint; without it the run would go on as if it had just begun.",
  },
  "plan-value-unsupported": {
    code: "F2C2401",
    severity: "error",
    message: "`{path}` is {value}, which a plan cannot hold",
    hint: "a plan holds numbers, booleans, Int32Array, Uint8Array (masks), Float32Array, and records of these",
    why: "A plan travels to the host as scalars and as arrays of a few fixed types.",
  },
  "plan-shape-changed": {
    code: "F2C2402",
    severity: "error",
    message: "`{path}` of the plan is {got} at step {step:number}, but was {expected} at step 0",
    hint: "a compiled step has fixed shapes and types: give every value in every step, and pad index arrays to one length",
    why: "The step is compiled once, for the types and lengths that the first plan had.",
  },
  "plan-value-nan": {
    code: "F2C2403",
    severity: "error",
    message: "`{path}` of the plan is NaN at step {step:number}",
    hint: "check the policy that computes it",
    why: "A NaN in a learning rate or a momentum would spoil every parameter in one step.",
  },
  "plan-name-taken": {
    code: "F2C2404",
    severity: "error",
    message: "`plan.{path}` has a name that is taken: the step has an input `{path}` already",
    hint: "call it something else",
    why: "The learning rate, the images and how the loader changes them are inputs of the step beside the plan, each by a name.",
  },
  "protocol-threw": {
    code: "F2C2508",
    severity: "error",
    message: "the protocol `evaluate.{name}` threw: {problem}",
    hint: "its `score` is called after the images are embedded, in Node: mend it there",
    why: "A protocol of your own is plain TypeScript. Where it throws, the evaluation fails, and training goes on.",
  },
  "evaluated-images-of-another-shape": {
    code: "F2C2509",
    severity: "error",
    message: "`evaluate.{name}`: the images of its `data` are [{found}], those that train [{trained}]",
    hint: "give both the same size and channels",
    why: "The net takes images of one shape.",
  },
} as const satisfies Catalogue;
