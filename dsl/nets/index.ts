export { type IResNetOptions, iresnet } from "./iresnet.js";
export * from "./mobile-face-net.js";
