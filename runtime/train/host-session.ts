/** @file A host with a program in it: loading, evaluating, saving. Names of messages end here. */
import { encodeModule, type Program } from "../../compiler/index.js";
import type { Catalogue } from "../../dsl/index.js";
import type { HostClient } from "../bridge/host-client.js";
import { vector, type WireBuffer } from "../bridge/wire.js";
import { type Measured, withoutBroken } from "../evaluate/broken-pairs.js";
import type { Pairs } from "../evaluate/pairs.js";
import type { Written } from "../run/files.js";
import type { StepPlan } from "./planner.js";

export interface Loaded {
  readonly parameters: number;
  readonly bytes: number;
  readonly seconds: number;
}

const EVALUATION_BATCH = 64;

/** Opens a data source under a name, in a host that may have no program. */
export async function openSource(client: HostClient, name: string, catalogue: Catalogue): Promise<void> {
  const buffers = Object.fromEntries(
    Object.entries(catalogue.buffers).map(([key, data]) => [key, vector(data)]),
  );
  await client.request("source", { name, spec: catalogue.spec }, buffers);
}

/** What was found in image files; a row an image, 0 for a broken one. See `inspect` in docs/protocol.md. */
export interface Inspected {
  readonly broken: readonly { readonly position: number; readonly code: string; readonly message: string }[];
  /** A hash of the pixels that training sees. */
  readonly content: BigInt64Array;
  /** Width and height in the file, upright. */
  readonly size: Int32Array;
  readonly bits: Uint8Array;
  readonly transparent: Uint8Array;
  readonly flat: Uint8Array;
  readonly tint: Uint8Array;
}

/** Reads images of an open source of files, and says what was found. */
export async function inspectImages(
  client: HostClient,
  source: string,
  images: Int32Array,
): Promise<Inspected> {
  const { body, buffers } = await client.request("inspect", { source }, { images: vector(images) });
  const bytes = (name: string) => buffers[name]!.data as Uint8Array;
  return {
    broken: body.broken as Inspected["broken"],
    content: buffers.content!.data as BigInt64Array,
    size: buffers.size!.data as Int32Array,
    bits: bytes("bits"),
    transparent: bytes("transparent"),
    flat: bytes("flat"),
    tint: bytes("tint"),
  };
}

/** What the driver asks of a host that runs `program`. */
export class HostSession {
  constructor(
    readonly client: HostClient,
    private readonly program: Program,
  ) {}

  /** Sends the program and the data sources. */
  async load(options: { device: string; backend: string; threads?: number | undefined }): Promise<Loaded> {
    const { module, train, heldOut, experiment } = this.program;
    const { body } = await this.client.request("load", {
      ir: encodeModule(module),
      backend: options.backend,
      device: options.device,
      threads: options.threads ?? null,
    });
    await this.open("train", train);
    if (experiment.evaluate) await this.open("evaluate", heldOut);
    return body as unknown as Loaded;
  }

  /** Opens a data source under a name. */
  open(name: string, catalogue: Program["train"]): Promise<void> {
    return openSource(this.client, name, catalogue);
  }

  async initialise(): Promise<void> {
    await this.client.request("init", { seed: this.program.experiment.seed });
  }

  /** Reads a checkpoint's tensors; a file that has another hash than it was written with is refused as damaged (F2C6205). */
  async restore(path: string, sha256: string | undefined, step: number): Promise<void> {
    const { seed } = this.program.experiment;
    await this.client.request("restore", { path, step: step - 1, seed, sha256: sha256 ?? null });
  }

  /** Writes all tensors, unless one of `finite` holds NaN or infinity (F2C6207). */
  async save(path: string, finite: readonly string[]): Promise<Written> {
    const { body } = await this.client.request("save", { path, finite });
    return { bytes: body.bytes as number, sha256: body.sha256 as string };
  }

  plan({ step, scalars, arrays }: StepPlan): Promise<void> {
    const buffers: Record<string, WireBuffer> = Object.fromEntries(
      Object.entries(arrays).map(([name, data]) => [name, vector(data)]),
    );
    return this.client.plan({ step, source: "train", scalars }, buffers);
  }

  /** Cosine of each pair without a broken image: of the embeddings, or of the mean-subtracted pixels. */
  async similarities(pairs: Pairs, of: "embeddings" | "pixels"): Promise<Measured> {
    const { buffers } = await this.client.request(
      "similarities",
      { source: "evaluate", function: of === "embeddings" ? "embed" : null, batch: EVALUATION_BATCH },
      {
        images: vector(pairs.images),
        pairs: { dtype: "i32", shape: [pairs.same.length, 2], data: pairs.positions },
      },
    );
    return withoutBroken(pairs, buffers.similarity!.data as Float64Array, buffers.broken!.data as Int32Array);
  }

  /** Writes the net as a TorchScript file and as safetensors. */
  async export(torchscript: string, weights: string): Promise<void> {
    await this.client.request("export", { function: "infer", torchscript, weights });
  }

  async preview(images: Int32Array, columns: number, path: string): Promise<void> {
    await this.client.request("preview", { source: "train", columns, path }, { images: vector(images) });
  }
}
