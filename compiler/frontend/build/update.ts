/**
 * @file Gradient and optimizer in the step. They come right after the op that completes the loss, so that what the step does
 * later (a pool's write, a logged number) comes later:
 *
 *     %loss = mean(%losses)                %loss = mean(%losses)
 *     write(%pool.gallery, …)              %parameters = group {parameters}
 *                                          %gradients = gradients(%loss, %parameters)
 *                                          …the optimizer's update…
 *                                          write(%pool.gallery, …)
 *
 * Where there are several groups of parameters, or an optimizer has several parts, each gets its members out of one list of all
 * gradients; a group that stands still for a while is updated where an input says so:
 *
 *     %gradients = gradients(%loss, %parameters)
 *     if(%optimizer.head.moves) {
 *       %head = group {optimizer.parameters.head}
 *       %own = members(%gradients, group = "optimizer.parameters.head")
 *       …the update of its optimizer…
 *     }
 *
 * A derivative that the step takes itself (`gradient_of`) comes before: after the update what it goes through is gone.
 *
 * What a loss depends on must come to a parameter and must not be overwritten before; what breaks that is refused.
 */
import type { GradientChange } from "../../../dsl/index.js";
import type { FunctionBuilder } from "../../build/function-builder.js";
import { inputsOf, type UpdateGroup, type UpdatePart, type Updates } from "../../build/parameter-groups.js";
import { type GroupUse, slotName } from "../../build/storage-table.js";
import { report } from "../../diagnostics/catalogue.js";
import type { Span } from "../../diagnostics/diagnostic.js";
import {
  type AttributeValue,
  groupType,
  type Location,
  type Op,
  scalarType,
  type Type,
  type Value,
} from "../../ir/module.js";
import type { OpName } from "../../ir/op-name.js";
import { printType } from "../../ir/print-type.js";
import { specOf } from "../../registry/index.js";
import { isFloat } from "../../registry/shapes.js";
import { isWrite, membersOf, storagesOf } from "../../registry/storages.js";
import { inUserCode } from "../lower/forms/places.js";
import type { FunctionSource } from "../lower/function-source.js";
import type { Lowerer } from "../lower/lowerer.js";
import type { RowsTaken } from "../lower/lowering.js";
import { describe } from "../lower/refusals/words.js";
import { dynamic, NOTHING, type Operand, record } from "../lower/values/operand.js";
import { lowerIf } from "../lower/values/regions.js";
import { earlyWrites } from "./early-writes.js";
import { GradientFlow } from "./gradient-flow.js";
import { laterWrites } from "./later-writes.js";
import { returnedBy, stateNode } from "./pointing.js";

/** Inputs of the plan for the groups' updates: learning rates, numbers of updates, whether a group moves. */
export class UpdateInputs {
  private readonly values = new Map<string, Value>();

  constructor(
    private readonly builder: FunctionBuilder,
    { groups }: Updates,
    lr: Value,
  ) {
    this.values.set(lr.name, lr);
    for (const names of groups.map(inputsOf))
      for (const [name, kind] of [
        [names.lr, "f64"],
        [names.step, "f64"],
        [names.moves, "bool"],
      ] as const)
        if (!this.values.has(name))
          this.values.set(name, builder.input(name, scalarType(kind), { kind: "plan" }));
  }

  of(group: UpdateGroup) {
    const { lr, step, moves } = inputsOf(group);
    return { lr: this.values.get(lr)!, step: this.values.get(step)!, moves: this.values.get(moves)! };
  }

  /** After the updates: the plan gives what they use, and the learning rate. */
  withdrawUnused(): void {
    for (const [name, value] of this.values) if (name !== "lr") this.builder.withdraw(value);
  }
}

/** Puts gradients and updates behind the op that completes the last of the losses, which are among `metrics`, or takes a derivative. */
export function addUpdate(
  lowerer: Lowerer,
  updates: Updates,
  metrics: ReadonlyMap<string, Value>,
  inputs: UpdateInputs,
  source: FunctionSource,
): void {
  const { builder, storages } = lowerer;
  if (storages.trained().members.length === 0)
    lowerer.refuse(stateNode(source) ?? source.node, "nothing-to-train", {});
  const losses = lossesOf(lowerer, updates, metrics, source);
  const derivatives = builder.ops.filter((op) => specOf(op).derives);
  const ends = [
    ...losses.map(({ loss }) => builder.ops.findIndex((op) => op.results.includes(loss))),
    ...derivatives.map((op) => builder.ops.indexOf(op)),
    ...[...lowerer.rows.values()].map(({ first }) =>
      builder.ops.findIndex((op) => op.results.includes(first)),
    ),
  ];
  const end = Math.max(...ends) + 1;
  const complete =
    end -
    sinkWrites(lowerer, end, [
      ...derivatives.map((op) => ({ of: op.operands[0]!, at: builder.ops.indexOf(op) })),
      ...losses.map(({ loss }) => ({ of: loss, at: end })),
    ]);
  const before = builder.ops.slice(0, complete);
  for (const { name, loss, members } of losses)
    refuseLostGradients(lowerer, before, name, loss, new Set(members), source);
  for (const { loss } of losses) refuseDenseToo(lowerer, before, loss);
  const from = builder.ops.length;
  new UpdateLowering(lowerer, inputs, source).lower(updates, losses);
  builder.moveTail(from, complete);
}

