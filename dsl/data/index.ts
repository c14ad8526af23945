export * from "./image-folder.js";
export * from "./loader.js";
export { type ImageSelection, subset } from "./subset.js";
export * from "./synthetic-faces.js";
