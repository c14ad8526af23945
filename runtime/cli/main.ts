#!/usr/bin/env node
/** @file The command `f2c-dsl`. Each command is a file beside; heavy imports happen inside them, after the cache of code is there. */
import "./closed-output.js";
import "./optimising.js";
import "./code-cache.js";
import { Command, CommanderError, Option } from "commander";
import type { ExperimentError } from "../../dsl/core/errors.js";
import { EXIT } from "./exit.js";
import { gathered } from "./settings.js";

const program = new Command("f2c-dsl")
  .description("Face-recognition training, declared in TypeScript, compiled to TorchScript")
  .version("0.1.0")
  .configureOutput({ outputError: () => {} })
  .exitOverride();

const experiment = [
  "<experiment>",
  "TypeScript file whose default export is an experiment, or a study",
] as const;
const set = [
  "--set <option=value>",
  "an option of the experiment: --set lr=0.02; may stand several times",
  gathered,
] as const;
const example = (text: string) => `\nExample:\n  $ ${text}\n`;

program
  .command("new")
  .description("write an experiment to start from: a small one, or what a config of arcface_torch says")
  .option("--from <config>", "a config of arcface_torch, configs/NAME.py; it is read and never run")
  .option("--out <file>", "the file to write (default: NAME.ts, or experiment.ts)")
  .option("--gpus <n>", "of --from: how many GPUs shared a batch (default: what its name says, or 8)", Number)
  .option("--faces <folder>", "without --from: the folder of faces, one folder a person (default: faces)")
  .option("--overwrite", "also where there is one")
  .addHelpText("after", example("f2c-dsl new --from configs/ms1mv3_r50.py"))
  .action(async (options) => (await import("./new.js")).newExperiment(options));

program
  .command("run")
  .description("compile an experiment, train it, evaluate it, export the net; or make the stages of a study")
  .argument(...experiment)
  .option(...set)
  .option(
    "--run-dir <folder>",
    "folder for everything that the run leaves behind (default: runs/<name>-<time>; of a study: runs/<file>)",
  )
  .option("--resume", "continue the run in --run-dir, or the newest one of this experiment")
  .option("--device <device>", "auto, cpu, cuda or cuda:N; overrides the experiment")
  .option("--backend <backend>", "torchscript, eager or inductor; overrides the experiment")
  .option("--threads <n>", "CPU threads of the host", Number)
  .option("--steps <n>", "end early, after this many steps of the schedule", Number)
  .option(
    "--restarts <n>",
    "how often in a row a host that died is started again from the last checkpoint",
    Number,
    2,
  )
  .option(
    "--patience <seconds>",
    "how long a host may give no sign of life before it is started again (default: 60)",
    Number,
  )
  .option("--observe <tools>", "watch the run in these too: tensorboard,wandb,mlflow")
  .option("--only <stage>", "of a study: make this stage alone, from what is there")
  .option("--from <stage>", "of a study: make this stage and those after it")
  .option("--record <file>", "record the session for `f2c-host replay`")
  .addHelpText("after", example("f2c-dsl run examples/quickstart.ts --run-dir /tmp/first"))
  .action(async (file, options) => (await import("./run.js")).run(file, options));

program
  .command("sweep")
  .description("run an experiment with every combination of values of its options, and compare the runs")
  .argument(...experiment)
  .option(
    "--set <option=values>",
    "values of an option: --set lr=0.02,0.05; may stand several times",
    gathered,
  )
  .option("--dir <folder>", "folder of the runs (default: runs/<name>-sweep); one that is there goes on")
  .option("--dry-run", "list the runs, and start none")
  .option("--device <device>", "auto, cpu, cuda or cuda:N; overrides the experiment")
  .option("--backend <backend>", "torchscript, eager or inductor; overrides the experiment")
  .option("--threads <n>", "CPU threads of the host")
  .option("--steps <n>", "end each run early, after this many steps")
  .addHelpText("after", example("f2c-dsl sweep exp.ts --set lr=0.02,0.05 --set width=0.5,1"))
  .action(async (file, options) => (await import("./sweep.js")).sweep(file, options));

program
  .command("ir")
  .description("show the whole program that will run: parameters, state, functions with every shape")
  .argument(...experiment)
  .option(...set)
  .addOption(
    new Option(
      "--stage <stage>",
      "the program as the front end made it, as it runs, or as torch gets it (asks the host; nothing else here needs Python)",
    )
      .choices(["lowered", "optimised", "torch"])
      .default("optimised"),
  )
  .addOption(
    new Option("--backend <backend>", "of --stage torch (default: the experiment's)").choices([
      "torchscript",
      "eager",
      "inductor",
    ]),
  )
  .option("--of <stage>", "of a study: the program of this stage")
  .option("--function <name>", "only this function: step, embed or infer")
  .option("--locations", "show where each op comes from")
  .option("--print-after <pass>", "what stands after a pass, or after all of them")
  .option("--statistics", "what each pass did")
  .option("--diff <experiment>", "how another experiment's program differs")
  .option("--bind <symbol=size...>", "put sizes for symbols: --bind B=64")
  .option("--json", "the form that the host gets")
  .option(
    "--graph <file>",
    "write a page that shows it as a graph; FILE.svg: a picture of one function; FILE.json: for Model Explorer",
  )
  .addHelpText("after", example("f2c-dsl ir examples/quickstart.ts --function step"))
  .action(async (file, options) => (await import("./ir.js")).ir(file, options));

