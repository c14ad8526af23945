export * from "./mobile-face-net.js";
