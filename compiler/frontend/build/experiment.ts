/**
 * @file What an experiment is made of, as its options give it: the data, the method with its state, a first batch, and a first
 * plan, whose form is that of every plan. What does not fit is refused here, before any function is lowered.
 */
import {
  bookkeptParts,
  type Catalogue,
  type Experiment,
  ExperimentError,
  type MethodParts,
  type MethodState,
  methodParts,
  moduleParts,
  type OpenedData,
  type OpeningContext,
  type PlanValue,
  type Setting,
} from "../../../dsl/index.js";
import { type Updates, updateInputs, updateNumbers, updatesOf } from "../../build/parameter-groups.js";
import {
  flattenPlan,
  learningRate,
  loggedAs,
  loggedNumbers,
  type PlanSignature,
  pathsOf,
  planPoint,
  signatureOf,
} from "../../build/plan-signature.js";
import { RANDOM_SEED, RANDOM_STEP } from "../../build/random-inputs.js";
import { refuseIdleMomentum, startingWeights } from "../../build/starting-weights.js";
import { StorageTable } from "../../build/storage-table.js";
import { codeOf, experimentError } from "../../diagnostics/catalogue.js";
import { ACCUMULATE_FIRST, ACCUMULATE_LAST } from "../../passes/accumulate.js";
import type { LoadedExperiment } from "../load/load.js";
import type { FunctionSource, SourceTexts } from "../lower/function-source.js";
import { describe } from "../lower/refusals/words.js";
import { fixed } from "../lower/values/operand.js";
import { ownFolderIfAny } from "../user-cache.js";
import { type Findings, type Located, type LookingAt, showingOption } from "./findings.js";
import { partOf, planValueOf, stateEntryOf, stateOf, streamAskedFor } from "./pointing.js";
import { scannerHere } from "./scanner.js";

type AnyMethod = MethodParts<MethodState, string, PlanValue>;

/** An experiment with its data opened and its method made. */
export interface BuiltExperiment {
  readonly experiment: Experiment;
  readonly setting: Setting;
  readonly train: Catalogue;
  readonly heldOut: Catalogue;
  readonly method: AnyMethod;
  readonly state: MethodState;
  readonly signature: PlanSignature;
  /** What the loader draws for each stream's images. */
  readonly changes: Readonly<Record<string, PlanSignature>>;
  readonly stepsPerEpoch: number;
  /** How long the schedule is. */
  readonly steps: number;
  /** What the data source tells the user, a line each: what it passed over, and why. */
  readonly notes: readonly string[];
}

/** Opens the experiment's data alone. Throws a CompileError that shows the option at fault. */
export const openData = (loaded: LoadedExperiment): OpenedData => showingOption(loaded, () => dataOf(loaded));

const dataOf = ({ experiment, ...loaded }: LoadedExperiment): OpenedData =>
  experiment.data.open(openingContext(loaded));

/** What a source of a file's experiments is given. */
export const openingContext = ({
  directory,
  made,
}: Pick<LoadedExperiment, "directory" | "made">): OpeningContext => {
  const scanner = scannerHere();
  const tell = (line: string) => void process.stderr.write(`${line}\n`);
  return {
    directory,
    cache: process.env.F2C_NO_CACHE ? undefined : ownFolderIfAny("indexes"),
    tell,
    ...(scanner && { scan: (scan) => scanner(scan, tell) }),
    ...(made && { made }),
  };
};

/** A fresh book for every piece of state that keeps one. */
export const openBooks = (state: MethodState) =>
  Object.fromEntries(
    Object.entries(state).flatMap(([name, item]) =>
      bookkeptParts(item) ? [[name, bookkeptParts(item)!.open()]] : [],
    ),
  );

/** Opens the data, makes the method and asks for a first plan. Throws a CompileError that shows the option at fault. */
export const buildExperiment = (loaded: LoadedExperiment, texts: SourceTexts): BuiltExperiment =>
  showingOption(loaded, (lookingAt) => build(loaded, texts, lookingAt));

function build(loaded: LoadedExperiment, texts: SourceTexts, lookingAt: LookingAt): BuiltExperiment {
  const { experiment } = loaded;
  const { train, heldOut, notes = [] } = dataOf(loaded);
  const setting: Setting = {
    identities: train.offsets.length - 1,
    images: train.offsets.at(-1)!,
    shape: train.shape,
    streams: experiment.loader.streams,
    seed: experiment.seed,
  };
  lookingAt("method");
  const { state, parts: method } = methodOf(experiment, setting);
  const planSource = texts.functionOf(method.plan);
  lookingAt("method", () => planSource && stateOf(planSource));
  refuseStateWithoutNet(state);
  lookingAt("loader");
  const book = experiment.loader.open(train.offsets, experiment.seed);
  const { stepsPerEpoch } = book;
  const { unit, count } = experiment.length;
  const steps = unit === "steps" ? count : Math.ceil(count * stepsPerEpoch);
  const batch = book.batch(0);
  const changes = Object.fromEntries(
    Object.entries(batch).map(([stream, loaded]) => [stream, signatureOf(loaded.changes, stream)]),
  );
  const point = planPoint(0, stepsPerEpoch, steps);
  const asked = planSource && streamAskedFor(planSource, Object.keys(setting.streams));
  lookingAt("method", (error) =>
    isNoStream(error) ? asked?.span : planSource && planValueOf(planSource, error),
  );
  const plan = planned(() => method.plan(openBooks(state) as never, batch, point), asked?.name, setting);
  const signature = signatureOf(plan);
  flattenPlan(plan, signature, 0);
  refuseTakenNames(signature, setting, changes);
  lookingAt("lr");
  learningRate(experiment.lr, point);
  return {
    experiment,
    setting,
    train,
    heldOut,
    method,
    state,
    signature,
    changes,
    stepsPerEpoch,
    steps,
    notes,
  };
}

