/** @file F2C10xx: what a compiled function may contain. */
import type { Catalogue } from "../../../dsl/diagnostics/entry.js";

export const LANGUAGE = {
  "type-error": {
    code: "F2C1001",
    severity: "error",
    message: "{words} (TS{number:number})",
    why: "TypeScript checks the experiment first; sizes of tensors are part of their types.",
    remedy: "An editor shows the same error as you type. The number can be searched for.",
  },
  "unsupported-syntax": {
    code: "F2C1002",
    severity: "error",
    hint: "docs/language.md lists what compiled functions may contain",
    cases: {
      statement: { message: "this statement cannot be compiled" },
      expression: { message: "this expression cannot be compiled" },
      operator: {
        message: "the operator `{operator}` cannot be compiled",
        hint: "compiled functions have + - * / % **, comparisons, && || ?? and !; compute the rest in the plan",
      },
      in: {
        message: "the operator `in` cannot be compiled",
        hint: "compare the field with undefined: record.name !== undefined",
      },
      instanceof: {
        message: "the operator `instanceof` cannot be compiled",
        hint: "branch on an option that you pass instead: if (options.kind === …)",
      },
      identity: {
        message: "whether {one} and {other} are one cannot be compiled",
        hint: "compare what they hold: which of several it is, is known only when the step runs",
      },
      bigint: { message: "a bigint cannot be compiled", hint: "write a number: 8, not 8n" },
      import: { message: "`import()` cannot be compiled", hint: "import it at the top of the file" },
      meta: {
        message: "`import.meta` or `new.target` cannot be compiled",
        hint: "read it outside the compiled function, into a const, and use the const",
      },
      with: { message: "`with` cannot be compiled", hint: "name the object" },
      enum: {
        message: "an enum cannot be compiled",
        hint: "declare it outside the compiled function; it can be used inside by its name",
      },
      debugger: {
        message: "`debugger` cannot be compiled",
        hint: "to see shapes and types, look at the program: f2c-dsl ir experiment.ts",
      },
      "record-assignment": {
        message: "an assignment that takes a record apart cannot be compiled",
        hint: "assign each name by itself, or declare new ones: const { a, b } = …",
      },
    },
    why: "A compiled function is a subset of TypeScript: one that a fixed sequence of tensor ops can express.",
  },
  "async-function": {
    code: "F2C1003",
    severity: "error",
    hint: "nothing is waited for in a compiled function; wait outside, in the experiment",
    cases: {
      await: { message: "`await` cannot be compiled" },
      yield: { message: "`yield` cannot be compiled" },
      "for-await": { message: "`for await` cannot be compiled" },
      async: {
        message: "{function} is async and cannot be compiled",
        hint: "remove `async`; what has to be waited for is waited for outside, in the experiment",
      },
      generator: {
        message: "{function} is a generator and cannot be compiled",
        hint: "remove the `*`, and return a list",
      },
    },
    why: "Nothing can be waited for in the middle of a step: it would stop the device.",
    remedy: "Do the waiting in the experiment, around the compiled function.",
  },
  "new-expression": {
    code: "F2C1004",
    severity: "error",
    message: "`new` cannot be compiled",
    hint: "use a record: { name: value }; what needs an object of a class belongs in the plan",
    why: "There are no objects on the device, only tensors and numbers.",
  },
  "this-expression": {
    code: "F2C1005",
    severity: "error",
    message: "`this` cannot be compiled",
    hint: "use the parameters: step({ net }, { x }, plan), or ({ conv }, x) of a module",
    why: "What a compiled function depends on is visible in its parameters and captures.",
  },
  "regular-expression": {
    code: "F2C1006",
    severity: "error",
    message: "a regular expression cannot be compiled",
    hint: "compute it outside the compiled function, in a const, and use the const",
    why: "Texts exist only while the program is built.",
  },
  "class-declaration": {
    code: "F2C1007",
    severity: "error",
    message: "a class cannot be compiled",
    hint: "use functions and records: const scale = { by: 2 }",
    why: "Modules are composed of functions; there are no objects on the device.",
  },
  "delete-expression": {
    code: "F2C1008",
    severity: "error",
    message: "`delete` cannot be compiled",
    hint: "make a new record without the field: const { field, ...rest } = record",
    why: "Values in a compiled function do not change in place.",
  },
  "tagged-template": {
    code: "F2C1009",
    severity: "error",
    message: "a tagged template cannot be compiled",
    hint: "call it as a function: name(…)",
    why: "Texts exist only while the program is built.",
  },
  "typeof-expression": {
    code: "F2C1010",
    severity: "error",
    message: "`typeof` cannot be compiled",
    hint: "a value has the same type in every step; branch on an option that you pass instead: if (options.kind === …)",
    why: "A run-time value has one type, which is settled when the program is built.",
  },
  "computed-member": {
    code: "F2C1011",
    severity: "error",
    message: "a computed name in a record cannot be compiled",
    hint: "write the name out",
    cases: {
      pattern: { hint: "write the name out, or index with it: record[name]" },
      getter: {
        message: "a getter in a record cannot be compiled",
        hint: "compute the value and write `name: value`",
      },
      setter: {
        message: "a setter in a record cannot be compiled",
        hint: "values do not change in place; make a new record",
      },
      method: {
        message: "a method in a record cannot be compiled",
        hint: "write it as a field: `name: () => …`",
      },
    },
    why: "The fields of a record become names in the program, so they must be written out.",
  },
  "text-of-run-time-value": {
    code: "F2C1012",
    severity: "error",
    message: "a string cannot hold {operand}",
    hint: "leave the value out; a tensor of one number is logged by returning it beside the loss: { loss, name: value }",
    why: "Texts exist only while the program is built, run-time values only later.",
  },
  "operator-on-tensor": {
    code: "F2C1013",
    severity: "error",
    message: "{operator} is for {kinds}, and {expression} is {operand}",
    hint: "use the method: x.add(y) for x + y",
    why: "TypeScript has no operators for tensors; what an operator would do to one is a method.",
  },
  "math-function": {
    code: "F2C1014",
    severity: "error",
    message: "Math.{name} of a run-time number cannot be compiled",
    hint: "Math has {known} here; or compute it in the plan",
    cases: {
      round: {
        message: "Math.round of a run-time number cannot be compiled",
        hint: "write Math.floor(x + 0.5)",
      },
    },
    why: "Only the functions of Math that the device has too are ops of the program.",
  },
  "condition-on-tensor": {
    code: "F2C1015",
    severity: "error",
    message:
      "{expression} is {operand}, which cannot be a condition: its values are known only on the device",
    hint: "choose element by element with ops.where(condition, a, b), or decide in the plan and pass a boolean",
    cases: {
      loop: { hint: "count to a value of the plan: for (let i = 0; i < plan.n; i++)" },
      logical: {
        hint: "tensors of booleans have .logical_{method}(…); a boolean of the plan chooses with plan.flag ? a : b",
      },
    },
    why: "A branch on a tensor would have to wait for the device and read a value back in every step.",
  },
  "not-a-collection": {
    code: "F2C1016",
    severity: "error",
    cases: {
      field: {
        message: "{operand} cannot be read: it has no field `{name}`",
        hint: "fields belong to records; check what the expression is",
      },
      "tensor-field": {
        message: "{operand} cannot be read: it has no field `{name}`",
        hint: "a tensor's sizes are .size(0), .size(1), … and .shape",
      },
      destructured: {
        message: "{expression} is {operand}, which cannot be destructured",
        hint: "lists and records can be destructured; check what the expression is",
      },
      "tensor-destructured": {
        message: "{expression} is {operand}, which cannot be destructured",
        hint: "take rows of a tensor with .select(0, i) or .slice(0, start, end)",
      },
      "tensor-fields-destructured": {
        message: "{expression} is {operand}, which cannot be destructured",
        hint: "a tensor has no fields; its sizes are .size(0), .size(1), … and .shape",
      },
      spread: {
        message: "{operand} cannot be spread",
        hint: "lists and records can be spread; check what the expression is",
      },
      "tensor-spread": {
        message: "{operand} cannot be spread",
        hint: "ops work on whole tensors; join tensors with ops.cat([a, b])",
      },
      "tensor-spread-in-record": {
        message: "{operand} cannot be spread",
        hint: "a record is spread from records; give the tensor a name: { name: tensor }",
      },
      "looped-over": {
        message: "{expression} is {operand}, which cannot be looped over",
        hint: "loop over a list; over a record, use Object.entries(record)",
      },
      reduced: {
        message: "an empty list cannot be reduced without a first value",
        hint: "give reduce a second argument, the value to start from",
      },
    },
    why: "Spreading, taking apart, reducing and reading fields need a list or a record known when the program is built.",
    remedy: "Check what the expression is: a tensor is taken apart with .select or .slice.",
  },
  "unknown-method": {
    code: "F2C1017",
    severity: "error",
    message: "{expression} is {operand}, which has no method `{name}`",
    hint: "docs/ops.md lists the methods of tensors",
    cases: {
      field: {
        message: "{expression} is {operand}, which has no field `{name}`",
        hint: "methods are called with (); docs/ops.md lists those of tensors",
      },
      scalar: {
        hint: "there are no strings on the device; numbers have operators and the functions of Math",
      },
      number: {
        message: "a run-time number has no compiled method `{name}`",
        hint: "there are no strings on the device; numbers have operators and the functions of Math",
      },
      "typed-array": {
        message: "a typed array has no compiled method `map`",
        hint: "make a list of it first: [...array].map(…)",
      },
      list: {
        message: "a list that holds run-time values has no compiled method `{name}`",
        hint: "it has {known}; write the rest with for..of and [...list, item]",
      },
      record: { hint: "check the name of the field: what is called must be a function or a module" },
      module: { hint: "a module is called like a function: net(x)" },
      other: { hint: "check the name; docs/language.md lists what compiled functions may contain" },
    },
    why: "Only the ops of the registry exist on the device.",
  },
  "index-of-tensor": {
    code: "F2C1018",
    severity: "error",
    message: "{expression} is {operand}, which [] cannot index",
    hint: "x[0] is x.select(0, 0), x[a:b] is x.slice(0, a, b), x[tensor] is x.index_select(tensor)",
    why: "TypeScript has no indexing for tensors; the methods say which dimension is meant.",
  },
  "run-time-index": {
    code: "F2C1019",
    severity: "error",
    hint: "choose with if: if (plan.n === 0) … else …",
    cases: {
      indexed: {
        message: "a list is indexed with {operand}",
        hint: "choose with if: if (plan.n === 0) … else …; or put the tensors into one, and take a row of it with .index_select and an Int32Array of the plan",
      },
      at: { message: "a list is indexed with {operand}" },
      cut: {
        message: "a list is cut at {operand}",
        hint: "cut it where the program is built, or choose with if: if (plan.n === 1) … else …",
      },
      sorted: { message: "a list is sorted by {operand}" },
      length: {
        message: "a list is made as long as {operand}",
        hint: "lists have lengths that are known now; to count, write for (let i = 0; i < n; i++)",
      },
      chosen: { message: "a list is chosen from by {operand}" },
    },
    why: "Lists exist only while the program is built: each item is a value of its own in the program.",
  },
  recursion: {
    code: "F2C1020",
    severity: "error",
    message: "{function} calls itself, and a compiled function may not",
    hint: "write the recursion as a loop: for (const item of list) …",
    cases: {
      through: { message: "{function} calls itself through {others}, and a compiled function may not" },
    },
    why: "Calls are written out where they stand, so a function that calls itself would never end.",
  },
  "not-a-function": {
    code: "F2C1021",
    severity: "error",
    message: "{expression} is {operand}, not a function",
    hint: "a module's child is called like a function, a list of modules is looped over; check the name",
    cases: {
      value: { hint: "leave out the (), or check the name" },
    },
    why: "What is called must be a function, a module or an op.",
    remedy: "Check the name: a module's child is called like a function, a list of modules is looped over.",
  },
  "try-statement": {
    code: "F2C1023",
    severity: "error",
    message: "`try` cannot be compiled",
    hint: "a step cannot fail halfway; check values in the plan",
    why: "Ops on the device do not throw into the program: they fail the step as a whole.",
  },
  "throw-statement": {
    code: "F2C1024",
    severity: "error",
    message: "`throw` cannot be compiled",
    hint: "check what is known beforehand outside the compiled function, and values of the plan in the plan",
    why: "Ops on the device do not throw into the program: they fail the step as a whole.",
  },
  "switch-statement": {
    code: "F2C1025",
    severity: "error",
    message: "`switch` cannot be compiled",
    hint: "use if (…) … else if (…) … else",
    why: "Falling from one case into the next has no counterpart in the program.",
  },
  "for-in-statement": {
    code: "F2C1026",
    severity: "error",
    message: "`for..in` cannot be compiled",
    hint: "use for (const [name, value] of Object.entries(x))",
    why: "It also visits inherited names, which are nothing to the program.",
  },
  label: {
    code: "F2C1027",
    severity: "error",
    message: "a label cannot be compiled",
    hint: "put the inner loop into a function and return from it",
    why: "A jump out of several loops has no counterpart in the program.",
  },
  "do-statement": {
    code: "F2C1028",
    severity: "error",
    message: "`do..while` cannot be compiled",
    hint: "use while, with the body written once before it",
    why: "Loops of the program test their condition before each turn.",
  },
  "var-declaration": {
    code: "F2C1029",
    severity: "error",
    message: "`var` cannot be compiled",
    hint: "use const or let",
    why: "A `var` outlives its block, so it would be unclear which values a loop or a branch hands on.",
  },
  "assignment-in-place": {
    code: "F2C1030",
    severity: "error",
    cases: {
      "list-method": {
        message: ".{method}() would change the list: values in a compiled function do not change in place",
        hint: "make a new list with [...], .slice(…) or .map(…), or prepare it outside the compiled function",
      },
      "list-adding": {
        message: ".{method}() would change the list: values in a compiled function do not change in place",
        hint: "make a new list: {written}, {list} being declared with let",
      },
      "object-function": {
        message:
          "Object.{function} would change its first argument: values in a compiled function do not change in place",
        hint: "make a new record: { ...old, name: value }",
      },
      argument: {
        message: "{function} would change its argument: values in a compiled function do not change in place",
        hint: "make a new list: [...old, item]",
      },
      object: {
        message: "{function} would change its object: values in a compiled function do not change in place",
        hint: "make a new record: { ...old, name: value }",
      },
      element: {
        message: "{target} cannot be assigned: values in a compiled function do not change in place",
        hint: "make a new list: {list}.map((item, i) => (i === {index} ? value : item))",
      },
      field: {
        message: "{target} cannot be assigned: values in a compiled function do not change in place",
        hint: "make a new record: { ...{record}, {field}: value }",
      },
    },
    why: "Every value of the program is defined once; only names may get another value.",
    remedy: "Make a new list or record: [...old, item], { ...old, name: value }.",
  },
  "loop-over-unknown-length": {
    code: "F2C1031",
    severity: "error",
    message: "{expression} is {operand}, which for..of cannot loop over",
    hint: "to count, write for (let i = 0; i < n; i++)",
    cases: {
      tensor: { hint: "use ops on the whole tensor; one row of it is .select(0, i)" },
    },
    why: "A for..of loop is written out, one turn for each item of a list; a tensor is one value of the program.",
  },
  "loop-too-long": {
    code: "F2C1032",
    severity: "error",
    message:
      "this loop has {turns:number} turns, and one that is known now may have {most:number}: each is written out",
    hint: "work on a whole tensor, or count to a value of the plan: for (let i = 0; i < plan.n; i++)",
    cases: {
      "without-end": {
        message:
          "this loop has more than {most:number} turns, and one that is known now may have {most:number}: each is written out",
        hint: "check its condition; or count to a value of the plan, which makes it a real loop: i < plan.n",
      },
    },
    why: "A loop over build-time values is written out; thousands of turns make a program too large to run.",
  },
  "return-of-open-size": {
    code: "F2C1033",
    severity: "error",
    message: "a return inside a loop cannot give {operand}: {size} is not one fixed number",
    hint: "leave the loop with break, and compute and return the tensor after it",
    why: "A loop that may return carries its result from the first turn on, as zeros until there is one, and zeros need a size.",
  },
} as const satisfies Catalogue;
