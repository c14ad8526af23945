/**
 * @file What a study asks of a kind of stage: how one is planned, and who makes it. `kinds` has a file for each, and its index is the
 * table by the name that `dsl/method/stage.ts` calls `maker`. Studies, their order, their folders and artefacts, and the command line know this alone.
 */
import type { Diagnostic, IrModule, LoadedFile, PassRecord } from "../../compiler/index.js";
import type { OpeningContext, Stage } from "../../dsl/index.js";
import type { Observer } from "../observe/observer.js";
import type { Json } from "../run/identity/json.js";
import type { Artefact, Recipe } from "./artefact.js";
import type { Host } from "./host.js";
import type { Stoppable } from "./on-hosts.js";

/** What the command line says of every stage. */
export interface StageOptions {
  readonly device?: string | undefined;
  readonly backend?: string | undefined;
  readonly threads?: number | undefined;
  readonly steps?: number | undefined;
}

/** What a stage is planned with. */
export interface Planning {
  readonly name: string;
  /** Without what it declares: the study. */
  readonly file: Omit<LoadedFile, "declared">;
  readonly options: StageOptions;
  /** What stages make that are data of this one. */
  readonly made: OpeningContext["made"];
  /** Sees the program after every pass. */
  readonly observe: (record: PassRecord) => void;
  /** A stage that this one needs. */
  planned(stage: Stage): PlannedStage;
}

/** A stage before it is made, as its kind knows it. */
export interface StagePlan {
  readonly module: IrModule;
  /** Stages that it needs beside those that it declares: found when it was compiled. */
  readonly needs?: readonly Stage[];
  /** What decides what it makes, beside the program and the stages that it needs: hashes of files by name, and options. */
  readonly inputs: Recipe["inputs"];
  readonly options: Json;
  readonly device: string;
  readonly backend: string;
  /** What is said of it before it is made, a line each. */
  readonly says: readonly string[];
  readonly warnings: readonly Diagnostic[];
}

/** A stage of a study, with all that decides what it makes. */
export type PlannedStage<P extends StagePlan = StagePlan> = Omit<P, "needs"> & {
  readonly name: string;
  readonly kind: string;
  /** Who makes it, by the name in `kinds`. */
  readonly maker: string;
  readonly needs: readonly string[];
  /** A stage that is to be made before it is known what this one is made from: recipe and folder are not its own yet. */
  readonly awaits: string | undefined;
  readonly recipe: Recipe;
  readonly hash: string;
  /** `<root>/<name>-<the hash's first digits>`: another recipe has another folder, and leaves this one alone. */
  readonly folder: string;
};

/** What a stage is made with. */
export interface Making {
  readonly file: Planning["file"];
  readonly options: StageOptions;
  /** Hears what the work tells, beside those whom the stage's folder has. */
  readonly terminal: Observer;
  /** How often in a row a host that died is started again without progress in between. */
  readonly restarts: number;
  readonly start: () => Promise<Host>;
  /** Hears who works, before it begins. */
  readonly begins: (work: Stoppable) => void;
  /** An error in plain lines. */
  readonly asText: (error: unknown) => string;
}

/** A kind of stage. */
export interface StageMaker<S extends Stage = Stage, P extends StagePlan = StagePlan> {
  /** Compiles it. Throws a CompileError where that fails. */
  plan(stage: S, planning: Planning): P;
  /** Makes it in its folder, beginning where it broke off. Resolves to the files that it leaves, or to nothing if it was asked to stop. */
  make(stage: PlannedStage<P>, making: Making): Promise<Artefact["files"] | undefined>;
  /** Whether what it leaves decides the programs of those that are made from it: they are planned again once it is made. */
  readonly decides?: true;
  /** What those that are made from it see of it (`OpeningContext.made`); absent: nothing. */
  made?(stage: PlannedStage<P>): unknown;
}
