/** @file What a function costs, in multiply-adds of convolutions and linear layers: the convention of MobileFaceNet's paper. */
import { type IrFunction, type TensorType, walkOps } from "./module.js";

const size = (dims: TensorType["dims"]): number =>
  dims.reduce<number>((n, d) => n * (typeof d === "number" ? d : 1), 1);

/** Multiply-adds for one image (symbolic dimensions count as 1), over conv2d, linear and matmul. */
export function countMultiplyAdds(fn: IrFunction): number {
  let total = 0;
  for (const op of walkOps(fn.body)) {
    const [out] = op.results;
    const weight = op.operands[1];
    if (out?.type.kind !== "tensor" || weight?.type.kind !== "tensor") continue;
    if (op.op === "conv2d") total += size(out.type.dims) * size(weight.type.dims.slice(1));
    if (op.op === "linear") total += size(out.type.dims) * size(weight.type.dims.slice(1));
    if (op.op === "matmul") total += size(out.type.dims) * Number(weight.type.dims.at(-2) ?? 1);
  }
  return total;
}
