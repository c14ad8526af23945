/** @file From an experiment value to its IR: opens the data, builds the method, asks for a first plan, lowers the functions. */
import {
  bookkeptParts,
  type Catalogue,
  type ChildRecord,
  type Experiment,
  ExperimentError,
  embedded,
  embeddedBothWays,
  type LoaderBook,
  type MethodParts,
  type MethodState,
  methodParts,
  moduleParts,
  OPTIMIZER,
  type OpenedData,
  type PlanValue,
  type Setting,
  type StepPoint,
} from "../../dsl/index.js";
import { FunctionBuilder } from "../build/function-builder.js";
import {
  flattenPlan,
  learningRate,
  loggedAs,
  loggedNumbers,
  type PlanSignature,
  pathsOf,
  planPoint,
  signatureOf,
} from "../build/plan-signature.js";
import { StorageTable } from "../build/storage-table.js";
import { CompileError } from "../diagnostics/compile-error.js";
import type { Diagnostic, Span } from "../diagnostics/diagnostic.js";
import { symbol } from "../ir/dim.js";
import {
  type IrFunction,
  type IrModule,
  type Location,
  type Op,
  scalarType,
  type Type,
  tensorType,
  walkOps,
} from "../ir/module.js";
import { ACCUMULATE_FIRST, ACCUMULATE_LAST } from "../passes/accumulate.js";
import { optimise, type PassRecord, passesFor } from "../passes/pipeline.js";
import { verify } from "../verify/verify.js";
import { earlyWrites } from "./early-writes.js";
import { GradientFlow } from "./gradient-flow.js";
import { LIBRARY_PREFIX } from "./library.js";
import { type LoadedExperiment, optionOf, thrown } from "./load.js";
import { type FunctionSource, SourceTexts } from "./lower/function-source.js";
import { inUserCode, Lowerer } from "./lower/lowerer.js";
import { dynamic, fixed, type Operand, record } from "./lower/operand.js";
import { describe } from "./lower/words.js";
import {
  partOf,
  planValueOf,
  returnedBy,
  stateEntryOf,
  stateNode,
  stateOf,
  streamAskedFor,
} from "./pointing.js";
import { optionNamed } from "./stack.js";
import { warningsOf } from "./warnings.js";

/** A compiled experiment: the program for the host, and what the planner needs to feed it. */
export interface Program {
  readonly module: IrModule;
  readonly experiment: Experiment;
  readonly method: MethodParts<MethodState, string, PlanValue>;
  readonly state: MethodState;
  readonly setting: Setting;
  readonly train: Catalogue;
  readonly heldOut: Catalogue;
  readonly signature: PlanSignature;
  readonly stepsPerEpoch: number;
  /** How long the schedule is. */
  readonly steps: number;
  /** The run ends after so many steps, wherever its schedule stands then. */
  readonly stopAfter?: number | undefined;
  /** What compiles and is probably not meant. */
  readonly warnings: readonly Diagnostic[];
  /** What the data source tells the user, a line each: what it passed over, and why. */
  readonly notes: readonly string[];
}

/** Steps until a run of the program ends. */
export const lastStep = ({ steps, stopAfter = steps }: Pick<Program, "steps" | "stopAfter">): number =>
  Math.min(steps, stopAfter);

/** Opens the experiment's data alone. Throws a CompileError that shows the option at fault. */
export const openData = (loaded: LoadedExperiment): OpenedData =>
  building(loaded, () => loaded.experiment.data.open({ directory: loaded.directory }));

