/** @file A host behind the bridge, and the programs in it. Names of messages end here. */
import { encodeModule, type IrModule } from "../../compiler/index.js";
import type { Catalogue, Nearest, Parts } from "../../dsl/index.js";
import type { BridgeError } from "../bridge/bridge-error.js";
import type { HostClient } from "../bridge/host-client.js";
import type { Heartbeat, HostEvents } from "../bridge/host-events.js";
import { type Message, vector, type WireBuffer } from "../bridge/wire.js";
import type { Embedded, EvaluatedProgram, HostedMatrix, Wanted } from "../evaluate/evaluated-program.js";
import type { Written } from "../run/files.js";
import type { Host, HostedProgram, LoadOptions, Plan, Saved } from "./host.js";

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
  readonly format: Uint8Array;
  /** 1 for grey, 3 for colours, as the file holds them. */
  readonly channels: Uint8Array;
  /** How large the file is, or the piece of one. */
  readonly bytes: BigInt64Array;
}

/** A picture of many images: how many in a row, where it is written, and a name below each. */
export interface Sheet {
  readonly columns: number;
  readonly path: string;
  readonly names: readonly string[];
}

/** What `convert` made of files of PyTorch. */
export interface Converted {
  readonly bytes: number;
  /** How many there are in the file. */
  readonly tensors: number;
  /** The net of ours that it is: as an experiment calls it, and its parameters. */
  readonly net: { readonly call: string; readonly parameters: number } | null;
  /** What was done with what, in its order; a count of 0 is of something that is not counted. */
  readonly rows: readonly { readonly did: string; readonly what: string; readonly count: number }[];
}

/** A host behind the bridge. */
export class HostSession implements Host {
  readonly died: Promise<BridgeError>;

  constructor(readonly client: HostClient) {
    this.died = client.died;
  }

  get heartbeat(): Heartbeat | undefined {
    return this.client.heartbeat;
  }

  get silentFor(): number {
    return this.client.silentFor;
  }

  set events(events: Partial<HostEvents>) {
    this.client.events = events;
  }

  get events(): Partial<HostEvents> {
    return this.client.events;
  }

  async open(name: string, catalogue: Catalogue): Promise<void> {
    const buffers = Object.fromEntries(
      Object.entries(catalogue.buffers).map(([key, data]) => [key, vector(data)]),
    );
    await this.client.request("source", { name, spec: catalogue.spec }, buffers);
  }

  async exporters(names: readonly string[]): Promise<Readonly<Record<string, string>>> {
    const { body } = await this.client.request("exporters", { names });
    return body.endings as Record<string, string>;
  }

  async load(
    name: string,
    module: IrModule,
    { backend, device, threads, files = {} }: LoadOptions,
  ): Promise<HostedProgram> {
    const { body } = await this.client.request("load", {
      program: name,
      ir: encodeModule(module),
      files: Object.fromEntries(
        Object.entries(files).map(([key, file]) => [key, { ...file, strict: false }]),
      ),
      backend,
      device,
      threads: threads ?? null,
    });
    return new ProgramInHost(this.client, name, body as unknown as Loaded);
  }

  /** Loads a net that lies in a file of its own, under a name that programs share. The path is absolute. */
  async loadNet(
    name: string,
    kind: "torchscript" | "onnx",
    path: string,
    { device, threads }: Pick<LoadOptions, "device" | "threads">,
  ): Promise<NetInHost> {
    const asked = { program: name, kind, path, device, threads: threads ?? null };
    const { body } = await this.client.request("load_net", asked);
    const { input, texts } = body as unknown as Pick<NetInHost, "input" | "texts">;
    return new NetInHost(this.client, name, input, texts);
  }

  stop(): Promise<void> {
    return this.client.stop();
  }

  shutdown(): Promise<void> {
    return this.client.shutdown();
  }

  /** Writes what files of PyTorch hold as one safetensors file. Paths are absolute. */
  async convert(paths: readonly string[], to: string): Promise<Converted> {
    const { body } = await this.client.request("convert", { paths, to });
    return body as unknown as Converted;
  }

  /** Writes images of a source as one picture. */
  async preview(source: string, images: Int32Array, sheet: Sheet): Promise<void> {
    await this.client.request("preview", { source, ...sheet }, { images: vector(images) });
  }

  /** Writes images [N, C, H, W] as one picture. */
  async draw(pixels: Uint8Array, shape: readonly number[], sheet: Sheet): Promise<void> {
    await this.client.request("draw", { ...sheet }, { pixels: { dtype: "u8", shape, data: pixels } });
  }

  /** Reads images of an open source of files, and says what was found. */
  async inspect(source: string, images: Int32Array): Promise<Inspected> {
    const { body, buffers } = await this.client.request("inspect", { source }, { images: vector(images) });
    const bytes = (name: string) => buffers[name]!.data as Uint8Array;
    return {
      broken: body.broken as Inspected["broken"],
      content: buffers.content!.data as BigInt64Array,
      size: buffers.size!.data as Int32Array,
      bits: bytes("bits"),
      transparent: bytes("transparent"),
      flat: bytes("flat"),
      tint: bytes("tint"),
      format: bytes("format"),
      channels: bytes("channels"),
      bytes: buffers.bytes!.data as BigInt64Array,
    };
  }
}

interface Loaded {
  readonly parameters: number;
  readonly bytes: number;
  readonly seconds: number;
}

