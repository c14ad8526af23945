/** @file Reads the JSON form of a module: checks it by `JSON_FORM`, then turns ids and indices into what they stand for. */
import { type Dim, parseDim } from "./dim.js";
import { type Definition, type Field, type Fields, JSON_FORM, type Primitive } from "./json-form.js";
import {
  type AttributeValue,
  type DType,
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
  type TensorType,
  type Type,
  tensorType,
  type UnverifiedModule,
  type Value,
} from "./module.js";
import { hasRoles, rolesFromNames, type Version } from "./older-versions.js";

/** JSON that is not a module of a version that this compiler reads. `path` says where: `module.states[0].type`. */
export class DecodeError extends Error {
  constructor(
    readonly path: string,
    problem: string,
  ) {
    super(`${path}: ${problem}`);
    this.name = "DecodeError";
  }
}

/**
 * The module whose JSON form this is, `encodeModule`'s inverse. Takes versions of the same major and up to this minor.
 * Throws a DecodeError that names the first place which is not of the form.
 */
export function decodeModule(json: unknown): UnverifiedModule {
  checkVersion(json);
  check(json, { type: "Module" }, "module", 0);
  return moduleOf(json as JsonModule);
}

function refuse(path: string, problem: string): never {
  throw new DecodeError(path, problem);
}

type JsonRecord = Readonly<Record<string, unknown>>;
const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isSize = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const has = (value: JsonRecord, name: string) => Object.hasOwn(value, name);

function checkVersion(json: unknown): void {
  const version = isRecord(json) ? json.version : undefined;
  if (!Array.isArray(version) || version.length !== 2 || !version.every(isSize))
    refuse("module.version", "not a version such as [1, 0]");
  const [major, minor] = version as [number, number];
  if (major !== IR_VERSION[0] || minor > IR_VERSION[1])
    refuse(
      "module.version",
      `the program is IR version ${major}.${minor}, this compiler reads ${IR_VERSION.join(".")}`,
    );
}

/** As deep as the host reads. */
const DEEPEST_REGION = 40;

const PRIMITIVE: { readonly [K in Primitive]: { is: (value: unknown) => boolean; words: string } } = {
  text: { is: (value) => typeof value === "string", words: "a text" },
  number: { is: (value) => typeof value === "number", words: "a number" },
  boolean: { is: (value) => typeof value === "boolean", words: "true or false" },
  size: { is: isSize, words: "a whole number from 0" },
  index: { is: (value) => value === -1 || isSize(value), words: "a whole number from -1" },
  affine: { is: isAffine, words: "a dimension such as 2*B+1" },
};

function isAffine(value: unknown): boolean {
  if (typeof value !== "string") return false;
  try {
    parseDim(value);
    return true;
  } catch {
    return false;
  }
}

const wordsOf = ({ type, list }: Field) => (list ? "a list" : (PRIMITIVE[type as Primitive]?.words ?? type));

function check(value: unknown, field: Field, path: string, depth: number): void {
  if (field.list) {
    if (!Array.isArray(value)) refuse(path, "not a list");
    for (const [i, item] of value.entries()) check(item, { type: field.type }, `${path}[${i}]`, depth);
    return;
  }
  const primitive = PRIMITIVE[field.type as Primitive];
  if (primitive) {
    if (!primitive.is(value)) refuse(path, `not ${primitive.words}`);
    return;
  }
  const deeper = depth + (field.type === "Region" ? 1 : 0);
  if (deeper > DEEPEST_REGION + 1) refuse(path, `regions nest at most ${DEEPEST_REGION} deep`);
  const definition: Definition = JSON_FORM[field.type as keyof typeof JSON_FORM];
  (CHECKS[definition.form] as Check)(value, definition, path, deeper);
}

type Check<D extends Definition = Definition> = (
  value: unknown,
  definition: D,
  path: string,
  depth: number,
) => void;

