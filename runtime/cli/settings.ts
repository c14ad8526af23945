/** @file `--set lr=0.02`: options of the experiment, from the command line. */
import { experimentError } from "../../compiler/diagnostics/catalogue.js";

/** Values by option, as they are written. */
export type Settings = Readonly<Record<string, string>>;

/** What commander gathers of a `--set` that may stand several times. */
export const gathered = (setting: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  setting,
];

const parted = (setting: string): readonly [name: string, value: string] => {
  const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(setting) ?? [];
  if (name === undefined) throw experimentError("bad-command-line.setting", { setting });
  return [name, value!];
};

/** Of an option that is set twice the last one counts. */
export const settingsOf = (settings: readonly string[] = []): Settings =>
  Object.fromEntries(settings.map(parted));

/** What `--set` means for a study: nothing yet, since each of its stages has options of its own. */
export function checkNoSettings(settings: readonly unknown[] = []): void {
  if (settings.length > 0) throw experimentError("bad-command-line.set-of-study", {});
}

/** Every combination of values, joined by commas, in the order in which they are written: the last option changes first. */
export function combinationsOf(settings: readonly string[]): readonly Settings[] {
  const options = Object.entries(Object.fromEntries(settings.map(parted)));
  return options.reduce<readonly Settings[]>(
    (combinations, [name, values]) =>
      combinations.flatMap((before) =>
        [...new Set(values.split(","))].map((value) => ({ ...before, [name]: value })),
      ),
    [{}],
  );
}

/** As they are given to another command, or said. */
export const asArguments = (settings: Settings): readonly string[] =>
  Object.entries(settings).map(([name, value]) => `${name}=${value}`);
