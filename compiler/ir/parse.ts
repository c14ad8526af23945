/** @file Reads the text form that `print.ts` writes. The methods are the grammar of `docs/ir.md`, rule by rule. */
import { type Dim, parseDim } from "./dim.js";
import { type Fields, JSON_FORM } from "./json-form.js";
import {
  type AttributeValue,
  type DType,
  type FunctionInput,
  type Group,
  groupType,
  type Init,
  type InputSource,
  IR_VERSION,
  type IrFunction,
  type Location,
  type Op,
  type Region,
  type Role,
  type ScalarType,
  type Storage,
  scalarType,
  type Type,
  tensorType,
  type UnverifiedModule,
  type Value,
} from "./module.js";
import { hasRoles, rolesFromNames, type Version } from "./older-versions.js";
import { TextCursor, type Token } from "./text-cursor.js";
import { INIT_KIND, LAYOUT, T, VALUE_WORD, VALUES, word } from "./tokens.js";

export interface ParseOptions {
  /** The name of the text in errors, and the path of locations in it. */
  readonly path?: string;
  /** The texts that `loc(…)` points into. */
  readonly sources?: UnverifiedModule["sources"];
}

/**
 * The module that a text describes. What has no `loc(…)` is located in the text itself, which is then one of the module's
 * sources. Throws a ParseError if the text is malformed.
 */
export function parseModule(text: string, options: ParseOptions = {}): UnverifiedModule {
  return new Parser(text, options).module();
}

/** The function of a text that holds one function and nothing else. Throws as `parseModule` does. */
export function parseFunction(text: string, options: ParseOptions = {}): IrFunction<string> {
  return new Parser(text, options).onlyFunction();
}

/** As deep as the host reads. */
const DEEPEST = 40;

/** `a, b or c`. */
const choices = (names: readonly string[]) => names.join(", ").replace(/, (?=[^,]*$)/, " or ");

class Parser {
  private readonly cursor: TextCursor;
  private readonly given: UnverifiedModule["sources"];
  /** Whether a place points into the text itself. */
  private pointsHere = false;
  private values = new Map<string, Value>();

  constructor(text: string, options: ParseOptions) {
    this.cursor = new TextCursor(options.path ?? "module.ir", text);
    this.given = options.sources ?? [];
  }

  module(): UnverifiedModule {
    const { cursor } = this;
    cursor.expect(T.module);
    const name = this.symbol();
    cursor.expect(T.versionWord);
    const version = this.version();
    cursor.expect(T.openBrace);
    const storages: Storage[] = [];
    const groups: Group[] = [];
    const functions: IrFunction<string>[] = [];
    while (cursor.sees(T.role)) storages.push(this.storage());
    while (cursor.accept(T.group) !== undefined) groups.push(this.group());
    while (cursor.sees(T.func)) functions.push(this.function());
    if (cursor.accept(T.closeBrace) === undefined)
      cursor.fail(
        `expected storages (parameter, state, optimizer), then groups, then funcs, or "}", found ${cursor.next()}`,
      );
    this.finish();
    const { path, text } = cursor;
    const sources = this.pointsHere
      ? [...this.given.filter((s) => s.path !== path), { path, text }]
      : this.given;
    const roles = hasRoles(version) ? storages : rolesFromNames(storages);
    return { name, sources, storages: roles, groups, functions };
  }

  onlyFunction(): IrFunction<string> {
    const fn = this.function();
    this.finish();
    return fn;
  }

  private finish(): void {
    if (this.cursor.at < this.cursor.text.length)
      this.cursor.fail(`expected the end, found ${this.cursor.next()}`);
  }

  private version(): Version {
    const { at } = this.cursor;
    const written = this.cursor.expect(T.version);
    const [major, minor] = written.split(".").map(Number) as [number, number];
    if (major !== IR_VERSION[0] || minor > IR_VERSION[1])
      this.cursor.fail(`the text is IR version ${written}, this compiler reads ${IR_VERSION.join(".")}`, at);
    return [major, minor];
  }

