export * from "./class-pool.js";
export * from "./fifo-queue.js";
export * from "./full.js";
export * from "./lru-pool.js";
export * from "./sampled.js";
export * from "./virtual.js";
