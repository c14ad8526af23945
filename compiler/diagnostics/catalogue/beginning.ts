/** @file F2C2540 to F2C2549: experiments that are begun from a file of others. */
import type { Catalogue } from "../../../dsl/diagnostics/entry.js";

export const BEGINNING = {
  "bad-arcface-config": {
    code: "F2C2540",
    severity: "error",
    cases: {
      none: {
        message: "there is no file {path}",
        hint: "give the path of a config of arcface_torch, such as configs/ms1mv3_r50.py",
      },
      kind: {
        message: "{path} is no file of settings",
        hint: "give a config of arcface_torch, a file of a few lines such as configs/ms1mv3_r50.py",
      },
      empty: {
        message: "{path} sets no option",
        hint: "a config of arcface_torch makes `config = edict()` and sets `config.network` and others",
      },
      missing: {
        message: "`{option}` is set neither in {path} nor in a base.py beside it",
        hint: "add `config.{option} = …`",
      },
    },
    why: "A config of arcface_torch sets what differs from `base.py` in its folder; what neither sets is as in arcface_torch's own.",
  },
  "settings-not-read": {
    code: "F2C2541",
    severity: "error",
    message: "{problem}",
    hint: "the file is read and never run: set each option by a line `config.name = value`, of numbers, texts, lists and arithmetic",
    why: "A config is a program of Python, and what a stranger's program does is known when it has run. Of these files the lines that set options are read, and nothing else is guessed.",
  },
  "experiment-is-there": {
    code: "F2C2542",
    severity: "error",
    message: "{path} is there already",
    hint: "name another file with --out, or replace it with --overwrite",
    why: "An experiment that somebody wrote is replaced only where that is asked for.",
  },
} as const satisfies Catalogue;
