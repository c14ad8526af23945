/** @file A config of arcface_torch: what the file sets, over what `configs/base.py` does. github.com/deepinsight/insightface, recognition/arcface_torch */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import {
  notRead,
  type PythonFile,
  type PythonValue,
  type Setting,
  type Settings,
  settingsIn,
} from "./python-settings.js";

/** What arcface_torch's own `base.py` sets, for what is set neither in the config nor in one beside it. */
const BASE = `config = edict()
config.margin_list = (1.0, 0.5, 0.0)
config.network = "r50"
config.embedding_size = 512
config.sample_rate = 1
config.interclass_filtering_threshold = 0
config.fp16 = False
config.batch_size = 128
config.optimizer = "sgd"
config.lr = 0.1
config.momentum = 0.9
config.weight_decay = 5e-4
config.verbose = 2000
config.dali = False
config.dali_aug = False
config.gradient_acc = 1
config.seed = 2048
config.using_wandb = False
config.wandb_entity = "entity"
config.wandb_project = "project"
config.suffix_run_name = None
`;

export interface Origin {
  readonly config: ArcFaceConfig;
  /** The config's path as it was given. */
  readonly path: string;
  /** The folder of the experiment's file, where relative paths begin. */
  readonly directory: string;
  /** The folder in which the command was called: where arcface_torch looks for a relative `rec`. */
  readonly calledIn?: string | undefined;
  /** How many GPUs a batch of the config is divided among; by default what its name says, or 8. */
  readonly gpus?: number | undefined;
}

export const isWhole = (x: number): boolean => Number.isInteger(x) && x >= 1;

/** Larger than any list of settings: something else was given. */
const MOST_BYTES = 1 << 20;

/** A config, its options asked for by name and by the kind of their value. */
export class ArcFaceConfig {
  /** What the config and its base set together, and the options that the config itself sets, in its order. */
  private constructor(
    readonly file: PythonFile,
    private readonly settings: Settings,
    readonly own: ReadonlySet<string>,
  ) {}

  /** Throws F2C2540 where it is no config, F2C2541 where a statement is not read. */
  static read(path: string, shown = path): ArcFaceConfig {
    const file = textFile(path, shown);
    const own = settingsIn(file);
    if (own.size === 0) throw experimentError("bad-arcface-config.empty", { path: shown });
    const beside = join(dirname(path), "base.py");
    const hasBase = basename(path) !== "base.py" && existsSync(beside);
    const base = hasBase ? settingsIn(textFile(beside, join(dirname(shown), "base.py"))) : [];
    const known = settingsIn({ path: "arcface_torch's base.py", text: BASE });
    return new ArcFaceConfig(file, new Map([...known, ...base, ...own]), new Set(own.keys()));
  }

  /** The file's name without its ending: arcface_torch calls the run after it. */
  get name(): string {
    return basename(this.file.path).replace(/\.py$/, "");
  }

  has(option: string): boolean {
    return this.settings.has(option);
  }

  number(option: string, wanted: string, holds: (value: number) => boolean): number {
    return this.checked(option, wanted, (v): v is number => typeof v === "number" && holds(v));
  }

  flag(option: string): boolean {
    if (!this.has(option)) return false;
    // Python's `if`.
    const { value } = this.setting(option);
    return Array.isArray(value) ? value.length > 0 : Boolean(value);
  }

  text(option: string): string {
    return this.checked(option, "a text", (v): v is string => typeof v === "string");
  }

  oneOf(option: string, known: readonly string[]): string {
    return this.checked(option, `one of ${known.join(", ")}`, (v): v is string =>
      known.includes(v as string),
    );
  }

  /** Names of files without their endings. */
  names(option: string): readonly string[] {
    return this.checked(
      option,
      "a list of names of files, of letters, digits and - _ . /",
      (v): v is readonly string[] =>
        Array.isArray(v) && v.every((one) => typeof one === "string" && /^[\w./-]+$/.test(one)),
    );
  }

  numbers(option: string, count: number): readonly number[] {
    return this.checked(
      option,
      `a list of ${count} numbers`,
      (v): v is readonly number[] =>
        Array.isArray(v) && v.length === count && v.every((one) => typeof one === "number"),
    );
  }

  /** The option as it is written: `lr = 0.1`. */
  written(option: string): string {
    return `${option} = ${this.setting(option).written}`;
  }

  /** What is to be said of the option, if the config itself sets it. */
  told(option: string, remark: string): readonly string[] {
    return this.own.has(option) ? [`${this.written(option)}: ${remark}.`] : [];
  }

  private checked<T extends PythonValue>(
    option: string,
    wanted: string,
    holds: (value: PythonValue) => value is T,
  ): T {
    const setting = this.setting(option);
    if (holds(setting.value)) return setting.value;
    throw notRead(setting.file, setting, `\`${this.written(option)}\`, where arcface_torch needs ${wanted}`);
  }

  private setting(option: string): Setting {
    const setting = this.settings.get(option);
    if (setting) return setting;
    throw experimentError("bad-arcface-config.missing", { path: this.file.path, option });
  }
}

function textFile(path: string, shown: string): PythonFile {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw experimentError("bad-arcface-config.none", { path: shown });
  if (!found.isFile() || found.size > MOST_BYTES)
    throw experimentError("bad-arcface-config.kind", { path: shown });
  return { path: shown, text: readFileSync(path, "utf8") };
}
