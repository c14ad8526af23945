export * from "./answered.js";
export * from "./embed.js";
export { type FaceNmsOptions, faceNms } from "./face-nms.js";
export * from "./generations.js";
export { netAlone } from "./net-alone.js";
export { type OgmcOptions, ogmc } from "./ogmc.js";
export * from "./study.js";
