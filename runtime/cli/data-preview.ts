/** @file `f2c-dsl data preview`: a contact sheet, a row a person. */
import { resolve } from "node:path";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import { compileExperiment, IR_VERSION, loadExperiment, registryHash } from "../../compiler/index.js";
import { HostClient } from "../bridge/host-client.js";
import { setUp } from "../bridge/python-environment.js";
import { HostSession } from "../stages/host-session.js";
import { fail } from "./report.js";

export async function preview(
  file: string,
  options: { out: string; people: number; images: number },
): Promise<void> {
  let host: HostSession | undefined;
  try {
    for (const name of ["people", "images"] as const) {
      if (!Number.isInteger(options[name]) || options[name] < 1)
        throw experimentError("bad-command-line.count", { option: name, least: 1, example: 8 });
    }
    const loaded = loadExperiment(file);
    const program = compileExperiment(loaded);
    const { offsets } = program.train;
    const chosen: number[] = [];
    // People with enough images make full rows; without enough of them, those with most come first.
    const people = Array.from({ length: offsets.length - 1 }, (_, i) => i).sort(
      (a, b) =>
        Math.min(offsets[b + 1]! - offsets[b]!, options.images) -
          Math.min(offsets[a + 1]! - offsets[a]!, options.images) || a - b,
    );
    for (const person of people.slice(0, options.people)) {
      const count = offsets[person + 1]! - offsets[person]!;
      for (let i = 0; i < options.images; i++) chosen.push(offsets[person]! + (i % count));
    }
    const python = await setUp((line) => process.stderr.write(`${line}\n`));
    host = new HostSession(
      await HostClient.start({ python, registryHash: registryHash(), irVersion: IR_VERSION }),
    );
    await host.open("train", program.train);
    await host.preview("train", Int32Array.from(chosen), options.images, resolve(options.out));
    process.stdout.write(
      `${options.out}: ${Math.min(options.people, people.length)} people, ${options.images} images each\n`,
    );
  } catch (error) {
    fail(error);
  } finally {
    await host?.shutdown();
  }
}