const CHECKS: { readonly [F in Definition["form"]]: Check<Extract<Definition, { form: F }>> } = {
  record: (value, { fields }, path, depth) => checkFields(value, fields, path, depth),
  tuple: (value, { items }, path, depth) => {
    if (!Array.isArray(value) || value.length !== items.length) refuse(path, `not ${items.length} numbers`);
    for (const [i, type] of items.entries()) check(value[i], { type }, `${path}[${i}]`, depth);
  },
  map: (value, { of }, path, depth) => {
    if (!isRecord(value)) refuse(path, "not a record");
    for (const [name, item] of Object.entries(value)) check(item, { type: of }, `${path}.${name}`, depth);
  },
  choice: (value, { of }, path, depth) => {
    const list = of.find((field) => field.list);
    const fits =
      (Array.isArray(value) && list !== undefined) ||
      of.some(({ type, list }) => !list && PRIMITIVE[type as Primitive].is(value));
    if (!fits) refuse(path, `not ${of.map(wordsOf).join(" or ")}`);
    if (Array.isArray(value) && list) check(value, list, path, depth);
  },
  enum: (value, { members }, path) => {
    if (!members.includes(value as string)) refuse(path, `not one of ${members.join(", ")}`);
  },
  tagged: (value, { tag, members }, path, depth) => {
    const kind = isRecord(value) && has(value, tag) ? value[tag] : undefined;
    if (typeof kind !== "string" || !Object.hasOwn(members, kind))
      refuse(`${path}.${tag}`, `not one of ${Object.keys(members).join(", ")}`);
    checkFields(value, { [tag]: { type: "text" }, ...members[kind] }, path, depth);
  },
  keyed: (value, { members }, path, depth) => {
    const key = isRecord(value) && Object.keys(members).find((name) => has(value, name));
    if (!key) refuse(path, `has none of ${Object.keys(members).join(", ")}`);
    checkFields(value, members[key]!, path, depth);
  },
};

function checkFields(value: unknown, fields: Fields, path: string, depth: number): void {
  if (!isRecord(value)) refuse(path, "not a record");
  for (const [name, field] of Object.entries(fields)) {
    if (has(value, name)) check(value[name], field, `${path}.${name}`, depth);
    else if (!("default" in field)) refuse(path, `has no \`${name}\``);
  }
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(fields, name));
  if (unknown !== undefined) refuse(path, `has a field \`${unknown}\`, which this version does not know`);
}

// The module after the check. Ids and indices are still numbers, dimensions and types still JSON.

type JsonType =
  | { readonly tensor: readonly (number | string)[]; readonly dtype: DType }
  | { readonly scalar: ScalarType }
  | { readonly group: string };