/** A number that a gradient is taken of, and the parameters that it is taken by. */
interface Loss {
  readonly name: string;
  readonly loss: Value;
  readonly members: readonly string[];
}

function lossesOf(
  lowerer: Lowerer,
  { groups }: Updates,
  metrics: ReadonlyMap<string, Value>,
  source: FunctionSource,
): readonly Loss[] {
  return [...new Set(groups.map((group) => group.loss))].map((name): Loss => {
    const of = groups.filter((group) => group.loss === name);
    const loss = metrics.get(name);
    const isReal = loss?.type.kind === "tensor" && isFloat(loss.type.dtype);
    if (!isReal)
      return lowerer.refuse(returnedBy(source, name), "no-loss.group", {
        group: of[0]!.name ?? "",
        loss: name,
        what: loss ? printType(loss.type) : "not among what the step returns",
      });
    const members = of.flatMap((group) => group.members);
    return { name, loss, members: members.map((member) => movedAs(lowerer, member)) };
  });
}

/** What the optimizer moves of a parameter: its rows, where those are taken. */
const movedAs = ({ rows }: Lowerer, parameter: string): string => rows.get(parameter)?.scratch ?? parameter;

/** A parameter whose rows are taken has no gradient but that by them. */
function refuseDenseToo(lowerer: Lowerer, ops: readonly Op[], loss: Value): void {
  const groups = membersOf(lowerer.storages.groups);
  for (const name of lowerer.rows.keys()) {
    const reads = new GradientFlow(ops, groups, new Set([name])).reads(loss);
    for (const read of reads.slice(0, 1)) lowerer.report(report("rows-of.dense", ownSpan(read), { name }));
    const own = lowerer.rows.get(name)!;
    for (const op of ops.filter(isWrite))
      if (storagesOf(makerOf(lowerer, op.operands[0]), groups).includes(name) && own)
        lowerer.report(report("rows-of.written", ownSpan(op), { name }));
  }
}

const makerOf = ({ builder }: Lowerer, value: Value | undefined) => value && builder.makerOf(value);

/** A part with what it moves: parameters, or rows that were taken of the parameter `of`. */
interface MovedPart extends UpdatePart {
  readonly of?: string;
  readonly taken?: RowsTaken;
}

/** Lowers gradients and updates at the end of the step. */
class UpdateLowering {
  constructor(
    private readonly lowerer: Lowerer,
    private readonly inputs: UpdateInputs,
    private readonly step: FunctionSource,
  ) {}

  lower({ groups, gradients: change }: Updates, losses: readonly Loss[]): void {
    const first = this.sourceOf(groups[0]!.parts[0]!.update);
    this.lowerer.inCall(first, () => {
      const all = this.changed(change, this.gradients(first, losses));
      for (const group of groups) {
        // Rows move in every step, and the rest once an update, so they do not stand in one condition.
        for (const parts of [this.denseParts(group), this.rowsParts(group)]) {
          if (parts.length === 0) continue;
          const update = () => this.update(group, parts, all);
          if (group.from === undefined) update();
          else this.where(this.inputs.of(group).moves, first, update);
        }
      }
    });
  }

  /** The gradients of all losses, in one list of all trained parameters. */
  private gradients(at: FunctionSource, losses: readonly Loss[]): Value {
    const { storages } = this.lowerer;
    const taken = losses.map(({ name, loss, members }) => {
      const by = this.stored(at, storages.trainedPart(`of.${name}`, members), "parameters");
      return this.named("gradients", this.emit(at, "gradients", [loss, by]));
    });
    return this.named("gradients", this.members(at, taken, storages.trained()));
  }

