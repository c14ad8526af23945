/** @file The loader's streams as inputs of a function, and what the loader's `prepare` makes of them. */
import type { PlanSignature } from "../../build/plan-signature.js";
import { type IrFunction, type Type, tensorType } from "../../ir/module.js";
import type { Lowerer } from "../lower/lowerer.js";
import { dynamic, type Operand, record } from "../lower/values/operand.js";
import { type Compilation, lowererOf } from "./lowering.js";

interface Stream {
  readonly stream: string;
  readonly pixels: Operand;
  readonly changes: Operand;
}

/** An input for the pixels of each stream, and for all that the loader draws for them. */
export function streamInputs({ built }: Compilation, { builder }: Lowerer): readonly Stream[] {
  return Object.entries(built.setting.streams).map(([stream, count]) => {
    const pixels = tensorType([count, ...built.setting.shape], built.train.dtype ?? "u8");
    return {
      stream,
      pixels: dynamic(builder.input(`${stream}.images`, pixels, { kind: "images", stream })),
      changes: planOperand(
        built.changes[stream]!,
        (path, type) => dynamic(builder.input(path, type, { kind: "plan" })),
        stream,
      ),
    };
  });
}

/** The images of each stream as the net sees them. */
export function preparedBatch(
  { built, texts }: Compilation,
  lowerer: Lowerer,
  streams: readonly Stream[],
): Operand {
  const prepare = texts.functionOf(built.experiment.loader.prepare);
  if (!prepare) throw new Error("internal: the loader's prepare function is not tagged");
  return record(
    streams.map(
      ({ stream, pixels, changes }) =>
        [stream, lowerer.inline(prepare, [pixels, changes], undefined)] as const,
    ),
  );
}

/** A value of the plan as a function sees it: an input for each of its parts. */
export function planOperand(
  signature: PlanSignature,
  input: (path: string, type: Type) => Operand,
  path = "",
): Operand {
  if (signature.kind === "record") {
    return record(
      Object.entries(signature.fields).map(
        ([name, field]) => [name, planOperand(field, input, path ? `${path}.${name}` : name)] as const,
      ),
    );
  }
  return input(path === "" ? "plan" : path, signature.type);
}

/** The loader's work as a function of its own: from the pixels of each stream to what the net sees of them. */
export function lowerPreparation(lowering: Compilation): IrFunction | undefined {
  const { built, texts } = lowering;
  const source = texts.functionOf(built.experiment.loader.prepare)!;
  const lowerer = lowererOf(lowering, "prepare", { training: true });
  const streams = streamInputs(lowering, lowerer);
  const work = () => {
    const batch = preparedBatch(lowering, lowerer, streams);
    const results = [...(batch.kind === "record" ? batch.fields : [])].flatMap(([name, images]) =>
      images.kind === "value" ? [{ name, value: images.value }] : [],
    );
    return lowerer.builder.build(results, lowerer.locate(source.node));
  };
  return lowerer.inCall(source, () => lowerer.guarded<IrFunction | undefined>(work, () => undefined));
}
