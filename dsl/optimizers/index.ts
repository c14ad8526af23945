export * from "./adamw.js";
export { type Decay, isMatrix } from "./decay.js";
export * from "./groups.js";
export * from "./lars.js";
export * from "./optimizer.js";
export * from "./sgd.js";
