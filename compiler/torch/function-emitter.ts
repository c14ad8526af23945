/** @file One function as Python statements: regions, and what each op becomes. */
import type { IrFunction, IrModule, Location, Op, Region, Value } from "../ir/module.js";
import { lastGradient } from "../passes/flatten.js";
import { listOf } from "./python-literal.js";
import { type Emitting, SPECIAL_OPS } from "./special-ops.js";
import { assign, orPass, type Statement } from "./statement.js";
import { local, specOf, torchCall } from "./torch-call.js";

const ANNOTATIONS = { f64: "float", i64: "int", bool: "bool" } as const;

/** What all functions of a module share: where its storages lie in `S`, and the numbers of its locations. */
export interface ModuleLayout {
  readonly module: IrModule;
  readonly storageIndex: ReadonlyMap<string, number>;
  readonly locationIndex: (location: Location) => number;
}

/** The host's visitor (`f2c_host/lower/visitor.py`), statement for statement. */
export class FunctionEmitter implements Emitting {
  /** Whether torch records what runs here, to take its gradient. */
  private recording = true;

  constructor(
    private readonly layout: ModuleLayout,
    private readonly fn: IrFunction,
  ) {}

  /** `def f2c_step(S, device, inputs...) -> List[Tensor]`, S being all storages in order. */
  emit(): Statement {
    const inputs = this.fn.inputs.map(({ value }) => `${local(value)}: ${annotationOf(value)}`);
    const parameters = ["S: List[Tensor]", "device: Device", ...inputs];
    return {
      text: `def f2c_${this.fn.name}(${parameters.join(", ")}) -> List[Tensor]`,
      location: this.fn.location,
      body: this.body(this.fn.body),
    };
  }

  /** The top level. After the gradient nothing is recorded, so the rest stands in one `no_grad` block. */
  private body(region: Region): readonly Statement[] {
    const { ops, end } = parts(region);
    const before: Statement[] = [];
    const after: Statement[] = [];
    const last = lastGradient(ops);
    for (const [i, op] of ops.entries()) {
      (this.recording ? before : after).push(...this.op(op));
      if (i === last) this.recording = false;
    }
    const values = end.operands.map((value) => local(value!));
    const returned = this.recording ? values : values.map((value) => `aten__detach(${value})`);
    return [
      ...before,
      ...(after.length ? [withoutGradient(after, ops.at(-1)!.location)] : []),
      { text: `return ${listOf(returned)}`, location: end.location },
    ];
  }

  /** The ops of a region, then its yields into `targets`, all at once. */
  region(region: Region, targets: readonly string[]): readonly Statement[] {
    const { ops, end } = parts(region);
    return [...ops.flatMap((op) => this.op(op)), ...move(end, targets)];
  }

  /**
   * A region in which nothing is recorded. What it yields may be a value from outside, or an op may have given one back as it
   * is, so tensors are cut off from their history.
   */
  unrecorded(region: Region, targets: readonly Value[], location: Location): Statement {
    const before = this.recording;
    this.recording = false;
    const { ops, end } = parts(region);
    const yields = targets.map((target, i) => {
      const value = local(end.operands[i]!);
      const cut = before && target.type.kind === "tensor" ? `aten__detach(${value})` : value;
      return assign(local(target), cut, end.location);
    });
    const body = [...ops.flatMap((op) => this.op(op)), ...yields];
    this.recording = before;
    return withoutGradient(body, location);
  }

  storage(name: string): string {
    return `S[${this.layout.storageIndex.get(name)}]`;
  }

  group(name: string): readonly string[] {
    return this.layout.module.groups.find((group) => group.name === name)!.members;
  }

  locationIndex(location: Location): number {
    return this.layout.locationIndex(location);
  }

  private op(op: Op): readonly Statement[] {
    const special = SPECIAL_OPS[op.op];
    if (special) return special(op, this);
    const { location } = op;
    const targets = op.results.map(local).join(", ");
    const call = torchCall(op);
    const statement = targets ? assign(targets, call, location) : { text: call, location };
    if (specOf(op).effect !== "write") return [statement];
    return [this.write(statement), ...keepAlive(op)];
  }

  /** A statement that changes storage. */
  write(statement: Statement): Statement {
    return this.recording ? withoutGradient([statement], statement.location) : statement;
  }
}

const annotationOf = ({ type }: Value) => (type.kind === "scalar" ? ANNOTATIONS[type.scalar] : "Tensor");

/** A region's ops, and its terminator. */
function parts({ ops }: Region): { ops: readonly Op[]; end: Op } {
  return { ops: ops.slice(0, -1), end: ops.at(-1)! };
}

const withoutGradient = (body: readonly Statement[], location: Location): Statement => ({
  text: "with no_grad()",
  location,
  body: orPass(body, location),
});

/** Uses a group after it was written: TorchScript's dead-code pass would drop the write (docs/house.md). */
function keepAlive({ operands: [written], location }: Op): readonly Statement[] {
  return written?.type.kind === "group" ? [{ text: `assert len(${local(written)}) >= 0`, location }] : [];
}

/** Assigns what a region yields as if at once: through temporaries where a target is read again. */
function move({ operands, location }: Op, targets: readonly string[]): readonly Statement[] {
  const sources = operands.map((value) => local(value!));
  if (!sources.some((source) => targets.includes(source)))
    return sources.map((source, i) => assign(targets[i]!, source, location));
  return [
    ...sources.map((source, i) => assign(`${targets[i]}_next`, source, location)),
    ...targets.map((target) => assign(target, `${target}_next`, location)),
  ];
}
