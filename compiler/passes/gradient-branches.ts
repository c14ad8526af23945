/**
 * @file Where the loss is made of two forward passes that need nothing of each other, so are their gradients: first that of the loss by
 * what the passes gave, then of each pass by itself, at the same time.
 *
 *     %a = …net…(%x)                        %a = …net…(%x)
 *     %b = …net…(%y)                        %b = …net…(%y)
 *     %l = …(%a, %b)                        %a1 = leaf(%a)    %b1 = leaf(%b)
 *     %g = gradients(%l, %p)                %l = …(%a1, %b1)
 *                                           %g0, %da, %db = vjp(@others, %l, 1, %a1, %b1)
 *                                           %g1 = branch() { yield vjp(%p, %a, %da) }
 *                                           %g2 = branch() { yield vjp(%p, %b, %db) }
 *                                           %g = %g1 + %g2
 */
import {
  type Group,
  type GroupType,
  groupType,
  type IrFunction,
  type IrModule,
  type Op,
  type TensorType,
  usedBy,
  type Value,
} from "../ir/module.js";
import { cuts } from "../registry/history.js";
import { specOf } from "../registry/index.js";
import { isWrite, membersOf, storagesOf } from "../registry/storages.js";
import { branchOf, chainsOf, halves, WORTH } from "./chains.js";
import type { Pass } from "./pass.js";
import { isReal, Recorded } from "./recorded.js";
import { type Replay, rewrite } from "./replay.js";
import { namesIn } from "./written.js";

/** A forward pass, or several: what of it the loss is made of, and which parameters it has. */
interface Part {
  readonly ops: ReadonlySet<Op>;
  readonly given: readonly Value[];
  readonly parameters: Group;
}

interface Plan {
  readonly op: Op;
  /** The ops beside the passes that the loss is made of, and the gradient itself. */
  readonly sees: ReadonlySet<Op>;
  readonly parts: readonly [Part, Part];
  /** All other parameters. */
  readonly others: Group;
  /** Those of both parts. */
  readonly shared: Group;
}

/** `worth`: the multiply-adds that make a branch worth it. */
export const gradientBranches = (worth: number = WORTH): Pass => ({
  name: "gradient-branches",
  doc: "Gradients of forward passes that need nothing of each other are taken at the same time.",
  run(module) {
    const groups = new Groups(module.groups);
    let branches = 0;
    const functions = module.functions.map((fn) => {
      const plan = planOf(fn, module, groups, worth);
      if (!plan) return fn;
      branches += plan.parts.length;
      return split(fn, plan);
    });
    return {
      module: { ...module, functions, groups: groups.all },
      statistics: branches ? { branches } : {},
    };
  },
});

/** The groups of a module, and those that are named anew. */
class Groups {
  constructor(public all: readonly Group[]) {}

  /** A group of these members in this order: `like`, another that there is, or a new one. */
  of(members: readonly string[], like: string, name: string): Group {
    const key = JSON.stringify(members);
    const same = this.all.filter((group) => JSON.stringify(group.members) === key);
    const known = same.find((group) => group.name === like) ?? same[0];
    if (known) return known;
    const made = { name: this.free(name), members };
    this.all = [...this.all, made];
    return made;
  }

  private free(name: string): string {
    return this.all.some((group) => group.name === name) ? this.free(`${name}.more`) : name;
  }
}

function planOf(fn: IrFunction, module: IrModule, groups: Groups, worth: number): Plan | undefined {
  const { ops } = fn.body;
  const [op, ...more] = ops.filter((o) => specOf(o).differentiates || specOf(o).derives);
  if (op?.op !== "gradients" || more.length > 0) return undefined;
  const before = ops.slice(0, ops.indexOf(op));
  const history = new Recorded(module);
  history.followAll(before);
  const recorded = (values: readonly Value[]) => values.filter((v) => history.of(v) === "history");
  const { chains } = chainsOf(before, {
    uses: (o) => recorded(usedBy(o)),
    begins: (o) => recorded(o.results).length > 0,
    isApart: (o) => specOf(o).history === "leaf",
  });
  const found = halves(chains, worth);
  if (!found) return undefined;

  const layout = layoutOf(op.results[0]!);
  const members = membersOf(module.groups);
  const names = namesIn(fn);
  const parametersOf = (some: readonly Op[]) => {
    const used = some.flatMap(usedBy);
    const seen = new Set(used.flatMap(({ id }) => storagesOf(names.get(id), members)));
    return members.get(layout)!.filter((name) => seen.has(name));
  };
  const inParts = new Set(found.flatMap((part) => part.ops));
  const outside = before.filter((o) => !inParts.has(o));
  const others = parametersOf(outside.filter((o) => !isWrite(o) && !cuts(o)));
  const own = found.map((part) => parametersOf(part.ops));
  const [one, other] = own as [string[], string[]];
  const shared = one.filter((name) => other.includes(name));
  const reached = history.back(op.operands.slice(0, 1) as Value[]);
  const sees = new Set([...outside.filter((o) => reached.has(o)), op]);
  const seen = new Set([...sees].flatMap((o) => usedBy(o).map(({ id }) => id)));
  const given = found.map((part) =>
    recorded(part.ops.flatMap((o) => o.results)).filter(({ id }) => seen.has(id)),
  );
  const isWhole = [...given, ...own].every((list) => list.length > 0) && given.flat().every(isReal);
  if (!isWhole || others.some((name) => one.includes(name) || other.includes(name))) return undefined;

  const group = (names: readonly string[], what: string) =>
    groups.of(names, layout, `${fn.name}.gradient.${what}`);
  const part = (i: 0 | 1): Part => ({
    ops: new Set(found[i].ops),
    given: given[i]!,
    parameters: group(own[i]!, `${i}`),
  });
  return {
    op,
    sees,
    parts: [part(0), part(1)],
    // Those that nothing reaches are among them: they get zeros.
    others: group(
      members.get(layout)!.filter((name) => !one.includes(name) && !other.includes(name)),
      "others",
    ),
    shared: group(shared, "shared"),
  };
}

