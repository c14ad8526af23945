export * from "./f2c.js";