function methodOf(experiment: Experiment, setting: Setting) {
  const given: unknown = experiment.method(setting);
  const method = methodParts(given);
  if (method) return method;
  throw experimentError("no-method", { what: describe(fixed(given)) });
}

function refuseStateWithoutNet(state: MethodState): void {
  if (Object.values(state).some((item) => moduleParts(item))) return;
  const names = Object.keys(state).map((name) => `\`${name}\``);
  throw experimentError("no-net", { found: names.join(", ") || "nothing" });
}

const isNoStream = (error: unknown) =>
  error instanceof ExperimentError && error.code === codeOf("no-such-stream");

/** A first plan. If it failed because the loader has no stream `asked`, the error says that. */
function planned<T>(plan: () => T, asked: string | undefined, { streams }: Setting): T {
  try {
    return plan();
  } catch (error) {
    if (asked === undefined || !(error instanceof TypeError)) throw error;
    throw experimentError("no-such-stream", { name: asked, streams: Object.keys(streams).join(", ") });
  }
}

/** A plan's values have names of their own, in the log and among the inputs of the step. */
function refuseTakenNames(
  signature: PlanSignature,
  { streams }: Setting,
  changes: BuiltExperiment["changes"],
): void {
  for (const name of loggedNumbers(signature)) {
    const taken = loggedAs(name);
    if (taken !== undefined)
      throw experimentError("log-name-taken", { value: `plan.${name}`, name, what: taken });
  }
  const known = new Set([
    ...Object.entries(changes).flatMap(([stream, value]) => pathsOf(value, stream)),
    ...Object.keys(streams).map((stream) => `${stream}.images`),
    "lr",
    ACCUMULATE_FIRST,
    ACCUMULATE_LAST,
    RANDOM_SEED,
    RANDOM_STEP,
  ]);
  for (const path of pathsOf(signature)) {
    if (known.has(path)) throw experimentError("plan-name-taken", { path });
    known.add(path);
  }
}

/** The syntax of the method's compiled functions. */
export function methodSources(
  { plan, step, embed }: AnyMethod,
  texts: SourceTexts,
  findings: Findings,
): { readonly step: FunctionSource; readonly embed: FunctionSource } {
  const sources = { plan, step, embed };
  const found = Object.values(sources).flatMap((fn) => texts.functionOf(fn) ?? []);
  const sourceOf = (name: "step" | "embed"): FunctionSource =>
    findings.sourceOf(
      sources[name],
      name,
      () => (found[0] && partOf(found[0], name)) ?? findings.option("method"),
    );
  return { step: sourceOf("step"), embed: sourceOf("embed") };
}

/** The stored tensors of the method's state, with their names, and the files that they start from; their location is that of the step. */
export const storagesOf = (
  state: MethodState,
  step: FunctionSource,
  loaded: Located & Pick<LoadedExperiment, "directory" | "made">,
  options: { readonly trains: boolean },
) =>
  showingOption(loaded, (lookingAt) => {
    lookingAt("method", (error) => stateEntryOf(step, error));
    const location = { path: step.path, start: step.node.getStart(), end: step.node.getEnd() };
    const starting = startingWeights(state, openingContext(loaded), options);
    return { storages: new StorageTable(state, location, starting.initOf), starting };
  });

/** The optimizer's groups with the parameters of each, and whether their inputs have names of their own. */
export const groupsOf = (
  built: BuiltExperiment,
  { storages, starting }: ReturnType<typeof storagesOf>,
  loaded: Located,
): Updates =>
  showingOption(loaded, (lookingAt) => {
    const { experiment, signature, stepsPerEpoch, steps } = built;
    lookingAt("optimizer");
    const trained = storages.trainedParameters.map(({ name, type }) => ({
      name,
      shape: type.dims as number[],
    }));
    const updates = updatesOf(experiment.optimizer, trained);
    refuseIdleMomentum(starting, (stored) => storages.nameOf(stored)!, updates);
    const at = planPoint(0, stepsPerEpoch, steps);
    updateNumbers(updates, at, 0, experiment.accumulate, (policy, name) => learningRate(policy, at, name));
    lookingAt("method");
    const inputs = new Set(updateInputs(updates));
    for (const path of pathsOf(signature))
      if (inputs.has(path)) throw experimentError("plan-name-taken", { path });
    return updates;
  });
