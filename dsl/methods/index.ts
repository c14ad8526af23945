export * from "./averaged.js";
export * from "./classification.js";
export * from "./distil.js";
export * from "./f2c.js";
export * from "./named.js";
export * from "./teacher-loss.js";
