import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compareSchemas,
  currentSchema,
  DecodeError,
  decodeModule,
  encodeModule,
  IR_VERSION,
  parseModule,
  printModule,
  type Schema,
  structureHash,
  weightsHash,
} from "#compiler/index";
import { verify } from "#compiler/verify/verify";
import { share } from "../long.js";
import { modules } from "./random-module.js";
import { canonical, withoutPlaces } from "./same-ids.js";

const root = new URL("../fixtures/ir/", import.meta.url);
// biome-ignore lint/suspicious/noExplicitAny: JSON that tests damage
type Json = any;
const read = (path: string): Json => JSON.parse(readFileSync(new URL(path, root), "utf8"));
const copy = <T>(value: T): T => structuredClone(value);
const asJson = (value: unknown): Json => JSON.parse(JSON.stringify(value));

const numbers = (version: string) => version.split(".").map(Number) as [number, number];
const versions = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort((a, b) => numbers(a)[0] - numbers(b)[0] || numbers(a)[1] - numbers(b)[1]);
const programs = versions.flatMap((version) =>
  readdirSync(new URL(version, root))
    .filter((name) => name.endsWith(".json") && name !== "schema.json")
    .map((name) => `${version}/${name}`),
);
const current = IR_VERSION.join(".");

describe("the frozen versions", () => {
  test("are those from 1.0 to the one that this compiler writes, each with its schema and a program", () => {
    expect(versions[0]).toBe("1.0");
    expect(versions.at(-1)).toBe(current);
    for (const version of versions) {
      expect(read(`${version}/schema.json`).version).toEqual(numbers(version));
      expect(programs.some((path) => path.startsWith(`${version}/`))).toBe(true);
    }
    expect(versions).toEqual(expect.arrayContaining(read("released.json")));
  });

  test("end with the schema that this compiler writes", () => {
    const remedy = read("released.json").includes(current)
      ? `IR ${current} is released and differs now: give the change a version of its own (IR_VERSION)`
      : "npm run generate";
    expect(asJson(currentSchema()), remedy).toEqual(read(`${current}/schema.json`));
  });

  test("differ by no more than their numbers say", () => {
    for (const [i, version] of versions.entries()) {
      const before = versions[i - 1];
      if (before === undefined || numbers(before)[0] !== numbers(version)[0]) continue;
      const { change, reasons } = compareSchemas(
        read(`${before}/schema.json`),
        read(`${version}/schema.json`),
      );
      expect(change, reasons.join("\n")).toBe("minor");
    }
  });

  test("1.1 adds to 1.0 how a storage lies in memory", () => {
    const { change, reasons } = compareSchemas(read("1.0/schema.json"), read("1.1/schema.json"));
    expect(change).toBe("minor");
    expect(reasons).toContain("Storage.layout is new");
  });

  test("1.2 adds to 1.1 what a storage is for, and has one list of them", () => {
    const { change, reasons } = compareSchemas(read("1.1/schema.json"), read("1.2/schema.json"));
    expect(change).toBe("minor");
    for (const field of ["role", "slotOf", "twinOf", "trainable"])
      expect(reasons).toContain(`Storage.${field} is new`);
    expect(reasons).toEqual(
      expect.arrayContaining([
        "Module.storages is new",
        "Module.parameters may be left out",
        "Module.states may be left out",
      ]),
    );
  });

  test("1.3 adds to 1.2 ops, and takes none away", () => {
    const { change, reasons } = compareSchemas(read("1.2/schema.json"), read("1.3/schema.json"));
    expect(change).toBe("minor");
    for (const op of [
      "members",
      "std",
      "chunk",
      "interpolate",
      "scaled_dot_product_attention",
      "tensor",
      "mul_",
    ])
      expect(reasons).toContain(`op ${op} is new`);
    for (const field of ["rowsOf", "byRows"]) expect(reasons).toContain(`Storage.${field} is new`);
  });

  test("checkpoints of 1.1 are known by the hashes that its compiler wrote", () => {
    const module = decodeModule(read("1.1/own-method.json"));
    expect(structureHash(module)).toBe("113dd350e47d12c0");
    expect(weightsHash(module)).toBe("57b3b30f5eca3a17");
  });

  test("a program says the same in the text of 1.1, and has the same hashes", () => {
    const now = decodeModule(read("1.2/own-method.json"));
    const text = printModule(now).replace(`version ${current}`, "version 1.1");
    const before = text.replaceAll(/^( +)optimizer (.*) slot of \S+/gm, "$1state $2");
    expect(before).not.toBe(text);
    const module = parseModule(before);
    expect(withoutPlaces(module)).toEqual(withoutPlaces(now));
    expect([structureHash, weightsHash].map((hash) => hash(module))).toEqual(
      [structureHash, weightsHash].map((hash) => hash(now)),
    );
  });
});

