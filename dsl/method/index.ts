export * from "./augmentation.js";
export * from "./bank.js";
export * from "./bookkept.js";
export * from "./classes.js";
export * from "./every.js";
export { frozen } from "./frozen.js";
export * from "./method.js";
export * from "./net.js";
export type {
  Planned,
  PlannedBatch,
  PlannedImages,
  PlanValue,
  Policy,
  StepPoint,
} from "./plan.js";
export * from "./sampler.js";
export * from "./source.js";
export * from "./stage.js";
export * from "./twin.js";
export * from "./weights.js";
