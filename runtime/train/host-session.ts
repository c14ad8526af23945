/** @file A host with a program in it: loading, evaluating, saving. Names of messages end here. */
import { encodeModule, type Program } from "../../compiler/index.js";
import type { HostClient } from "../bridge/host-client.js";
import { vector, type WireBuffer } from "../bridge/wire.js";
import type { Pairs } from "../evaluate/pairs.js";
import type { Written } from "../run/files.js";
import type { StepPlan } from "./planner.js";

export interface Loaded {
  readonly parameters: number;
  readonly bytes: number;
  readonly seconds: number;
}

const EVALUATION_BATCH = 64;

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
  async open(name: string, catalogue: Program["train"]): Promise<void> {
    const buffers = Object.fromEntries(
      Object.entries(catalogue.buffers).map(([key, data]) => [key, vector(data)]),
    );
    await this.client.request("source", { name, spec: catalogue.spec }, buffers);
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

  /** Cosine of each pair: of the embeddings, or of the mean-subtracted pixels. */
  async similarities(pairs: Pairs, of: "embeddings" | "pixels"): Promise<Float64Array> {
    const { buffers } = await this.client.request(
      "similarities",
      { source: "evaluate", function: of === "embeddings" ? "embed" : null, batch: EVALUATION_BATCH },
      {
        images: vector(pairs.images),
        pairs: { dtype: "i32", shape: [pairs.same.length, 2], data: pairs.positions },
      },
    );
    return buffers.similarity!.data as Float64Array;
  }

  /** Writes the net as a TorchScript file and as safetensors. */
  async export(torchscript: string, weights: string): Promise<void> {
    const prefix = `${this.program.module.parameters[0]!.name.split(".")[0]}.`;
    await this.client.request("export", { function: "infer", torchscript, weights, prefix });
  }

  async preview(images: Int32Array, columns: number, path: string): Promise<void> {
    await this.client.request("preview", { source: "train", columns, path }, { images: vector(images) });
  }
}