program
  .command("check")
  .description("type-check and compile an experiment without running it")
  .argument(...experiment)
  .option(...set)
  .option("--watch", "again after every change of its files")
  .option("--json", "diagnostics as JSON")
  .addHelpText("after", example("f2c-dsl check my-experiment.ts --watch"))
  .action(async (file, options) => (await import("./check.js")).check(file, options));

program
  .command("explain")
  .description("say what a diagnostic means, why it is refused, and what to do")
  .argument("<code>", "the code of a diagnostic: F2C1015")
  .addHelpText("after", example("f2c-dsl explain F2C1015"))
  .action(async (code) => (await import("./explain.js")).explain(code));

program
  .command("compare")
  .description("compare runs: what differs in what they were asked for, what came of it, and their curves")
  .argument("<run...>", "folders of runs, complete or not")
  .option("--out <file>", "SVG or PNG file for the curves", "compare.svg")
  .addOption(
    new Option("--over <axis>", "what the curves are drawn over").choices(["step", "epoch"]).default("step"),
  )
  .option("--dark", "for a dark ground; an SVG without it has the colours of its reader")
  .addHelpText("after", example("f2c-dsl compare runs/first runs/second --out curves.png"))
  .action(async (folders, options) => (await import("./compare.js")).compare(folders, options));

const data = program.command("data").description("look at an experiment's data, or at files of images");
const dataAt = [
  "<experiment or path>",
  "an experiment, or files of images of any kind that a source reads: a folder, a .rec, a list, …",
] as const;
const dataSet = [
  "--set <option=value>",
  "an option of the experiment, or of the source of a path: --set labels=kv.txt; may stand several times",
  gathered,
] as const;
const dataSize = [
  "--size <height,width>",
  "of a path: what images are brought to (default: what most have)",
] as const;
data
  .command("info")
  .description("say how many people and images there are, and what a sample of the images is like")
  .argument(...dataAt)
  .option(...dataSet)
  .option(...dataSize)
  .option("--json", "all of it as JSON")
  .addHelpText("after", example("f2c-dsl data info faces/train.rec"))
  .action(async (file, options) => (await import("./data-info.js")).dataInfo(file, options));

data
  .command("preview")
  .description(
    "write a contact sheet of an experiment's training images: a row a person, or what a step gets",
  )
  .argument(...dataAt)
  .option(...dataSet)
  .option(...dataSize)
  .option("--out <file>", "PNG file", "preview.png")
  .option("--people <n>", "rows", Number, 8)
  .option("--images <n>", "images of each person, or in a row", Number, 12)
  .option(
    "--step <n>",
    "the images of this step instead, as the net gets them: cropped, turned, blurred, …",
    Number,
  )
  .addHelpText("after", example("f2c-dsl data preview examples/quickstart.ts --out faces.png"))
  .action(async (file, options) => (await import("./data-preview.js")).preview(file, options));

data
  .command("check")
  .description("read every image before a run: what is broken, doubled or suspicious")
  .argument(...dataAt)
  .option(...dataSet)
  .option(...dataSize)
  .option("--leave-out <file>", "add what is broken to this list, for `leaveOut` of the source")
  .option("--json", "findings as JSON, every file named")
  .addHelpText("after", example("f2c-dsl data check my-experiment.ts --leave-out broken.txt"))
  .action(async (file, options) => (await import("./data-check.js")).checkData(file, options));

program
  .command("export")
  .description("write the net of a run's checkpoint as a file, also of a run that goes on")
  .argument("<run>", "folder of a run")
  .option(
    "--to <exporters>",
    "torchscript, safetensors, onnx, insightface, or several joined by commas",
    "torchscript",
  )
  .option(
    "--out <file>",
    "the file to write (default: net.pt, net.safetensors, net.onnx in the run's folder)",
  )
  .option("--checkpoint <step>", "the step of a checkpoint, or `best` (default: the newest)")
  .addHelpText("after", example("f2c-dsl export runs/quickstart-2026-01-02-03-04-05 --to onnx"))
  .action(async (run, options) => (await import("./export.js")).exportRun(run, options));

