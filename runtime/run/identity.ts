/**
 * @file What makes a run this run. `identityOf` writes it down when a run begins; `compareIdentity` says, when it is to go on,
 * what differs: what would make it another run (refused), and what may change on the way (said, and recorded).
 *
 * Which is which stands in one table, `identity/fates.ts`. `docs/language.md` explains it to users.
 */
import { inputsOf } from "../../compiler/build/parameter-groups.js";
import { type CompiledExperiment, HELD_OUT } from "../../compiler/index.js";
import { type Catalogue, descriptionOf, twinParts } from "../../dsl/index.js";
import { SAMPLER_VERSION } from "../../dsl/plan/sampler-version.js";
import type { OptionName } from "./identity/fates.js";
import { functionsOf } from "./identity/functions.js";
import { isRecord, type Json, type JsonRecord, jsonOf, OWN } from "./identity/json.js";
import { type Listing, listingOf } from "./identity/listing.js";
import { type ProgramIdentity, programIdentity } from "./identity/program.js";
import { type Samples, samplesOf } from "./identity/samples.js";
import { packageVersion } from "./versions.js";

export { compareIdentity, type Difference, refusalOf } from "./identity/compare.js";

/** Plain JSON, stored in config.json under `identity`. */
export interface RunIdentity {
  readonly version: 1;
  /** Options by name; one that has options of its own is a record. */
  readonly options: JsonRecord;
  readonly versions: Readonly<Record<string, string>>;
  /** From here on: absent in what is known of a run that began before identities were recorded. */
  readonly train?: Listing;
  readonly heldOut?: Listing;
  readonly program?: ProgramIdentity;
  readonly samples?: Samples;
  /** The user's functions that plan, and the numbers that they use. */
  readonly functions?: { readonly sources: JsonRecord; readonly constants: JsonRecord };
  /** The numbers that the user's compiled functions use: they name a difference of the program. */
  readonly compiled?: JsonRecord;
}

/** What a run is given beside its program. */
export interface Given {
  readonly device?: string;
  readonly backend?: string;
  readonly threads?: number | undefined;
  readonly torch?: string | undefined;
}

/** What a source was asked for. Where the images lie is not what they are; which they are is in the listing. */
export function dataOptions(
  kind: string,
  { spec, places = [], shape }: Catalogue,
): Readonly<Record<string, unknown>> {
  const options = Object.entries(spec).filter(([name]) => name !== "kind" && !places.includes(name));
  return { ...Object.fromEntries(options), kind, shape };
}

/** How each option of an experiment is written down. */
const OPTIONS: { readonly [K in OptionName]: (program: CompiledExperiment) => unknown } = {
  name: ({ experiment }) => experiment.name,
  seed: ({ experiment }) => experiment.seed,
  data: ({ experiment, train }) => dataOptions(experiment.data.kind, train),
  method: ({ experiment }) => descriptionOf(experiment.method) ?? OWN,
  loader: ({ experiment, setting }) => ({
    ...(descriptionOf(experiment.loader) ?? OWN),
    streams: setting.streams,
  }),
  optimizer: ({ experiment }) => descriptionOf(experiment.optimizer) ?? OWN,
  lr: ({ experiment }) => experiment.lr,
  length: ({ experiment: { length } }) => `${length.count} ${length.unit}`,
  evaluate: ({ evaluations }) =>
    Object.fromEntries(
      evaluations.map(({ name, protocol, people, source }) => {
        const { kind, every = null, flip, baselines, options } = protocol;
        const data = source === HELD_OUT ? undefined : listingOf(people).hash;
        return [name, { ...options, kind, every, flip, baselines, data }];
      }),
    ),
  observe: ({ experiment: { observe } }) =>
    observe.length ? Object.fromEntries(observe.map(({ tool, options }) => [tool, options])) : undefined,
  checkpoint: ({ experiment: { checkpoint } }) => `every ${checkpoint.count} ${checkpoint.unit}`,
  keepBest: ({ experiment: { keepBest } }) => keepBest,
  device: ({ experiment }) => experiment.device,
  backend: ({ experiment }) => experiment.backend,
  precision: ({ experiment }) => experiment.precision,
  layout: ({ experiment }) => experiment.layout,
  accumulate: ({ experiment }) => experiment.accumulate,
  export: ({ experiment }) => experiment.export,
  options: ({ experiment: { options } }) => (Object.keys(options).length > 0 ? options : undefined),
};

