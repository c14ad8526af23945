/**
 * @file Warns of what compiles but is probably a mistake: schedules that the run is too short for, a pool that can never be
 * filled.
 *
 * Only schedules of the library can be examined, since their factories describe them; a user's own function is accepted as
 * it is.
 */
import { type Description, descriptionOf, type Policy } from "../../../dsl/index.js";
import { PoolBook } from "../../../dsl/plan/pool-book.js";
import { inputsOf, type Updates } from "../../build/parameter-groups.js";
import { report } from "../../diagnostics/catalogue.js";
import type { Diagnostic, Span } from "../../diagnostics/diagnostic.js";
import { type LoadedExperiment, optionOf } from "../load/load.js";
import { optionNamed } from "../load/stack.js";
import { type BuiltExperiment, openBooks } from "./experiment.js";

/** Warnings about an experiment that compiles, at the options that they are about. */
export function warningsOf(
  loaded: LoadedExperiment,
  built: BuiltExperiment,
  { groups }: Updates,
): readonly Diagnostic[] {
  /** The first of `names` that the call behind an option of the experiment is given; otherwise the option. */
  const placeOf = (option: string, ...names: readonly string[]): Span => {
    const { path, texts } = loaded;
    const named = new Error(names.map((name) => `\`${name}\``).join(" "));
    return optionNamed(path, texts.get(path) ?? "", option, named) ?? optionOf(path, texts, option);
  };
  const policies: (readonly [name: string, policy: Policy, placed: (option: string) => Span])[] = [
    ["lr", built.experiment.lr, (option) => placeOf("lr", option)],
    ...groups.flatMap((group) =>
      typeof group.lr === "function"
        ? [[inputsOf(group).lr, group.lr, () => placeOf("optimizer")] as const]
        : [],
    ),
    // Other options of a method may have options of the same name, so the whole policy is shown.
    ...Object.entries(built.method.policies ?? {}).map(
      ([name, policy]) => [name, policy, () => placeOf("method", name)] as const,
    ),
  ];
  return [
    ...policies.flatMap(([name, policy, placed]) =>
      [...descriptionsIn(descriptionOf(policy))].flatMap((description) =>
        scheduleWarnings(name, description, built, placed),
      ),
    ),
    ...poolWarnings(built, placeOf("method", "capacity")),
  ];
}

/** A description, and those of the policies inside it. */
function* descriptionsIn(value: unknown): Generator<Description> {
  if (typeof value !== "object" || value === null || typeof (value as Description).kind !== "string") return;
  yield value as Description;
  for (const option of Object.values(value)) yield* descriptionsIn(option);
}

function scheduleWarnings(
  option: string,
  description: Description,
  { steps, stepsPerEpoch }: BuiltExperiment,
  placed: (option: string) => Span,
): Diagnostic[] {
  const found: Diagnostic[] = [];
  const whole = steps / stepsPerEpoch;
  const warmup = typeof description.warmup === "number" ? description.warmup : 0;
  const milestones =
    description.kind === "multistep" && Array.isArray(description.epochs)
      ? description.epochs.filter((epoch) => typeof epoch === "number")
      : [];
  // Step s of the warm-up has (s + 1) / (warmup * stepsPerEpoch) of the base; a milestone counts from step epoch * stepsPerEpoch on.
  const first = Math.min(...milestones);
  const rising = Math.min(steps, Math.ceil(first * stepsPerEpoch));
  const share = rising / (warmup * stepsPerEpoch);
  if (warmup > 0 && share < 1 - 1e-9)
    found.push(
      report("base-never-reached", placed("warmup"), {
        option,
        warmup: epochs(warmup),
        outcome:
          rising < steps
            ? `and its first milestone, epoch ${shown(first)}, comes at ${percent(share)} of the base`
            : `and the run ends after ${epochs(whole)}, at ${percent(share)} of the base`,
      }),
    );
  const beyond = milestones.filter((epoch) => epoch * stepsPerEpoch > steps - 1);
  if (beyond.length > 0)
    found.push(
      report("milestones-beyond-end", placed("epochs"), {
        option,
        milestones: beyond.map(shown).join(", "),
        length: epochs(whole),
      }),
    );
  return found;
}

function poolWarnings({ state, setting }: BuiltExperiment, place: Span): Diagnostic[] {
  const sizes = Object.values(openBooks(state)).flatMap((book) =>
    book instanceof PoolBook ? [book.capacity] : [],
  );
  return sizes
    .filter((capacity) => capacity > setting.identities)
    .map((capacity) =>
      report("pool-larger-than-data", place, {
        slots: capacity,
        identities: setting.identities,
        idle: capacity - setting.identities,
      }),
    );
}

const shown = (x: number) => String(Number(x.toFixed(2)));
const epochs = (count: number) => `${shown(count)} ${count === 1 ? "epoch" : "epochs"}`;
const percent = (share: number) => `${shown(100 * share)} %`;
