/**
 * @file The text form of a module: stable, shapes after every value, names from the user's variables. `docs/ir.md` has
 * its grammar, `parse.ts` reads it back.
 */
import { type Fields, JSON_FORM } from "./json-form.js";
import type {
  AttributeValue,
  Init,
  InputSource,
  IrFunction,
  Location,
  Op,
  Region,
  Storage,
  UnverifiedModule,
  Value,
} from "./module.js";
import { IR_VERSION } from "./module.js";
import { printName, printPath, printText } from "./print-name.js";
import { printType } from "./print-type.js";

export interface PrintOptions {
  /** Where each op, function and storage comes from: `loc(file:start-end)`, callers after `<-`. */
  readonly locations?: boolean;
  /** Only this function, without tables. */
  readonly function?: string;
}

/** The whole module as text. */
export function printModule(module: UnverifiedModule, options: PrintOptions = {}): string {
  const functions = module.functions.filter(
    (f) => options.function === undefined || f.name === options.function,
  );
  const bodies = functions.map((fn) => printFunction(fn, options)).join("\n\n");
  if (options.function !== undefined) return `${bodies}\n`;
  const storages = module.storages.map((s) => printStorage(s, options));
  return printParts(module, IR_VERSION, storages, bodies);
}

/**
 * What a program computes, whatever it is called and whatever its storages are for: the text that hashes are taken of. It is
 * the text of 1.1, which had no roles, so that a run begun then is still known.
 */
export function printStructure(module: UnverifiedModule): string {
  const parameters = module.storages.filter((s) => s.role === "parameter");
  const others = module.storages.filter((s) => s.role !== "parameter");
  const bare = ({ name, type, init, role, layout, location }: Storage): Storage => ({
    ...{ name, type, init, role, location },
    ...(layout && { layout }),
  });
  const storages = [...parameters, ...others.map((s) => ({ ...s, role: "state" as const }))];
  const bodies = module.functions.map((fn) => printFunction(fn)).join("\n\n");
  return printParts(
    { ...module, name: "module" },
    [1, 1],
    storages.map((s) => printStorage(bare(s))),
    bodies,
  );
}

function printParts(
  module: UnverifiedModule,
  version: readonly [number, number],
  storages: readonly string[],
  bodies: string,
): string {
  return [
    `module ${symbolOf(module.name)} version ${version.join(".")} {`,
    ...storages,
    ...module.groups.map((g) => `  group ${symbolOf(g.name)} = [${g.members.map(symbolOf).join(", ")}]`),
    "",
    bodies.replaceAll(/^(?=.)/gm, "  "),
    "}",
    "",
  ].join("\n");
}

const symbolOf = (name: string) => `@${printName(name)}`;
const placed = (location: Location, options: PrintOptions) =>
  options.locations ? ` ${printLocation(location)}` : "";

function printStorage(storage: Storage, options: PrintOptions = {}): string {
  const { name, type, init, role, slotOf, twinOf, rowsOf, trainable, byRows, layout, location } = storage;
  const facts = [
    slotOf === undefined ? "" : ` slot of ${symbolOf(slotOf)}`,
    twinOf === undefined ? "" : ` twin of ${symbolOf(twinOf)}`,
    rowsOf === undefined ? "" : ` rows of ${symbolOf(rowsOf)}`,
    trainable === false ? " frozen" : "",
    byRows ? " rowwise" : "",
    layout ? ` ${layout}` : "",
    placed(location, options),
  ];
  return `  ${role} ${symbolOf(name)} : ${printType(type)} = ${printInit(init)}${facts.join("")}`;
}

function printInit(init: Init): string {
  const { kind, ...rest } = init;
  const options = Object.entries(rest).map(
    ([name, value]) =>
      `${name} = ${isSymbol(kind, name) ? symbolOf(value as string) : printAttribute(value)}`,
  );
  return options.length ? `${kind}(${options.join(", ")})` : kind;
}

const isSymbol = (kind: Init["kind"], name: string) =>
  (JSON_FORM.Init.members[kind] as Fields)[name]?.type === "text";