/** What makes a program's run this run. Plans a few steps and throws them away; never fails because of what they do. */
export function identityOf(program: CompiledExperiment, given: Given = {}): RunIdentity {
  const { experiment, method, train, heldOut, state } = program;
  const { torch, ...options } = given;
  // Looked at before anything is planned: a plan may change what it captures.
  const functions = functionsOf(
    {
      lr: experiment.lr,
      ...groupPolicies(program),
      plan: method.plan,
      "data.open": experiment.data.open,
      "loader.open": experiment.loader.open,
    },
    true,
  );
  const { constants } = functionsOf(
    { step: method.step, embed: method.embed, ...updateFunctions(program) },
    false,
  );
  return {
    version: 1,
    options: jsonOf({
      ...Object.fromEntries(Object.entries(OPTIONS).map(([name, read]) => [name, read(program)])),
      state: stateOptions(state),
      sampler: SAMPLER_VERSION,
      stepsPerEpoch: program.stepsPerEpoch,
      ...options,
    }) as JsonRecord,
    versions: { "f2c-dsl": packageVersion(), node: process.version, ...(torch !== undefined && { torch }) },
    train: listingOf(train),
    heldOut: listingOf(heldOut),
    program: programIdentity(program.module),
    samples: samplesOf(program),
    functions,
    compiled: constants,
  };
}

/** The optimizer's compiled functions. */
const updateFunctions = ({ updates: { groups, gradients } }: CompiledExperiment) =>
  Object.fromEntries([
    ...groups.flatMap((group) => [
      ...group.parts.map(({ label, update }) => [nameOf("optimizer", label), update] as const),
      [nameOf("optimizer", group.name, "gradients"), group.gradients] as const,
    ]),
    ["optimizer.gradients", gradients] as const,
  ]);
const nameOf = (...names: readonly (string | undefined)[]) => names.filter(Boolean).join(".");

/** The learning rates that groups of the optimizer have of their own. */
const groupPolicies = ({ updates: { groups } }: CompiledExperiment) =>
  Object.fromEntries(
    groups.flatMap((group) => (typeof group.lr === "function" ? [[inputsOf(group).lr, group.lr]] : [])),
  );

const stateOptions = (state: CompiledExperiment["state"]) =>
  Object.fromEntries(
    Object.entries(state).flatMap(([name, item]) => {
      const described = descriptionOf(item) ?? twinOptions(item);
      return described ? [[name, described]] : [];
    }),
  );
const twinOptions = (item: unknown) => {
  const twin = twinParts(item);
  return twin && { kind: "twin", ...twin.options };
};

/** The identity in a run's config.json; of one that is older than identities, what can be told from its other fields. */
export function savedIdentity(config: Readonly<Record<string, unknown>>): RunIdentity {
  const { identity } = config as { identity?: RunIdentity };
  if (identity?.version === 1 && isRecord(identity.options as Json) && identity.versions) return identity;
  const { name, seed, device, backend, data, stepsPerEpoch, versions } = config;
  const every = (field: string) => config[field] as { count: number; unit: string } | undefined;
  const [length, checkpoint] = [every("length"), every("checkpoint")];
  const setting = config.setting as Partial<CompiledExperiment["setting"]> | undefined;
  const options = {
    name,
    seed,
    device,
    backend,
    stepsPerEpoch,
    length: length && `${length.count} ${length.unit}`,
    checkpoint: checkpoint && `every ${checkpoint.count} ${checkpoint.unit}`,
    data: { kind: data, shape: setting?.shape },
    loader: { streams: setting?.streams },
  };
  const given = JSON.parse(JSON.stringify(options)) as JsonRecord;
  return {
    version: 1,
    options: given,
    versions: (versions as Record<string, string> | undefined) ?? {},
    ...(setting?.identities !== undefined &&
      setting.images !== undefined && {
        train: { identities: setting.identities, images: setting.images, hash: "", blocks: "", perBlock: 0 },
      }),
  };
}