/** The JSON form of before 1.2 as today's: one list of storages, whose roles their names, starts and lists told. */
function inOneList({ parameters, states, storages, ...json }: Json): Json {
  const roleOf = (s: Json) => {
    if (s.name.startsWith("optimizer."))
      return { role: "optimizer", slotOf: s.name.replace(/^optimizer\.\w+\./, "") };
    return { role: "state", ...(s.init.kind === "copy" && { twinOf: s.init.of }) };
  };
  return {
    ...json,
    storages: storages ?? [
      ...parameters.map((s: Json) => ({ ...s, role: "parameter" })),
      ...states.map((s: Json) => ({ ...s, ...roleOf(s) })),
    ],
    version: [...IR_VERSION],
  };
}

describe.each(programs)("the frozen program %s", (path) => {
  const json = read(path);
  const module = decodeModule(json);

  test("is read, and breaks no constraint", () => {
    expect(verify(module)).toEqual([]);
  });

  test("is encoded as it was, in the form of today", () => {
    expect(encodeModule(module)).toEqual(inOneList(json));
  });

  test("is the same after printing and parsing", () => {
    const text = printModule(module, { locations: true });
    const parsed = parseModule(text, { sources: module.sources });
    expect(encodeModule(parsed)).toEqual(encodeModule(canonical(module)));
    expect(withoutPlaces(parseModule(printModule(module)))).toEqual(withoutPlaces(module));
  });
});

describe("a module that is encoded", () => {
  test("is decoded to the same", () => {
    const holds = fc.property(modules, (module) => {
      expect(decodeModule(encodeModule(module))).toEqual(module);
    });
    fc.assert(holds, { seed: 1, numRuns: share(100, 300) });
  });
});

/** A small program: two functions' worth of forms in few lines. */
const PROGRAM = asJson(
  encodeModule(
    parseModule(
      `module @small version 1.2 {
        parameter @w : f32[2, 3] = kaiming_normal(fan = "in", gain = 1)
        state @s : f32[2, 3] = copy(of = @w) twin of @w
        optimizer @o : f32[2, 3] = zeros slot of @w
        group @g = [@w]
        func @f(%x : f32[B, 2] from images(x), %on : bool) -> (y: f32[B, 3]) {
          %w = state(@w) : f32[2, 3]
          %y = if(%on) { %z = matmul(%x, %w, none, dims = [1, 2]) : f32[B, 3] yield(%z) } { yield(%x) } : f32[B, 3]
          return(%y)
        }
      }`,
      { path: "small.ir" },
    ),
  ),
);

function setAt(json: Json, path: string, change: (holder: Json, key: string) => void): Json {
  const damaged = copy(json);
  const keys = path.split(".");
  const last = keys.pop()!;
  change(
    keys.reduce((value, key) => value[key], damaged),
    last,
  );
  return damaged;
}

/** Every place of a JSON value, as `setAt` wants it. */
function placesIn(json: Json, path = ""): string[] {
  if (typeof json !== "object" || json === null) return [];
  return Object.keys(json).flatMap((key) => {
    const at = path === "" ? key : `${path}.${key}`;
    return [at, ...placesIn(json[key], at)];
  });
}

function refusal(json: unknown): DecodeError | undefined {
  try {
    decodeModule(json);
    return undefined;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw new Error("not a DecodeError", { cause: error });
    return error;
  }
}