/** Numbers are spelled as JavaScript spells them; a whole number in a place for reals keeps no `.0`. */
export function printAttribute(value: AttributeValue): string {
  if (typeof value === "string") return /^-?(inf|nan)$/.test(value) ? value : printText(value);
  if (Array.isArray(value)) return `[${value.map((v) => printAttribute(v as AttributeValue)).join(", ")}]`;
  return Object.is(value, -0) ? "-0" : String(value);
}

function printSource(source: InputSource): string {
  if (source.kind === "argument") return "";
  return source.kind === "plan" ? " from plan" : ` from images(${printName(source.stream)})`;
}

/** One function as text. */
export function printFunction(fn: IrFunction<string>, options: PrintOptions = {}): string {
  const names = new Namer();
  const inputs = fn.inputs.map(
    ({ value, source }) => `    ${names.of(value)} : ${printType(value.type)}${printSource(source)}`,
  );
  const results = fn.results.map((r) => `${printName(r.name)}: ${printType(r.type)}`);
  const head = `func ${symbolOf(fn.name)}(\n${inputs.join(",\n")}\n) -> (${results.join(", ")})`;
  return `${head}${placed(fn.location, options)} {\n${printRegion(fn.body, names, "  ", options)}}`;
}

function printRegion(region: Region<string>, names: Namer, indent: string, options: PrintOptions): string {
  return region.ops.map((op) => printOp(op, names, indent, options)).join("");
}

function printOp(op: Op<string>, names: Namer, indent: string, options: PrintOptions): string {
  const operands = op.operands.map((v) => (v ? names.of(v) : "none"));
  const { name: named, value: known } = op.attributes;
  const storage =
    (op.op === "state" || op.op === "group") && typeof named === "string" ? [symbolOf(named)] : [];
  const bare = op.op === "constant" && known !== undefined && Object.keys(op.attributes).length === 1;
  const attributes = Object.entries(op.attributes)
    .filter(([name]) => !(storage.length && name === "name"))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (bare ? printAttribute(value) : `${printName(name)} = ${printAttribute(value)}`));
  const call = `${op.op === "loc" ? printText(op.op) : printName(op.op)}(${[...storage, ...operands, ...attributes].join(", ")})`;
  const regions = op.regions.map((region) => {
    const args = region.args.length
      ? `(${region.args.map((a) => `${names.of(a)} : ${printType(a.type)}`).join(", ")}) `
      : "";
    return ` ${args}{\n${printRegion(region, names, `${indent}  `, options)}${indent}}`;
  });
  const results = op.results.map((r) => names.of(r)).join(", ");
  const types = op.results.map((r) => printType(r.type)).join(", ");
  return `${indent}${results ? `${results} = ` : ""}${call}${regions.join("")}${types ? ` : ${types}` : ""}${placed(op.location, options)}\n`;
}

export const printLocation = (location: Location): string =>
  `loc(${[location, ...(location.also ?? [])].map(printPlace).join(", ")})`;

/** A place and the calls around it. */
function printPlace(location: Location): string {
  const places: string[] = [];
  for (let at: Location | undefined = location; at; at = at.parent)
    places.push(`${printPath(at.path)}:${at.start}-${at.end}`);
  return places.join(" <- ");
}

/**
 * Gives each value a name of its own when it is first printed: its own name, the n-th one after it with `#n`; numbers are
 * for values without a name, so a name of digits is quoted.
 */
class Namer {
  private readonly names = new Map<number, string>();
  private readonly taken = new Map<string, number>();
  private anonymous = 0;

  of(value: Value): string {
    const known = this.names.get(value.id);
    if (known) return known;
    const name = `%${value.name === "" ? String(this.anonymous++) : this.unique(value.name)}`;
    this.names.set(value.id, name);
    return name;
  }

  private unique(name: string): string {
    const count = this.taken.get(name) ?? 0;
    this.taken.set(name, count + 1);
    return count === 0 ? printName(name) : `${printName(name)}#${count}`;
  }
}
