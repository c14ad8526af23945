export * from "./classification.js";
export * from "./f2c.js";
export * from "./named.js";