/** Compiles a loaded experiment. Throws a CompileError with every problem found. `observe` sees the program after every pass. */
export function compileExperiment(
  loaded: LoadedExperiment,
  observe: (record: PassRecord) => void = () => {},
): Program {
  const diagnostics: Diagnostic[] = [];
  const report = (d: Diagnostic) => {
    const key = (x: Diagnostic) => `${x.code} ${x.message} ${x.span?.path}:${x.span?.start}`;
    const shown = inExperiment(d, (option) => optionOf(loaded.path, loaded.texts, option));
    if (!diagnostics.some((x) => key(x) === key(shown))) diagnostics.push(shown);
  };
  const stop = (): never => {
    throw new CompileError(diagnostics, textsOf(diagnostics, texts));
  };
  const texts = new SourceTexts(loaded.texts);
  const { experiment } = loaded;
  const built = building(loaded, (stage) => build(experiment, loaded.directory, stage, texts));

  const home = optionOf(loaded.path, loaded.texts, "method");
  const sources = [built.parts.plan, built.parts.step, built.parts.embed].map((fn) => texts.functionOf(fn));
  const known = sources.find((source) => source !== undefined);
  const sourceOf = (source: FunctionSource | undefined, name: string): FunctionSource => {
    if (source) return source;
    report({
      code: "F2C2006",
      severity: "error",
      message: `the method's \`${name}\` has no TypeScript source that could be compiled`,
      span: (known && partOf(known, name)) ?? home,
      related: [],
      hint: "write it in the experiment, or in a .ts file that it imports by a relative path",
    });
    return stop();
  };
  const stepSource = sourceOf(sources[1], "step");
  const embedSource = sourceOf(sources[2], "embed");
  const stepPlace: Location = {
    path: stepSource.path,
    start: stepSource.node.getStart(),
    end: stepSource.node.getEnd(),
  };
  const storages = building(loaded, (stage) => {
    stage("method", (error) => stateEntryOf(stepSource, error));
    return new StorageTable(built.state, stepPlace);
  });
  const lower = { built, storages, texts, report, experiment };
  const step = lowerStep(lower, stepSource);
  checkEmbedding(lower, embedSource);
  if (diagnostics.length > 0) stop();
  const functions = [
    step,
    lowerEmbedding(
      lower,
      embedSource,
      "embed",
      experiment.evaluate?.flip === false ? embedded : embeddedBothWays,
    ),
    lowerEmbedding(lower, embedSource, "infer", embedded),
  ];
  if (diagnostics.length > 0) stop();

  const lowered = withSources(
    {
      name: experiment.name,
      sources: [],
      parameters: storages.parameters,
      states: storages.states,
      groups: storages.groups,
      functions: functions as IrFunction[],
    },
    texts,
    loaded.directory,
  );
  observe({ name: "lowered", statistics: {}, module: lowered });
  const module = optimise(lowered, passesFor(experiment), observe);
  const violations = verify(module);
  if (violations.length)
    throw new Error(
      `internal: the compiled program breaks ${violations[0]!.constraint}: ${violations[0]!.message}`,
    );
  return {
    module,
    experiment,
    method: built.parts,
    state: built.state,
    setting: built.setting,
    train: built.train,
    heldOut: built.heldOut,
    signature: built.signature,
    stepsPerEpoch: built.stepsPerEpoch,
    steps: built.steps,
    warnings: warningsOf(loaded, {
      ...built,
      experiment,
      method: built.parts,
      books: openBooks(built.state),
    }),
    notes: built.notes,
  };
}

/** What is found where only the library's own code led is shown at the option of the experiment that it comes from. */
function inExperiment(d: Diagnostic, optionNamed: (option: string) => Span): Diagnostic {
  if (!d.span?.path.startsWith(LIBRARY_PREFIX)) return d;
  const span = optionNamed(d.code === "F2C3017" ? "loader" : "method");
  return { ...d, span, related: [{ message: "in the library, here", span: d.span }, ...d.related] };
}

function textsOf(diagnostics: readonly Diagnostic[], texts: SourceTexts): ReadonlyMap<string, string> {
  const spans = diagnostics.flatMap((d) => [d.span, ...d.related.map((r) => r.span)]);
  return new Map(spans.flatMap((s) => (s && s.path !== "" ? [[s.path, texts.text(s.path)] as const] : [])));
}

/** What is thrown while data and method are built, by the DSL's own functions or the user's, as a diagnostic. */
function building<T>(loaded: LoadedExperiment, work: (stage: Stage) => T): T {
  let option = "data";
  let place: ((error: unknown) => Span | undefined) | undefined;
  try {
    return work((next, where) => {
      [option, place] = [next, where];
    });
  } catch (error) {
    const { path, texts } = loaded;
    const span =
      place?.(error) ??
      optionNamed(path, texts.get(path) ?? "", option, error) ??
      optionOf(path, texts, option);
    throw new CompileError([{ span, ...thrown(error, texts) }], texts);
  }
}

/** Notes which option of the experiment is being looked at: what goes wrong now is shown there, or at a closer place. */
type Stage = (
  option: "data" | "loader" | "method" | "lr",
  place?: (error: unknown) => Span | undefined,
) => void;

interface Built {
  readonly setting: Setting;
  readonly train: Catalogue;
  readonly heldOut: Catalogue;
  readonly state: MethodState;
  readonly parts: MethodParts<MethodState, string, PlanValue>;
  readonly signature: PlanSignature;
  /** What the loader does to each stream's images, at step 0. */
  readonly changes: Readonly<Record<string, PlanValue>>;
  readonly stepsPerEpoch: number;
  readonly steps: number;
  readonly notes: readonly string[];
}