  /** The value of a text in quotes. */
  private quoted(): string {
    const { at } = this.cursor;
    return this.unquote(this.cursor.expect(T.text), at);
  }

  private unquote(written: string, at: number): string {
    try {
      return JSON.parse(written) as string;
    } catch {
      return this.cursor.fail(`this text has an escape that JSON does not have`, at);
    }
  }

  private name(bare: Token = T.name): string {
    if (this.cursor.sees(T.text)) return this.quoted();
    return this.cursor.expect(bare);
  }

  /** `@net.stem.weight` */
  private symbol(): string {
    this.cursor.expect(T.at);
    return this.name();
  }

  private storage(): Storage {
    const { cursor } = this;
    const start = cursor.at;
    const role = cursor.expect(T.role) as Role;
    const name = this.symbol();
    cursor.expect(T.colon);
    const at = cursor.at;
    const type = this.type();
    if (type.kind !== "tensor") return cursor.fail("a storage has the type of a tensor", at);
    cursor.expect(T.equals);
    const init = this.init();
    const related = (word: Token) => {
      if (cursor.accept(word) === undefined) return undefined;
      cursor.expect(T.of);
      return this.symbol();
    };
    const [slotOf, twinOf, rowsOf] = [related(T.slot), related(T.twin), related(T.rows)];
    const isFrozen = cursor.accept(T.frozen) !== undefined;
    const byRows = cursor.accept(T.rowwise) !== undefined;
    const layout = cursor.accept(LAYOUT) as Storage["layout"];
    return {
      name,
      type,
      init,
      role,
      ...(slotOf !== undefined && { slotOf }),
      ...(twinOf !== undefined && { twinOf }),
      ...(rowsOf !== undefined && { rowsOf }),
      ...(isFrozen && { trainable: false as const }),
      ...(byRows && { byRows }),
      ...(layout && { layout }),
      location: this.location(start, cursor.end),
    };
  }

  private init(): Init {
    const kind = this.cursor.expect(INIT_KIND) as Init["kind"];
    const fields: Fields = JSON_FORM.Init.members[kind];
    const names = Object.keys(fields);
    if (names.length === 0) return { kind } as Init;
    const wanted = names.values();
    const entries = this.cursor.list(T.open, T.close, () => {
      const name = wanted.next().value;
      if (name === undefined) return this.cursor.fail(`${kind} has only ${choices(names)}`);
      this.cursor.expect(word(name));
      this.cursor.expect(T.equals);
      return [name, this.initField(name, fields[name]!.type)] as const;
    });
    if (entries.length < names.length)
      this.cursor.fail(`${kind} needs ${names.join(", ")}`, this.cursor.end - 1);
    return { kind, ...Object.fromEntries(entries) } as Init;
  }

  private initField(name: string, type: string): number | string {
    const { cursor } = this;
    if (type === "text") return this.symbol();
    const at = cursor.at;
    const value = type === "number" ? this.number() : this.quoted();
    if (typeof value === "number") return value;
    const { members } = JSON_FORM[type as "Fan" | "Distribution"];
    if ((members as readonly string[]).includes(value)) return value;
    return cursor.fail(`${name} is ${choices(members.map((m) => JSON.stringify(m)))}`, at);
  }

  private number(): number {
    if (!this.cursor.sees(VALUE_WORD)) return Number(this.cursor.expect(T.number));
    const { at } = this.cursor;
    const value = VALUES[this.cursor.expect(VALUE_WORD)];
    return typeof value === "number" ? value : this.cursor.fail("expected a number", at);
  }

  private group(): Group {
    const name = this.symbol();
    this.cursor.expect(T.equals);
    return { name, members: this.cursor.list(T.openBracket, T.closeBracket, () => this.symbol()) };
  }

