/** @file The text form of a module: stable, shapes after every value, names from the user's variables. */
import type {
  AttributeValue,
  Init,
  IrFunction,
  IrModule,
  Location,
  Op,
  Region,
  Storage,
  Value,
} from "./module.js";
import { IR_VERSION } from "./module.js";
import { printType } from "./print-type.js";

export interface PrintOptions {
  /** Where each op comes from: `loc(file:start-end)`, callers after `<-`. */
  readonly locations?: boolean;
  /** Only this function, without tables. */
  readonly function?: string;
}

/** The whole module as text. */
export function printModule(module: IrModule, options: PrintOptions = {}): string {
  const functions = module.functions.filter(
    (f) => options.function === undefined || f.name === options.function,
  );
  const bodies = functions.map((fn) => printFunction(fn, options)).join("\n\n");
  if (options.function !== undefined) return `${bodies}\n`;
  return [
    `module @${module.name} version ${IR_VERSION.join(".")} {`,
    ...table("parameter", module.parameters),
    ...table("state", module.states),
    ...module.groups.map((g) => `  group @${g.name} = [${g.members.map((m) => `@${m}`).join(", ")}]`),
    "",
    bodies.replaceAll(/^(?=.)/gm, "  "),
    "}",
    "",
  ].join("\n");
}

const table = (word: string, storages: readonly Storage[]) =>
  storages.map(
    (s) =>
      `  ${word} @${s.name} : ${printType(s.type)} = ${printInit(s.init)}${s.layout ? ` ${s.layout}` : ""}`,
  );

function printInit(init: Init): string {
  const { kind, ...rest } = init;
  const options = Object.entries(rest).map(
    ([name, value]) => `${name} = ${name === "of" ? `@${value}` : printAttribute(value)}`,
  );
  return options.length ? `${kind}(${options.join(", ")})` : kind;
}

/** Numbers are spelled as JavaScript spells them; a whole number in a place for reals keeps no `.0`. */
export function printAttribute(value: AttributeValue): string {
  if (typeof value === "string") return /^-?(inf|nan)$/.test(value) ? value : JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((v) => printAttribute(v as AttributeValue)).join(", ")}]`;
  return Object.is(value, -0) ? "-0" : String(value);
}

/** One function as text. */
export function printFunction(fn: IrFunction, options: PrintOptions = {}): string {
  const names = new Namer();
  const inputs = fn.inputs.map(({ value, source }) => {
    const from =
      source.kind === "images"
        ? ` from images(${source.stream})`
        : source.kind === "argument"
          ? ""
          : ` from plan`;
    return `    ${names.of(value)} : ${printType(value.type)}${from}`;
  });
  const results = fn.results.map((r) => `${r.name}: ${printType(r.type)}`);
  return `func @${fn.name}(\n${inputs.join(",\n")}\n) -> (${results.join(", ")}) {\n${printRegion(fn.body, names, "  ", options)}}`;
}

function printRegion(region: Region, names: Namer, indent: string, options: PrintOptions): string {
  return region.ops.map((op) => printOp(op, names, indent, options)).join("");
}

function printOp(op: Op, names: Namer, indent: string, options: PrintOptions): string {
  const operands = op.operands.map((v) => (v ? names.of(v) : "none"));
  const storage = op.op === "state" || op.op === "group" ? [`@${op.attributes.name as string}`] : [];
  const attributes = Object.entries(op.attributes)
    .filter(([name]) => !(storage.length && name === "name"))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) =>
      op.op === "constant" ? printAttribute(value) : `${name} = ${printAttribute(value)}`,
    );
  const call = `${op.op}(${[...storage, ...operands, ...attributes].join(", ")})`;
  const regions = op.regions.map((region) => {
    const args = region.args.length
      ? `(${region.args.map((a) => `${names.of(a)} : ${printType(a.type)}`).join(", ")}) `
      : "";
    return ` ${args}{\n${printRegion(region, names, `${indent}  `, options)}${indent}}`;
  });
  const results = op.results.map((r) => names.of(r)).join(", ");
  const types = op.results.map((r) => printType(r.type)).join(", ");
  const location = options.locations ? ` ${printLocation(op.location)}` : "";
  return `${indent}${results ? `${results} = ` : ""}${call}${regions.join("")}${types ? ` : ${types}` : ""}${location}\n`;
}

export const printLocation = (location: Location): string => {
  const places: string[] = [];
  for (let at: Location | undefined = location; at; at = at.parent)
    places.push(`${at.path}:${at.start}-${at.end}`);
  return `loc(${places.join(" <- ")})`;
};

/** Gives each value a name of its own when it is first printed. */
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
    return count === 0 ? name : `${name}#${count}`;
  }
}
