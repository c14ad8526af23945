/**
 * @file Streams that the loader does not give: one may be named, and is refused where its images are needed.
 *
 *     TypeScript in                            refused
 *     step: ({ net }, { x, z }) => net(z)      F2C2015 the loader has no stream `z`: it gives x, y
 */
import type { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { fixed, type Operand } from "../values/operand.js";

const notGiven = new WeakMap<Operand, string>();

/** What stands for a stream that the loader does not give: nothing. */
export function streamNotGiven(name: string): Operand {
  const nothing = fixed(undefined);
  notGiven.set(nothing, name);
  return nothing;
}

/** Refuses to go on with a stream that the loader does not give. */
export function refuseStreamNotGiven(lowering: Lowering, operand: Operand | undefined, node: ts.Node): void {
  const name = operand && notGiven.get(operand);
  if (name === undefined) return;
  const { batch } = lowering;
  const given = batch?.kind === "record" ? [...batch.fields.keys()] : [];
  lowering.refuse(node, "no-such-stream", { name, streams: given.join(", ") });
}
