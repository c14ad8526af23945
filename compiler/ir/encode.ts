/** @file The JSON form of a module, as the host gets it, and its two hashes. */
import { createHash } from "node:crypto";
import { printDim } from "./dim.js";
import {
  IR_VERSION,
  type IrFunction,
  type Location,
  type Op,
  type Region,
  type Storage,
  type Type,
  type UnverifiedModule,
  type Value,
} from "./module.js";
import { printStructure } from "./print.js";
import { printType } from "./print-type.js";

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

const encodeType = (type: Type): Json => {
  switch (type.kind) {
    case "tensor":
      return { tensor: type.dims.map((d) => (typeof d === "number" ? d : printDim(d))), dtype: type.dtype };
    case "scalar":
      return { scalar: type.scalar };
    case "group":
      return { group: type.group };
  }
};

const encodeValue = (value: Value): Json => ({
  id: value.id,
  name: value.name,
  type: encodeType(value.type),
});

/** Locations as a table: equal ones once; a row's caller, and the places that it is fused from, come before it. */
class Locations {
  readonly rows: Json[] = [];
  readonly fused: Json[] = [];
  private readonly known = new Map<string, number>();

  constructor(private readonly sources: ReadonlyMap<string, number>) {}

  index(location: Location): number {
    const parent = location.parent ? this.index(location.parent) : -1;
    const also = location.also?.map((place) => this.index(place)) ?? [];
    const place = [this.sources.get(location.path) ?? -1, location.start, location.end, parent];
    const key = [...place, ...also].join();
    const known = this.known.get(key);
    if (known !== undefined) return known;
    this.rows.push(place);
    const row = this.rows.length - 1;
    if (also.length) this.fused.push({ location: row, also });
    this.known.set(key, row);
    return row;
  }
}

/** The JSON form that `docs/ir.md` specifies. */
export function encodeModule(module: UnverifiedModule): Json {
  const locations = new Locations(new Map(module.sources.map((s, i) => [s.path, i])));
  const storage = ({
    name,
    type,
    init,
    role,
    slotOf,
    twinOf,
    rowsOf,
    trainable,
    byRows,
    layout,
    location,
  }: Storage): Json => ({
    name,
    type: encodeType(type),
    init: init as unknown as Json,
    role,
    ...(slotOf !== undefined && { slotOf }),
    ...(twinOf !== undefined && { twinOf }),
    ...(rowsOf !== undefined && { rowsOf }),
    ...(trainable === false && { trainable }),
    ...(byRows && { byRows }),
    ...(layout && { layout }),
    location: locations.index(location),
  });
  const op = (o: Op<string>): Json => ({
    op: o.op,
    operands: o.operands.map((v) => v?.id ?? -1),
    attributes: o.attributes as Record<string, Json>,
    results: o.results.map(encodeValue),
    regions: o.regions.map(region),
    location: locations.index(o.location),
  });
  const region = (r: Region<string>): Json => ({ arguments: r.args.map(encodeValue), ops: r.ops.map(op) });
  const fn = (f: IrFunction<string>): Json => ({
    name: f.name,
    inputs: f.inputs.map(({ value, source }) => ({
      ...(encodeValue(value) as object),
      source: source as unknown as Json,
    })),
    results: f.results.map(({ name, type }) => ({ name, type: encodeType(type) })),
    body: region(f.body),
    location: locations.index(f.location),
  });
  const body = {
    version: [...IR_VERSION],
    name: module.name,
    sources: module.sources.map(({ path, text }) => ({ path, text })),
    storages: module.storages.map(storage),
    groups: module.groups.map(({ name, members }) => ({ name, members: [...members] })),
    functions: module.functions.map(fn),
  };
  const { rows, fused } = locations;
  return { ...body, locations: rows, ...(fused.length && { fused }) };
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 16);

/** Equal for programs that compute the same, wherever their source is written. */
export const structureHash = (module: UnverifiedModule): string => sha256(printStructure(module));

/** Equal for programs that can read each other's checkpoints: the names and types of all storages that are saved. */
export const weightsHash = (module: UnverifiedModule): string =>
  sha256(
    module.storages
      .filter((s) => s.role !== "scratch")
      .map((s) => `${s.name}:${printType(s.type)}`)
      .sort()
      .join("\n"),
  );
