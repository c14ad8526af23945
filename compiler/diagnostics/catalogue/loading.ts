/** @file F2C11xx: finding and loading the experiment's file. */
import type { CatalogueEntry } from "./entry.js";

export const LOADING = {
  "file-not-found": {
    code: "F2C1101",
    severity: "error",
    message: "there is no file {path}",
    hint: "give the path of the TypeScript file that declares the experiment",
    why: "The command line names a file that does not exist.",
  },
  "syntax-error": {
    code: "F2C1102",
    severity: "error",
    message: "{message} (TS{number:number})",
    why: "The file is not TypeScript at this place, so nothing behind it can be read for certain.",
    remedy: "Mend the first such error first: those after it often follow from it.",
  },
  "import-not-found": {
    code: "F2C1104",
    severity: "error",
    message: "{message}",
    why: "A file or package that the experiment imports cannot be found.",
    hint: "a relative path counts from the importing file; a package is installed with npm install",
  },
  "no-default-export": {
    code: "F2C1105",
    severity: "error",
    message: "the file has no default export",
    hint: "end it with: export default experiment({ … })",
    why: "The default export is the experiment that is compiled and run.",
  },
  "default-export-no-experiment": {
    code: "F2C1106",
    severity: "error",
    message: "the default export is not an experiment",
    hint: "export default experiment({ … }), imported from f2c-dsl",
    why: "The default export is the experiment that is compiled and run.",
  },
  "experiment-threw": {
    code: "F2C1107",
    severity: "error",
    message: "the experiment threw while it was being built: {message}",
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
    message: "{problem}",
    hint: "{remedy}",
    why: "The command line names a command, an option or a value that there is not, or leaves one out.",
  },
} as const satisfies Record<string, CatalogueEntry>;
