/** @file What of a compiled program makes a run this run: what it stores, how that starts, what a step computes, what is exported. */
import {
  type IrModule,
  printStructure,
  type Storage,
  walkOps,
  weightsHash,
} from "../../../compiler/index.js";
import { shortHash } from "./json.js";

/** The tensors under one name of the state. */
export interface StoredPart {
  readonly tensors: number;
  readonly numbers: number;
  readonly hash: string;
  /** Names and types, where there are few. */
  readonly types?: string;
}

export interface ProgramIdentity {
  readonly weights: string;
  readonly parts: Readonly<Record<string, StoredPart>>;
  /** How everything stored starts. */
  readonly start: string;
  /** The files that some of it starts from, by the names that the program gives them. */
  readonly startFiles?: readonly string[];
  /** The step without what it starts from. */
  readonly step: string;
  readonly ops: number;
  /** What is evaluated and exported. */
  readonly embed: string;
  /** The experiment's own files that the program was compiled from, by name: a hash. */
  readonly files: Readonly<Record<string, string>>;
}

const typeOf = ({ name, type }: Storage) => `${name} ${type.dtype}[${type.dims.join(", ")}]`;
const FEW = 4;
const MOST_PARTS = 32;

export function programIdentity(module: IrModule): ProgramIdentity {
  const stored = module.storages.filter(({ role }) => role !== "scratch");
  const byPart = new Map<string, Storage[]>();
  for (const storage of stored) {
    const first = storage.name.split(".")[0]!;
    const part = byPart.has(first) || byPart.size < MOST_PARTS ? first : "(more)";
    byPart.set(part, [...(byPart.get(part) ?? []), storage]);
  }
  const parts = [...byPart].map(([name, list]): [string, StoredPart] => {
    const types = list.map(typeOf);
    const numbers = list.reduce(
      (n, { type }) => n + type.dims.reduce<number>((a, d) => a * (d as number), 1),
      0,
    );
    return [
      name,
      {
        tensors: list.length,
        numbers,
        hash: shortHash(types.join("\n")),
        ...(list.length <= FEW && { types: types.join(", ") }),
      },
    ];
  });
  const text = (names: (name: string) => boolean) =>
    printStructure({
      ...module,
      storages: module.storages.map(plain),
      functions: module.functions.filter((f) => names(f.name)),
    });
  const step = module.functions.find((f) => f.name === "step");
  const startFiles = new Set(stored.flatMap(({ init }) => (init.kind === "file" ? [init.file] : [])));
  return {
    weights: weightsHash(module),
    parts: Object.fromEntries(parts),
    start: shortHash(stored.map(({ name, init }) => `${name} ${JSON.stringify(init)}`).join("\n")),
    ...(startFiles.size > 0 && { startFiles: [...startFiles].sort() }),
    step: shortHash(text((name) => name === "step")),
    ops: step ? [...walkOps(step.body)].length : 0,
    embed: shortHash(text((name) => name !== "step")),
    files: Object.fromEntries(
      module.sources
        .filter(({ path }) => !path.startsWith("f2c-dsl/"))
        .slice(0, MOST_PARTS)
        .map(({ path, text }) => [path, shortHash(text)]),
    ),
  };
}

/** A stored tensor without how it starts: that is compared by itself. */
const plain = (storage: Storage): Storage => ({ ...storage, init: { kind: "zeros" } });
