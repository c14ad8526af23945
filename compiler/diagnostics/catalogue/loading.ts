/** @file F2C11xx: finding and loading the experiment's file. */
import type { Catalogue } from "../../../dsl/diagnostics/entry.js";

export const LOADING = {
  "file-not-found": {
    code: "F2C1101",
    severity: "error",
    message: "there is no file {path}",
    hint: "give the path of a TypeScript file; a relative one counts from the folder in which the command is called",
    cases: {
      folder: { message: "there is no file {path}: it is a folder" },
    },
    why: "The command line names a file that does not exist.",
  },
  "syntax-error": {
    code: "F2C1102",
    severity: "error",
    message: "{words} (TS{number:number})",
    why: "The file is not TypeScript at this place, so nothing behind it can be read for certain.",
    remedy: "Mend the first such error first: those after it often follow from it.",
  },
  "import-not-found": {
    code: "F2C1104",
    severity: "error",
    message: "{words} (TS{number:number})",
    hint: "a relative path counts from the importing file; a package is installed with npm install",
    cases: {
      loading: { message: "the experiment threw while it was being built: {error}" },
    },
    why: "A file or package that the experiment imports cannot be found.",
  },
  "no-default-export": {
    code: "F2C1105",
    severity: "error",
    message: "the file has no default export",
    hint: "end it with: export default experiment({ … })",
    why: "The default export is the experiment that is compiled and run, or what else is asked of the file.",
  },
  "default-export-no-experiment": {
    code: "F2C1106",
    severity: "error",
    message: "the default export is not an experiment",
    hint: "export default experiment({ … }) or study({ … }), imported from f2c-dsl",
    cases: {
      study: {
        message: "the default export is a study, and an experiment is wanted here",
        hint: "name the stage with --of where there is such an option, or give a file with the experiment alone",
      },
    },
    why: "The default export is the experiment, or the study, that is compiled and run.",
  },
  "experiment-threw": {
    code: "F2C1107",
    severity: "error",
    message: "the experiment threw while it was being built: {error}",
    why: "An experiment's file is ordinary TypeScript, executed once; this time it ended with an exception.",
    remedy: "The place shown is the line of the experiment from which the exception came.",
  },
  "top-level-await": {
    code: "F2C1112",
    severity: "error",
    message:
      "`await` stands outside of a function: an experiment is loaded in one go, and nothing is waited for",
    hint: 'take what answers at once, as readFileSync("…") of node:fs; what takes longer, a download for one, belongs into a script that runs before',
    why: "An experiment's file is executed from top to bottom and must then have its experiment; there is nobody to wait for it.",
  },
  "bad-command-line": {
    code: "F2C1108",
    severity: "error",
    message: "{words}",
    hint: "f2c-dsl COMMAND --help explains a command",
    cases: {
      "not-typescript": {
        message: "{path} is not a TypeScript file",
        hint: "give the path of a TypeScript file: its name ends in .ts",
      },
      size: {
        message: "--size {size} is no height and width in pixels",
        hint: "for example --size 112, or --size 112,96",
      },
      "size-of-experiment": {
        message: "--size is of files at a path; an experiment says the size of its images itself",
        hint: "leave out --size",
      },
      "step-of-path": {
        message: "--step is of an experiment, and {path} is none",
        hint: "leave out --step, or give an experiment",
      },
      count: {
        message: "--{option} must be a whole number from {least:number} up",
        hint: "for example --{option} {example:number}",
      },
      "of-a-config": {
        message: "--{option} is of a config, and --from names none",
        hint: "f2c-dsl new --from CONFIG.py --{option} …",
      },
      "not-of-a-config": {
        message: "--{option} does not go together with --from: a config names its data",
        hint: "leave one of them out",
      },
      "unknown-stage": { message: "the study has no stage {name}", hint: "choose one of {known}" },
      "no-stages": {
        message: "--{option} names a stage of a study, and the file declares an experiment",
        hint: "leave out --{option}",
      },
      "set-of-study": {
        message: "--set changes options of an experiment, and the file declares a study",
        hint: "give the options in the file, where the stage's experiment is written",
      },
      "stage-missing": {
        message: "{name} is made from {needed}, which is not made yet",
        hint: "leave out --only and --from, or run with --only {needed} first",
      },
      "stage-wanted": {
        message: "the file declares a study, and one stage of it is to be shown",
        hint: "name it: --of one of {known}",
      },
      matrix: {
        message: "--out {out} ends in none of {known}",
        hint: "end it with .safetensors, for a file with rows and names, or with .npy, for numpy, with the names in a text beside it",
      },
      "images-of": { message: "--of {of} is none of a source's sets", hint: "give all, train or heldOut" },
      flip: { message: "--flip {given} is none that there is", hint: "give features, unit or none" },
      input: { message: "--{option} {given} cannot be read", hint: "give --{option} {example}" },
      "pixels-and-mean": {
        message: "--pixels says that pixels go in as they are, --mean and --scale that they do not",
        hint: "keep one of them",
      },
      checkpoint: {
        message: "--checkpoint {given} is neither the step of a checkpoint nor `best`",
        hint: "for example --checkpoint 2000, or --checkpoint best",
      },
      backend: { message: "there is no backend {backend}", hint: "choose one of {known}" },
      torch: {
        message: "--torch {torch} is no release that the host works with",
        hint: "give a release of torch{allowed}, as 2.14.1, or 2.14 for its newest",
      },
      picture: {
        message: "--out {path} is neither an SVG nor a PNG",
        hint: "end it with .svg, for a page or a paper, or with .png",
      },
      observe: { message: "--observe: there is no {tool}", hint: "choose among {known}" },
      device: { message: "there is no device {device}", hint: "choose one of {known}" },
      code: {
        message: "there is no diagnostic {code}",
        hint: "give the code that stands after `error`, for example F2C1015",
      },
      binding: { message: "--bind {binding} is not a symbol and its size", hint: "for example --bind B=64" },
      symbol: { message: "--bind {binding}: no shape has this symbol", hint: "choose one of {known}" },
      stage: {
        message: "--stage torch is the host's text: it does not go together with {option}",
        hint: "leave out --stage torch, or {option}",
      },
      "stage-backend": {
        message: "--backend is of --stage torch: the other stages are the same for all backends",
        hint: "add --stage torch, or leave out --backend",
      },
      function: { message: "there is no function {function}", hint: "choose one of {known}" },
      setting: {
        message: "--set {setting} is not an option and its value",
        hint: "for example --set lr=0.02",
      },
      option: {
        message: "the experiment has no option `{option}`: it has {known}",
        hint: "did you mean {near}?",
      },
      "no-values": {
        message: "a sweep needs values to try",
        hint: "for example --set lr=0.02,0.05 --set width=0.5,1",
      },
      "no-options": {
        message: "the experiment has no options, so --set {option} sets none",
        hint: "make it a function of them: experiment({ {option}: … }, (o) => ({ … }))",
      },
      "option-type": {
        message: "--set {option}={value}: `{option}` is {type}",
        hint: "its default is {given}",
      },
      "no-target": {
        message: "several files make one, which has no name",
        hint: "name it: --to FILE.safetensors",
      },
      "no-exporter": { message: "--to names no exporter", hint: "for example --to onnx" },
      "one-file": {
        message: "--out is one file, and --to names {count:number} exporters",
        hint: "leave out --out, or call it once for each",
      },
      pass: { message: "there is no pass {pass}", hint: "choose one of all, {known}" },
    },
    why: "The command line names a command, an option or a value that there is not, or leaves one out.",
  },
} as const satisfies Catalogue;