class ProgramInHost implements HostedProgram {
  readonly parameters: number;
  readonly bytes: number;
  readonly seconds: number;

  constructor(
    private readonly client: HostClient,
    readonly name: string,
    { parameters, bytes, seconds }: Loaded,
  ) {
    this.parameters = parameters;
    this.bytes = bytes;
    this.seconds = seconds;
  }

  async initialise(seed: number, next = 0): Promise<void> {
    await this.ask("init", { seed, next });
  }

  async restore({ path, sha256, next, seed }: Saved): Promise<void> {
    await this.ask("restore", { path, next, seed, sha256: sha256 ?? null });
  }

  async save(path: string, finite: readonly string[]): Promise<Written> {
    const { body } = await this.ask("save", { path, finite });
    return { bytes: body.bytes as number, sha256: body.sha256 as string };
  }

  plan({ arrays, ...plan }: Plan): Promise<void> {
    const buffers: Record<string, WireBuffer> = Object.fromEntries(
      Object.entries(arrays).map(([name, data]) => [name, vector(data)]),
    );
    return this.client.plan({ program: this.name, ...plan }, buffers);
  }

  embed(wanted: Wanted): Promise<Embedded> {
    return embedIn(this.client, this.name, wanted);
  }

  async export(
    fn: string,
    to: string,
    path: string,
    about: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, unknown>>> {
    const { body } = await this.ask("export", { function: fn, to, path, about });
    return body;
  }

  async unload(): Promise<void> {
    await this.ask("unload", {});
  }

  private ask(
    kind: string,
    body: Readonly<Record<string, unknown>>,
    buffers: Readonly<Record<string, WireBuffer>> = {},
  ): Promise<Message> {
    return this.client.request(kind, { program: this.name, ...body }, buffers);
  }
}

/** A net that lies in a file of its own. */
export class NetInHost implements EvaluatedProgram {
  constructor(
    private readonly client: HostClient,
    private readonly name: string,
    /** What the file says of the tensor that goes in, as far as it does; -1 is any size. */
    readonly input: { readonly type?: "uint8" | "float32"; readonly shape?: readonly number[] },
    /** What the file carries, by name. */
    readonly texts: Readonly<Record<string, string>>,
  ) {}

  embed(wanted: Wanted): Promise<Embedded> {
    return embedIn(this.client, this.name, wanted);
  }
}

/** Asks a program or a net for a matrix. */
async function embedIn(
  client: HostClient,
  program: string,
  { source, function: fn, batch, images, feeding, flip }: Wanted,
): Promise<Embedded> {
  const matrix = freshName();
  const asked = { program, matrix, source, function: fn, batch };
  const { body, buffers } = await client.request(
    "embed",
    { ...asked, input: feeding ?? null, flip: flip ?? null },
    { images: vector(images) },
  );
  const made = new MatrixInHost(client, body.width as number, matrix);
  return { matrix: made, broken: buffers.broken!.data as Int32Array };
}

/** How many matrices were named. */
let named = 0;

const freshName = () => `matrix ${++named}`;

class MatrixInHost implements HostedMatrix {
  constructor(
    private readonly client: HostClient,
    readonly width: number,
    readonly name = freshName(),
  ) {}

  async cosines(pairs: Int32Array): Promise<Float64Array> {
    const buffer: WireBuffer = { dtype: "i32", shape: [pairs.length / 2, 2], data: pairs };
    const { buffers } = await this.client.request("cosines", { matrix: this.name }, { pairs: buffer });
    return buffers.cosines!.data as Float64Array;
  }

  async topK(queries: Int32Array, gallery: HostedMatrix, among: Int32Array, k: number): Promise<Nearest> {
    const { buffers } = await this.client.request(
      "top_k",
      { matrix: this.name, gallery: (gallery as MatrixInHost).name, k },
      { queries: vector(queries), among: vector(among) },
    );
    return {
      positions: buffers.positions!.data as Int32Array,
      scores: buffers.scores!.data as Float64Array,
    };
  }

  async means(groups: Int32Array, count: number): Promise<HostedMatrix> {
    const means = new MatrixInHost(this.client, this.width);
    const body = { matrix: this.name, into: means.name, count };
    await this.client.request("means", body, { groups: vector(groups) });
    return means;
  }

  async sums(count: number, { rows, into, weights, unit = false, plus }: Parts): Promise<HostedMatrix> {
    const sums = new MatrixInHost(this.client, this.width);
    const body = { matrix: this.name, into: sums.name, count, unit };
    const shape = plus ? [count, this.width] : [0, 0];
    await this.client.request("sums", body, {
      rows: vector(rows),
      groups: vector(into),
      weights: vector(weights),
      plus: { dtype: "f64", shape, data: plus ?? new Float64Array(0) },
    });
    return sums;
  }

  async highest(
    queries: Int32Array,
    gallery: HostedMatrix,
    among: Int32Array,
    k: number,
  ): Promise<Float64Array> {
    const { buffers } = await this.client.request(
      "highest",
      { matrix: this.name, gallery: (gallery as MatrixInHost).name, k },
      { queries: vector(queries), among: vector(among) },
    );
    return buffers.cosines!.data as Float64Array;
  }

  async rows(first: number, count: number): Promise<Float32Array> {
    const { buffers } = await this.client.request("rows", { matrix: this.name, first, count });
    return buffers.rows!.data as Float32Array;
  }

  async release(): Promise<void> {
    await this.client.request("release", { matrix: this.name });
  }
}
