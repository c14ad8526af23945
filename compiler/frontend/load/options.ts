/** @file The options of an experiment that is a function of them: where they stand in its file, and what `--set` makes of them. */
import { type Experiment, type Options, WITH_OPTIONS } from "../../../dsl/index.js";
import { report } from "../../diagnostics/catalogue.js";
import { CompileError } from "../../diagnostics/compile-error.js";
import { ts } from "../typescript.js";
import { differ } from "./edit-distance.js";

/** The record that an experiment is given: an argument itself, or what the function that it is gives. */
export function recordIn(node: ts.Node | undefined): ts.Node | undefined {
  if (node === undefined) return undefined;
  if (ts.isParenthesizedExpression(node)) return recordIn(node.expression);
  if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) return recordIn(node.body);
  if (ts.isBlock(node)) return recordIn(node.statements.findLast(ts.isReturnStatement)?.expression);
  return node;
}

/** The experiment with these options, as they are written on a command line. Throws a CompileError for one that it does not have, or of another type. */
export function withOptions(experiment: Experiment, settings: Readonly<Record<string, string>>): Experiment {
  if (Object.keys(settings).length === 0) return experiment;
  const chosen: Options = Object.fromEntries(
    Object.entries(settings).map(([name, text]) => [name, readAs(experiment.options, name, text)]),
  );
  return experiment[WITH_OPTIONS]!(chosen);
}

function readAs(options: Options, name: string, text: string): number | boolean | string {
  const given = options[name];
  if (!Object.hasOwn(options, name) || given === undefined) return refuse(options, name);
  if (typeof given === "string") return text;
  const value = typeof given === "boolean" ? BOOLEANS.get(text) : numberOf(text);
  if (value !== undefined) return value;
  const type = typeof given === "boolean" ? "true or false" : "a number";
  throw new CompileError([
    report("bad-command-line.option-type", undefined, {
      option: name,
      value: text,
      type,
      given: String(given),
    }),
  ]);
}

const BOOLEANS = new Map([
  ["true", true],
  ["false", false],
]);

const numberOf = (text: string): number | undefined =>
  text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : undefined;

function refuse(options: Options, option: string): never {
  const names = Object.keys(options);
  if (names.length === 0)
    throw new CompileError([report("bad-command-line.no-options", undefined, { option })]);
  const [near] = names
    .map((name) => ({ name, distance: differ(name, option) }))
    .sort((a, b) => a.distance - b.distance);
  throw new CompileError([
    report("bad-command-line.option", undefined, { option, near: near!.name, known: names.join(", ") }),
  ]);
}
