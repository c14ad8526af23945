/**
 * @file A program of some functions of another, whose storages start from a file. What `infer` of a training is,
 *
 *     parameter @probe.conv.weight : f32[8, 3, 3, 3] = kaiming_normal(…)      … the gallery, the pool, the velocities
 *     func @step(…)   func @embed(…)   func @infer(images : u8[B, 3, 56, 56] from argument)
 *
 * becomes
 *
 *     parameter @probe.conv.weight : f32[8, 3, 3, 3] = file(file = @net, tensor = @conv.weight)
 *     func @infer(images : u8[B, 3, 56, 56] from images of the stream `images`)
 */
import {
  type Init,
  type IrFunction,
  type IrModule,
  type Storage,
  type TensorType,
  walkOps,
} from "../ir/module.js";
import { membersOf, storagesOf } from "../registry/storages.js";

export interface Extraction {
  readonly name: string;
  /** The functions that stay. Their arguments become streams of images of their own names. */
  readonly functions: readonly string[];
  /** The name that the program gives to the file that was exported of the function; absent: its storages start as they do. */
  readonly file?: string;
}

export function extract(module: IrModule, { name, functions, file }: Extraction): IrModule {
  const found = functions.map((wanted) => functionOf(module, wanted));
  const named = found.flatMap(({ body }) => [...walkOps(body)].map((op) => op.attributes.name));
  const read = new Set(found.flatMap((fn) => readBy(module, fn)));
  const storages = module.storages.filter((storage) => read.has(storage));
  const tensorOf = exportedNames(storages.map((storage) => storage.name));
  const startOf = ({ name, init }: Storage): Init =>
    file === undefined ? init : { kind: "file", file, tensor: tensorOf(name) };
  const ofStreams = (fn: IrFunction): IrFunction => ({
    ...fn,
    inputs: fn.inputs.map(({ value, source }) => ({
      value,
      source: source.kind === "argument" ? { kind: "images", stream: value.name } : source,
    })),
  });
  return {
    ...module,
    name,
    storages: storages.map(({ twinOf: _, slotOf: __, byRows: ___, ...storage }) => ({
      ...storage,
      init: startOf(storage),
    })),
    groups: module.groups.filter((group) => named.includes(group.name)),
    functions: found.map(ofStreams),
  };
}

function functionOf(module: IrModule, name: string): IrFunction {
  const found = module.functions.find((fn) => fn.name === name);
  if (!found) throw new Error(`internal: the program ${module.name} has no function ${name}`);
  return found;
}

/** The storages that a function reads. */
function readBy(module: IrModule, { body }: IrFunction): readonly Storage[] {
  const members = membersOf(module.groups);
  const read = new Set([...walkOps(body)].flatMap((op) => storagesOf(op, members)));
  return module.storages.filter((storage) => read.has(storage.name));
}

/**
 * The tensors of the safetensors file that is exported of a function, by their names there: what it reads, and the other weights of the
 * same net. Files in other formats hold what it reads.
 */
export function exportedTensors(module: IrModule, name: string): ReadonlyMap<string, TensorType> {
  const fn = functionOf(module, name);
  const held = [...new Set([...readBy(module, fn), ...netWeights(module, fn)])];
  const nameOf = exportedNames(held.map((storage) => storage.name));
  return new Map(held.map(({ name, type }) => [nameOf(name), type]));
}

/**
 * The weights of the net that a function applies, also those that it does without: a token for what is masked is of training alone. A
 * parameter is a weight, and a twin's copy of one. The host's `Exported.beside` says the same.
 */
export function netWeights(module: IrModule, fn: IrFunction): readonly Storage[] {
  const parameters = new Set(module.storages.filter(isParameter).map(({ name }) => name));
  const modules = modulesOf(readBy(module, fn).map(({ name }) => name));
  return module.storages.filter(
    (storage) =>
      (isParameter(storage) || (storage.twinOf !== undefined && parameters.has(storage.twinOf))) &&
      modules.some((path) => storage.name.startsWith(path)),
  );
}

const isParameter = ({ role }: Storage) => role === "parameter";

/** The modules that hold these names, each with the dot that follows it: of each part of the state, the innermost that holds all of it. */
function modulesOf(names: readonly string[]): readonly string[] {
  const paths = new Map<string, readonly string[]>();
  for (const name of names) {
    const path = name.split(".");
    const known = paths.get(path[0]!) ?? path.slice(0, -1);
    const differs = known.findIndex((key, i) => key !== path[i]);
    paths.set(path[0]!, differs < 0 ? known : known.slice(0, differs));
  }
  return [...paths.values()].filter((path) => path.length > 0).map((path) => `${path.join(".")}.`);
}

/**
 * The names of a net's tensors in the files that are exported of it: without the key under which the net is in the
 * method's state, if all of them are under one. The host's `names_in_file` says the same.
 */
function exportedNames(storages: readonly string[]): (storage: string) => string {
  const keys = new Set(storages.map((name) => name.split(".")[0]));
  const one = keys.size === 1 && storages.every((name) => name.includes("."));
  return (storage) => (one ? storage.slice(storage.indexOf(".") + 1) : storage);
}
