export * from "./class-pool.js";
