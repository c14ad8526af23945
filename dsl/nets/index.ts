export { type IResNetOptions, iresnet } from "./iresnet.js";
export * from "./mbf.js";
export * from "./mix-face-net.js";
export * from "./mobile-face-net.js";
export * from "./var-g-face-net.js";
export * from "./vit.js";