  private function(): IrFunction<string> {
    const { cursor } = this;
    this.values = new Map();
    const start = cursor.at;
    cursor.expect(T.func);
    const name = this.symbol();
    const end = cursor.end;
    const inputs = cursor.list(T.open, T.close, () => this.input());
    cursor.expect(T.arrow);
    const results = cursor.list(T.open, T.close, () => {
      const result = this.name();
      cursor.expect(T.colon);
      return { name: result, type: this.type() };
    });
    const location = this.location(start, end);
    return { name, inputs, results, body: { args: [], ops: this.ops(0) }, location };
  }

  private input(): FunctionInput {
    const value = this.typedValue();
    const from = (): InputSource => {
      if (this.cursor.accept(T.from) === undefined) return { kind: "argument" };
      if (this.cursor.accept(T.plan) !== undefined) return { kind: "plan" };
      this.cursor.expect(T.images);
      this.cursor.expect(T.open);
      const stream = this.name();
      this.cursor.expect(T.close);
      return { kind: "images", stream };
    };
    return { value, source: from() };
  }

  /** `%x : f32[B, 3]`, which defines %x. */
  private typedValue(): Value {
    const { at } = this.cursor;
    const written = this.cursor.expect(T.value);
    this.cursor.expect(T.colon);
    return this.define(written, this.type(), at);
  }

