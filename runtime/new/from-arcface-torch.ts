/**
 * @file An experiment as text, of a config of arcface_torch. Each option of the config stands in it: as what it became, or in a comment that says
 * why there is nothing like it. docs/from-arcface-torch.md is the same line by line.
 */
import { type ArcFaceConfig, isWhole, type Origin } from "./arcface-config.js";
import { data, evaluation, folderLines } from "./arcface-data.js";
import { bankOf, marginOf } from "./arcface-heads.js";
import { netOf } from "./arcface-nets.js";
import { batches, optimizer, precision, rate } from "./arcface-steps.js";
import { inBrackets, type Part, part, textOf, wrapped } from "./experiment-text.js";

export function fromArcFaceTorch(origin: Origin): string {
  const parts = [
    naming(origin),
    data(origin),
    method(origin),
    batches(origin),
    optimizer(origin),
    rate(origin),
    precision(origin),
    evaluation(origin),
    watching(origin),
    seed(origin),
  ];
  const about = `From ${origin.path} of arcface_torch, by \`f2c-dsl new --from\`; docs/from-arcface-torch.md says what became of each option.`;
  const before = folderLines(origin);
  const written = inBrackets(about, before, parts);
  return inBrackets(about, before, [...parts, remarks(origin.config, written)]);
}

function naming({ config }: Origin): Part {
  const name = config.name.replaceAll(/[^\w.-]/g, "-");
  const notes = [
    ...config.told("output", "a run lies in runs/NAME-TIME, or where --run-dir says"),
    ...config.told("resume", "every run can go on, by `f2c-dsl run FILE --resume`"),
  ];
  return part([], [`name: ${textOf(name)},`, ...notes.flatMap(wrapped)]);
}

function method({ config }: Origin): Part {
  const embedding = config.number("embedding_size", "a whole number", isWhole);
  const net = netOf(config, embedding);
  const bank = bankOf(config);
  const margin = marginOf(config);
  return part(
    ["classification", ...net.uses, ...bank.uses, ...margin.uses],
    [
      "method: classification({",
      ...[...net.lines, ...bank.lines, ...margin.lines].map((line) => `  ${line}`),
      "}),",
    ],
  );
}

function watching({ config }: Origin): Part {
  if (!config.flag("using_wandb")) return part([], []);
  const told = ["project", "entity"]
    .filter((option) => config.has(`wandb_${option}`))
    .map((option) => `${option}: ${textOf(config.text(`wandb_${option}`))}`);
  return part(
    ["wandb"],
    [
      ...wrapped("wandb_key: `wandb login` asks for it once, and no file of an experiment holds it."),
      `observe: [wandb({ ${told.join(", ")} })], // ${config.written("using_wandb")}`,
    ],
  );
}

const seed = ({ config }: Origin): Part =>
  part(
    [],
    [`seed: ${config.number("seed", "a whole number from 0 up", (x) => Number.isInteger(x) && x >= 0)},`],
  );

/** Options that are nothing here, and why. */
const REMARKS: Readonly<Record<string, string>> = {
  save_all_states:
    "a checkpoint holds all that a run needs to go on: net, classes, optimizer, random numbers",
  verbose: "how often the .bin sets are verified",
  frequent: "the terminal shows how far a run is, and metrics.jsonl has every step",
  interclass_filtering_threshold: "0 filters nothing",
  gradient_acc: "1 adds nothing up",
  dali_aug: "without `dali` it changes nothing",
  using_wandb: "`observe: [wandb()]` shows a run in Weights & Biases",
  wandb_key: "`wandb login` asks for it once, and no file of an experiment holds it",
  wandb_entity: "an option of `wandb()`",
  wandb_project: "an option of `wandb()`",
  wandb_log_all: "one process tells W&B of the run",
  wandb_resume: "a run that goes on is the same one in W&B",
  suffix_run_name: "`name` is an option of `wandb()`",
  save_artifacts: "the net lies in the run's folder",
  notes: "`tags` is an option of `wandb()`",
};

/** Options that the file sets and the experiment does not name yet. */
function remarks(config: ArcFaceConfig, written: string): Part {
  const left = [...config.own].filter((option) => !new RegExp(`\\b${option}\\b`).test(written));
  return part(
    [],
    left.flatMap((option) =>
      wrapped(
        option === "wandb_key"
          ? `wandb_key: ${REMARKS.wandb_key}.`
          : `${config.written(option)}: ${REMARKS[option] ?? "arcface_torch knows no such option, and nothing was made of it"}.`,
      ),
    ),
  );
}
