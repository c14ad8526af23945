/** @file The kinds of stage by name: who plans and makes each. */
export { embeddings } from "./embeddings.js";
export { training } from "./training.js";