function build(experiment: Experiment, directory: string, stage: Stage, texts: SourceTexts): Built {
  const { train, heldOut, notes = [] } = experiment.data.open({ directory });
  const identities = train.offsets.length - 1;
  const images = train.offsets.at(-1)!;
  const setting: Setting = {
    identities,
    images,
    shape: train.shape,
    streams: experiment.loader.streams,
    seed: experiment.seed,
  };
  stage("method");
  const given: unknown = experiment.method(setting);
  const method = methodParts(given);
  if (!method)
    throw new ExperimentError(
      "F2C2105",
      `the experiment's \`method\` returned ${describe(fixed(given))}, not a method`,
      "return method(state, { plan, step, embed }), or use one of the library's, such as f2c({ … })",
    );
  const { state, parts } = method;
  const planSource = texts.functionOf(parts.plan);
  stage("method", () => planSource && stateOf(planSource));
  if (!Object.values(state).some((item) => moduleParts(item)))
    throw new ExperimentError(
      "F2C2106",
      `the method's state has no net: it has ${
        Object.keys(state)
          .map((name) => `\`${name}\``)
          .join(", ") || "nothing"
      }`,
      "put the net into the state: method({ net, … }, …)",
    );
  stage("loader");
  const book: LoaderBook = experiment.loader.open(train.offsets, experiment.seed);
  const { stepsPerEpoch } = book;
  const steps =
    experiment.length.unit === "steps"
      ? experiment.length.count
      : Math.ceil(experiment.length.count * stepsPerEpoch);
  const batch = book.batch(0);
  const changes = Object.fromEntries(
    Object.entries(batch).map(([stream, loaded]) => [stream, loaded.changes]),
  );
  const point: StepPoint = planPoint(0, stepsPerEpoch, steps);
  const asked = planSource && streamAskedFor(planSource, Object.keys(setting.streams));
  stage("method", (error) =>
    isNoStream(error) ? asked?.span : planSource && planValueOf(planSource, error),
  );
  const plan = planned(() => parts.plan(openBooks(state) as never, batch, point), asked?.name, setting);
  const signature = signatureOf(plan);
  flattenPlan(plan, signature, 0);
  for (const name of loggedNumbers(signature)) {
    const taken = loggedAs(name);
    if (taken !== undefined) throw new ExperimentError("F2C2124", ...takenInLog(`plan.${name}`, name, taken));
  }
  refuseTakenNames(signature, [
    ...Object.entries(changes).flatMap(([stream, value]) => pathsOf(signatureOf(value), stream)),
    ...Object.keys(setting.streams).map((stream) => `${stream}.images`),
    "lr",
    ACCUMULATE_FIRST,
    ACCUMULATE_LAST,
  ]);
  stage("lr");
  learningRate(experiment.lr, point);
  return {
    setting,
    train,
    heldOut,
    state,
    parts,
    signature,
    changes,
    stepsPerEpoch,
    steps,
    notes,
  };
}

const isNoStream = (error: unknown) => error instanceof ExperimentError && error.code === "F2C2015";

/** A first plan; one that stumbled over a stream that the loader does not give, `asked`, says so. */
function planned<T>(plan: () => T, asked: string | undefined, { streams }: Setting): T {
  try {
    return plan();
  } catch (error) {
    if (asked === undefined || !(error instanceof TypeError)) throw error;
    throw new ExperimentError(
      "F2C2015",
      `the loader has no stream \`${asked}\`: it gives ${Object.keys(streams).join(", ")}`,
      "use the streams that there are, or a loader that gives this one: dual({ identities, instances }) gives x and y",
    );
  }
}

/** What is said of a number that would overwrite another in the log: the message and the hint. */
const takenInLog = (value: string, name: string, taken: string): readonly [string, string] => [
  `\`${value}\` would be logged under a name that is taken: \`${name}\` is ${taken}`,
  "call it something else",
];

/** A plan's values have names of their own among the inputs of the step. */
function refuseTakenNames(signature: PlanSignature, taken: readonly string[]): void {
  const known = new Set(taken);
  for (const path of pathsOf(signature)) {
    if (known.has(path))
      throw new ExperimentError(
        "F2C2404",
        `\`plan.${path}\` has a name that is taken: the step has an input \`${path}\` already`,
        "call it something else",
      );
    known.add(path);
  }
}

