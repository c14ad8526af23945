export * from "./always.js";
export * from "./cosine.js";
export * from "./epoch.js";
export * from "./multistep.js";
export * from "./polynomial.js";
export { warmed } from "./warm-up.js";
