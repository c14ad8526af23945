/**
 * @file Chains of a function's top level: ops of which each goes on from others of its chain, and needs nothing of another. Where what
 * they give comes together they end.
 *
 *     %a = conv2d(%x, %w)          %c = conv2d(%y, %u)          two chains
 *     %b = linear(%a, %v)          %d = linear(%c, %t)
 *                       %e = matmul(%b, %d)                     of none, as is all that goes on from it
 */
import type { Location, Op, Value } from "../ir/module.js";
import { costOfAll } from "../registry/cost.js";
import type { Touched } from "../registry/touched.js";
import type { Replay } from "./replay.js";

export interface Chain {
  /** In the order of the function. */
  readonly ops: readonly Op[];
  /** In multiply-adds, as `WORTH`. */
  readonly cost: number;
}

export interface Rules {
  /** The values that an op goes on from. */
  readonly uses: (op: Op) => readonly Value[];
  /** Whether an op that goes on from no chain begins one. */
  readonly begins: (op: Op) => boolean;
  /** Whether an op, and all that goes on from it, is of no chain. */
  readonly isApart: (op: Op) => boolean;
  /** With it, ops that must keep their order, since one writes what the other touches, are of one chain. */
  readonly touched?: Touched;
}

export interface Chains {
  readonly chains: readonly Chain[];
  /** The ops that go on from no chain and begin none. */
  readonly free: ReadonlySet<Op>;
}

/** Says of ops that they are of one chain. Two labels are joined where their chains turn out to be one. */
class Label {
  private joined: Label | undefined;

  get root(): Label {
    if (!this.joined) return this;
    this.joined = this.joined.root; // so that no way is long
    return this.joined;
  }

  join(other: Label): void {
    if (other.root !== this.root) this.root.joined = other.root;
  }
}

const NO_CHAIN = new Label();

export function chainsOf(ops: readonly Op[], { uses, begins, isApart, touched }: Rules): Chains {
  const made = new Map<number, Label>();
  const [touching, writing] = [new Labelled(), new Labelled()];
  const labels = new Map<Op, Label>();

  for (const op of ops) {
    const from = new Set(uses(op).flatMap(({ id }) => made.get(id)?.root ?? []));
    const [touches, writes] = touched ? [touched.by(op), touched.writtenBy(op)] : [[], []];
    const behind = new Set([...writing.of(touches), ...touching.of(writes)]);
    const before = [...new Set([...from, ...behind])];
    let label: Label | undefined;
    if (isApart(op) || from.size > 1 || before.includes(NO_CHAIN)) label = NO_CHAIN;
    else if (before.length > 0) {
      label = before[0]!;
      for (const other of before) other.join(label);
    } else if (begins(op)) label = new Label();
    if (!label) continue;
    labels.set(op, label);
    for (const result of op.results) made.set(result.id, label);
    touching.add(touches, label);
    writing.add(writes, label);
  }

  const chains = new Map<Label, Op[]>();
  for (const [op, { root }] of labels) {
    const chain = chains.get(root);
    if (chain) chain.push(op);
    else if (root !== NO_CHAIN) chains.set(root, [op]);
  }
  return {
    chains: [...chains.values()].map((of) => ({ ops: upToProducts(of, uses, touched), cost: cost(of) })),
    free: new Set(ops.filter((op) => !labels.has(op))),
  };
}

/**
 * A chain without what follows on its last product that matters: few values come out of it there, and the little that follows is
 * not worth a thread.
 */
function upToProducts(ops: readonly Op[], uses: Rules["uses"], touched: Touched | undefined): readonly Op[] {
  const least = cost(ops) / 1000;
  const needed = new Set<number>();
  const touches = new Set<string>();
  const writes = new Set<string>();
  const kept = ops.toReversed().filter((op) => {
    const [touchesNow, writesNow] = touched ? [touched.by(op), touched.writtenBy(op)] : [[], []];
    const comesBefore =
      [...writesNow].some((name) => touches.has(name)) || [...touchesNow].some((name) => writes.has(name));
    if (costOfAll(op) < least && !comesBefore && !op.results.some(({ id }) => needed.has(id))) return false;
    for (const { id } of uses(op)) needed.add(id);
    for (const name of touchesNow) touches.add(name);
    for (const name of writesNow) writes.add(name);
    return true;
  });
  return kept.reverse();
}

/** By storage, the labels of the ops that touched it, or that wrote it. */
class Labelled {
  private readonly labels = new Map<string, Set<Label>>();

  add(storages: Iterable<string>, label: Label): void {
    for (const name of storages)
      this.labels.set(name, (this.labels.get(name) ?? new Set<Label>()).add(label));
  }

  of(storages: Iterable<string>): readonly Label[] {
    return [...storages].flatMap((name) => [...(this.labels.get(name) ?? [])].map(({ root }) => root));
  }
}

const cost = (ops: readonly Op[]) => ops.reduce((sum, op) => sum + costOfAll(op), 0);

/**
 * The multiply-adds that make it worth to start a thread: some tenths of a millisecond of a core. A batch whose size is not known when
 * the program is compiled counts as one sample.
 */
export const WORTH = 10_000_000;

/**
 * Chains divided into two that take about as long, the longest first; nothing where one has less than `worth`, or less than half of the
 * other: all cores together are sooner done with the longer one. With a `worth` of 0 any two will do.
 */
export function halves(chains: readonly Chain[], worth: number): readonly [Chain, Chain] | undefined {
  const sides: Chain[][] = [[], []];
  const total = (side: readonly Chain[]) => side.reduce((sum, chain) => sum + chain.cost, 0);
  for (const chain of chains.filter((c) => c.cost >= worth).sort((a, b) => b.cost - a.cost))
    sides.sort((a, b) => total(a) - total(b))[0]!.push(chain);
  const [less, more] = sides.map(total).sort((a, b) => a - b) as [number, number];
  if (less === 0 || (worth > 0 && 2 * less < more)) return undefined;
  const first = (side: readonly Chain[]) => Math.min(...side.map((chain) => chains.indexOf(chain)));
  sides.sort((a, b) => first(a) - first(b));
  const whole = (side: readonly Chain[]) => ({ ops: side.flatMap(({ ops }) => ops), cost: total(side) });
  return [whole(sides[0]!), whole(sides[1]!)];
}

/** A branch of what `body` emits; gives what that returns. */
export function branchOf(replay: Replay, at: Location, body: () => readonly Value[]): readonly Value[] {
  const { builder } = replay;
  const { region, result } = builder.region([], body);
  const types = result.map(({ type }) => type);
  return builder.structured("branch", [], [builder.finish(region, result, at)], types, at);
}
