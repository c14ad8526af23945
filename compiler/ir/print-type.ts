/** @file The text form of types, shared by the printer and by every message that shows a shape. */
import { printDim } from "./dim.js";
import type { Type } from "./module.js";
import { printName } from "./print-name.js";

/** `f32[48, 3, 56, 56]`, `f64`, `group<probe.parameters>`. */
export function printType(type: Type): string {
  switch (type.kind) {
    case "tensor":
      return `${type.dtype}[${type.dims.map(printDim).join(", ")}]`;
    case "scalar":
      return type.scalar;
    case "group":
      return `group<${printName(type.group)}>`;
  }
}
