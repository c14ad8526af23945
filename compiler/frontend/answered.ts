/** @file From an `answered` stage to its program: a function for each that its driver calls, over rows of its data. */
import {
  ANSWERED,
  type Answered,
  type Answering,
  CALLABLE,
  type Callables,
  type Catalogue,
  type MethodState,
  pixelsToImages,
  STAGE,
} from "../../dsl/index.js";
import { type PlanSignature, signatureOf } from "../build/plan-signature.js";
import type { StartingFile } from "../build/starting-weights.js";
import type { StorageTable } from "../build/storage-table.js";
import { experimentError } from "../diagnostics/catalogue.js";
import { type IrFunction, type IrModule, type Type, tensorType, type Value } from "../ir/module.js";
import type { PassRecord } from "../passes/pipeline.js";
import { openingContext, storagesOf } from "./build/experiment.js";
import { Findings, showingOption } from "./build/findings.js";
import { AS_WRITTEN, finish } from "./build/finish.js";
import { lowererOf, stateOperand } from "./build/lowering.js";
import { returnedBy } from "./build/pointing.js";
import { planOperand } from "./build/streams.js";
import type { LoadedExperiment } from "./load/load.js";
import { type FunctionSource, SourceTexts } from "./lower/function-source.js";
import type { Lowerer } from "./lower/lowerer.js";
import { describe } from "./lower/refusals/words.js";
import { dynamic, NOTHING, type Operand } from "./lower/values/operand.js";

/** The input of a function that its rows are, and the prefix of what its plan holds. */
export const ROWS = "rows";
export const PLAN = "plan";

/** A function that a driver calls, as the runtime needs to know it. */
export interface CalledFunction {
  readonly name: string;
  readonly rows: number;
  readonly signature: PlanSignature;
  readonly results: Readonly<Record<string, Type>>;
}

export interface AnsweredProgram {
  readonly stage: Answered;
  readonly module: IrModule;
  readonly functions: ReadonlyMap<Callables[string], CalledFunction>;
  /** A fresh driver. */
  readonly driver: Answering["driver"];
  readonly data: Catalogue;
  /** The files that its state starts from, by the names that the program gives them. */
  readonly files: Readonly<Record<string, StartingFile>>;
  readonly notes: readonly string[];
}

/** Compiles a stage called `name`. Throws a CompileError with every problem found. `observe` sees the program after every pass. */
export function compileAnswered(
  loaded: Omit<LoadedExperiment, "experiment">,
  name: string,
  stage: Answered,
  observe: (record: PassRecord) => void = () => {},
): AnsweredProgram {
  const texts = new SourceTexts(loaded.texts);
  const findings = new Findings(loaded, texts);
  const { data, answering, notes, signatures } = showingOption(loaded, () => opened(stage, loaded));
  const { state, functions, driver } = answering;
  const sources = Object.entries(functions).map(([name, callable]) => ({
    name,
    callable,
    source: findings.sourceOf(callable[CALLABLE].run, name, () => findings.option("data")),
  }));
  const { storages, starting } = storagesOf(state, sources[0]!.source, loaded, { trains: false });
  const compilation = { built: { data, state }, storages, texts, findings };
  const lowered = sources.map(({ name, callable, source }) =>
    lowerCalled(compilation, { name, callable, source, signature: signatures[name]! }),
  );
  findings.throwIfAny();
  const module = finish(
    {
      name,
      sources: [],
      storages: storages.all,
      groups: storages.groups,
      functions: lowered.filter((fn) => fn !== undefined),
    },
    AS_WRITTEN,
    { texts, directory: loaded.directory, observe },
  );
  return {
    stage,
    module,
    functions: new Map(
      module.functions.map(({ name, results }) => [
        functions[name]!,
        {
          name,
          rows: functions[name]![CALLABLE].rows,
          signature: signatures[name]!,
          results: Object.fromEntries(results.map(({ name, type }) => [name, type])),
        },
      ]),
    ),
    driver,
    data,
    files: starting.files,
    notes: [...notes, ...starting.notes],
  };
}

/** The rows of a stage, and what it makes of them. */
function opened(stage: Answered, loaded: Omit<LoadedExperiment, "experiment">) {
  const { data: source, of, open } = stage[ANSWERED];
  const { notes = [], ...sets } = source.open(openingContext(loaded));
  const data = sets[of];
  if (data.offsets.at(-1) === 0) throw experimentError("bad-answered.empty", { kind: stage[STAGE].kind, of });
  const answering = open({ offsets: data.offsets, shape: data.shape });
  const signatures = Object.fromEntries(
    Object.entries(answering.functions).map(([name, callable]) => [
      name,
      signatureOf(callable[CALLABLE].plan, PLAN),
    ]),
  );
  return { data, answering, notes, signatures };
}

interface Compilation {
  readonly built: { readonly data: Catalogue; readonly state: MethodState };
  readonly storages: StorageTable;
  readonly texts: SourceTexts;
  readonly findings: Findings;
}

interface Called {
  readonly name: string;
  readonly callable: Callables[string];
  readonly source: FunctionSource;
  readonly signature: PlanSignature;
}

/** A function of the program; undefined after something was reported. */
function lowerCalled(compilation: Compilation, called: Called): IrFunction | undefined {
  const { name, callable, source, signature } = called;
  const { data, state } = compilation.built;
  const lowerer = lowererOf(compilation, name, { training: false });
  const { builder } = lowerer;
  const { rows } = callable[CALLABLE];
  const pixels =
    rows > 0
      ? dynamic(
          builder.input(ROWS, tensorType([rows, ...data.shape], data.dtype ?? "u8"), {
            kind: "images",
            stream: ROWS,
          }),
        )
      : NOTHING;
  const plan = planOperand(
    signature,
    (path, type) => dynamic(builder.input(path, type, { kind: "plan" })),
    PLAN,
  );
  const work = () => {
    const prepared =
      pixels === NOTHING
        ? NOTHING
        : lowerer.inline(compilation.texts.functionOf(pixelsToImages)!, [pixels], undefined);
    const given = [stateOperand(lowerer, state, source), prepared, plan];
    const results = resultsOf(lowerer, name, lowerer.inline(source, given, undefined), source);
    return results && builder.build(results, lowerer.locate(source.node));
  };
  return lowerer.inCall(source, () => lowerer.guarded(work, () => undefined));
}

/** The tensors and numbers that a function returns, by name; undefined where they were refused. */
function resultsOf(lowerer: Lowerer, fn: string, result: Operand, source: FunctionSource) {
  if (result.kind === "poison") return undefined;
  const nothing = result.kind === "static" && isNothing(result.value);
  if (result.kind !== "record" && !nothing)
    return lowerer.refuse(returnedBy(source), "bad-call-result", { function: fn, operand: describe(result) });
  const fields = result.kind === "record" ? [...result.fields] : [];
  const results = fields.map(([name, operand]) => ({
    name,
    value: resultOf(lowerer, fn, name, operand, source),
  }));
  return results.flatMap(({ name, value }) => (value ? [{ name, value }] : []));
}

/** A record without fields is known before the program runs, like nothing at all. */
const isNothing = (value: unknown): boolean =>
  value === undefined ||
  (typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0);

function resultOf(
  lowerer: Lowerer,
  fn: string,
  name: string,
  operand: Operand,
  source: FunctionSource,
): Value | undefined {
  if (operand.kind === "poison") return undefined;
  const at = returnedBy(source, name);
  const said = { name, function: fn, operand: describe(operand) };
  if (operand.kind !== "value" || operand.value.type.kind === "group")
    return lowerer.refuse(at, "bad-call-result.field", said);
  return operand.value;
}
