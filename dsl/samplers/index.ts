export * from "./balanced.js";
export * from "./dual.js";
export * from "./identities.js";
export * from "./instances.js";