type JsonTensorType = Extract<JsonType, { tensor: unknown }>;
interface JsonValue {
  readonly id: number;
  readonly name: string;
  readonly type: JsonType;
}
interface JsonRegion {
  readonly arguments: readonly JsonValue[];
  readonly ops: readonly JsonOp[];
}
interface JsonOp {
  readonly op: string;
  readonly operands: readonly number[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly results: readonly JsonValue[];
  readonly regions: readonly JsonRegion[];
  readonly location: number;
}
interface JsonStorage {
  readonly name: string;
  readonly type: JsonTensorType;
  readonly init: Init;
  readonly role?: Role;
  readonly slotOf?: string;
  readonly twinOf?: string;
  readonly rowsOf?: string;
  readonly trainable?: boolean;
  readonly byRows?: boolean;
  readonly layout?: "contiguous" | "channels_last";
  readonly location: number;
}
interface JsonFunction {
  readonly name: string;
  readonly inputs: readonly (JsonValue & { readonly source: InputSource })[];
  readonly results: readonly { readonly name: string; readonly type: JsonType }[];
  readonly body: JsonRegion;
  readonly location: number;
}
type Table = "storages" | "parameters" | "states";
interface JsonModule
  extends Pick<UnverifiedModule, "name" | "sources" | "groups">,
    Readonly<Partial<Record<Table, readonly JsonStorage[]>>> {
  readonly version: Version;
  readonly locations: readonly (readonly [source: number, start: number, end: number, parent: number])[];
  readonly fused?: readonly { readonly location: number; readonly also: readonly number[] }[];
  readonly functions: readonly JsonFunction[];
}

const dimOf = (dim: number | string): Dim => (typeof dim === "number" ? dim : parseDim(dim));
const tensorOf = ({ tensor, dtype }: JsonTensorType): TensorType => tensorType(tensor.map(dimOf), dtype);
function typeOf(type: JsonType): Type {
  if ("tensor" in type) return tensorOf(type);
  return "scalar" in type ? scalarType(type.scalar) : groupType(type.group);
}

type Place = (index: number, path: string) => Location;

function placesOf({ locations, fused = [], sources }: JsonModule): Place {
  const places: Location[] = [];
  const fusedOf = new Map(fused.map(({ location, also }) => [location, also]));
  for (const [i, [source, start, end, parent]] of locations.entries()) {
    const path = `module.locations[${i}]`;
    const at = sources[source] ?? refuse(path, `there is no source ${source}`);
    if (end < start) refuse(path, "ends before it starts");
    if (parent >= i) refuse(path, `its caller ${parent} does not come before it`);
    const also = fusedOf
      .get(i)
      ?.map((j) => (j < i ? places[j]! : refuse(path, `its fellow ${j} does not come before it`)));
    places.push({
      path: at.path,
      start,
      end,
      ...(parent >= 0 && { parent: places[parent]! }),
      ...(also && { also }),
    });
  }
  const strange = fused.findIndex(({ location }) => location >= places.length);
  if (strange >= 0) refuse(`module.fused[${strange}]`, `there is no location ${fused[strange]!.location}`);
  return (index, path) => places[index] ?? refuse(`${path}.location`, `there is no location ${index}`);
}

/** The storages of a table; `as` says their role where they do not. */
function storagesOf(json: JsonModule, table: Table, place: Place, as?: Role): readonly Storage[] {
  const storages = json[table] ?? refuse("module", `has no \`${table}\``);
  return storages.map(({ type, trainable, byRows, layout, location, role = as, ...rest }, i) => ({
    ...rest,
    type: tensorOf(type),
    role: role ?? refuse(`module.${table}[${i}]`, "has no `role`"),
    ...(trainable === false && { trainable }),
    ...(byRows && { byRows }),
    ...(layout === "channels_last" && { layout }),
    location: place(location, `module.${table}[${i}]`),
  }));
}

function moduleOf(json: JsonModule): UnverifiedModule {
  const place = placesOf(json);
  const gone = (["parameters", "states"] as const).find((table) => json[table] !== undefined);
  if (hasRoles(json.version) && gone)
    refuse("module", `has a field \`${gone}\`, which no module since 1.2 has`);
  const storages = hasRoles(json.version)
    ? storagesOf(json, "storages", place)
    : rolesFromNames([
        ...storagesOf(json, "parameters", place, "parameter"),
        ...storagesOf(json, "states", place, "state"),
      ]);
  return {
    name: json.name,
    sources: json.sources,
    storages,
    groups: json.groups,
    functions: json.functions.map((fn, i) => functionOf(fn, place, `module.functions[${i}]`)),
  };
}

function functionOf(json: JsonFunction, place: Place, at: string): IrFunction<string> {
  const known = new Map<number, Value>();
  const define = ({ id, name, type }: JsonValue): Value => {
    const value = { id, name, type: typeOf(type) };
    known.set(id, value);
    return value;
  };
  const op = (o: JsonOp, path: string): Op<string> => ({
    op: o.op,
    operands: o.operands.map((id, i) =>
      id < 0
        ? undefined
        : (known.get(id) ?? refuse(`${path}.operands[${i}]`, `value ${id} is not defined before its use`)),
    ),
    attributes: o.attributes,
    regions: o.regions.map((r, i) => region(r, `${path}.regions[${i}]`)),
    results: o.results.map(define),
    location: place(o.location, path),
  });
  const region = (r: JsonRegion, path: string): Region<string> => ({
    args: r.arguments.map(define),
    ops: r.ops.map((o, i) => op(o, `${path}.ops[${i}]`)),
  });
  return {
    name: json.name,
    inputs: json.inputs.map((input) => ({ value: define(input), source: input.source })),
    results: json.results.map(({ name, type }) => ({ name, type: typeOf(type) })),
    body: region(json.body, `${at}.body`),
    location: place(json.location, at),
  };
}
