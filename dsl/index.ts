/** @file The public DSL: everything that an experiment imports from "f2c-dsl". */

export * from "./augmentations/index.js";
export * from "./banks/index.js";
export * from "./core/index.js";
export * from "./data/index.js";
export * from "./entry.js";
export * from "./evaluate/index.js";
export * from "./experiment.js";
export * from "./layers/index.js";
export * from "./margins/index.js";
export * from "./method/index.js";
export * from "./methods/index.js";
export * from "./nets/index.js";
export * from "./observe/index.js";
export * from "./optimizers/index.js";
export * from "./plan/index.js";
export * from "./recipes/index.js";
export * from "./samplers/index.js";
export * from "./schedules/index.js";
export * from "./stages/index.js";