/** A fresh book for every piece of state that keeps one. */
export const openBooks = (state: MethodState) =>
  Object.fromEntries(
    Object.entries(state).flatMap(([name, item]) =>
      bookkeptParts(item) ? [[name, bookkeptParts(item)!.open()]] : [],
    ),
  );

interface Lowering {
  readonly built: Built;
  readonly storages: StorageTable;
  readonly texts: SourceTexts;
  readonly report: (d: Diagnostic) => void;
  readonly experiment: Experiment;
}

/** The state as the step sees it: nets as modules, stored tensors as tensors, bookkept pieces as their tensors. */
function stateOperand(lowerer: Lowerer, state: MethodState, source: FunctionSource): Operand {
  const seen = Object.fromEntries(
    Object.entries(state).map(([name, item]) => [name, bookkeptParts(item)?.tensors ?? item]),
  );
  return lowerer.bindChildren(seen as ChildRecord, (name) => name, source.node);
}

function lowerStep(
  { built, storages, texts, report, experiment }: Lowering,
  source: FunctionSource,
): IrFunction | undefined {
  const builder = new FunctionBuilder("step");
  const lowerer = new Lowerer(builder, storages, texts, report, { training: true });
  const prepare = texts.functionOf(experiment.loader.prepare);
  if (!prepare) throw new Error("internal: the loader's prepare function is not tagged");
  const { setting, signature } = built;
  const raw = Object.entries(setting.streams).map(([stream, count]) => ({
    stream,
    pixels: builder.input(`${stream}.images`, tensorType([count, ...setting.shape], "u8"), {
      kind: "images",
      stream,
    }),
    changes: planOperand(
      signatureOf(built.changes[stream]!),
      (path, type) => dynamic(builder.input(path, type, { kind: "plan" })),
      stream,
    ),
  }));
  const lr = builder.input("lr", scalarType("f64"), { kind: "plan" });
  const plan = planOperand(signature, (path, type) => dynamic(builder.input(path, type, { kind: "plan" })));

  return lowerer.within(source, (): IrFunction | undefined =>
    lowerer.guarded<IrFunction | undefined>(
      () => {
        const batch = record(
          raw.map(
            ({ stream, pixels, changes }) =>
              [stream, lowerer.inline(prepare, [dynamic(pixels), changes], undefined)] as const,
          ),
        );
        lowerer.batch = batch;
        const state = stateOperand(lowerer, built.state, source);
        const result = lowerer.inline(source, [state, batch, plan], undefined);
        const metrics = metricsOf(lowerer, result, source, new Set(loggedNumbers(signature)));
        const { loss } = metrics;
        if (!loss) return undefined;
        addUpdate(lowerer, storages, experiment, loss, lr, source);
        return builder.build(
          Object.entries(metrics).map(([name, value]) => ({ name, value })),
          lowerer.locate(source.node),
        );
      },
      () => undefined,
    ),
  );
}

function planOperand(
  signature: PlanSignature,
  input: (path: string, type: Type) => Operand,
  path = "",
): Operand {
  if (signature.kind === "record") {
    return record(
      Object.entries(signature.fields).map(
        ([name, field]) => [name, planOperand(field, input, path ? `${path}.${name}` : name)] as const,
      ),
    );
  }
  return input(path === "" ? "plan" : path, signature.type);
}

type Metrics = Record<string, ReturnType<FunctionBuilder["constant"]>>;

function metricsOf(
  lowerer: Lowerer,
  result: Operand,
  source: FunctionSource,
  planned: ReadonlySet<string>,
): Metrics {
  if (result.kind === "poison") return {};
  const nothing = result.kind === "static" && result.value === undefined;
  const fields =
    result.kind === "record" ? result.fields : new Map(nothing ? [] : [["loss", result] as const]);
  if (!fields.has("loss"))
    lowerer.refuse(returnedBy(source), "F2C3014", `the step returns ${describe(result)}, and no \`loss\``, {
      hint: "return the loss, or { loss, …more numbers to log }",
    });
  const metrics: Metrics = {};
  for (const [name, operand] of fields) {
    if (operand.kind === "poison") continue;
    const isNumber =
      operand.kind === "value" &&
      operand.value.type.kind === "tensor" &&
      operand.value.type.dims.length === 0;
    if (!isNumber)
      lowerer.refuse(
        returnedBy(source, name),
        "F2C3015",
        `\`${name}\`, which the step returns, must be one number, a tensor f32[], got ${describe(operand)}`,
        { hint: "reduce it with .mean() or .sum()" },
      );
    const number =
      name === "lr" ? "the learning rate" : planned.has(name) ? "a number of the plan" : undefined;
    const taken = loggedAs(name) ?? number;
    if (taken !== undefined) {
      const [message, hint] = takenInLog(name, name, taken);
      lowerer.refuse(returnedBy(source, name), "F2C2124", message, { hint });
    }
    metrics[name] = (operand as { value: Metrics[string] }).value;
  }
  return metrics;
}

