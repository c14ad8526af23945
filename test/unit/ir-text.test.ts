import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compileExperiment,
  encodeModule,
  type IrModule,
  type Location,
  loadExperiment,
  type Op,
  ParseError,
  parseFunction,
  parseModule,
  printModule,
  structureHash,
  walkOps,
} from "#compiler/index";
import { verify } from "#compiler/verify/verify";
import { share } from "../long.js";
import { modules } from "./random-module.js";
import { canonical, withoutPlaces } from "./same-ids.js";

const root = new URL("../../", import.meta.url);

const experiments = ["examples", "test/fixtures/experiments"].flatMap((folder) =>
  readdirSync(new URL(folder, root))
    .map((name) => `${folder}/${name}`)
    .filter((name) => /export default experiment\(/.test(readFileSync(new URL(name, root), "utf8"))),
);

/** Small, with everything of the grammar; written by hand after docs/ir.md. */
const TEXT = `module @two-words version 1.3 {
  parameter @net.weight : f32[8, 3, 3, 3] = kaiming_normal(fan = "in", gain = 1.5) channels_last
  parameter @kept : f32[8] = zeros frozen
  state @"0" : i64[] = zeros
  state @twin : f32[8, 3, 3, 3] = copy(of = @net.weight) twin of @net.weight channels_last
  optimizer @velocity : f32[8, 3, 3, 3] = zeros slot of @net.weight
  optimizer @steps : f32[] = zeros
  parameter @classes : f32[9, 2] = zeros rowwise
  scratch @some : f32[3, 2] = zeros rows of @classes
  group @net.parameters = [@net.weight]
  group @"no members" = []

  func @step(
      %x.images : u8[B, 3, 2*B+1, N-1] from images(x),
      %rate : f64 from plan,
      %on : bool
  ) -> (loss: f32[], "a b": group<net.parameters>) {
    %0 = to(%x.images, dtype = "f32") : f32[B, 3, 2*B+1, N-1]
    %1 = constant(inf) : f64
    %"0" = constant(-0) : f64
    %g = group(@net.parameters) : group<net.parameters>
    %y#1, %y#2 = if(%on) {
      %y = clamp(%0, %1, none, dims = [1, -1], eps = 1e-7, keep = true) : f32[]
      yield(%y, %g)
    } {
      yield(%0, %g)
    } : f32[], group<net.parameters>
    %2 = for(%rate, %y#1) (%i : i64, %y#3 : f32[]) {
      yield(%y#3)
    } : f32[]
    return(%2, %y#2)
  }

  func @nothing(

  ) -> () {
    return()
  }
}
`;

describe("a text of the IR", () => {
  const module = parseModule(TEXT, { path: "two.ir" });
  const [step] = module.functions;
  const ops = [...walkOps(step.body)];
  const named = (op: string): Op<string> => ops.find((o) => o.op === op)!;

  test("holds the module's name, tables and groups", () => {
    expect(module.name).toBe("two-words");
    const [weight, ...others] = module.storages.map(({ location, ...rest }) => rest);
    expect(weight).toEqual({
      name: "net.weight",
      type: { kind: "tensor", dims: [8, 3, 3, 3], dtype: "f32" },
      init: { kind: "kaiming_normal", fan: "in", gain: 1.5 },
      role: "parameter",
      layout: "channels_last",
    });
    expect(others.map(({ type, ...rest }) => rest)).toEqual([
      { name: "kept", init: { kind: "zeros" }, role: "parameter", trainable: false },
      { name: "0", init: { kind: "zeros" }, role: "state" },
      {
        name: "twin",
        init: { kind: "copy", of: "net.weight" },
        role: "state",
        twinOf: "net.weight",
        layout: "channels_last",
      },
      { name: "velocity", init: { kind: "zeros" }, role: "optimizer", slotOf: "net.weight" },
      { name: "steps", init: { kind: "zeros" }, role: "optimizer" },
      { name: "classes", init: { kind: "zeros" }, role: "parameter", byRows: true },
      { name: "some", init: { kind: "zeros" }, role: "scratch", rowsOf: "classes" },
    ]);
    expect(module.groups).toEqual([
      { name: "net.parameters", members: ["net.weight"] },
      { name: "no members", members: [] },
    ]);
  });

  test("holds the inputs with where they come from, and sizes that depend on symbols", () => {
    expect(step.inputs.map((i) => i.source)).toEqual([
      { kind: "images", stream: "x" },
      { kind: "plan" },
      { kind: "argument" },
    ]);
    expect(step.inputs[0].value.type).toEqual({
      kind: "tensor",
      dtype: "u8",
      dims: [
        { constant: 0, terms: [["B", 1]] },
        3,
        { constant: 1, terms: [["B", 2]] },
        { constant: -1, terms: [["N", 1]] },
      ],
    });
    expect(step.results.map((r) => r.name)).toEqual(["loss", "a b"]);
  });

  test("tells values without a name from values that are named by digits, and drops the numbers after #", () => {
    expect(ops.filter((o) => o.op === "to" || o.op === "constant").map((o) => o.results[0].name)).toEqual([
      "",
      "",
      "0",
    ]);
    expect(named("if").results.map((v) => v.name)).toEqual(["y", "y"]);
    expect(named("for").regions[0].args.map((v) => v.name)).toEqual(["i", "y"]);
  });

  test("holds attributes of every kind, and the operand that is absent", () => {
    const clamp = named("clamp");
    expect(clamp.attributes).toEqual({ dims: [1, -1], eps: 1e-7, keep: true });
    expect(clamp.operands.map((v) => v?.name)).toEqual(["", "", undefined]);
    const [infinite, negativeZero] = ops.filter((o) => o.op === "constant");
    expect(infinite.attributes).toEqual({ value: "inf" });
    expect(Object.is(negativeZero.attributes.value, -0)).toBe(true);
  });

  test("numbers values in the order of their definitions, and refers to the same value everywhere", () => {
    const defined = [
      ...step.inputs.map((i) => i.value.id),
      ...ops.flatMap((o) => o.results.map((v) => v.id)),
    ];
    expect(new Set(defined).size).toBe(defined.length);
    expect(canonical(module)).toEqual(module);
    expect(named("return").operands).toEqual([named("for").results[0], named("if").results[1]]);
  });

  test("is the source of the places that it does not give, so that the verifier finds every op's place", () => {
    expect(module.sources).toEqual([{ path: "two.ir", text: TEXT }]);
    const at = ({ path, start, end }: Location) => [path, TEXT.slice(start, end)];
    expect(at(named("to").location)).toEqual([
      "two.ir",
      '%0 = to(%x.images, dtype = "f32") : f32[B, 3, 2*B+1, N-1]',
    ]);
    expect(at(named("if").location)).toEqual(["two.ir", "%y#1, %y#2 = if(%on)"]);
    expect(at(step.location)).toEqual(["two.ir", "func @step"]);
    expect(at(module.storages[2]!.location)).toEqual(["two.ir", 'state @"0" : i64[] = zeros']);
    expect(verify(module).filter((v) => v.constraint === "V7")).toEqual([]);
  });

  test("prints as it was", () => {
    expect(printModule(module)).toBe(TEXT);
  });

  test("may have comments, and any white space where it has some", () => {
    const other = `// facts\n${TEXT.replaceAll("\n", " // why\n\t").replaceAll(" = ", "=")}`;
    expect(printModule(parseModule(other))).toBe(TEXT);
  });

  test("may say where things come from, with the calls around", () => {
    const text = 'func @f() -> () loc(a/b.ts:1-2) { return() loc("c d.ts":3-4 <- a/b.ts:5-60) }';
    const sources = [{ path: "a/b.ts", text: "…" }];
    const wrapped = parseModule(`module @m version 1.0 { ${text} }`, { sources });
    expect(wrapped.sources).toBe(sources);
    expect(wrapped.functions[0].location).toEqual({ path: "a/b.ts", start: 1, end: 2 });
    expect(wrapped.functions[0].body.ops[0].location).toEqual({
      path: "c d.ts",
      start: 3,
      end: 4,
      parent: { path: "a/b.ts", start: 5, end: 60 },
    });
  });

  test("may be one function alone", () => {
    const text = printModule(module, { function: "step" });
    const alone = parseFunction(text, { path: "two.ir" });
    expect(printModule({ ...module, functions: [alone] }, { function: "step" })).toBe(text);
  });
});

describe.each(experiments)("the program of %s", (file) => {
  const { module } = compileExperiment(loadExperiment(new URL(file, root).pathname));

  test("is the same after printing and parsing, save places", () => {
    const text = printModule(module);
    const parsed = parseModule(text, { path: "program.ir" });
    expect(encodeModule(withoutPlaces(parsed))).toEqual(encodeModule(withoutPlaces(module)));
    expect(printModule(parsed)).toBe(text);
    expect(structureHash(parsed)).toBe(structureHash(module));
    expect(verify(parsed)).toEqual([]);
  });

  test("is the same with its places, where the text gives them", () => {
    const text = printModule(module, { locations: true });
    const parsed = parseModule(text, { sources: module.sources });
    expect(encodeModule(parsed)).toEqual(encodeModule(canonical(module)));
    expect(printModule(parsed, { locations: true })).toBe(text);
  });
});

const RUNS = { seed: 1, numRuns: share(120, 400) };
const MUTATED = share(1200, 4000);

describe("a random module", () => {
  test("is the same after printing and parsing, save places", () => {
    const holds = fc.property(modules, (module) => {
      const text = printModule(module);
      const parsed = parseModule(text);
      expect(withoutPlaces(parsed)).toEqual(withoutPlaces(module));
      expect(printModule(parsed)).toBe(text);
    });
    fc.assert(holds, RUNS);
  });

  test("is the same with its places, where the text gives them", () => {
    const holds = fc.property(modules, (module) => {
      const text = printModule(module, { locations: true });
      const parsed = parseModule(text, { sources: module.sources });
      expect(parsed).toEqual(canonical(module));
      expect(parsed.sources).toBe(module.sources);
    });
    fc.assert(holds, RUNS);
  });

  test("breaks lines nowhere but between what it prints, whatever its names hold", () => {
    const holds = fc.property(modules, (module) => {
      expect(printModule(module)).not.toMatch(/[\r\u2028\u2029\0]/);
    });
    fc.assert(holds, RUNS);
  });
});

/** The error that a text ends with, or undefined where it is a module. */
function errorOf(text: string): ParseError | undefined {
  try {
    parseModule(text, { path: "bad.ir" });
    return undefined;
  } catch (error) {
    if (!(error instanceof ParseError)) throw new Error(`not a ParseError: ${text}`, { cause: error });
    return error;
  }
}

describe("a text that is wrong", () => {
  test.each([
    ["version 1.3", "version 2.0", "2.0", /IR version 2\.0, this compiler reads 1\./],
    ["version 1.3", "version 1.99", "1.99", /IR version 1\.99/],
    ["= zeros", "= ones", "ones", /expected an initialiser, found "ones"/],
    ['fan = "in"', 'fan = "up"', '"up"', /fan is "in" or "out"/],
    ["gain = 1.5", "gain = inf", "inf", /expected a number/],
    [", gain = 1.5)", ")", ") channels", /kaiming_normal needs fan, gain/],
    ["slot of @net.weight", "slot @net.weight", "@net.weight", /expected "of"/],
    [
      "optimizer @steps",
      "optimiser @steps",
      "optimiser",
      /expected storages \(parameter, state, optimizer\)/,
    ],
    ["i64[] = zeros", "i64 = zeros", "i64 = zeros", /a storage has the type of a tensor/],
    ["%rate : f64", "%rate : f65", "f65", /expected a type, found "f65"/],
    ["%rate : f64 from plan", "%rate : f64 from disk", "disk", /expected "plan" or "images", found "disk"/],
    ["2*B+1", "2*B*N", "2*B*N, N", /expected a dimension such as 48, B or 2\*B\+1/],
    ["u8[B, 3,", "u8[B, -3,", "-3", /a size is 0 or more/],
    ["%0, %1, none, dims", "dims = [1], %0, dims", "%0", /expected an attribute such as dim = 1, found "%0"/],
    ["return(%2, %y#2)", "return(%2, %z)", "%z", /%z is not defined above/],
    ["%i : i64, %y#3", "%y : i64, %y#3", "%y : i64", /%y is defined already/],
    ["keep = true", "keep = yes", "yes", /expected a number, a text in quotes, true, false/],
    ["keep = true", "eps = true", "eps = true", /clamp has two attributes eps/],
    ["to(%x.images", "to(@x.images", "@x.images", /expected a value such as %x, none, or an attribute/],
    ["yield(%y, %g)\n", "yield(%y, %g\n", "}", /expected a comma or "\)"/],
    ["return()\n  }\n}", "return()\n  }\n} more", "more", /expected the end, found "more"/],
    ["return()\n  }\n}", "return()\n  }", "", /or "}", found the end of the text/],
  ])("%j as %j is refused where it stands", (right, wrong, at, problem) => {
    const text = TEXT.replace(right, wrong);
    expect(text).not.toBe(TEXT);
    const error = errorOf(text)!;
    expect(error.problem).toMatch(problem);
    const line = text.split("\n")[error.line - 1];
    expect(line.slice(error.column - 1).startsWith(at), `${error.message} in ${line}`).toBe(true);
    expect(error.message).toBe(`bad.ir:${error.line}:${error.column}: ${error.problem}`);
  });

  test("is refused wherever it breaks off", () => {
    for (let length = 0; length < TEXT.trimEnd().length; length++)
      expect(errorOf(TEXT.slice(0, length)), `the first ${length} characters`).toBeDefined();
  });

  test("is refused with regions too deep for the host, and not with an overflow", () => {
    const deep = (n: number) =>
      `module @m version 1.0 { func @f() -> () { ${"no_grad() {".repeat(n)} ${"}".repeat(n)} } }`;
    expect(errorOf(deep(40))).toBeUndefined();
    expect(errorOf(deep(41))!.problem).toMatch(/at most 40 deep/);
    expect(errorOf(deep(100_000))!.problem).toMatch(/at most 40 deep/);
  });

  test("is refused with a ParseError that has a place, or is a module that prints as it parses", () => {
    const pieces = [
      ...'%@#()[]{}<>:,="\\ \n-+*.0x1é',
      "none",
      "inf",
      " = ",
      "loc(a:1-2)",
      "1e999",
      "\ud800",
      "// ",
      "func",
      "%0",
    ];
    const texts = [
      TEXT,
      ...fc
        .sample(modules, { seed: 3, numRuns: 5 })
        .map((module, i) => printModule(module, { locations: i % 2 === 0 })),
    ];
    /** A place of a text, as a share of its length; so many characters there, and what stands in their place. */
    const place = fc.noBias(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));
    const mutations = fc.record({
      text: fc.constantFrom(...texts),
      from: place,
      cut: fc.nat(3),
      piece: fc.oneof(fc.constantFrom(...pieces), fc.tuple(place, fc.nat(11))),
    });
    const outcomes = { refused: 0, accepted: 0 };
    const holds = fc.property(mutations, ({ text, from, cut, piece }) => {
      const at = (share: number) => Math.floor(share * text.length);
      const copied = (start: number, length: number) => text.slice(start, start + length);
      const put = typeof piece === "string" ? piece : copied(at(piece[0]), piece[1]);
      const mutated = text.slice(0, at(from)) + put + text.slice(at(from) + cut);
      const error = errorOf(mutated);
      if (error) {
        outcomes.refused++;
        const lines = mutated.split("\n");
        expect(error.line).toBeLessThanOrEqual(lines.length);
        expect(error.column).toBeLessThanOrEqual(lines[error.line - 1].length + 1);
      } else {
        outcomes.accepted++;
        const printed = printModule(parseModule(mutated));
        expect(printModule(parseModule(printed)), mutated).toBe(printed);
      }
    });
    fc.assert(holds, { seed: 7, numRuns: MUTATED });
    expect(outcomes.refused).toBeGreaterThan(MUTATED / 2);
    expect(outcomes.accepted).toBeGreaterThan(MUTATED / 80);
  });
});

test("two values of one name and one of a name that looks like theirs do not meet", () => {
  const type = { kind: "scalar", scalar: "f64" } as const;
  const location = { path: "a.ts", start: 0, end: 0 };
  const values = ["x", "x", "x#1", "", "0", '"x"'].map((name, id) => ({ id, name, type }));
  const fn = {
    name: "f",
    inputs: values.map((value) => ({ value, source: { kind: "plan" as const } })),
    results: [],
    body: { args: [], ops: [] },
    location,
  };
  const module: IrModule = {
    name: "m",
    sources: [],
    storages: [],
    groups: [],
    functions: [fn],
  };
  const text = printModule(module, { function: "f" });
  expect(text.match(/%\S+/g)).toEqual(["%x", "%x#1", '%"x#1"', "%0", '%"0"', String.raw`%"\"x\""`]);
  expect(parseFunction(text).inputs.map((i) => i.value)).toEqual(values);
});
