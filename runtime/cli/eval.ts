/** @file `f2c-dsl eval`: scores a net, ours or somebody else's, by the protocols that a file declares. */
import { dirname, relative, resolve } from "node:path";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import {
  type Evaluation,
  type LoadedValue,
  loadValue,
  openData,
  openEvaluations,
  openProtocols,
} from "../../compiler/index.js";
import { type Experiment, isExperiment, isProtocol, type Protocol } from "../../dsl/index.js";
import { setUp } from "../bridge/python-environment.js";
import { refuseOtherImages, toldInput } from "../evaluate/input-convention.js";
import { functionOf, measureAll } from "../evaluate/measure.js";
import { makeFolder, writeWhole } from "../run/files.js";
import { drawn } from "../stages/facts.js";
import { asked } from "./asked-host.js";
import "./scanning.js";
import { type Flip, kindOf, type NetOptions, openNet, toldFlip } from "./named-net.js";
import { whichCheckpoint } from "./net-of-run.js";
import { warn } from "./report.js";
import { drawScores, type Score, type Scores, scoresCsv, scoresJson, scoresTable } from "./scores.js";

export interface EvalOptions extends NetOptions {
  readonly protocol: string;
  readonly batch?: number;
  readonly json?: string;
  readonly csv?: string;
  readonly out?: string;
}

export async function evaluate(net: string, options: EvalOptions): Promise<void> {
  await asked(options, async (work) => {
    // What is wrong with the command line is said before anything is installed or started.
    toldInput(options);
    whichCheckpoint(options.checkpoint);
    kindOf(net, options);
    const flip = toldFlip(options.flip);
    const loaded = loadValue(options.protocol, isScoring, "default-export-of-another-kind.protocols");
    work.texts = loaded.texts;
    warn(loaded.warnings, loaded);
    const { evaluations, notes } = evaluationsOf(loaded);
    for (const note of notes) work.say(note);
    const host = await work.start(await setUp(work.say));
    const opened = await work.during("loading the net", openNet(net, options, host, work.say));
    const flipped = evaluations.map((evaluation) => withFlip(evaluation, flip));
    for (const { name, people } of flipped) refuseOtherImages(net, opened.shape, `\`${name}\``, people);
    const sources = new Map(flipped.map(({ source, people }) => [source, people]));
    for (const [source, people] of sources) await host.open(source, people);
    for (const evaluation of flipped) work.say(drawn(evaluation));
    const scores: Score[] = [];
    await measureAll(
      opened.program,
      flipped,
      ({ protocol }) => functionOf(protocol),
      {
        failed: work.failed,
        found: (name, result) => {
          work.goOn();
          const evaluation = flipped.find((one) => one.name === name)!;
          scores.push({ name, kind: evaluation.protocol.kind, compares: drawn(evaluation), result });
        },
      },
      options.batch,
    );
    // In the order in which the file has them: those of one source were measured together.
    const order = flipped.map(({ name }) => name);
    scores.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
    if (scores.length > 0) await write({ net, says: opened.says, scores }, options);
  });
}

type Scoring = Experiment | Protocol | Readonly<Record<string, Protocol>>;

const isScoring = (value: unknown): value is Scoring =>
  isExperiment(value) ||
  isScored(value) ||
  (typeof value === "object" &&
    value !== null &&
    Object.keys(value).length > 0 &&
    Object.values(value).every(isScored));

/** A data source has a kind and is opened as well; it is scored by nothing. */
const isScored = (value: unknown): value is Protocol => isProtocol(value) && "flip" in value;

function evaluationsOf({ declared, ...rest }: LoadedValue<Scoring>): {
  readonly evaluations: readonly Evaluation[];
  readonly notes: readonly string[];
} {
  if (!isExperiment(declared)) {
    const protocols = isScored(declared) ? { [declared.kind]: declared } : declared;
    return openProtocols({ ...rest, declared }, protocols);
  }
  if (Object.keys(declared.evaluate).length === 0)
    throw experimentError("nothing-to-evaluate", { name: declared.name });
  const loaded = { ...rest, experiment: declared };
  const { train, heldOut, notes = [] } = openData(loaded);
  const opened = openEvaluations(loaded, { experiment: declared, train, heldOut });
  return { ...opened, notes: [...notes, ...opened.notes] };
}

/** `--flip` goes before what a protocol says. */
const withFlip = (evaluation: Evaluation, flip: Flip | undefined): Evaluation =>
  flip === undefined
    ? evaluation
    : { ...evaluation, protocol: { ...evaluation.protocol, flip: flip !== "none" } };

async function write(scores: Scores, { json, csv, out }: EvalOptions): Promise<void> {
  process.stdout.write(scoresTable(scores));
  const written: string[] = [];
  const file = (path: string, text: string) => {
    makeFolder(dirname(resolve(path)));
    writeWhole(resolve(path), text);
    written.push(path);
  };
  if (json !== undefined) file(json, scoresJson(scores));
  if (csv !== undefined) file(csv, scoresCsv(scores));
  if (out !== undefined) written.push(...(await drawScores(scores, resolve(out))));
  if (written.length > 0)
    process.stdout.write(
      `\n${written.map((path) => `  ${relative(process.cwd(), resolve(path))}`).join("\n")}\n`,
    );
}
