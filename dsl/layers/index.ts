export * from "./compose.js";
export * from "./layers.js";
