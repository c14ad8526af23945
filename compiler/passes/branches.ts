/**
 * @file Nets that need nothing of each other, such as a Probe Net and its twin, are computed at the same time: each in a branch.
 *
 *     %p = …probe…(%x)              %p = branch() { … yield … }
 *     %g = …gallery…(%x)            %g = branch() { … yield … }
 *     %l = matmul(%p, %g)           %l = matmul(%p, %g)
 *
 * On a CPU each gets a share of the cores, which wait for each other at the end of a branch and not after every op.
 */
import { type IrFunction, type IrModule, type Op, usedBy, type Value, withNested } from "../ir/module.js";
import { costOfAll } from "../registry/cost.js";
import { takesDerivatives } from "../registry/history.js";
import { specOf } from "../registry/index.js";
import { membersOf, namesStorage, storagesOf } from "../registry/storages.js";
import { Touched } from "../registry/touched.js";
import { branchOf, type Chain, chainsOf, halves, WORTH } from "./chains.js";
import { overFunctions, type Pass } from "./pass.js";
import { Recorded } from "./recorded.js";
import { rewrite } from "./replay.js";
import { namesIn } from "./written.js";

/** Chains begin with an op that has this share of what makes a branch worth it. */
const BEGINS = 1 / 200;
const DOC = "Nets that need nothing of each other are computed at the same time.";

/** `worth`: the multiply-adds that make a branch worth it. */
export const branches = (worth: number = WORTH): Pass =>
  overFunctions("branches", DOC, (fn, module, count) => {
    const { ops } = fn.body;
    if (ops.some((op) => specOf(op).derives)) return fn;
    const touched = new Touched(fn, membersOf(module.groups));
    const derivative = ops.findIndex(takesDerivatives);
    const end = derivative < 0 ? ops.length - 1 : derivative;
    const { chains, free } = chainsOf(ops.slice(0, end), {
      uses: usedBy,
      begins: (op) => costOfAll(op) > worth * BEGINS,
      isApart: (op) => withNested(op).some(isApart),
      touched,
    });
    const found = halves(chains, worth);
    if (!found) return fn;
    const parts = withTheirOwn(fn, found, touched);
    if (!keepsOrder(fn, parts, module)) return fn;
    count("branches", found.length);
    return branched(fn, parts, free);
  });

/**
 * Draws follow each other in the order of the program; a derivative is taken by a leaf of the top level; processes wait for each other;
 * branches are branches already.
 */
const isApart = (op: Op): boolean => {
  const { effect, history, control } = specOf(op);
  return control?.concurrent === true || effect === "rng" || effect === "collective" || history === "leaf";
};

/**
 * Whether the parts of each derivative are summed in one order, however fast branches are. Torch goes back through ops in the order in
 * which their thread recorded them, so all uses of a parameter, and of each value, must be recorded in one thread.
 */
function keepsOrder(fn: IrFunction, parts: readonly ReadonlySet<Op>[], module: IrModule): boolean {
  const { ops } = fn.body;
  const history = new Recorded(module);
  history.followAll(ops);
  const members = membersOf(module.groups);
  const names = namesIn(fn);
  const isInOneThread = (outputs: readonly Value[]): boolean => {
    const threads = new Map<string | number, ReadonlySet<Op> | undefined>();
    for (const op of history.back(outputs)) {
      const thread = parts.find((part) => part.has(op));
      for (const value of usedBy(op)) {
        const isParameter = history.of(value) === "parameter";
        if (!isParameter && !history.of(value)) continue;
        for (const used of isParameter ? storagesOf(names.get(value.id), members) : [value.id]) {
          if (threads.has(used) && threads.get(used) !== thread) return false;
          threads.set(used, thread);
        }
      }
    }
    return true;
  };
  return ops.flatMap(withNested).every((op) => isInOneThread(outputsOf(op)));
}

/** The values that an op takes derivatives of. */
function outputsOf(op: Op): readonly Value[] {
  const { differentiates } = specOf(op);
  if (!differentiates) return [];
  const { operands, attributes } = op;
  const values = differentiates.loss
    ? operands.slice(0, 1)
    : operands.slice(1, 1 + Number(attributes.outputs));
  return values.filter((value) => value !== undefined);
}

/**
 * The branches, with what stands before them and is used in one alone: storages that are named, and what is made of them or of inputs.
 * A storage that all of them name is named in each.
 */
function withTheirOwn(fn: IrFunction, parts: readonly Chain[], touched: Touched): readonly ReadonlySet<Op>[] {
  const own = parts.map((part) => new Set(part.ops));
  const users = new Map<number, Set<Set<Op> | undefined>>();
  for (const op of fn.body.ops.toReversed()) {
    let homes = own.filter((part) => part.has(op));
    if (homes.length === 0 && canMove(op, touched)) {
      const wanted = new Set(op.results.flatMap(({ id }) => [...(users.get(id) ?? [undefined])]));
      const parts = [...wanted].filter((part) => part !== undefined);
      if (parts.length === wanted.size && (parts.length === 1 || isName(op))) homes = parts;
      for (const home of homes) home.add(op);
    }
    for (const { id } of usedBy(op))
      for (const home of homes.length > 0 ? homes : [undefined])
        users.set(id, (users.get(id) ?? new Set()).add(home));
  }
  return own;
}

/** Whether an op only gives a name to something that is there. */
const isName = (op: Op): boolean => op.op === "constant" || namesStorage(op);

/** Whether an op gives the same wherever it stands. */
function canMove(op: Op, touched: Touched): boolean {
  const { effect, control } = specOf(op);
  return isName(op) || (effect === "pure" && !control && touched.by(op).size === 0);
}

/** The function with these ops in branches. Ops that are `free` of all branches stay before them, since branches may need them. */
function branched(fn: IrFunction, parts: readonly ReadonlySet<Op>[], free: ReadonlySet<Op>): IrFunction {
  const { ops } = fn.body;
  const inOrder = parts.map((part) => ops.filter((op) => part.has(op)));
  // A part's last op is its own.
  const places = new Map(inOrder.map((part) => [part.at(-1)!, part]));
  const last = ops.findLastIndex((op) => places.has(op));
  const rest = ops.filter((op) => !parts.some((part) => part.has(op)));
  const early = new Set(ops.slice(0, last));
  const before = new Set(rest.filter((op) => free.has(op) && early.has(op)));
  const order = [...before, ...places.keys(), ...rest.filter((op) => !before.has(op))];
  let isInside = false;
  return rewrite({ ...fn, body: { ...fn.body, ops: order } }, (op, replay) => {
    const part = isInside ? undefined : places.get(op);
    if (!part) return undefined;
    const values = given(part, ops);
    isInside = true;
    const results = branchOf(replay, part[0]!.location, () => {
      for (const o of part) replay.op(o);
      return values.map((value) => replay.value(value));
    });
    isInside = false;
    for (const [i, value] of values.entries()) replay.stand(value, results[i]!);
    return op.results.map((result) => replay.value(result));
  });
}

/** The values of a part that ops outside of it use. */
function given(part: readonly Op[], ops: readonly Op[]): readonly Value[] {
  const own = new Set(part);
  const outside = new Set(ops.flatMap((op) => (own.has(op) ? [] : usedBy(op).map(({ id }) => id))));
  const made = part.filter((op) => !isName(op)).flatMap(({ results }) => results);
  return made.filter(({ id }) => outside.has(id));
}
