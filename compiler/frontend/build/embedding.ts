/**
 * @file Lowers the method's `embed`: alone, to check it, and within the library's functions that prepare images for it, as
 * `embed` (of both flips, for protocols that ask for it) and `infer` (of the image alone: for the others, and for what is exported).
 */
import { embedded, embeddedBothWays } from "../../../dsl/index.js";
import { symbol } from "../../ir/dim.js";
import { type DType, type IrFunction, tensorType } from "../../ir/module.js";
import type { FunctionSource } from "../lower/function-source.js";
import type { Lowerer } from "../lower/lowerer.js";
import { describe } from "../lower/refusals/words.js";
import { dynamic, fixed, type Operand } from "../lower/values/operand.js";
import { type BuiltNet, type Compilation, lowererOf, stateOperand } from "./lowering.js";
import { returnedBy } from "./pointing.js";

/** The functions of the program that embed; undefined for one after something was reported. */
export const lowerEmbeddings = (
  lowering: Compilation<BuiltNet>,
  source: FunctionSource,
): readonly (IrFunction | undefined)[] => [
  lowerEmbedding(lowering, source, EMBED_FUNCTION, embeddedBothWays),
  lowerInference(lowering, source),
];

/** The function that embeds images as they are. */
export const lowerInference = (
  lowering: Compilation<BuiltNet>,
  source: FunctionSource,
): IrFunction | undefined => lowerEmbedding(lowering, source, INFER, embedded);

export const EMBED_FUNCTION = "embed";
export const INFER = "infer";

/**
 * Lowers `embed` by itself first, so that errors speak of the user's `embed` and not of the library's function around it.
 */
export function checkEmbedding(lowering: Compilation<BuiltNet>, source: FunctionSource): void {
  const lowerer = lowererOf(lowering, "embed", { training: false });
  const images = imagesInput(lowerer, lowering, "f32");
  const given = source.node.parameters[1] ?? source.node;
  lowerer.symbols.set("B", {
    message: "B is the number of images that `embed` is given here",
    span: { path: source.path, start: given.getStart(), end: given.end },
  });
  const check = () => {
    const state = stateOperand(lowerer, lowering.built.state, source);
    const result = lowerer.inline(source, [state, images], undefined);
    if (result.kind === "poison") return;
    const dims = result.kind === "value" && result.value.type.kind === "tensor" ? result.value.type.dims : [];
    if (dims.length !== 2)
      lowerer.refuse(returnedBy(source), dims.length > 2 ? "bad-embedding.flat" : "bad-embedding", {
        operand: describe(result),
      });
  };
  lowerer.inCall(source, () => lowerer.guarded(check, () => undefined));
}

/** `entry`, a function of the library, around the method's `embed`. */
function lowerEmbedding(
  lowering: Compilation<BuiltNet>,
  source: FunctionSource,
  name: string,
  entry: unknown,
): IrFunction | undefined {
  const lowerer = lowererOf(lowering, name, { training: false });
  const pixels = imagesInput(lowerer, lowering, lowering.built.train.dtype ?? "u8");
  const { method, state } = lowering.built;
  const work = () => {
    const given = [fixed(method.embed), stateOperand(lowerer, state, source), pixels];
    const result = lowerer.inline(lowering.texts.functionOf(entry)!, given, undefined);
    if (result.kind === "poison") return undefined;
    if (result.kind !== "value") throw new Error(`internal: \`${name}\` returns ${describe(result)}`);
    return lowerer.builder.build([{ name: "embedding", value: result.value }], lowerer.locate(source.node));
  };
  return lowerer.inCall(source, () => lowerer.guarded(work, () => undefined));
}

/** The images of a call, whose number B is not known. */
const imagesInput = ({ builder }: Lowerer, { built }: Compilation<BuiltNet>, dtype: DType): Operand =>
  dynamic(
    builder.input("images", tensorType([symbol("B"), ...built.setting.shape], dtype), { kind: "argument" }),
  );
