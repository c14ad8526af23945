export * from "./activations.js";
export * from "./attention.js";
export * from "./channels.js";
export * from "./compose.js";
export * from "./drop.js";
export type { ChannelKeeping, LastDimension, ShapeKeeping } from "./keeping.js";
export * from "./layers.js";
