/**
 * @file How an op is written, for hints: as TypeScript's types and the lowering both say it.
 *
 *     in                   out
 *     sum                  it is written x.sum(dim?, { keepdim? })
 *     x.reshape(-1, 4)     write them as one list: x.reshape([-1, 4])
 */
import { OPS } from "../../../registry/index.js";

/** How an op is written: `x.add(other)`, `x.sum(dim?, { keepdim? })`, `ops.cat(tensors, dim?)`. */
export function callForm(op: string, asFunction = !OPS.get(op)?.method): string {
  const { operands, attributes, order, signature = "" } = OPS.get(op)!;
  const inRecord = (name: string) =>
    /\w+Options\b/.test(signature) || new RegExp(`\\{[^{}]*\\b${name}\\??:`).test(signature);
  const shown = (name: string, optional: boolean) => (optional ? `${name}?` : name);
  const ofAttribute = (a: (typeof attributes)[number]) => shown(a.name, "default" in a);
  const options = attributes.filter((a) => inRecord(a.name)).map(ofAttribute);
  const byPosition = new Map([
    ...operands.map(({ name, optional }) => [name, shown(name, optional === true)] as const),
    ...attributes.filter((a) => !inRecord(a.name)).map((a) => [a.name, ofAttribute(a)] as const),
  ]);
  const slots = [
    ...(order?.map((name) => byPosition.get(name)!) ?? byPosition.values()),
    ...(options.length ? [`{ ${options.join(", ")} }`] : []),
  ];
  const [own, given] = asFunction ? ["ops", slots] : ["x", slots.slice(1)];
  return `it is written ${own}.${op}(${given.join(", ")})`;
}

/** What was given one by one to an op that takes one list of them: `x.reshape(-1, 4)`. */
export function asOneList(op: string, x: string, args: readonly string[]): string | undefined {
  const [first] = OPS.get(op)?.attributes ?? [];
  const listed =
    first?.type === "ints" &&
    args.length > 1 &&
    args.every((a) => /^(?!true|false)(-?\d+|[\w.]+(\(\d*\))?)$/.test(a));
  return listed ? `write them as one list: ${x}.${op}([${args.join(", ")}])` : undefined;
}
