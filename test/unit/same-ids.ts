/** @file Modules that differ only in the ids of their values, or in their places, made equal. */
import type { IrFunction, Location, Op, Region, UnverifiedModule, Value } from "#compiler/index";

type Move = (location: Location) => Location;

/** The module with ids that count up in each function in the order of definition, and places as `move` says. */
export function canonical(module: UnverifiedModule, move: Move = (location) => location): UnverifiedModule {
  const storage = (s: UnverifiedModule["storages"][number]) => ({ ...s, location: move(s.location) });
  return {
    ...module,
    storages: module.storages.map(storage),
    functions: module.functions.map((fn) => canonicalFunction(fn, move)),
  };
}

function canonicalFunction(fn: IrFunction<string>, move: Move): IrFunction<string> {
  const known = new Map<number, Value>();
  const define = (value: Value): Value => {
    const made = { ...value, id: known.size };
    known.set(value.id, made);
    return made;
  };
  const op = (o: Op<string>): Op<string> => {
    const operands = o.operands.map((v) => v && known.get(v.id)!);
    const regions = o.regions.map(region);
    return { ...o, operands, regions, results: o.results.map(define), location: move(o.location) };
  };
  const region = (r: Region<string>): Region<string> => ({ args: r.args.map(define), ops: r.ops.map(op) });
  const inputs = fn.inputs.map(({ value, source }) => ({ value: define(value), source }));
  return { ...fn, inputs, body: region(fn.body), location: move(fn.location) };
}

/** The module with all ids and places alike that may differ after a round trip without locations. */
export const withoutPlaces = (module: UnverifiedModule): UnverifiedModule => ({
  ...canonical(module, () => ({ path: "nowhere", start: 0, end: 0 })),
  sources: [],
});
