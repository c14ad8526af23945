/** @file F2C3xxx types and shapes, F2C4xxx effects. */
import type { Catalogue } from "../../../dsl/diagnostics/entry.js";

export const TYPING = {
  "shape-mismatch": {
    code: "F2C3001",
    severity: "error",
    message: "{op}: {problem}",
    hint: "change one of them with .transpose(0, 1), .unsqueeze(dim) or .reshape([…])",
    why: "The sizes of the operands do not satisfy the op's equation.",
    remedy: "docs/ops.md gives the equation of every op.",
  },
  "wrong-rank": {
    code: "F2C3002",
    severity: "error",
    message: "{op}: {problem}",
    hint: ".unsqueeze(dim) adds a dimension; .squeeze(dim) and .flatten(1) take some away",
    why: "The op works on tensors with a certain number of dimensions.",
    remedy: "Use .unsqueeze, .squeeze, .flatten or .reshape.",
  },
  "wrong-dtype": {
    code: "F2C3003",
    severity: "error",
    message: "{op}: {problem}",
    why: "Ops do not convert silently between types of numbers: it would hide a loss of precision.",
    remedy: "Use .to to convert.",
  },
  "dimension-out-of-range": {
    code: "F2C3004",
    severity: "error",
    message: "{op}: {problem}",
    hint: "dimensions count from 0, or from the end: -1 is the last",
    why: "Dimensions count from 0; negative ones from the end, -1 being the last.",
  },
  "element-count": {
    code: "F2C3005",
    severity: "error",
    message: "{op}: {problem}",
    hint: "one size may be -1: it is computed from the others",
    cases: {
      size: {
        message: "{op}: size {index:number} would be {size}, and {written} is written",
        hint: "the sizes must keep every element",
      },
    },
    why: "A reshape keeps every element, so the products of both shapes are equal.",
    remedy: "One size may be -1: it is computed from the others.",
  },
  "bad-size": {
    code: "F2C3006",
    severity: "error",
    message: "{op}: {problem}",
    hint: "sizes are whole numbers; check what they are computed from",
    why: "A size of the result would be zero, negative, or not a whole number.",
  },
  "wrong-kind": {
    code: "F2C3007",
    severity: "error",
    message: "{op}: {problem}",
    cases: {
      number: {
        message: "a number is needed here, and {expression} is {operand}",
        hint: "numbers are literals, options known at build time, and values of the plan",
      },
      "number-for-tensor": {
        message: "a number is needed here, and {expression} is {operand}",
        hint: "use a method of the tensor; a number that the plan computes is a value of the plan",
      },
      "number-for-boolean": {
        message: "a number is needed here, and {expression} is {operand}",
        hint: "choose one: {written} ? 1 : 0",
      },
      boolean: {
        message: "a boolean is needed here, and {expression} is {operand}",
        hint: "compare it: {written} !== 0",
      },
    },
    why: "Numbers, booleans, tensors and groups of tensors are different kinds of values.",
    remedy: "A number of the plan is a scalar; .item does not exist, because it would wait for the device.",
  },
  "wrong-argument": {
    code: "F2C3008",
    severity: "error",
    message: "{op}: {problem}",
    cases: {
      list: {
        message: "{op}: `{operand}` must be a list of tensors, got {given}",
        hint: "write a list: ops.{op}([a, b])",
      },
      operand: { message: "{op}: `{operand}` must be {wanted}, got {given}" },
      "too-many": { message: "{op}: it takes {most}, got {given:number}" },
    },
    why: "The op or the module has other parameters than the call gives it.",
    remedy: "docs/ops.md gives the parameters of every op.",
  },
  "wrong-option": {
    code: "F2C3009",
    severity: "error",
    message: "{function} has no option `{option}`",
    hint: "it has {known}",
    why: "An option that is not known would be ignored, and a typing error with it.",
  },
  "assertion-fails": {
    code: "F2C3010",
    severity: "error",
    message: "{expression} is {type}, not {asserted}",
    hint: "correct the sizes, or use .reshape where the shape is to change",
    cases: {
      "no-tuple": { hint: "give a tuple of sizes: x.as<[48, 512]>()" },
      "no-type": {
        message: "{expression} is {type}, not asserted to be anything",
        hint: "give a tuple of sizes: x.as<[48, 512]>()",
      },
      size: { message: "{expression} is {type}, not {asserted}: {name} is {size}" },
    },
    why: "x.as<[…]>() is checked: it narrows what TypeScript knows, it does not change the tensor.",
    remedy: "Correct the asserted sizes, or use .reshape where the shape is to change.",
  },
  "attribute-not-fixed": {
    code: "F2C3011",
    severity: "error",
    message: "{op}: `{option}` must be known when the program is built, got {operand}",
    hint: "shapes and options are the same in every step: write a number, or a const from outside the compiled function",
    why: "The program is compiled once, with every shape settled.",
  },
  "branches-disagree": {
    code: "F2C3012",
    severity: "error",
    message: "{what} is {one} {condition}, and {other} where not",
    hint: "give both sides one type and shape",
    cases: {
      variable: { hint: "give it one type and shape on both sides, or use a new name in the branch" },
    },
    why: "What follows is compiled once, for either branch.",
  },
  "loop-changes-type": {
    code: "F2C3013",
    severity: "error",
    message: "`{name}` is {before} before the loop, but {after} after one turn",
    hint: "keep its type and shape, or give the result a new name inside the loop",
    cases: {
      unset: {
        message: "`{name}` is {before} before the loop, but assigned in it, and the loop may have no turn",
        hint: "give it a number or a tensor before the loop, of the type and shape that it will have",
      },
    },
    why: "The body is compiled once, for every turn.",
  },
  "no-loss": {
    code: "F2C3014",
    severity: "error",
    message: "the step returns {what}, and no `loss`",
    hint: "return the loss, or { loss, …more numbers to log }",
    cases: {
      group: {
        message: "the group `{group}` of `optimizer` learns by `{loss}`, which is {what}",
        hint: "return it beside the loss, as one real number: { loss, {loss}: … }",
      },
    },
    why: "The gradient of the loss is what the optimizer works with.",
  },
  "metric-not-a-number": {
    code: "F2C3015",
    severity: "error",
    message: "`{name}`, which the step returns, must be one number, a tensor f32[], got {operand}",
    hint: "reduce it with .mean() or .sum()",
    why: "The loss is differentiated and the metrics are logged, each as one number a step.",
  },
  "bad-embedding": {
    code: "F2C3016",
    severity: "error",
    message: "`embed` must return one row for each image, a tensor [N, D], got {operand}",
    hint: "return what the net gives for the images: net(images)",
    cases: {
      flat: { hint: "flatten what is left of height and width: .flatten(1)" },
    },
    why: "Evaluation compares images by their rows.",
    remedy: "Flatten what is left of height and width: .flatten(1).",
  },
  "one-value-a-channel": {
    code: "F2C3017",
    severity: "error",
    message:
      "batch_norm: {shape} has one value a channel, which training would normalise to 0 whatever it is",
    hint: "give the step more images a stream: raise the loader's `identities` or `instances`; or use another norm here",
    why: "BatchNorm subtracts the mean of a channel's values, and one value is its own mean: the net would learn nothing and the loss look perfect. PyTorch refuses it too.",
  },
  "loss-without-parameters": {
    code: "F2C3018",
    severity: "error",
    message: "no parameter reaches the loss, so its gradient would be zero and nothing would be trained",
    hint: "compute it from what a net returns, without .detach(), noGrad, a twin, whole numbers or masks on the way",
    why: "The gradient goes back from the loss through every op that has a derivative; here it ends before any parameter.",
    remedy: "The notes show where it ends.",
  },
  "bad-call-result": {
    code: "F2C3020",
    severity: "error",
    message: "`{function}` returns {operand}; a function that a driver calls returns a record of tensors",
    hint: "return { kept, count }, or an empty record where it only writes to the state",
    cases: {
      field: {
        message: "`{name}` of `{function}` is {operand}; the results of a call are tensors and numbers",
        hint: "return each tensor under a name of its own",
      },
    },
    why: "The answer to a call crosses to Node, so what comes is known beforehand: names, types and sizes, which bound how many calls are in flight.",
  },
  "not-a-list-of-numbers": {
    code: "F2C3019",
    severity: "error",
    message: "tensor: a list of numbers is needed, got {operand}",
    hint: "ops.tensor([[1, 2], [3, 4]]); ops.full([], 0.5) is one number",
    cases: {
      late: {
        message: "tensor: its numbers must be known when the program is built, got {operand}",
        hint: "ops.stack([a, b]) joins tensors; ops.from_scalar(n) makes one of a run-time number",
      },
      ragged: {
        message: "tensor: the lists in it are of different lengths",
        hint: "a tensor has one size in each dimension: fill the shorter lists up",
      },
      item: {
        message: "tensor: {item} is no finite number",
        hint: "ops.where(mask, values, -Infinity) puts what is not finite where a mask holds",
      },
    },
    why: "A tensor of a list is written into the program: numbers, in lists of equal lengths.",
  },
  "rows-of": {
    code: "F2C4006",
    severity: "error",
    cases: {
      parameter: {
        message: "`rows` is of a parameter of the state, and this is {what}",
        hint: "put a parameter(…) into the method's state, and take rows of it there; rows of other tensors are index_select(index)",
      },
      frozen: {
        message: "`{name}` is not trained, so the gradient is not taken by rows of it",
        hint: "read its rows with index_select(index)",
      },
      twice: {
        message: "rows of `{name}` are taken a second time in this step",
        hint: "take them once, by one index of both: .rows(ops.cat([a, b])), and narrow what it gives",
      },
      region: {
        message: "rows of `{name}` are taken within a region: a condition, a loop, noGrad or remat",
        hint: "take them before it",
      },
      dense: {
        message: "the loss depends on all of `{name}`, and on rows of it, which are what moves",
        hint: "compute all from rows, or read the rest where no gradient is wanted: .detach() it",
      },
      written: {
        message: "`{name}` is written here, and rows of it are moved by the optimizer in this step",
        hint: "write it in no step that takes rows of it",
      },
    },
    why: "Rows of a parameter are copied out before the step, moved, and written back after it: by one index, once.",
  },
  "write-before-gradient": {
    code: "F2C4001",
    severity: "error",
    message: "`{storage}` is written here, but the gradient of the loss still needs what it held",
    hint: "move the write to after the last line that the loss depends on",
    why: "The gradient is computed from the values that the forward pass saw.",
  },
  "gradient-lost-in-storage": {
    code: "F2C4003",
    severity: "error",
    message:
      "the loss reads `{storage}` here, which the step has written: the gradient of what was written would be lost",
    hint: "use the value that is written, instead of reading it back; where no gradient is wanted, say so: .detach() what is written or what is read, or write within noGrad",
    why: "What is written to storage loses its history, as storage outlives the step: the parameters that it was computed from would get no gradient of this part of the loss.",
  },
  "gradient-of": {
    code: "F2C4004",
    severity: "error",
    message: "gradientOf: a derivative is taken by tensors of real numbers, got {operand}",
    hint: "gradientOf(loss, x), or gradientOf(loss, [x, y]) for several at once",
    cases: {
      loss: {
        message: "gradientOf: a derivative is taken of one real number, got {operand}",
        hint: "sum it up: gradientOf(losses.sum(), x)",
      },
      unreached: {
        message: "gradientOf: {loss} is not computed from {value}, so the derivative would be zero",
        hint: "give the very value that the loss is computed from, not another that equals it; .detach() and noGrad cut it off",
      },
      again: {
        message:
          "gradientOf: `remat` is between {value} and {loss}, and keeps nothing that this derivative could go through",
        hint: "leave `remat`, or checkpointed(…), out on this way",
      },
      inside: {
        message:
          "gradientOf: a derivative is taken at the top level of the step, not within noGrad, remat, inF32, or a run-time `if` or loop",
        hint: "take it before, and use the value inside",
      },
      "made-inside": {
        message: "gradientOf: {value} is made within a run-time `if` or loop",
        hint: "take the derivative by a value that is made before it, or by what comes out of it",
      },
      embed: {
        message: "gradientOf: `embed` takes no derivatives",
        hint: "take it in `step`: training() is true there",
      },
    },
    why: "The derivative goes back from the loss through the ops that it was computed by, as long as they are kept: at the top level of a step.",
  },
  "remat-once": {
    code: "F2C4002",
    severity: "error",
    message: "`remat` would write twice: its body contains {op}",
    hint: "write after the loss, outside of `remat`",
    why: "The body runs once for the result and once for the gradient; what it writes would happen twice.",
  },
  random: {
    code: "F2C4005",
    severity: "error",
    message: "{op}: random numbers are a function of the step's number, and there is none here",
    hint: "draw in `step`: training() is true there; dropout(p) leaves `embed` alone",
    cases: {
      loop: {
        message: "{op} would draw the same in every turn of this loop",
        hint: "draw before the loop, for all turns at once: ops.rand([turns, 8]), and in it .narrow(0, i, 1)",
      },
    },
    why: "What an op draws is a function of the run's seed, the step's number and the op's place, so that it is the same after a resume.",
  },
} as const satisfies Catalogue;
