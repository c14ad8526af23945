/** @file The JSON form of a module as data: what `decode.ts` checks by, and what two versions are compared by. */
import { DTYPES, ROLES } from "./module.js";

/** What a field holds: a primitive, or one of the definitions below; `list`: any number of them. */
export interface Field {
  readonly type: string;
  readonly list?: true;
  /** What it means if the field is absent. Without this, the field is required. */
  readonly default?: string | number | boolean | null;
}
export type Fields = Readonly<Record<string, Field>>;

export type Definition =
  | { readonly form: "record"; readonly fields: Fields }
  | { readonly form: "tuple"; readonly items: readonly string[] }
  | { readonly form: "map"; readonly of: string }
  | { readonly form: "choice"; readonly of: readonly Field[] }
  | { readonly form: "enum"; readonly members: readonly string[] }
  /** One of several records, told apart by the text in the field `tag`. */
  | { readonly form: "tagged"; readonly tag: string; readonly members: Readonly<Record<string, Fields>> }
  /** One of several records, told apart by which of these fields they have. */
  | { readonly form: "keyed"; readonly members: Readonly<Record<string, Fields>> };

/** `affine` is a text such as `2*B+1`; `index` a whole number from 0, or -1 for none. */
export const PRIMITIVES = ["text", "number", "boolean", "size", "index", "affine"] as const;
export type Primitive = (typeof PRIMITIVES)[number];

const one = (type: string): Field => ({ type });
const many = (type: string): Field => ({ type, list: true });
const record = (fields: Fields): Definition => ({ form: "record", fields });
const members = (...names: readonly string[]): Extract<Definition, { form: "enum" }> => ({
  form: "enum",
  members: names,
});

const TENSOR: Fields = { tensor: many("Dim"), dtype: one("DType") };
const KAIMING: Fields = { fan: one("Fan"), gain: one("number") };

export const JSON_FORM = {
  Module: record({
    version: one("Version"),
    name: one("text"),
    sources: many("Source"),
    locations: many("Location"),
    fused: { type: "Fused", list: true, default: null },
    storages: { type: "Storage", list: true, default: null },
    /** Before 1.2 these two were the storages; since then they are left out. */
    parameters: { type: "Storage", list: true, default: null },
    states: { type: "Storage", list: true, default: null },
    groups: many("Group"),
    functions: many("Function"),
  }),
  Version: { form: "tuple", items: ["size", "size"] },
  Source: record({ path: one("text"), text: one("text") }),
  Location: { form: "tuple", items: ["size", "size", "size", "index"] },
  Fused: record({ location: one("size"), also: many("size") }),
  Storage: record({
    name: one("text"),
    type: one("TensorType"),
    init: one("Init"),
    role: { type: "Role", default: null },
    slotOf: { type: "text", default: null },
    twinOf: { type: "text", default: null },
    rowsOf: { type: "text", default: null },
    trainable: { type: "boolean", default: true },
    byRows: { type: "boolean", default: false },
    layout: { type: "Layout", default: "contiguous" },
    location: one("size"),
  }),
  Role: members(...ROLES),
  Layout: members("contiguous", "channels_last"),
  Group: record({ name: one("text"), members: many("text") }),
  Function: record({
    name: one("text"),
    inputs: many("Input"),
    results: many("Result"),
    body: one("Region"),
    location: one("size"),
  }),
  Input: record({ id: one("size"), name: one("text"), type: one("Type"), source: one("InputSource") }),
  InputSource: {
    form: "tagged",
    tag: "kind",
    members: { images: { stream: one("text") }, plan: {}, argument: {} },
  },
  Result: record({ name: one("text"), type: one("Type") }),
  Region: record({ arguments: many("Value"), ops: many("Op") }),
  Op: record({
    op: one("text"),
    operands: many("index"),
    attributes: one("Attributes"),
    results: many("Value"),
    regions: many("Region"),
    location: one("size"),
  }),
  Attributes: { form: "map", of: "Attribute" },
  Attribute: { form: "choice", of: [one("number"), one("boolean"), one("text"), many("number")] },
  Value: record({ id: one("size"), name: one("text"), type: one("Type") }),
  Type: {
    form: "keyed",
    members: { tensor: TENSOR, scalar: { scalar: one("Scalar") }, group: { group: one("text") } },
  },
  TensorType: record(TENSOR),
  Dim: { form: "choice", of: [one("size"), one("affine")] },
  DType: members(...DTYPES),
  Scalar: members("f64", "i64", "bool"),
  Init: {
    form: "tagged",
    tag: "kind",
    members: {
      zeros: {},
      constant: { value: one("number") },
      normal: { mean: one("number"), std: one("number") },
      uniform: { low: one("number"), high: one("number") },
      kaiming_normal: KAIMING,
      kaiming_uniform: KAIMING,
      xavier_uniform: { gain: one("number") },
      unit_rows: { distribution: one("Distribution") },
      copy: { of: one("text") },
      file: { file: one("text"), tensor: one("text") },
    },
  },
  Fan: members("in", "out"),
  Distribution: members("normal", "uniform"),
} as const satisfies Readonly<Record<string, Definition>>;
