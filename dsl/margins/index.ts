export * from "./arc-face.js";
export * from "./cos-face.js";
export * from "./margin.js";
export * from "./plain-softmax.js";
export * from "./sv-softmax.js";
