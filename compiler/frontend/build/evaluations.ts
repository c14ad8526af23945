/** @file What an experiment's protocols are given: each its people, from whom it draws what it compares. */
import type { Catalogue, DataSource, OpenedProtocol, Protocol } from "../../../dsl/index.js";
import { experimentError } from "../../diagnostics/catalogue.js";
import type { LoadedExperiment } from "../load/load.js";
import { type BuiltExperiment, openingContext } from "./experiment.js";
import { showingOption } from "./findings.js";

/** The name of the experiment's held-out people as a data source. */
export const HELD_OUT = "heldOut";

/** A protocol of an experiment that has drawn from its people. */
export interface Evaluation {
  readonly name: string;
  readonly protocol: Protocol;
  readonly people: Catalogue;
  /** The name of these people as a data source; evaluations of the same people share it. */
  readonly source: string;
  readonly opened: OpenedProtocol;
}

type Built = Pick<BuiltExperiment, "experiment" | "train" | "heldOut">;

interface Opened {
  readonly evaluations: readonly Evaluation[];
  /** What the sources that are only evaluated on have to say. */
  readonly notes: readonly string[];
}

/**
 * Opens the sources that are only evaluated on, and draws. Throws a CompileError, shown at `evaluate`, where images are of another shape
 * than those that train, or people too few.
 */
export const openEvaluations = (loaded: LoadedExperiment, built: Built): Opened =>
  showingOption(loaded, (lookingAt) => {
    lookingAt("evaluate");
    const { data, evaluate, seed } = built.experiment;
    const opened = new Map<DataSource, People>();
    opened.set(data, { people: built.heldOut, source: HELD_OUT, notes: [] });
    const evaluations = Object.entries(evaluate).map(([name, protocol]): Evaluation => {
      const from = protocol.data ?? data;
      const given = opened.get(from) ?? peopleOf(from, name, built.train, loaded.directory);
      opened.set(from, given);
      const { people, source } = given;
      const { offsets, names, pairs } = people;
      const drawn = protocol.open({ offsets, names, pairs, seed, directory: loaded.directory });
      return { name, protocol, people, source, opened: drawn };
    });
    return { evaluations, notes: [...opened.values()].flatMap(({ notes }) => notes) };
  });

interface People extends Pick<Evaluation, "people" | "source"> {
  readonly notes: readonly string[];
}

/** The people whom a source holds out, or all that it has. */
function peopleOf(source: DataSource, name: string, trained: Catalogue, directory: string): People {
  const { train, heldOut, notes = [] } = source.open(openingContext({ directory }));
  const people = heldOut.offsets.length > 1 ? heldOut : train;
  if (String(people.shape) !== String(trained.shape))
    throw experimentError("evaluated-images-of-another-shape", {
      name,
      found: people.shape.join(", "),
      trained: trained.shape.join(", "),
    });
  return { people, source: `evaluate.${name}`, notes };
}