  /** The parts of a group without the parameters that are moved by rows. */
  private denseParts(group: UpdateGroup): readonly MovedPart[] {
    return group.parts.flatMap((part) => {
      const members = part.members.filter((name) => !this.lowerer.rows.has(name));
      return members.length > 0 ? [{ ...part, members }] : [];
    });
  }

  /** A part for each parameter that is moved by rows. */
  private rowsParts(group: UpdateGroup): readonly MovedPart[] {
    return group.parts.flatMap((part) =>
      part.members.flatMap((name) => {
        const taken = this.lowerer.rows.get(name);
        return taken ? [{ ...part, label: `rows.${name}`, members: [taken.scratch], of: name, taken }] : [];
      }),
    );
  }

  private update(group: UpdateGroup, parts: readonly MovedPart[], all: Value): void {
    const { storages } = this.lowerer;
    const divided = parts.map((part) => {
      const source = this.sourceOf((part.taken && part.rows) ?? part.update);
      const use = storages.trainedPart(part.label, part.members);
      const slots = part.slots.map((slot): readonly [string, GroupUse] => [
        slot,
        this.slotOf(slot, use, part),
      ]);
      const rows = this.rowsIn(source, part, slots);
      const fields: [string, Operand][] = [["parameters", dynamic(this.stored(source, use, "parameters"))]];
      for (const [slot, held] of slots) fields.push([slot, dynamic(this.stored(source, held, slot))]);
      return { source, use, fields, rows };
    });
    const { lr, step } = this.inputs.of(group);
    const hyper: [string, Operand][] = [
      ["lr", dynamic(lr)],
      ["step", dynamic(step)],
    ];
    const members = group.members.map((name) => movedAs(this.lowerer, name));
    const own = storages.trainedPart(group.name ?? "", members);
    const gradients = this.changed(group.gradients, this.members(divided[0]!.source, [all], own));
    for (const { source, use, fields, rows } of divided) {
      fields.push(["gradients", dynamic(this.members(source, [gradients], use))]);
      const steps: [string, Operand][] = rows?.steps ? [["steps", dynamic(rows.steps)]] : [];
      const given = [record(fields), record([...hyper, ...steps])];
      this.lowerer.inCall(source, () => this.lowerer.inline(source, given, undefined));
      rows?.back();
    }
  }

  /** The tensors of a slot: its storages, or those in which its rows lie. */
  private slotOf(slot: string, use: GroupUse, { of, taken }: MovedPart): GroupUse {
    const { storages } = this.lowerer;
    if (of === undefined || !taken) return storages.slot(slot, use);
    const { rows } = storages.slotOfRows(slot, of, taken.scratch);
    return storages.listed(`optimizer.${slot}.rows.${of}`, [rows], use.layout);
  }

  /**
   * Copies the rows of the slots into scratch; `back` writes them back, and the parameter's. Places that name a row again get what the
   * first of them has become.
   */
  private rowsIn(
    at: FunctionSource,
    { of, taken, rows: own }: MovedPart,
    slots: readonly (readonly [string, GroupUse])[],
  ): { readonly steps: Value | undefined; readonly back: () => void } | undefined {
    const { storages } = this.lowerer;
    if (of === undefined || !taken) return undefined;
    const { index, first, scratch } = taken;
    const state = (name: string) =>
      this.named(name, this.emit(at, "state", [], { name }, [storages.typeOf(name)]));
    const picked = (from: Value, by: Value) => this.emit(at, "index_select", [from, by], { dim: 0 });
    const copied = slots.map(([slot, { members }]) => {
      const [all, some] = [state(slotName(slot, of)), state(members[0]!)];
      this.emit(at, "copy_", [some, picked(all, index)]);
      return [all, some] as const;
    });
    const count = own && state(storages.countOfRows(of));
    const one = count && this.lowerer.builder.constant(1, this.placeOf(at));
    const steps = count && this.emit(at, "add", [picked(count, index), one!]);
    return {
      steps,
      back: () => {
        for (const [all, some] of [[state(of), state(scratch)] as const, ...copied])
          this.emit(at, "index_copy_", [all, index, picked(some, first)], { dim: 0 });
        if (count) this.emit(at, "index_copy_", [count, index, steps!], { dim: 0 });
      },
    };
  }

  /** A group's storages, called `label`; once in the step, since a group is the same wherever it stands. */
  private stored(at: FunctionSource, { name, layout }: GroupUse, label: string): Value {
    const known = this.lowerer.builder.ops.find((op) => op.op === "group" && op.attributes.name === name);
    if (known) return known.results[0]!;
    return this.named(label, this.emit(at, "group", [], { name }, [groupType(layout)]));
  }

