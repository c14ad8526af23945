/** @file `f2c-dsl data preview`: a contact sheet, a row a person; or the images of a step, as the net gets them. */
import { resolve } from "node:path";
import { batchArrays } from "../../compiler/build/plan-signature.js";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import { compilePreparation, type LoadedExperiment } from "../../compiler/index.js";
import type { Catalogue } from "../../dsl/index.js";
import { labelOf } from "../../dsl/plan/identity-stream.js";
import type { PlanResult } from "../bridge/host-events.js";
import { setUp } from "../bridge/python-environment.js";
import { grouped } from "../stages/facts.js";
import type { HostSession } from "../stages/host-session.js";
import { type LookingOptions, lookedAt } from "./looked-at.js";
import { fail } from "./report.js";
import { startHost } from "./start-host.js";

interface PreviewOptions extends LookingOptions {
  readonly out: string;
  readonly people: number;
  readonly images: number;
  readonly step?: number;
}

export async function preview(file: string, options: PreviewOptions): Promise<void> {
  let host: HostSession | undefined;
  const started = async () => {
    host ??= await startHost(await setUp((line) => process.stderr.write(`${line}\n`)));
    return host;
  };
  try {
    for (const [name, least] of [
      ["people", 1],
      ["images", 1],
      ["step", 0],
    ] as const) {
      const value = options[name] ?? least;
      if (!Number.isInteger(value) || value < least)
        throw experimentError("bad-command-line.count", { option: name, least, example: 8 });
    }
    const { loaded, train } = await lookedAt(file, options, started);
    if (options.step !== undefined && !loaded)
      throw experimentError("bad-command-line.step-of-path", { path: file });
    const drawn =
      options.step === undefined
        ? await drawPeople(train, options, started)
        : await drawStep(loaded!, options.step, options, started);
    process.stdout.write(`${options.out}: ${drawn}\n`);
  } catch (error) {
    fail(error);
  } finally {
    await host?.shutdown();
  }
}

type Started = () => Promise<HostSession>;

/** A row of images of each person, as they lie in the source. */
async function drawPeople(
  train: Catalogue,
  { people: rows, images, out }: PreviewOptions,
  started: Started,
): Promise<string> {
  const { offsets } = train;
  const chosen: number[] = [];
  // People with enough images make full rows; without enough of them, those with most come first.
  const people = Array.from({ length: offsets.length - 1 }, (_, i) => i).sort(
    (a, b) =>
      Math.min(offsets[b + 1]! - offsets[b]!, images) - Math.min(offsets[a + 1]! - offsets[a]!, images) ||
      a - b,
  );
  for (const person of people.slice(0, rows)) {
    const count = offsets[person + 1]! - offsets[person]!;
    for (let i = 0; i < images; i++) chosen.push(offsets[person]! + (i % count));
  }
  const host = await started();
  await host.open("train", train);
  const names = chosen.map((image) => nameOf(train, image));
  await host.preview("train", Int32Array.from(chosen), { columns: images, path: resolve(out), names });
  const shown = people.slice(0, rows);
  const fewer = shown.filter((person) => offsets[person + 1]! - offsets[person]! < images).length;
  const each = fewer > 0 ? `, repeated where one has fewer (${grouped(fewer)} of them)` : "";
  return `${grouped(shown.length)} ${shown.length === 1 ? "person" : "people"}, ${images} images each${each}`;
}

/** The images of a step, stream after stream, as the loader prepares them for the net. */
async function drawStep(
  loaded: LoadedExperiment,
  step: number,
  { images: columns, out }: PreviewOptions,
  started: Started,
): Promise<string> {
  const { module, experiment, train, changes } = compilePreparation(loaded);
  const batch = experiment.loader.open(train.offsets, experiment.seed).batch(step);
  const streams = Object.keys(batch);
  const arrays = batchArrays(batch, changes, step);
  const host = await started();
  await host.open("train", train);
  const program = await host.load("prepare", module, { device: "cpu", backend: "eager" });
  await program.initialise(experiment.seed);
  const result = new Promise<PlanResult>((resolve, reject) => {
    host.events = { onResult: resolve, onFailed: reject };
    host.died.then(reject);
  });
  await program.plan({
    function: "prepare",
    number: 0,
    streams: Object.fromEntries(streams.map((stream) => [stream, "train"])),
    scalars: {},
    arrays,
    returns: streams,
  });
  const { tensors } = await result;
  const names = streams.flatMap((stream) =>
    Array.from(batch[stream]!.images, (image) => `${stream}: ${nameOf(train, image)}`),
  );
  const pixels = Buffer.concat(streams.map((stream) => pixelsOf(tensors[stream]!.data as Float32Array)));
  await host.draw(pixels, [names.length, ...train.shape], { columns, path: resolve(out), names });
  return `step ${step}, ${names.length} images as the net gets them, streams ${streams.join(", ")}`;
}

/** What `pixelsToImages` made of pixels, the other way round; what left the range is cut off. */
const pixelsOf = (images: Float32Array): Uint8Array =>
  new Uint8Array(Uint8ClampedArray.from(images, (value) => value * 128 + 127.5).buffer);

const nameOf = ({ names, offsets }: Catalogue, image: number): string => {
  if (names) return names.slice(image, image + 1)[0]!;
  const person = labelOf(offsets, image);
  return `${person} (${image - offsets[person]!})`;
};
