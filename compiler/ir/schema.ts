/** @file What a version of the IR is, as data: the JSON form and the ops. Two of them can be compared. */
import { REGISTRY } from "../registry/index.js";
import type { AttributeSpec, OperandSpec, OpSpec } from "../registry/spec.js";
import { type Definition, type Field, type Fields, JSON_FORM } from "./json-form.js";
import { IR_VERSION } from "./module.js";

/** The properties of an op that a program may rely on. */
export interface OpSchema extends Pick<OpSpec, "operands" | "results" | "effect"> {
  readonly attributes: Readonly<Record<string, Omit<AttributeSpec, "name">>>;
}

export interface Schema {
  readonly version: readonly [major: number, minor: number];
  readonly definitions: Readonly<Record<string, Definition>>;
  readonly ops: Readonly<Record<string, OpSchema>>;
}

/** The schema of the version that this compiler writes. */
export const currentSchema = (): Schema => ({
  version: IR_VERSION,
  definitions: JSON_FORM,
  ops: Object.fromEntries(
    REGISTRY.map(({ name, operands, attributes, results, effect }) => [
      name,
      {
        operands,
        attributes: Object.fromEntries(attributes.map(({ name, ...rest }) => [name, rest])),
        results,
        effect,
      },
    ]),
  ),
});

/**
 * `none`: the two say the same. `minor`: a reader of the new one reads every program of the old one, and takes it as it
 * was meant. `major`: it may not. `reasons` says what changed, the incompatible first.
 */
export interface SchemaChange {
  readonly change: "none" | "minor" | "major";
  readonly reasons: readonly string[];
}

/** How the IR changed between two schemas, whatever their version numbers are. */
export function compareSchemas(before: Schema, after: Schema): SchemaChange {
  const comparison = new Comparison();
  comparison.named("", before.definitions, after.definitions, {
    added: "minor",
    same: (name, a, b) => comparison.definition(name, a, b),
  });
  comparison.named("op ", before.ops, after.ops, {
    added: "minor",
    same: (name, a, b) => comparison.op(`op ${name}`, a, b),
  });
  const { major, minor } = comparison.found;
  return {
    change: major.length > 0 ? "major" : minor.length > 0 ? "minor" : "none",
    reasons: [...major, ...minor],
  };
}

type Level = "minor" | "major";
type Named<T> = Readonly<Record<string, T>>;
interface NamedRules<T> {
  /** What something new means. */
  readonly added: Level | ((added: T) => Level);
  readonly same: (name: string, before: T, after: T) => void;
}

const own = <T>(record: Named<T>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;
const spelled = (value: unknown) => JSON.stringify(value);
const equal = (a: unknown, b: unknown) => spelled(a) === spelled(b);

class Comparison {
  readonly found: Record<Level, string[]> = { major: [], minor: [] };

  private note(level: Level, reason: string): void {
    this.found[level].push(reason);
  }

  /** Compares things that have names: one that is gone, or renamed, is incompatible. */
  named<T>(where: string, before: Named<T>, after: Named<T>, { added, same }: NamedRules<T>): void {
    for (const [name, was] of Object.entries(before)) {
      const is = own(after, name);
      if (is === undefined) this.note("major", `${where}${name} is gone`);
      else same(name, was, is);
    }
    for (const [name, is] of Object.entries(after)) {
      if (own(before, name) === undefined)
        this.note(typeof added === "string" ? added : added(is), `${where}${name} is new`);
    }
  }

  /** Compares sets of words that a reader accepts. */
  words(where: string, before: readonly string[], after: readonly string[]): void {
    const set = (words: readonly string[]) => Object.fromEntries(words.map((word) => [word, true]));
    this.named(`${where}: `, set(before), set(after), { added: "minor", same: () => {} });
  }

  exactly(where: string, before: unknown, after: unknown): void {
    if (!equal(before, after)) this.note("major", `${where} was ${spelled(before)}, is ${spelled(after)}`);
  }

  /** Whether something may be left out, and what that means. */
  private presence(where: string, before: { default?: unknown }, after: { default?: unknown }): void {
    const [was, is] = ["default" in before, "default" in after];
    if (was && is) this.exactly(`the default of ${where}`, before.default, after.default);
    else if (was) this.note("major", `${where} must be given`);
    else if (is) this.note("minor", `${where} may be left out`);
  }

  fields(where: string, before: Fields, after: Fields): void {
    this.named<Field>(`${where}.`, before, after, {
      added: (field) => ("default" in field ? "minor" : "major"),
      same: (name, a, b) => {
        this.exactly(`${where}.${name}`, typeOf(a), typeOf(b));
        this.presence(`${where}.${name}`, a, b);
      },
    });
  }

  definition(name: string, before: Definition, after: Definition): void {
    if (before.form === after.form) (COMPARE[before.form] as Compare)(this, name, before, after);
    else this.exactly(`the form of ${name}`, before.form, after.form);
  }

  op(where: string, before: OpSchema, after: OpSchema): void {
    if (before.operands.length !== after.operands.length)
      this.note("major", `${where} takes ${after.operands.length} operands, took ${before.operands.length}`);
    before.operands.forEach((was, i) => {
      const is = after.operands[i];
      if (is) this.operand(`${where}: operand ${was.name}`, was, is);
    });
    this.named(`${where}: attribute `, before.attributes, after.attributes, {
      added: (attribute) => ("default" in attribute ? "minor" : "major"),
      same: (name, a, b) => {
        this.exactly(`${where}: attribute ${name}`, a.type, b.type);
        this.presence(`${where}: attribute ${name}`, a, b);
      },
    });
    this.exactly(`${where}: results`, before.results, after.results);
    this.exactly(`${where}: effect`, before.effect, after.effect);
  }

  private operand(where: string, before: OperandSpec, after: OperandSpec): void {
    this.exactly(`the name of ${where}`, before.name, after.name);
    this.words(where, before.kinds, after.kinds);
    for (const freedom of ["optional", "variadic"] as const) {
      if (before[freedom] && !after[freedom]) this.note("major", `${where} is no longer ${freedom}`);
      if (!before[freedom] && after[freedom]) this.note("minor", `${where} is now ${freedom}`);
    }
  }
}

const typeOf = ({ type, list }: Field) => (list ? `list of ${type}` : type);

type Compare<D extends Definition = Definition> = (to: Comparison, name: string, before: D, after: D) => void;

const COMPARE: { readonly [F in Definition["form"]]: Compare<Extract<Definition, { form: F }>> } = {
  record: (to, name, a, b) => to.fields(name, a.fields, b.fields),
  tuple: (to, name, a, b) => to.exactly(name, a.items, b.items),
  map: (to, name, a, b) => to.exactly(name, a.of, b.of),
  choice: (to, name, a, b) => to.words(name, a.of.map(typeOf), b.of.map(typeOf)),
  enum: (to, name, a, b) => to.words(name, a.members, b.members),
  tagged: (to, name, a, b) => {
    to.exactly(`the tag of ${name}`, a.tag, b.tag);
    to.named(`${name} `, a.members, b.members, {
      added: "minor",
      same: (member, was, is) => to.fields(`${name} ${member}`, was, is),
    });
  },
  keyed: (to, name, a, b) =>
    to.named(`${name} `, a.members, b.members, {
      added: "minor",
      same: (member, was, is) => to.fields(`${name} ${member}`, was, is),
    }),
};
