/** @file What lowering a function of the experiment starts from, and the method's state as that function sees it. */
import { bookkeptParts, type ChildRecord, type MethodState } from "../../../dsl/index.js";
import { FunctionBuilder } from "../../build/function-builder.js";
import type { StorageTable } from "../../build/storage-table.js";
import type { FunctionSource, SourceTexts } from "../lower/function-source.js";
import { Lowerer } from "../lower/lowerer.js";
import { childrenOf } from "../lower/values/modules.js";
import type { Operand } from "../lower/values/operand.js";
import type { BuiltExperiment } from "./experiment.js";
import type { Findings } from "./findings.js";

/** What is known of a net that is only used. */
export type BuiltNet = Pick<BuiltExperiment, "method" | "state" | "setting" | "train">;

export interface Compilation<Built extends BuiltNet = BuiltExperiment> {
  readonly built: Built;
  readonly storages: StorageTable;
  readonly texts: SourceTexts;
  readonly findings: Findings;
}

/** A lowerer for a function called `name`. */
export const lowererOf = (
  { storages, texts, findings }: Omit<Compilation<BuiltNet>, "built">,
  name: string,
  options: { readonly training: boolean },
) => new Lowerer(new FunctionBuilder(name), storages, texts, findings.report, options);

/** The state as a function sees it: nets as modules, stored tensors as tensors, bookkept pieces as their tensors. */
export function stateOperand(lowerer: Lowerer, state: MethodState, source: FunctionSource): Operand {
  const seen = Object.fromEntries(
    Object.entries(state).map(([name, item]) => [name, bookkeptParts(item)?.tensors ?? item]),
  );
  return childrenOf(lowerer, seen as ChildRecord, (name) => name, source.node);
}
