/**
 * @file Batch normalisation in training takes the PReLU behind it along: both read and write whole activations and do next to nothing
 * with them, so together they take half the time.
 *
 *     %a = batch_norm(%x, %w, %b, %m, %v, training = true)       %s = state @slope
 *     %s = state @slope                                          %y = batch_norm_prelu(%x, %w, %b, %m, %v, %s, training = true)
 *     %y = prelu(%a, %s)
 */
import { fuse } from "../ir/module.js";
import { behind, instead } from "./behind.js";
import { overFunctions } from "./pass.js";

const DOC = "Batch normalisation in training and the PReLU behind it are one op.";

export const fusedNorms = overFunctions("fused-norms", DOC, (fn, _, count) => {
  const pairs = behind(
    fn,
    (norm, prelu) => norm.op === "batch_norm" && norm.attributes.training === true && prelu.op === "prelu",
  );
  return instead(fn, pairs, (norm, [prelu], replay) => {
    count("fused");
    const operands = [...replay.operands(norm), replay.value(prelu!.operands[1]!)];
    return replay.emit("batch_norm_prelu", operands, norm.attributes, fuse(norm.location, prelu!.location));
  });
});
