/** @file What the methods have in common that are built around another one. */
import { experimentError } from "../core/errors.js";
import type { Features, Images, Tensor } from "../core/tensor.js";
import {
  type Method,
  type MethodBuilder,
  type MethodState,
  method,
  methodParts,
  type Setting,
  type StepFeatures,
} from "../method/method.js";
import type { PlannedBatch, PlanValue, Policy, StepPoint } from "../method/plan.js";

// The state and the plan of a method that is not known.
// biome-ignore lint/suspicious/noExplicitAny: its types are checked where it is written
type Any = any;

/** What the step of a method returns that another can be around. */
export interface Learned {
  readonly loss: Tensor<readonly [], "f32">;
  readonly features: StepFeatures;
  readonly [metric: string]: Tensor<readonly [], "f32"> | StepFeatures;
}

/** A method whose state and plan are not known. */
export interface InnerMethod {
  readonly state: MethodState;
  readonly plan: (books: Any, batch: PlannedBatch, at: StepPoint) => PlanValue;
  readonly step: (state: Any, batch: Readonly<Record<string, Images>>, plan: Any) => Learned;
  readonly embed: (state: Any, images: Images) => Features;
  readonly policies: Readonly<Record<string, Policy>>;
  /** The name in the state of the net that is trained. */
  readonly net: string;
}

/** The method that `builder` gives, for `what` to build around. `name` is what that adds to its state. */
export function innerMethod(
  { what, name }: { what: string; name: string },
  builder: MethodBuilder,
  setting: Setting,
): InnerMethod {
  const found = methodParts(builder(setting));
  if (found === undefined) throw experimentError("around-method.none", { function: what });
  const { state, parts } = found;
  if (name in state) throw experimentError("around-method.taken", { function: what, name });
  if (parts.net === undefined) throw experimentError("around-method.no-net", { function: what });
  return { ...(parts as unknown as InnerMethod), policies: parts.policies ?? {}, state };
}

/** A method of these parts. */
export const outerMethod = ({ state, ...parts }: InnerMethod): Method => method(state, parts as never);

/** A plan and a number more. */
export function planWith(what: string, plan: PlanValue, more: Readonly<Record<string, number>>): PlanValue {
  if (typeof plan !== "object" || ArrayBuffer.isView(plan))
    throw experimentError("around-method.plan", { function: what });
  return { ...plan, ...more };
}
