/** @file Random modules of the IR's form: names that are hard to spell, regions in regions, every kind of type and attribute. */
import type fc from "fast-check";
import type {
  AttributeValue,
  Init,
  IrFunction,
  Location,
  Op,
  Region,
  Storage,
  TensorType,
  Type,
  UnverifiedModule,
  Value,
} from "#compiler/index";
import { addDims, type Dim, mulDims, symbol } from "#compiler/ir/dim";
import { type Draws, drawn } from "./draws.js";

export const NASTY_NAMES = [
  ...[
    "",
    "0",
    "12",
    "x",
    "x#1",
    "x#2",
    "a.b.0",
    "$x",
    "_",
    "é",
    "日本",
    "a-b",
    "-",
    "->",
    ".a",
    "a b",
    " ",
    "%x",
    "@x",
  ],
  ...[
    '"',
    "\\",
    "\n",
    "\r\n",
    "\t",
    "\u0000",
    "\u007f",
    "\u0085",
    "\u2028",
    "\u2029",
    "\ud800",
    "😀",
    "\u200d",
  ],
  ...[
    "none",
    "inf",
    "loc",
    "from",
    "plan",
    "state",
    "yield",
    "true",
    "// no",
    "{",
    "}",
    ") -> (",
    "__proto__",
    "constructor",
  ],
] as const;

const DTYPES = ["f16", "bf16", "f32", "f64", "i32", "i64", "u8", "bool"] as const;
const NUMBERS = [0, -0, 1, -1, 0.1, -2.5e-7, 1e21, 5e-324, 1.7976931348623157e308, 2 ** 53, 127.5];

/** Modules of the right form; what their ops mean is left to chance. */
export const modules: fc.Arbitrary<UnverifiedModule> = drawn(moduleOf, 3_000);

function moduleOf({ below, pick, maybe }: Draws): UnverifiedModule {
  const times = <T>(most: number, make: (i: number) => T): T[] =>
    Array.from({ length: below(most + 1) }, (_, i) => make(i));
  const name = () => (maybe(0.5) ? pick(["x", "y", "images", "net.stem.weight"]) : pick(NASTY_NAMES));
  const distinct = (make: () => string, most: number) => [...new Set(times(most, make))];

  const sources = [
    { path: "exp.ts", text: "let é = f(日本);\n".repeat(10) },
    { path: "a (copy).ts", text: "x\n".repeat(80) },
    { path: "C:/x <- y.ts", text: "y".repeat(160) },
  ];
  const location = (depth = 0): Location => {
    const start = below(80);
    const place = { path: pick(sources).path, start, end: start + below(70) };
    const called = depth < 3 && maybe(0.4) ? { ...place, parent: location(depth + 1) } : place;
    return depth === 0 && maybe(0.1)
      ? { ...called, also: [location(1), ...times(1, () => location(1))] }
      : called;
  };

  const affine = (): Dim =>
    addDims(
      addDims(mulDims(symbol("B"), below(4) - 1)!, mulDims(symbol(pick(["N", "_k", "B2"])), below(3))!),
      below(5) - 1,
    );
  const size = (): Dim => pick([0, 1, 3, 2 ** 40, below(100)]);
  const dim = (): Dim => {
    const made = maybe(0.3) ? affine() : size();
    return typeof made === "number" ? Math.abs(made) : made;
  };
  const tensor = (dimension = dim): TensorType => ({
    kind: "tensor",
    dims: times(4, dimension),
    dtype: pick(DTYPES),
  });
  const type = (): Type =>
    maybe(0.6)
      ? tensor()
      : maybe(0.5)
        ? { kind: "scalar", scalar: pick(["f64", "i64", "bool"]) }
        : { kind: "group", group: name() };

  const number = () => pick(NUMBERS);
  const init = (): Init =>
    pick<() => Init>([
      () => ({ kind: "zeros" }),
      () => ({ kind: "constant", value: number() }),
      () => ({ kind: "normal", mean: number(), std: number() }),
      () => ({ kind: "uniform", low: number(), high: number() }),
      () => ({ kind: pick(["kaiming_normal", "kaiming_uniform"]), fan: pick(["in", "out"]), gain: number() }),
      () => ({ kind: "xavier_uniform", gain: number() }),
      () => ({ kind: "unit_rows", distribution: pick(["normal", "uniform"]) }),
      () => ({ kind: "copy", of: name() }),
    ])();
  const storage = (own: string): Storage => ({
    name: own,
    type: tensor(size),
    init: init(),
    role: pick(["parameter", "state", "optimizer", "scratch"]),
    ...(maybe(0.2) && { slotOf: name() }),
    ...(maybe(0.2) && { twinOf: name() }),
    ...(maybe(0.2) && { rowsOf: name() }),
    ...(maybe(0.2) && { trainable: false as const }),
    ...(maybe(0.2) && { byRows: true as const }),
    ...(maybe(0.3) && { layout: "channels_last" as const }),
    location: location(),
  });
  const attribute = (): AttributeValue =>
    pick<() => AttributeValue>([
      number,
      () => maybe(0.5),
      () => pick(["f32", "inf", "-inf", "nan", "-nan", "true", "1", ...NASTY_NAMES]),
      () => times(4, number),
    ])();

  const fn = (own: string): IrFunction<string> => {
    // Ids that do not count up, so that nothing can lean on their order.
    const ids = Array.from({ length: 4096 }, (_, i) => i * 7 + 3);
    const value = (): Value => ({ id: ids.splice(below(ids.length), 1)[0]!, name: name(), type: type() });
    const op = (visible: Value[], depth: number): Op<string> => {
      const kind = maybe(0.8) ? pick(["add", "state", "group", "constant", "if", "while"]) : name() || "op";
      const named = kind === "state" || kind === "group";
      const attributes = named
        ? { name: name() }
        : kind === "constant" && maybe(0.7)
          ? { value: attribute() }
          : Object.fromEntries(times(3, () => [name(), attribute()]));
      const operands = visible.length ? times(4, () => (maybe(0.2) ? undefined : pick(visible))) : [];
      const regions = depth < 4 && maybe(0.25) ? times(2, () => region(visible, depth + 1)) : [];
      return { op: kind, operands, attributes, results: times(2, value), regions, location: location() };
    };
    const region = (around: readonly Value[], depth: number): Region<string> => {
      const args = depth ? times(2, value) : [];
      const visible = [...around, ...args];
      const ops = times(depth ? 4 : 14, () => {
        const made = op(visible, depth);
        visible.push(...made.results);
        return made;
      });
      return { args, ops };
    };
    const inputs = times(4, () => ({
      value: value(),
      source: pick([
        { kind: "plan" as const },
        { kind: "argument" as const },
        { kind: "images" as const, stream: name() },
      ]),
    }));
    const results = times(3, () => ({ name: name(), type: type() }));
    const body = region(
      inputs.map((i) => i.value),
      0,
    );
    return { name: own, inputs, results, body, location: location() };
  };

  return {
    name: name(),
    sources,
    storages: distinct(name, 6).map(storage),
    groups: distinct(name, 3).map((own) => ({ name: own, members: times(3, name) })),
    functions: distinct(name, 3).map(fn),
  };
}
