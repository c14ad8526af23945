/** @file The stage that turns a data set into a matrix: a row for each image, which is data for the next stage. */

import { experimentError } from "../core/errors.js";
import { type Experiment, isExperiment } from "../experiment.js";
import type { Net } from "../method/net.js";
import type { Catalogue, DataSource } from "../method/source.js";
import { STAGE, type Stage, type StageKind } from "../method/stage.js";

export interface EmbedOptions {
  /** What embeds: the net of an experiment of the study, of the folder of a run, or one with its weights: `weights(net, file)`. */
  readonly net: Experiment | string | Net;
  readonly data: DataSource;
  /** Whose images: of the people to train on, of those kept back, or of both, who stay apart. */
  readonly of?: "all" | "train" | "heldOut";
  /** Images at once. */
  readonly batch?: number;
  readonly device?: Experiment["device"];
  readonly backend?: Experiment["backend"];
}

export const EMBED = Symbol.for("f2c-dsl.embed");

/**
 * What `embed` makes: unit embeddings, a row for each image. As the data of another stage they are images of one pixel, whose
 * channels are the numbers of a row: [D, 1, 1]; identities are those of the data, and people kept back stay kept back.
 */
export interface Embeddings extends DataSource, Stage {
  readonly [EMBED]: Required<EmbedOptions>;
}

/** The matrix of a stage, for those that take it as their data. */
export interface MadeEmbeddings {
  /** The file, or where it will be. */
  readonly path: string;
  /** The length of an embedding. */
  readonly columns: number;
  /** Of everything that decides what the matrix holds. */
  readonly hash: string;
}

/** Embeds a data set with a trained net. */
export function embed(options: EmbedOptions): Embeddings {
  const { net, data, of = "all", batch = 64, device = "auto", backend = "torchscript" } = options;
  if (!Number.isInteger(batch) || batch < 1) throw experimentError("bad-embed.batch", { batch });
  const stage: Embeddings = {
    kind: "embeddings",
    [STAGE]: EMBEDDINGS,
    [EMBED]: { net, data, of, batch, device, backend },
    get needs() {
      return [stage];
    },
    open(context) {
      const made = context.made?.(stage) as MadeEmbeddings | undefined;
      if (!made) throw experimentError("embeddings-not-made", {});
      const { train, heldOut, notes } = data.open(context);
      const rows = (of: Catalogue, first: number): Catalogue => ({
        spec: {
          kind: "matrix",
          path: made.path,
          tensor: MATRIX,
          first,
          rows: of.offsets.at(-1)!,
          made: made.hash,
        },
        places: ["path"],
        offsets: of.offsets,
        shape: [made.columns, 1, 1],
        dtype: "f32",
        buffers: {},
      });
      const [first, second] = embeddedOf(stage, { train, heldOut });
      const firstRows = first.offsets.at(-1)!;
      return { train: rows(first, 0), heldOut: rows(second, firstRows), ...(notes && { notes }) };
    },
  };
  return stage;
}

const EMBEDDINGS: StageKind<Embeddings> = {
  kind: "embeddings",
  called: () => "embeddings",
  needs: ({ [EMBED]: { net, data } }) => [...(isExperiment(net) ? [net] : []), ...(data.needs ?? [])],
};

/** The tensor of the file that holds the rows. */
export const MATRIX = "embeddings";

const NOBODY = { offsets: new Int32Array(1), buffers: {} };

/** The sets of images that a stage embeds, one after the other: those of its data that `of` names. */
export function embeddedOf(
  { [EMBED]: { of } }: Embeddings,
  { train, heldOut }: { readonly train: Catalogue; readonly heldOut: Catalogue },
): readonly [Catalogue, Catalogue] {
  if (of === "all") return [train, heldOut];
  const chosen = of === "train" ? train : heldOut;
  return [chosen, { ...chosen, ...NOBODY }];
}