  /** The members of a group out of lists that have them. */
  private members(at: FunctionSource, lists: readonly Value[], { name }: GroupUse): Value {
    const [only] = lists;
    if (lists.length === 1 && only!.type.kind === "group" && only!.type.group === name) return only!;
    return this.named("gradients", this.emit(at, "members", lists, { group: name }));
  }

  /** A list of gradients after the optimizer's own change of them. */
  private changed(change: GradientChange | undefined, gradients: Value): Value {
    if (change === undefined) return gradients;
    const source = this.sourceOf(change);
    return this.lowerer.inCall(source, () => {
      const result = this.lowerer.inline(source, [dynamic(gradients)], undefined);
      if (result.kind === "value" && printType(result.value.type) === printType(gradients.type))
        return result.value;
      return this.lowerer.refuse(returnedBy(source), "wrong-argument.operand", {
        op: "optimizerOf",
        operand: "gradients",
        wanted: "a function from a list of gradients to that list, changed",
        given: `one that returns ${describe(result)}`,
      });
    });
  }

  /** Updates where the input `test` holds. */
  private where(test: Value, { node }: FunctionSource, update: () => void): void {
    const arm = (body: () => void) => () => {
      body();
      return NOTHING;
    };
    lowerIf(
      this.lowerer,
      node,
      test,
      arm(update),
      arm(() => {}),
    );
  }

  private emit(
    at: FunctionSource,
    op: OpName,
    operands: readonly Value[],
    attributes: Record<string, AttributeValue> = {},
    types?: readonly Type[],
  ): Value {
    return this.lowerer.builder.emit(op, operands, attributes, this.placeOf(at), types)[0]!;
  }

  private placeOf(at: FunctionSource): Location {
    return this.lowerer.inCall(at, () => this.lowerer.locate(at.node));
  }

  private named(name: string, value: Value): Value {
    this.lowerer.builder.rename(value, name);
    return value;
  }

  private sourceOf(compiled: (...args: never[]) => unknown): FunctionSource {
    const { lowerer, step } = this;
    return lowerer.texts.functionOf(compiled) ?? lowerer.refuse(step.node, "function-not-loaded.update", {});
  }
}

/** Where an op is written, or where the user's own code calls the library that it is written in. */
export function ownSpan(op: Op): Span {
  const { path, start, end } = inUserCode(op.location);
  return { path, start, end };
}

/** A value that is differentiated, at a position among the ops. */
interface Differentiated {
  readonly of: Value;
  readonly at: number;
}

/**
 * A storage that a gradient still needs may not be overwritten before. Moves such writes behind position `end`, where that changes nothing
 * else, and refuses the others; how many it has moved.
 */
function sinkWrites(lowerer: Lowerer, end: number, values: readonly Differentiated[]): number {
  const { builder, storages } = lowerer;
  const groups = membersOf(storages.groups);
  const ops = builder.ops.slice(0, end);
  const early = values.flatMap(({ of, at }) => earlyWrites(ops.slice(0, at), of, groups));
  const later = laterWrites(ops, new Set(early.map(({ write }) => write)), {
    updated: new Set(storages.trained().members),
    groups,
  });
  for (const { storage, write, read } of early.filter(({ write }) => !later.has(write)))
    lowerer.report(
      report(
        "write-before-gradient",
        ownSpan(write),
        { storage },
        { related: [{ message: "and the loss depends on it here", span: ownSpan(read) }] },
      ),
    );
  builder.sink(later, end);
  return later.size;
}

/** The gradient must reach a parameter, and may not be cut where the step writes a value and reads it again. */
function refuseLostGradients(
  lowerer: Lowerer,
  ops: readonly Op[],
  name: string,
  loss: Value,
  trained: ReadonlySet<string>,
  source: FunctionSource,
): void {
  const { storages } = lowerer;
  const twins = new Set(storages.all.filter((s) => s.twinOf !== undefined).map((s) => s.name));
  const flow = new GradientFlow(ops, membersOf(storages.groups), trained, twins);
  const lost = flow.lost(loss);
  for (const { storage, write, read } of lost)
    lowerer.report(
      report(
        "gradient-lost-in-storage",
        ownSpan(read),
        { storage },
        { related: [{ message: "written here", span: ownSpan(write) }] },
      ),
    );
  if (lost.length > 0 || flow.reaches([loss])) return;
  const cuts = flow.cuts([loss]).slice(0, 3);
  const related = cuts.map((op) => ({ message: "the gradient ends here", span: ownSpan(op) }));
  lowerer.refuse(returnedBy(source, name), "loss-without-parameters", {}, { related });
}