describe("JSON that is no module", () => {
  const ops = "functions.0.body.ops";
  test.each<[string, unknown, RegExp]>([
    ["version", [2, 0], /^module\.version: the program is IR version 2\.0, this compiler reads 1\./],
    ["version", [1, 99], /^module\.version: the program is IR version 1\.99/],
    ["version", "1.0", /^module\.version: not a version/],
    ["name", 3, /^module\.name: not a text$/],
    ["storages", {}, /^module\.storages: not a list$/],
    ["storages.1.type.dtype", "f8", /^module\.storages\[1\]\.type\.dtype: not one of f16, bf16/],
    ["storages.1.type", { scalar: "f64" }, /^module\.storages\[1\]\.type: has no `tensor`$/],
    ["storages.1.init.kind", "ones", /^module\.storages\[1\]\.init\.kind: not one of zeros, constant/],
    [
      "storages.1.role",
      "twin",
      /^module\.storages\[1\]\.role: not one of parameter, state, optimizer, scratch$/,
    ],
    ["storages.1.twinOf", 1, /^module\.storages\[1\]\.twinOf: not a text$/],
    ["storages.0.trainable", "no", /^module\.storages\[0\]\.trainable: not true or false$/],
    ["storages.1.layout", "strided", /^module\.storages\[1\]\.layout: not one of contiguous, channels_last$/],
    ["storages.0.init.fan", "up", /^module\.storages\[0\]\.init\.fan: not one of in, out$/],
    ["storages.0.colour", "red", /^module\.storages\[0\]: has a field `colour`/],
    ["states", [], /^module: has a field `states`, which no module since 1\.2 has$/],
    ["locations.0", [1, 0, 1, -1], /^module\.locations\[0\]: there is no source 1$/],
    ["locations.0", [0, 0, 1, 0], /^module\.locations\[0\]: its caller 0 does not come before it$/],
    ["locations.0", [0, 5, 1, -1], /^module\.locations\[0\]: ends before it starts$/],
    ["locations.0", [0, 5, 7], /^module\.locations\[0\]: not 4 numbers$/],
    ["fused", [{ location: 99, also: [0] }], /^module\.fused\[0\]: there is no location 99$/],
    ["fused", [{ location: 1, also: [1] }], /^module\.locations\[1\]: its fellow 1 does not come before it$/],
    ["fused", [{ location: 1 }], /^module\.fused\[0\]: has no `also`$/],
    [
      "functions.0.inputs.0.source.kind",
      "disk",
      /^module\.functions\[0\]\.inputs\[0\]\.source\.kind: not one of images/,
    ],
    [
      "functions.0.inputs.0.type",
      {},
      /^module\.functions\[0\]\.inputs\[0\]\.type: has none of tensor, scalar, group$/,
    ],
    [
      "functions.0.inputs.0.type.tensor.0",
      "2*",
      /tensor\[0\]: not a whole number from 0 or a dimension such as 2\*B\+1$/,
    ],
    ["functions.0.location", 99, /^module\.functions\[0\]\.location: there is no location 99$/],
    [
      `${ops}.0.attributes.name`,
      null,
      /ops\[0\]\.attributes\.name: not a number or true or false or a text or a list$/,
    ],
    [`${ops}.1.operands.0`, 77, /ops\[1\]\.operands\[0\]: value 77 is not defined before its use$/],
    [`${ops}.1.operands.0`, -2, /ops\[1\]\.operands\[0\]: not a whole number from -1$/],
    [
      `${ops}.1.regions.0.ops.0.attributes.dims.1`,
      "2",
      /regions\[0\]\.ops\[0\]\.attributes\.dims\[1\]: not a number$/,
    ],
  ])("is refused at %s", (path, value, says) => {
    const damaged = setAt(PROGRAM, path, (holder, key) => {
      holder[key] = value;
    });
    expect(refusal(damaged)?.message).toMatch(says);
  });

  test.each([null, undefined, 3, "module", [], {}])("is refused where it is %j", (json) => {
    expect(refusal(json)?.path).toBe("module.version");
  });

  test("is refused without any of its fields, save those that may be left out", () => {
    const kept = placesIn(PROGRAM).filter((path) => {
      const last = path.split(".").at(-1)!;
      if (/^\d+$/.test(last)) return false;
      const damaged = setAt(PROGRAM, path, (holder, key) => {
        delete holder[key];
      });
      return refusal(damaged) === undefined;
    });
    // Attributes are the verifier's: their names depend on the op. What a storage follows is told of few.
    const free = /\.(attributes\.\w+|slotOf|twinOf|rowsOf)$/;
    expect(kept.filter((path) => !free.test(path))).toEqual([]);
  });

  test("is refused with regions too deep, and not with an overflow", () => {
    let region: Json = { arguments: [], ops: [] };
    for (let i = 0; i < 2000; i++)
      region = {
        arguments: [],
        ops: [{ op: "no_grad", operands: [], attributes: {}, results: [], regions: [region], location: 0 }],
      };
    const damaged = copy(PROGRAM);
    damaged.functions[0].body = region;
    expect(refusal(damaged)?.message).toMatch(/at most 40 deep/);
  });

  test("is refused with a DecodeError, or is a module that encodes to what it was decoded from", () => {
    const places = placesIn(PROGRAM);
    const junk: Json[] = [
      null,
      -1,
      0,
      1,
      3,
      0.5,
      1e300,
      "",
      "x",
      "B",
      "3",
      true,
      [],
      [1],
      {},
      { kind: "copy" },
      [[]],
      "\ud800",
    ];
    const DAMAGES = share(1000, 3000);
    let refused = 0;
    const neighbour = fc.constant(undefined);
    const damages = fc.record({
      place: fc.constantFrom(...places),
      value: fc.oneof(
        { weight: 7, arbitrary: fc.constantFrom(...junk) },
        { weight: 3, arbitrary: neighbour },
      ),
    });
    const holds = fc.property(damages, ({ place, value }) => {
      const damaged = setAt(PROGRAM, place, (holder, key) => {
        holder[key] = value === undefined ? copy(holder[Object.keys(holder)[0]]) : value;
      });
      if (refusal(damaged)) refused++;
      else {
        const encoded = encodeModule(decodeModule(damaged));
        expect(encodeModule(decodeModule(encoded))).toEqual(encoded);
      }
    });
    fc.assert(holds, { seed: 11, numRuns: DAMAGES });
    expect(refused).toBeGreaterThan(DAMAGES / 2);
    expect(refused).toBeLessThan(DAMAGES);
  });
});

