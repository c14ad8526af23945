/** @file Who plans and makes stages, by the names that kinds of stage give them. */
export { answered } from "./answered.js";
export { embeddings } from "./embeddings.js";
export { training } from "./training.js";
