export * from "./image-folder.js";
export * from "./loader.js";
export * from "./synthetic-faces.js";