describe("a change of the schema", () => {
  const before: Schema = {
    version: [1, 0],
    definitions: {
      Storage: {
        form: "record",
        fields: { name: { type: "text" }, layout: { type: "text", default: "contiguous" } },
      },
      Place: { form: "tuple", items: ["size", "size"] },
      Kind: { form: "enum", members: ["f32", "f64"] },
      Map: { form: "map", of: "number" },
      Dim: { form: "choice", of: [{ type: "size" }, { type: "affine" }] },
      Init: { form: "tagged", tag: "kind", members: { zeros: {}, normal: { std: { type: "number" } } } },
      Type: { form: "keyed", members: { tensor: { tensor: { type: "size", list: true } } } },
    },
    ops: {
      add: {
        operands: [
          { name: "self", kinds: ["tensor"] },
          { name: "other", kinds: ["tensor", "f64"], optional: true },
        ],
        attributes: { dim: { type: "int" }, scale: { type: "float", default: 1 } },
        results: ["tensor"],
        effect: "pure",
      },
    },
  };
  const changed = (edit: (schema: Json) => void) => {
    const after = copy(before) as Json;
    edit(after);
    return compareSchemas(before, after);
  };
  const fields = (schema: Json) => schema.definitions.Storage.fields;

  test("is none where nothing changed but the number of the version", () => {
    expect(changed((s) => (s.version = [7, 3]))).toEqual({ change: "none", reasons: [] });
  });

  test.each<[string, string, (schema: Json) => void]>([
    [
      "a new field that may be left out",
      "Storage.device is new",
      (s) => (fields(s).device = { type: "text", default: "cpu" }),
    ],
    [
      "a field that may be left out from now on",
      "Storage.name may be left out",
      (s) => (fields(s).name.default = ""),
    ],
    ["a new record", "Device is new", (s) => (s.definitions.Device = { form: "enum", members: ["cpu"] })],
    ["a new word", "Kind: f16 is new", (s) => s.definitions.Kind.members.push("f16")],
    ["a new choice", "Dim: text is new", (s) => s.definitions.Dim.of.push({ type: "text" })],
    ["a new initialiser", "Init ones is new", (s) => (s.definitions.Init.members.ones = {})],
    [
      "a new kind of type",
      "Type group is new",
      (s) => (s.definitions.Type.members.group = { group: { type: "text" } }),
    ],
    ["a new op", "op remat is new", (s) => (s.ops.remat = { ...s.ops.add })],
    [
      "a new attribute with a default",
      "op add: attribute eps is new",
      (s) => (s.ops.add.attributes.eps = { type: "float", default: null }),
    ],
    [
      "an attribute that may be left out from now on",
      "op add: attribute dim may be left out",
      (s) => (s.ops.add.attributes.dim.default = 0),
    ],
    [
      "an operand of another kind beside the old",
      "op add: operand self: i64 is new",
      (s) => s.ops.add.operands[0].kinds.push("i64"),
    ],
    [
      "an operand that may be none from now on",
      "op add: operand self is now optional",
      (s) => (s.ops.add.operands[0].optional = true),
    ],
  ])("is minor for %s", (_, reason, edit) => {
    expect(changed(edit)).toEqual({ change: "minor", reasons: [reason] });
  });

  test.each<[string, string, (schema: Json) => void]>([
    ["a field that is gone", "Storage.name is gone", (s) => delete fields(s).name],
    ["a new field that must be given", "Storage.device is new", (s) => (fields(s).device = { type: "text" })],
    [
      "a field that must be given from now on",
      "Storage.layout must be given",
      (s) => delete fields(s).layout.default,
    ],
    [
      "another default",
      'the default of Storage.layout was "contiguous", is "strided"',
      (s) => (fields(s).layout.default = "strided"),
    ],
    ["a field of another type", 'Storage.name was "text", is "Kind"', (s) => (fields(s).name.type = "Kind")],
    [
      "a field that becomes a list",
      'Storage.name was "text", is "list of text"',
      (s) => (fields(s).name.list = true),
    ],
    ["a record that is gone", "Kind is gone", (s) => delete s.definitions.Kind],
    [
      "a definition of another form",
      'the form of Map was "map", is "enum"',
      (s) => (s.definitions.Map = { form: "enum", members: [] }),
    ],
    [
      "a longer row",
      'Place was ["size","size"], is ["size","size","size"]',
      (s) => s.definitions.Place.items.push("size"),
    ],
    ["a map of something else", 'Map was "number", is "text"', (s) => (s.definitions.Map.of = "text")],
    ["a word that is gone", "Kind: f32 is gone", (s) => s.definitions.Kind.members.shift()],
    ["a choice that is gone", "Dim: affine is gone", (s) => s.definitions.Dim.of.pop()],
    ["another tag", 'the tag of Init was "kind", is "of"', (s) => (s.definitions.Init.tag = "of")],
    ["an initialiser that is gone", "Init zeros is gone", (s) => delete s.definitions.Init.members.zeros],
    [
      "an initialiser that needs more",
      "Init normal.mean is new",
      (s) => (s.definitions.Init.members.normal.mean = { type: "number" }),
    ],
    ["an op that is gone", "op add is gone", (s) => delete s.ops.add],
    ["another effect", 'op add: effect was "pure", is "write"', (s) => (s.ops.add.effect = "write")],
    [
      "another result",
      'op add: results was ["tensor"], is ["group"]',
      (s) => (s.ops.add.results = ["group"]),
    ],
    [
      "one operand more",
      "op add takes 3 operands, took 2",
      (s) => s.ops.add.operands.push({ name: "out", kinds: ["tensor"], optional: true }),
    ],
    ["one operand less", "op add takes 1 operands, took 2", (s) => s.ops.add.operands.pop()],
    [
      "an operand of another name",
      'the name of op add: operand self was "self", is "x"',
      (s) => (s.ops.add.operands[0].name = "x"),
    ],
    [
      "an operand that takes less",
      "op add: operand other: f64 is gone",
      (s) => s.ops.add.operands[1].kinds.pop(),
    ],
    [
      "an operand that must be given",
      "op add: operand other is no longer optional",
      (s) => delete s.ops.add.operands[1].optional,
    ],
    ["an attribute that is gone", "op add: attribute dim is gone", (s) => delete s.ops.add.attributes.dim],
    [
      "a new attribute that must be given",
      "op add: attribute eps is new",
      (s) => (s.ops.add.attributes.eps = { type: "float" }),
    ],
    [
      "another default of an attribute",
      "the default of op add: attribute scale was 1, is 2",
      (s) => (s.ops.add.attributes.scale.default = 2),
    ],
    [
      "an attribute of another type",
      'op add: attribute dim was "int", is "ints"',
      (s) => (s.ops.add.attributes.dim.type = "ints"),
    ],
  ])("is major for %s", (_, reason, edit) => {
    expect(changed(edit)).toEqual({ change: "major", reasons: [reason] });
  });

  test("is major where something was renamed, and says both names", () => {
    const { change, reasons } = changed((s) => {
      s.ops.plus = s.ops.add;
      delete s.ops.add;
    });
    expect({ change, reasons }).toEqual({ change: "major", reasons: ["op add is gone", "op plus is new"] });
  });
});
