/** @file The stages of a study: planned in order, each by its kind, with what each is made from and its folder; whether it is there; and made. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type LoadedStudy, type PassRecord, structureHash } from "../../compiler/index.js";
import { needsOf, STAGE, STUDY, type Stage } from "../../dsl/index.js";
import { hashOfRecipe, type Recipe, readArtefact, writeArtefact } from "./artefact.js";
import * as KINDS from "./kinds/index.js";
import type { Making, PlannedStage, Planning, StageMaker, StageOptions } from "./maker.js";

export interface StudyOptions extends StageOptions {
  /** The folder of the study: each stage has one in it. */
  readonly root: string;
  /** Sees the program of a stage after every pass. */
  readonly observe?: (stage: string, record: PassRecord) => void;
  /** Stages as they were planned before: those of which all was known are as they were. */
  readonly before?: readonly PlannedStage[];
}

const MAKERS: Readonly<Record<string, StageMaker>> = KINDS;

function makerOf(name: string): StageMaker {
  const maker = MAKERS[name];
  if (!maker) throw new Error(`internal: runtime/stages/kinds makes no stage of the kind ${name}`);
  return maker;
}

/**
 * The stages of a study in the order in which they are made: each after those that it needs, otherwise as they are written. Throws a
 * CompileError for one that does not compile.
 */
export function planStudy(
  { declared, ...file }: LoadedStudy,
  { root, observe, before = [], ...options }: StudyOptions,
): readonly PlannedStage[] {
  const names = new Map(Object.entries(declared[STUDY]).map(([name, stage]) => [stage, name]));
  const known = new Map(before.flatMap((stage) => (stage.awaits === undefined ? [[stage.name, stage]] : [])));
  const planned = new Map<Stage, PlannedStage>();
  const begun = new Set<Stage>();
  /** One that starts from another's weights says so while it is planned, so that one is planned then. */
  const made: Planning["made"] = (stage) => {
    if (names.has(stage) && !begun.has(stage)) plan(stage);
    const found = planned.get(stage);
    return found && makerOf(found.maker).made?.(found);
  };
  const plan = (stage: Stage): void => {
    begun.add(stage);
    for (const needed of needsOf(stage)) if (!begun.has(needed)) plan(needed);
    const name = names.get(stage)!;
    const same = known.get(name);
    if (same) {
      planned.set(stage, same);
      return;
    }
    const { kind, maker = kind } = stage[STAGE];
    const own = makerOf(maker).plan(stage, {
      name,
      file,
      options,
      made,
      observe: (record) => observe?.(name, record),
      planned: (other) => planned.get(other)!,
    });
    const needed = [...new Set([...needsOf(stage), ...(own.needs ?? [])])].map(
      (other) => planned.get(other)!,
    );
    const undecided = (other: PlannedStage) =>
      other.awaits ?? (makerOf(other.maker).decides && stateOf(other) !== "made" ? other.name : undefined);
    const [awaits] = needed.flatMap((other) => undecided(other) ?? []);
    const recipe: Recipe = {
      kind,
      program: structureHash(own.module),
      inputs: { ...Object.fromEntries(needed.map((other) => [other.name, other.hash])), ...own.inputs },
      options: own.options,
    };
    const hash = hashOfRecipe(recipe);
    const folder = join(resolve(root), `${name}-${hash.slice(0, 8)}`);
    const needs = needed.map((other) => other.name);
    planned.set(stage, { ...own, name, kind, maker, needs, awaits, recipe, hash, folder });
  };
  for (const stage of names.keys()) if (!begun.has(stage)) plan(stage);
  return [...planned.values()];
}

/** Whether a stage is made, was begun, or is not there. */
export function stateOf({ folder, recipe }: PlannedStage): "made" | "begun" | "missing" {
  if (readArtefact(folder, recipe)) return "made";
  return existsSync(folder) ? "begun" : "missing";
}

/** Makes a stage from those that it needs. Resolves to whether it came to the end. */
export async function makeStage(stage: PlannedStage, making: Making): Promise<boolean> {
  const files = await makerOf(stage.maker).make(stage, making);
  if (files) writeArtefact(stage.folder, stage.recipe, files);
  return files !== undefined;
}
