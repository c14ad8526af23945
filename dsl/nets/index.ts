export { type IResNetOptions, iresnet } from "./iresnet.js";
export * from "./mbf.js";
export * from "./mobile-face-net.js";
