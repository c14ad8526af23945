/** @file From lowered functions to the program for the host: the sources that it points into, the passes, the constraints. */
import type { IrModule, Location, Region } from "../../ir/module.js";
import { optimise, type PassOptions, type PassRecord, passesFor } from "../../passes/pipeline.js";
import { verify } from "../../verify/verify.js";
import type { SourceTexts } from "../lower/function-source.js";

/** For functions that nobody trains. */
export const AS_WRITTEN: PassOptions = { precision: "f32", layout: "contiguous", accumulate: 1 };

interface Finishing {
  readonly texts: SourceTexts;
  /** The experiment's folder. Paths below it are shown relative to it. */
  readonly directory: string;
  /** Sees the program as it was lowered, and after every pass. */
  readonly observe: (record: PassRecord) => void;
}

/** The program after the passes that the options ask for. */
export function finish(
  module: IrModule,
  options: PassOptions,
  { texts, directory, observe }: Finishing,
): IrModule {
  const lowered = withSources(module, texts, directory);
  observe({ name: "lowered", statistics: {}, module: lowered });
  const finished = optimise(lowered, passesFor(options), observe);
  const [violation] = verify(finished);
  if (violation)
    throw new Error(`internal: the compiled program breaks ${violation.constraint}: ${violation.message}`);
  return finished;
}

/** Adds the sources that locations point into, under names that are the same on every machine. */
function withSources(module: IrModule, texts: SourceTexts, directory: string): IrModule {
  const shown = (path: string) =>
    path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : path;
  const paths = new Set<string>();
  const renamed = new Map<Location, Location>();
  const rename = (location: Location): Location => {
    const known = renamed.get(location);
    if (known) return known;
    paths.add(location.path);
    const { path, start, end, parent } = location;
    const named = { path: shown(path), start, end, ...(parent && { parent: rename(parent) }) };
    renamed.set(location, named);
    return named;
  };
  const located = <T extends { readonly location: Location }>(item: T): T => ({
    ...item,
    location: rename(item.location),
  });
  const inRegion = ({ args, ops }: Region): Region => ({
    args,
    ops: ops.map((op) => ({ ...located(op), regions: op.regions.map(inRegion) })),
  });
  // What is walked first decides the order of the sources: functions before the storages.
  const functions = module.functions.map((fn) => ({ ...located(fn), body: inRegion(fn.body) }));
  return {
    ...module,
    functions,
    storages: module.storages.map(located),
    sources: [...paths].map((path) => ({ path: shown(path), text: texts.text(path) })),
  };
}