const layoutOf = ({ type }: Value): string => (type as GroupType).group;

/** The function with its gradient in parts; what the loss is made of beside them sees leaves. */
function split(fn: IrFunction, plan: Plan): IrFunction {
  const given = new Map(plan.parts.flatMap((part) => part.given).map((value) => [value.id, value]));
  const leaves = new Map<Value, Value>();
  let [isBehind, depth] = [false, 0];
  const visit = (op: Op, replay: Replay): readonly Value[] | undefined => {
    if (isBehind || depth > 0 || !plan.sees.has(op)) return undefined;
    const cut = [...new Set(usedBy(op).flatMap(({ id }) => given.get(id) ?? []))];
    const originals = cut.map((value) => replay.value(value));
    for (const [i, value] of cut.entries()) {
      const leaf = leaves.get(value) ?? replay.emit("leaf", [originals[i]], {}, op.location)[0]!;
      leaves.set(value, leaf);
      replay.stand(value, leaf);
    }
    const loss = op === plan.op ? replay.value(op.operands[0]!) : undefined;
    const results = loss ? [] : replay.copy(op);
    for (const [i, value] of cut.entries()) replay.stand(value, originals[i]!);
    if (!loss) return results;
    isBehind = true;
    return [gradient(plan, loss, leaves, replay)];
  };
  return rewrite(fn, visit, { enter: () => depth++, leave: () => depth-- });
}

/** The gradient: of the loss by the leaves, then of each part by its parameters, and their sum. */
function gradient(plan: Plan, loss: Value, leaves: ReadonlyMap<Value, Value>, replay: Replay): Value {
  const { op, parts, others, shared } = plan;
  const at = op.location;
  const list = ({ name }: Group) => replay.emit("group", [], { name }, at, [groupType(name)])[0]!;
  const product = (
    by: Group,
    outputs: readonly Value[],
    cotangents: readonly Value[],
    more: readonly Value[],
  ) => replay.emit("vjp", [list(by), ...outputs, ...cotangents, ...more], { outputs: outputs.length }, at);

  const dtype = (loss.type as TensorType).dtype;
  const ones = replay.emit("full", [], { shape: [], value: 1, dtype }, at);
  const by = parts.flatMap((part) => part.given.map((value) => leaves.get(value)!));
  const [rest, ...arrived] = product(others, [loss], ones, by);
  const cotangents = new Map(by.map((leaf, i) => [leaf, arrived[i]!]));
  const found = parts.flatMap(({ given, parameters }) =>
    branchOf(replay, at, () =>
      product(
        parameters,
        given.map((value) => replay.value(value)),
        given.map((value) => cotangents.get(leaves.get(value)!)!),
        [],
      ),
    ),
  );
  const taken = (from: readonly Value[], group: string): Value =>
    from.length === 1 && layoutOf(from[0]!) === group
      ? from[0]!
      : replay.emit("members", from, { group }, at)[0]!;
  const beside = parts.flatMap(({ parameters }, i) => (parameters.name === shared.name ? [] : [found[i]!]));
  if (others.members.length > 0) beside.push(rest!);
  const layout = layoutOf(op.results[0]!);
  if (shared.members.length === 0) return taken(beside, layout);
  const both = found.map((part) => taken([part], shared.name));
  const sum = replay.emit("foreach_add", [...both, replay.number(1, at)], {}, at)[0]!;
  return taken([sum, ...beside], layout);
}