  private define(written: string, type: Type, at: number): Value {
    if (this.values.has(written)) this.cursor.fail(`${written} is defined already`, at);
    const own = /^%(?:\d+$|(.*?)(?:#\d+)?$)/u.exec(written)![1] ?? "";
    const name = own.startsWith('"') ? this.unquote(own, at) : own;
    const value = { id: this.values.size, name, type };
    this.values.set(written, value);
    return value;
  }

  /** Ops in braces, as they stand in a function that is `depth` regions deep. */
  private ops(depth: number): readonly Op<string>[] {
    const { cursor } = this;
    if (depth > DEEPEST) cursor.fail(`regions nest at most ${DEEPEST} deep`);
    cursor.expect(T.openBrace);
    const ops: Op<string>[] = [];
    while (cursor.accept(T.closeBrace) === undefined) ops.push(this.op(depth));
    return ops;
  }

  private op(depth: number): Op<string> {
    const { cursor } = this;
    const start = cursor.at;
    const defined: { written: string; at: number }[] = [];
    if (cursor.sees(T.value)) {
      do defined.push({ at: cursor.at, written: cursor.expect(T.value) });
      while (cursor.accept(T.comma) !== undefined);
      cursor.expect(T.equals);
    }
    const name = cursor.sees(T.text) ? this.quoted() : cursor.expect(T.op);
    const { operands, attributes } = this.call(name);
    const end = cursor.end;
    const regions: Region<string>[] = [];
    while (cursor.sees(T.openBrace) || cursor.sees(T.open)) {
      const args = cursor.sees(T.open) ? cursor.list(T.open, T.close, () => this.typedValue()) : [];
      regions.push({ args, ops: this.ops(depth + 1) });
    }
    if (defined.length > 0) cursor.expect(T.colon);
    const results = defined.map(({ written, at }, i) => {
      if (i > 0) cursor.expect(T.comma);
      return this.define(written, this.type(), at);
    });
    const location = this.location(start, regions.length > 0 ? end : cursor.end);
    return { op: name, operands, attributes, results, regions, location };
  }

  /** `(@storage, %operand, none, attribute = value)` */
  private call(op: string): Pick<Op, "operands" | "attributes"> {
    const { cursor } = this;
    const operands: (Value | undefined)[] = [];
    const attributes = new Map<string, AttributeValue>();
    const isStorage = op === "state" || op === "group";
    let later = false; // after the first attribute there are no operands
    cursor.list(T.open, T.close, () => {
      const { at } = cursor;
      if (cursor.accept(T.attributeName) !== undefined) {
        const name = this.name();
        if (attributes.has(name)) cursor.fail(`${op} has two attributes ${name}`, at);
        cursor.expect(T.equals);
        attributes.set(name, this.attribute());
        later = true;
      } else if (later) {
        cursor.fail(`expected an attribute such as dim = 1, found ${cursor.next()}`);
      } else if (isStorage && operands.length + attributes.size === 0 && cursor.sees(T.at)) {
        attributes.set("name", this.symbol());
      } else if (op === "constant" && !cursor.sees(T.value) && !cursor.sees(T.none)) {
        attributes.set("value", this.attribute());
        later = true;
      } else {
        operands.push(this.operand());
      }
    });
    return { operands, attributes: Object.fromEntries(attributes) };
  }

  private operand(): Value | undefined {
    const { cursor } = this;
    const { at } = cursor;
    if (cursor.accept(T.none) !== undefined) return undefined;
    if (!cursor.sees(T.value))
      return cursor.fail(
        `expected a value such as %x, none, or an attribute such as dim = 1, found ${cursor.next()}`,
      );
    const written = cursor.expect(T.value);
    return this.values.get(written) ?? cursor.fail(`${written} is not defined above`, at);
  }

  private attribute(): AttributeValue {
    const { cursor } = this;
    if (cursor.sees(T.text)) return this.quoted();
    if (cursor.sees(T.openBracket)) return cursor.list(T.openBracket, T.closeBracket, () => this.number());
    const known = cursor.accept(VALUE_WORD);
    if (known !== undefined) return VALUES[known]!;
    if (!cursor.sees(T.number))
      return cursor.fail(
        `expected a number, a text in quotes, true, false or a list of numbers, found ${cursor.next()}`,
      );
    return this.number();
  }

  private type(): Type {
    const { cursor } = this;
    const dtype = cursor.accept(T.dtype) as DType | undefined;
    if (dtype !== undefined)
      return tensorType(
        cursor.list(T.openBracket, T.closeBracket, () => this.dim()),
        dtype,
      );
    if (cursor.accept(T.group) === undefined) return scalarType(cursor.expect(T.scalar) as ScalarType);
    cursor.expect(T.less);
    const group = this.name();
    cursor.expect(T.more);
    return groupType(group);
  }

  private dim(): Dim {
    const { at } = this.cursor;
    const written = this.cursor.expect(T.dim);
    if (/\d{16}/.test(written)) this.cursor.fail("a dimension has numbers of at most 15 digits", at);
    try {
      const dim = parseDim(written);
      return typeof dim === "number" && dim < 0 ? this.cursor.fail("a size is 0 or more", at) : dim;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      const found = JSON.stringify(written);
      return this.cursor.fail(`expected a dimension such as 48, B or 2*B+1, found ${found}`, at);
    }
  }

  /** `loc(path:start-end <- caller, elsewhere)`; without it the place from `start` to `end` in this text. */
  private location(start: number, end: number): Location {
    const { cursor } = this;
    if (cursor.accept(T.loc) === undefined) {
      this.pointsHere = true;
      return { path: cursor.path, start, end };
    }
    cursor.expect(T.open);
    const first = this.called();
    const also: Location[] = [];
    while (cursor.accept(T.comma) !== undefined) also.push(this.called());
    cursor.expect(T.close);
    return also.length ? { ...first, also } : first;
  }

  /** A place and the calls around it. */
  private called(): Location {
    const places: Location[] = [];
    do places.push(this.place());
    while (this.cursor.accept(T.caller) !== undefined);
    return places.reduceRight((parent, place) => ({ ...place, parent }));
  }

  private place(): Location {
    const path = this.name(T.path);
    this.cursor.expect(T.colon);
    const { at } = this.cursor;
    const start = Number(this.cursor.expect(T.digits));
    this.cursor.expect(T.dash);
    const end = Number(this.cursor.expect(T.digits));
    return end >= start
      ? { path, start, end }
      : this.cursor.fail("a place ends where it starts or later", at);
  }
}
