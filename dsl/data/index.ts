export { concat } from "./concat.js";
export * from "./image-folder.js";
export * from "./loader.js";
export * from "./max-images.js";
export * from "./min-images.js";
export * from "./pick-identities.js";
export { type ImageSelection, subset } from "./subset.js";
export * from "./synthetic-faces.js";