/** Puts gradient and optimizer right after the op that completes the loss; what the step does later comes later. */
function addUpdate(
  lowerer: Lowerer,
  storages: StorageTable,
  experiment: Experiment,
  loss: Metrics[string],
  lr: Metrics[string],
  source: FunctionSource,
): void {
  const { builder } = lowerer;
  const complete = builder.ops.findIndex((op) => op.results.includes(loss)) + 1;
  if (storages.parameters.length === 0)
    lowerer.refuse(
      stateNode(source) ?? source.node,
      "F2C2107",
      "nothing to train: no net of the method's state has parameters",
      {
        hint: "add a layer that learns, such as linear(…), or a parameter(…)",
      },
    );
  const before = builder.ops.slice(0, complete);
  refuseEarlyWrites(lowerer, before, loss, storages);
  refuseLostGradients(lowerer, before, loss, storages, source);
  const from = builder.ops.length;
  const { slots, update } = experiment.optimizer[OPTIMIZER];
  const updateSource = lowerer.texts.functionOf(update);
  if (!updateSource)
    lowerer.refuse(
      source.node,
      "F2C2006",
      "the optimizer's update has no TypeScript source that could be compiled",
      {
        hint: "write it in the experiment, or in a file that it imports by a relative path",
      },
    );
  const trained = storages.trained();
  lowerer.within(updateSource!, () => {
    const at = lowerer.locate(updateSource!.node);
    const group = (name: string, label: string) => {
      const [value] = builder.emit("group", [], { name }, at, [{ kind: "group", group: "parameters" }]);
      builder.rename(value!, label);
      return value!;
    };
    const parameters = group(trained.name, "parameters");
    const [gradients] = builder.emit("gradients", [loss, parameters], {}, at);
    builder.rename(gradients!, "gradients");
    const groups: [string, Operand][] = [
      ["parameters", dynamic(parameters)],
      ["gradients", dynamic(gradients!)],
    ];
    for (const slot of slots) groups.push([slot, dynamic(group(storages.slot(slot).name, slot))]);
    lowerer.inline(updateSource!, [record(groups), record([["lr", dynamic(lr)]])], undefined);
  });
  builder.moveTail(from, complete);
}

/** Where an op is written, or where the user's own code calls the library that it is written in. */
function ownSpan(op: Op): Span {
  const { path, start, end } = inUserCode(op.location);
  return { path, start, end };
}

/** A storage that the gradient still needs may not be overwritten before the loss is complete. */
function refuseEarlyWrites(
  lowerer: Lowerer,
  ops: readonly Op[],
  loss: Metrics[string],
  storages: StorageTable,
): void {
  const groups = new Map(storages.groups.map((g) => [g.name, g.members]));
  for (const { storage, write, read } of earlyWrites(ops, loss, groups))
    lowerer.report({
      code: "F2C4001",
      severity: "error",
      message: `\`${storage}\` is written here, but the gradient of the loss still needs what it held`,
      span: ownSpan(write),
      related: [{ message: "and the loss depends on it here", span: ownSpan(read) }],
      hint: "move the write to after the last line that the loss depends on",
    });
}

/** The gradient must reach a parameter, and may not be cut where the step writes a value and reads it again. */
function refuseLostGradients(
  lowerer: Lowerer,
  ops: readonly Op[],
  loss: Metrics[string],
  storages: StorageTable,
  source: FunctionSource,
): void {
  const groups = new Map(storages.groups.map((g) => [g.name, g.members]));
  const twins = storages.states.filter((s) => s.init.kind === "copy");
  const [trained, copied] = [storages.parameters, twins].map((list) => new Set(list.map((s) => s.name)));
  const flow = new GradientFlow(ops, groups, trained!, copied);
  const lost = flow.lost(loss);
  for (const { storage, write, read } of lost)
    lowerer.report({
      code: "F2C4003",
      severity: "error",
      message: `the loss reads \`${storage}\` here, which the step has written: the gradient of what was written would be lost`,
      span: ownSpan(read),
      related: [{ message: "written here", span: ownSpan(write) }],
      hint: "use the value that is written, instead of reading it back; where no gradient is wanted, say so: .detach() what is written or what is read, or write within noGrad",
    });
  if (lost.length > 0 || flow.reaches([loss])) return;
  const cuts = flow.cuts([loss]).slice(0, 3);
  lowerer.refuse(
    returnedBy(source, "loss"),
    "F2C3018",
    "no parameter reaches the loss, so its gradient would be zero and nothing would be trained",
    {
      related: cuts.map((op) => ({ message: "the gradient ends here", span: ownSpan(op) })),
      hint: "compute it from what a net returns, without .detach(), noGrad, a twin, whole numbers or masks on the way",
    },
  );
}

