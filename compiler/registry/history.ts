/** @file Where the history ends that a gradient goes back along, by what the registry says of an op. */
import { type Op, withNested } from "../ir/module.js";
import { specOf } from "./index.js";

/** Whether an op's results have no derivative by any operand even where they are real. Of whole numbers and masks nothing need be said. */
export const cuts = (op: Pick<Op, "op">): boolean => {
  const { history, control } = specOf(op);
  return history !== undefined || control?.gradient === "unrecorded";
};

/** Whether an op has no derivative by an operand that may be real: statistics, which it moves on the side. */
export const isConstantOperand = (op: Pick<Op, "op">, at: number): boolean => {
  const { operands, writes } = specOf(op);
  return writes.includes(operands[at]?.name ?? "");
};

/** Whether an op, or one in its regions, takes derivatives by parameters. */
export const takesDerivatives = (op: Op): boolean => withNested(op).some((o) => specOf(o).differentiates);
