/** @file Modules that differ only in the ids of their values, or in their places, made equal. */
import type { IrFunction, IrModule, Location, Op, Region, Value } from "#compiler/index";

type Move = (location: Location) => Location;

/** The module with ids that count up in each function in the order of definition, and places as `move` says. */
export function canonical(module: IrModule, move: Move = (location) => location): IrModule {
  const storage = (s: IrModule["states"][number]) => ({ ...s, location: move(s.location) });
  return {
    ...module,
    parameters: module.parameters.map(storage),
    states: module.states.map(storage),
    functions: module.functions.map((fn) => canonicalFunction(fn, move)),
  };
}

function canonicalFunction(fn: IrFunction, move: Move): IrFunction {
  const known = new Map<number, Value>();
  const define = (value: Value): Value => {
    const made = { ...value, id: known.size };
    known.set(value.id, made);
    return made;
  };
  const op = (o: Op): Op => {
    const operands = o.operands.map((v) => v && known.get(v.id)!);
    const regions = o.regions.map(region);
    return { ...o, operands, regions, results: o.results.map(define), location: move(o.location) };
  };
  const region = (r: Region): Region => ({ args: r.args.map(define), ops: r.ops.map(op) });
  const inputs = fn.inputs.map(({ value, source }) => ({ value: define(value), source }));
  return { ...fn, inputs, body: region(fn.body), location: move(fn.location) };
}

/** The module with all ids and places alike that may differ after a round trip without locations. */
export const withoutPlaces = (module: IrModule): IrModule => ({
  ...canonical(module, () => ({ path: "nowhere", start: 0, end: 0 })),
  sources: [],
});