/** What every command says that asks a net for embeddings. */
const ofNets = (command: Command): Command =>
  command
    .option(
      "--net <file>",
      "of weights (.safetensors): the experiment whose net it is, or a file that exports the net",
    )
    .option("--checkpoint <step>", "of a run: the step of a checkpoint, or `best` (default: the newest)")
    .option("--size <height>x<width>", "of the images, where the file does not say it: --size 112x112")
    .option("--order <order>", "of the colours: rgb, bgr or grey")
    .option("--mean <numbers>", "what is subtracted from pixels: 127.5, or three numbers, one a channel")
    .option("--scale <numbers>", "what they are divided by then: 128")
    .option("--pixels <type>", "it takes pixels from 0 to 255 as they are, as uint8 or float32")
    .option("--device <device>", "auto, cpu, cuda or cuda:N", "auto")
    .option("--threads <n>", "CPU threads of the host", Number)
    .option("--batch <n>", "images at once", Number, 64);
const anyNet = ["<net>", "the folder of a run, or a TorchScript, ONNX or safetensors file"] as const;

ofNets(
  program
    .command("eval")
    .description("score a net, of a run or a file of anybody's, by protocols")
    .argument(...anyNet)
    .option(
      "--protocol <file>",
      "TypeScript file whose default export is a protocol, a record of protocols, or an experiment",
    ),
)
  .option(
    "--flip <how>",
    "add the embedding of the mirror image: features as they are, unit ones, or none (default: as the protocols say)",
  )
  .option("--json <file>", "write all numbers, and the points of the curves")
  .option("--csv <file>", "write the numbers, a line each")
  .option("--out <folder>", "draw the curves into this folder")
  .addHelpText("after", example("f2c-dsl eval net.onnx --protocol lfw.ts --json scores.json"))
  .action(async (net, options) => {
    needed(options.protocol, "--protocol <file>");
    await (await import("./eval.js")).evaluate(net, options);
  });

ofNets(
  program
    .command("embed")
    .description("write the embeddings of all images of a source as a matrix, with a name a row")
    .argument(...anyNet)
    .option(
      "--data <file>",
      "TypeScript file whose default export is a data source, or an experiment, whose data are taken",
    )
    .option("--out <file>", "FILE.safetensors, or FILE.npy with the names in FILE.names.txt"),
)
  .option("--of <people>", "all, or those to train on, or those kept back: all, train, heldOut", "all")
  .option(
    "--flip <how>",
    "add the embedding of the mirror image: features as they are, unit ones, or none",
    "none",
  )
  .addHelpText("after", example("f2c-dsl embed net.onnx --data faces.ts --out faces.safetensors"))
  .action(async (net, options) => {
    needed(options.data, "--data <file>");
    needed(options.out, "--out <file>");
    await (await import("./embed.js")).embed(net, options);
  });

program
  .command("convert")
  .description(
    "make safetensors of a PyTorch state dict or checkpoint, for `weights`; of several shards one file",
  )
  .argument("<file...>", ".pt or .pth files; of Partial FC those of all ranks")
  .option("--to <file>", "the file to write (default: FILE.safetensors)")
  .option("--overwrite", "also where there is one")
  .addHelpText("after", example("f2c-dsl convert backbone.pth --to backbone.safetensors"))
  .action(async (files, options) => (await import("./convert.js")).convert(files, options));

program
  .command("setup")
  .description("set up the PyTorch host in a virtual environment of its own")
  .option("--onnx", "also what exporting to ONNX needs")
  .option("--parquet", "also what reading Parquet files needs")
  .option("--test", "also what the host's tests need")
  .option(
    "--torch <release>",
    "a release of torch, as 2.14.1, in the place of the one that the tests ran with",
  )
  .addHelpText("after", example("f2c-dsl setup"))
  .action(async (options) => (await import("./setup.js")).setup(options));

program
  .command("doctor")
  .description("say what is missing on this machine, and the command that mends it")
  .option("--json", "findings as JSON")
  .addHelpText("after", example("f2c-dsl doctor"))
  .action(async (options) => (await import("./doctor.js")).doctor(options));

/** An option that has to be there. commander's own check comes before that of unknown options, and so hides a typo in its name. */
function needed(value: string | undefined, flags: string): void {
  if (value === undefined)
    throw new CommanderError(EXIT.usage, "missing", `required option '${flags}' not specified`);
}

/** What commander says of a command line, in our form: "error: unknown option '--stpes'\n(Did you mean --steps?)". */
async function badCommandLine({ message }: CommanderError): Promise<ExperimentError> {
  const { experimentError } = await import("../../compiler/diagnostics/catalogue.js");
  const [problem, meant] = message.replace(/^error: /, "").split("\n");
  const hint = meant?.replace(/^\(|\)$/g, "").replace(/^Did/, "did");
  return experimentError("bad-command-line", { words: problem! }, hint);
}

/** Help, asked for or in place of a command, and the version are no errors; commander has printed them. */
const isHelp = (error: unknown) =>
  error instanceof CommanderError && /^commander\.(help|version)/.test(error.code);

try {
  await program.parseAsync();
} catch (error) {
  if (isHelp(error)) process.exitCode = (error as CommanderError).exitCode === 0 ? 0 : EXIT.usage;
  else
    (await import("./report.js")).fail(error instanceof CommanderError ? await badCommandLine(error) : error);
}
