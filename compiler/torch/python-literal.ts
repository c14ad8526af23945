/** @file Numbers, booleans and lists as Python spells them: `1e-07`, `1.0`, `True`, `float('inf')`. */
import type { AttributeValue } from "../ir/module.js";

/** `repr` of a Python float: the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on. */
export function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [mantissa, power] = Math.abs(value).toExponential().split("e") as [string, string];
  const digits = mantissa.replace(".", "");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16)
    return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}

/** A number that the host makes a float; one of "nan", "inf", "-inf" too. The wire carries no -0: the host finds 0. */
export function realLiteral(value: number | string): string {
  const text = typeof value === "string" ? value : pythonFloat(value + 0);
  return /\d/.test(text) ? text : `float('${text}')`;
}

/** A whole number as a Python int, however large. */
export const wholeLiteral = (value: number): string => String(BigInt(value));

/** What the bridge sends as an integer: whole numbers of 32 bits. Larger ones travel as floats. */
const isSentAsInteger = (value: number) => (value | 0) === value || value >>> 0 === value;

/** A value as the host finds it on the wire, where JavaScript's one kind of number has become two. */
export function literal(value: AttributeValue): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return isSentAsInteger(value) ? wholeLiteral(value) : realLiteral(value);
  return typeof value === "string" ? realLiteral(value) : listOf(value.map(literal));
}

/** A Python list of expressions. */
export const listOf = (items: readonly string[]): string => `[${items.join(", ")}]`;
