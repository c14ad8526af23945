/** @file What an experiment's protocols are given: each its people, from whom it draws what it compares. */
import type { Catalogue, DataSource, OpenedProtocol, Protocol } from "../../../dsl/index.js";
import { experimentError } from "../../diagnostics/catalogue.js";
import type { LoadedExperiment, LoadedValue } from "../load/load.js";
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
      const given = opened.get(from) ?? peopleOf(from, name, loaded.directory);
      refuseOtherShape(name, given.people, built.train);
      opened.set(from, given);
      return evaluationOf(name, protocol, given, seed, loaded.directory);
    });
    return { evaluations, notes: [...opened.values()].flatMap(({ notes }) => notes) };
  });

interface People extends Pick<Evaluation, "people" | "source"> {
  readonly notes: readonly string[];
}

/** Protocols that a file declares by themselves: each has people of its own, and draws as in an experiment whose seed is 0. */
export const openProtocols = (
  loaded: LoadedValue<unknown>,
  protocols: Readonly<Record<string, Protocol>>,
): Opened =>
  showingOption(loaded, () => {
    const opened = new Map<DataSource, People>();
    const evaluations = Object.entries(protocols).map(([name, protocol]): Evaluation => {
      if (protocol.data === undefined) throw experimentError("protocol-without-data", { name });
      const given = opened.get(protocol.data) ?? peopleOf(protocol.data, name, loaded.directory);
      opened.set(protocol.data, given);
      return evaluationOf(name, protocol, given, 0, loaded.directory);
    });
    return { evaluations, notes: [...opened.values()].flatMap(({ notes }) => notes) };
  });

function evaluationOf(
  name: string,
  protocol: Protocol,
  { people, source }: People,
  seed: number,
  directory: string,
): Evaluation {
  const { offsets, names, pairs } = people;
  return {
    name,
    protocol,
    people,
    source,
    opened: protocol.open({ offsets, names, pairs, seed, directory }),
  };
}

/** The people whom a source holds out, or all that it has. */
function peopleOf(source: DataSource, name: string, directory: string): People {
  const { train, heldOut, notes = [] } = source.open(openingContext({ directory }));
  return { people: heldOut.offsets.length > 1 ? heldOut : train, source: `evaluate.${name}`, notes };
}

function refuseOtherShape(name: string, people: Catalogue, trained: Catalogue): void {
  if (String(people.shape) === String(trained.shape)) return;
  throw experimentError("evaluated-images-of-another-shape", {
    name,
    found: people.shape.join(", "),
    trained: trained.shape.join(", "),
  });
}