/** Looks at `embed` by itself: what is wrong with it is said in its own words, not in those of what calls it. */
function checkEmbedding({ built, storages, texts, report }: Lowering, source: FunctionSource): void {
  const builder = new FunctionBuilder("embed");
  const lowerer = new Lowerer(builder, storages, texts, report, { training: false });
  const images = builder.input("images", tensorType([symbol("B"), ...built.setting.shape], "f32"), {
    kind: "argument",
  });
  const given = source.node.parameters[1] ?? source.node;
  lowerer.symbols.set("B", {
    message: "B is the number of images that `embed` is given here",
    span: { path: source.path, start: given.getStart(), end: given.end },
  });
  const check = () => {
    const state = stateOperand(lowerer, built.state, source);
    const result = lowerer.inline(source, [state, dynamic(images)], undefined);
    if (result.kind === "poison") return;
    const isRows =
      result.kind === "value" && result.value.type.kind === "tensor" && result.value.type.dims.length === 2;
    if (!isRows)
      lowerer.refuse(
        returnedBy(source),
        "F2C3016",
        `\`embed\` must return one row for each image, a tensor [N, D], got ${describe(result)}`,
        {
          hint:
            result.kind === "value" &&
            result.value.type.kind === "tensor" &&
            result.value.type.dims.length > 2
              ? "flatten what is left of height and width: .flatten(1)"
              : "return what the net gives for the images: net(images)",
        },
      );
  };
  lowerer.within(source, () => lowerer.guarded(check, () => undefined));
}

function lowerEmbedding(
  { built, storages, texts, report }: Lowering,
  source: FunctionSource,
  name: string,
  entry: unknown,
): IrFunction | undefined {
  const builder = new FunctionBuilder(name);
  const lowerer = new Lowerer(builder, storages, texts, report, { training: false });
  const pixels = builder.input("images", tensorType([symbol("B"), ...built.setting.shape], "u8"), {
    kind: "argument",
  });
  const entrySource = texts.functionOf(entry)!;
  return lowerer.within(source, () =>
    lowerer.guarded<IrFunction | undefined>(
      () => {
        const state = stateOperand(lowerer, built.state, source);
        const result = lowerer.inline(
          entrySource,
          [fixed(built.parts.embed), state, dynamic(pixels)],
          undefined,
        );
        if (result.kind === "poison") return undefined;
        return builder.build(
          [{ name: "embedding", value: (result as { value: Metrics[string] }).value }],
          lowerer.locate(source.node),
        );
      },
      () => undefined,
    ),
  );
}

/** Adds the sources that locations point into, under names that are the same on every machine. */
function withSources(module: IrModule, texts: SourceTexts, directory: string): IrModule {
  const display = (path: string) =>
    path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : path;
  const paths = new Set<string>();
  const renamed = new Map<Location, Location>();
  const rename = (location: Location): Location => {
    const known = renamed.get(location);
    if (known) return known;
    paths.add(location.path);
    const shown: Location = {
      path: display(location.path),
      start: location.start,
      end: location.end,
      ...(location.parent && { parent: rename(location.parent) }),
    };
    renamed.set(location, shown);
    return shown;
  };
  for (const fn of module.functions) {
    (fn as { location: Location }).location = rename(fn.location);
    for (const op of walkOps(fn.body)) (op as { location: Location }).location = rename(op.location);
  }
  const relocate = <T extends { location: Location }>(storage: T): T => ({
    ...storage,
    location: rename(storage.location),
  });
  const tables = { parameters: module.parameters.map(relocate), states: module.states.map(relocate) };
  return {
    ...module,
    ...tables,
    sources: [...paths].map((path) => ({ path: display(path), text: texts.text(path) })),
  };
}
