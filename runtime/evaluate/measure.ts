/** @file What protocols find of one net: the images that several of them want of one source are embedded once. */
import type { Evaluation } from "../../compiler/index.js";
import { ExperimentError, type Protocol, type Result } from "../../dsl/index.js";
import { BridgeError, bridgeError } from "../bridge/bridge-error.js";
import type { Embedded, EvaluatedProgram, HostedMatrix } from "./evaluated-program.js";
import { WantedImages } from "./view.js";

const BATCH = 64;

/** Hears of an evaluation that failed; what it throws ends the others too. */
export type OnFailure = (name: string, error: BridgeError) => void;

/** Who hears what comes of each evaluation. */
export interface Hears {
  readonly failed: OnFailure;
  readonly found: (name: string, result: Result) => void;
}

/** The function of a program that a protocol asks for: of the image and its mirror image, or of the image alone. */
export const functionOf = ({ flip }: Protocol): string => (flip ? "embed" : "infer");

/** Measures a net by these evaluations. `through`: the function that makes the embeddings of one, `null` for the pixels themselves. */
export async function measureAll(
  program: EvaluatedProgram,
  evaluations: readonly Evaluation[],
  through: (evaluation: Evaluation) => string | null,
  { failed, found }: Hears,
  batch = BATCH,
): Promise<void> {
  for (const group of bySource(evaluations, through)) {
    const { source, function: fn } = group;
    const wanted = new WantedImages(group.evaluations.map(({ opened }) => opened.images));
    let embedded: Embedded;
    try {
      embedded = await program.embed({ source, function: fn, batch, images: wanted.images });
    } catch (error) {
      if (!(error instanceof BridgeError)) throw error;
      for (const { name } of group.evaluations) failed(name, error);
      continue;
    }
    const made: HostedMatrix[] = [embedded.matrix];
    try {
      for (const { name, opened } of group.evaluations) {
        try {
          found(name, await opened.score(wanted.viewOf(opened.images, embedded, made)));
        } catch (error) {
          failed(name, asBridgeError(name, error));
        }
      }
    } finally {
      await Promise.allSettled(made.map((matrix) => matrix.release()));
    }
  }
}

interface Group {
  readonly source: string;
  readonly function: string | null;
  readonly evaluations: Evaluation[];
}

/** Evaluations that want images of one source through one function. */
function bySource(
  evaluations: readonly Evaluation[],
  through: (evaluation: Evaluation) => string | null,
): Iterable<Group> {
  const groups = new Map<string, Group>();
  for (const evaluation of evaluations) {
    const { source } = evaluation;
    const fn = through(evaluation);
    const key = `${fn} ${source}`;
    const group = groups.get(key) ?? { source, function: fn, evaluations: [] };
    group.evaluations.push(evaluation);
    groups.set(key, group);
  }
  return groups.values();
}

/** What a protocol's `score` threw: a refusal, the host's error, or a fault of its author's. */
function asBridgeError(name: string, error: unknown): BridgeError {
  if (error instanceof BridgeError) return error;
  if (error instanceof ExperimentError) return new BridgeError(error.code, "user", error.message, error.hint);
  const message = error instanceof Error ? error.message : String(error);
  return bridgeError("protocol-threw", "user", { name, problem: message.split("\n")[0]! });
}
