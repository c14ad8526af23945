/** @file What samplers ask of their options and of the data. */
import { ExperimentError } from "../errors.js";

export function refuseSampler(sampler: string, what: string, remedy: string): never {
  throw new ExperimentError("F2C2208", `${sampler}: ${what}`, remedy);
}

export function wholeNumber(sampler: string, option: string, value: number, low: number): void {
  if (!Number.isInteger(value) || value < low)
    refuseSampler(sampler, `\`${option}\` is ${value}`, `give a whole number of ${option}, from ${low} up`);
}

export function enoughIdentities(sampler: string, wanted: number, available: number): void {
  if (available < wanted)
    throw new ExperimentError(
      "F2C2209",
      `${sampler}: \`identities\` is ${wanted}, but the data source has ${available}: those of one step differ from each other`,
      "lower `identities`, or add data",
    );
}
