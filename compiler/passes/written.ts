/** @file What a function writes, and which of it is trained: parameters and what the optimizer keeps for each. */
import { type Op, type Region, type Storage, walkOps } from "../ir/module.js";
import { OPS } from "../registry/index.js";

/** An op and those of its regions. */
export const within = (op: Op): readonly Op[] => [
  op,
  ...op.regions.flatMap((region) => [...walkOps(region)]),
];

export const isWrite = (op: Op): boolean => OPS.get(op.op)!.effect === "write";

/** Finds what a write writes: the `state` or `group` op of its first operand, in a body. */
export class Origins {
  private readonly named = new Map<number, Op>();

  constructor(
    body: Region,
    private readonly parameters: readonly Storage[],
  ) {
    for (const op of walkOps(body))
      if (op.op === "state" || op.op === "group") this.named.set(op.results[0]!.id, op);
  }

  /** The trained storages that an op writes, itself or in its regions, each by the op that names them. */
  trained(op: Op): readonly Op[] {
    return within(op)
      .filter(isWrite)
      .map((write) => write.operands[0] && this.named.get(write.operands[0].id))
      .filter((origin): origin is Op => origin !== undefined && this.isTrained(origin));
  }

  private isTrained(origin: Op): boolean {
    const name = origin.attributes.name as string;
    return /^(parameters$|optimizer\.)/.test(name) || this.parameters.some((p) => p.name === name);
  }
}
