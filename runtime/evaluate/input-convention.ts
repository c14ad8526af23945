/**
 * @file How images are made ready for a net: what its file says (`f2c.input` of docs/exporting.md, and the graph of an ONNX file), and what
 * the command line says, which goes first. What neither says is asked for, all of it at once, and never guessed: a net that is fed otherwise
 * than it was trained scores badly and says nothing.
 */
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import type { Catalogue } from "../../dsl/index.js";
import type { Feeding } from "./evaluated-program.js";

export type Order = "rgb" | "bgr" | "grey";

export interface InputConvention {
  readonly size: readonly [height: number, width: number];
  readonly order: Order;
  readonly type: "uint8" | "float32";
  /** It takes pixels from 0 to 255 as they are. */
  readonly pixels: boolean;
  /** Where it does not: `(x - mean) / scale`, one number for all channels, or one each. */
  readonly mean: readonly number[];
  readonly scale: readonly number[];
  /** The file adds the embedding of the mirror image by itself. */
  readonly flip: boolean;
}

export const channelsOf = (order: Order): number => (order === "grey" ? 1 : 3);

/** What is known of a convention. */
export type KnownInput = { readonly [K in keyof InputConvention]?: InputConvention[K] | undefined };

/** The metadata `f2c.input` of a file. Throws F2C2565 where it is not what docs/exporting.md says. */
export function statedInput(net: string, text: string | undefined): KnownInput {
  if (text === undefined) return {};
  const refuse = (problem: string) => experimentError("input-metadata", { net, problem });
  let stated: Record<string, unknown>;
  try {
    stated = JSON.parse(text);
  } catch {
    throw refuse("it is no JSON");
  }
  if (typeof stated !== "object" || stated === null || Array.isArray(stated)) throw refuse("it is no record");
  const entry = <T>(name: string, read: (value: unknown) => T | undefined): T | undefined => {
    const value = stated[name];
    if (value === undefined) return undefined;
    const found = read(value);
    if (found === undefined) throw refuse(`\`${name}\` is ${JSON.stringify(value)}`);
    return found;
  };
  const channels = entry("channels", (c) => (c === 1 || c === 3 ? c : undefined));
  const order = entry("order", (o) => (isOrder(o) ? o : undefined)) ?? (channels === 1 ? "grey" : undefined);
  if (order !== undefined && channels !== undefined && channelsOf(order) !== channels)
    throw refuse(`\`order\` is ${order} of ${channels} channels`);
  const bool = (value: unknown) => (typeof value === "boolean" ? value : undefined);
  return {
    size: entry("size", (s) => (isSize(s) ? s : undefined)),
    order,
    type: entry("type", (t) => (t === "uint8" || t === "float32" ? t : undefined)),
    pixels: entry("pixels", bool),
    mean: entry("mean", (m) => numbersOf(m)),
    scale: entry("scale", (s) => (numbersOf(s)?.every((n) => n !== 0) ? numbersOf(s) : undefined)),
    flip: entry("flip", bool),
  };
}

const isOrder = (value: unknown): value is Order => value === "rgb" || value === "bgr" || value === "grey";
const isSize = (value: unknown): value is [number, number] =>
  Array.isArray(value) && value.length === 2 && value.every((n) => Number.isInteger(n) && n > 0);
const numbersOf = (value: unknown): readonly number[] | undefined => {
  const numbers = Array.isArray(value) ? value : [value];
  return numbers.length > 0 && numbers.every(Number.isFinite) ? (numbers as number[]) : undefined;
};

/** What the graph of an ONNX file says: bytes can only be pixels as they are. */
export function graphInput({
  type,
  shape,
}: {
  readonly type?: "uint8" | "float32";
  readonly shape?: readonly number[];
}): KnownInput {
  const [, channels, height, width] = shape?.length === 4 ? shape : [];
  return {
    type,
    ...(type === "uint8" && { pixels: true }),
    ...(channels === 1 && { order: "grey" as const }),
    ...(height !== undefined && width !== undefined && height > 0 && width > 0
      ? { size: [height, width] as const }
      : {}),
  };
}

/** Options of the command line, as they are written. */
export interface InputOptions {
  readonly size?: string;
  readonly order?: string;
  readonly mean?: string;
  readonly scale?: string;
  readonly pixels?: string;
}

/** What the command line says. Throws F2C1108. */
export function toldInput({ size, order, mean, scale, pixels }: InputOptions): KnownInput {
  const refuse = (option: string, given: string, example: string) =>
    experimentError("bad-command-line.input", { option, given, example });
  const sides = size === undefined ? undefined : /^(\d+)x(\d+)$/.exec(size)?.slice(1).map(Number);
  if (size !== undefined && !isSize(sides)) throw refuse("size", size, "112x112, height and width");
  if (order !== undefined && !isOrder(order)) throw refuse("order", order, "rgb, bgr or grey");
  const numbers = (option: string, given: string | undefined, zero: boolean) => {
    if (given === undefined) return undefined;
    const found = given.split(",").map((n) => (n.trim() === "" ? Number.NaN : Number(n)));
    if (found.every((n) => Number.isFinite(n) && (zero || n !== 0)) && [1, 3].includes(found.length))
      return found;
    throw refuse(option, given, "127.5, or three numbers with commas between, one a channel");
  };
  if (pixels !== undefined && pixels !== "uint8" && pixels !== "float32")
    throw refuse("pixels", pixels, "uint8 or float32");
  const told: KnownInput = {
    size: sides as [number, number] | undefined,
    order,
    mean: numbers("mean", mean, true),
    scale: numbers("scale", scale, false),
    ...(pixels !== undefined && { pixels: true, type: pixels as "uint8" | "float32" }),
  };
  const normalised = told.mean !== undefined || told.scale !== undefined;
  if (pixels !== undefined && normalised) throw experimentError("bad-command-line.pixels-and-mean", {});
  return normalised ? { ...told, pixels: false } : told;
}

/**
 * The convention of a net. `stated`: what its file or its run says. Throws F2C2564 where something is not known, F2C2566 where the command line
 * contradicts what cannot be otherwise.
 */
export function conventionOf(net: string, stated: KnownInput, told: KnownInput): InputConvention {
  refuseContradiction(net, stated, told);
  const size = told.size ?? stated.size;
  const order = told.order ?? stated.order;
  const pixels = told.pixels ?? stated.pixels ?? false;
  const mean = told.mean ?? stated.mean;
  const scale = told.scale ?? stated.scale;
  // What is normalised is no whole number.
  const type = pixels ? (told.type ?? stated.type) : "float32";
  const missing = [
    ...(size === undefined ? ["--size 112x112"] : []),
    ...(order === undefined ? ["--order rgb"] : []),
    ...(!pixels && mean === undefined ? ["--mean 127.5"] : []),
    ...(!pixels && scale === undefined ? ["--scale 128"] : []),
    ...(pixels && type === undefined ? ["--pixels uint8"] : []),
  ];
  if (missing.length > 0)
    throw experimentError(
      "input-unknown",
      { net, missing: missing.map((m) => m.split(" ")[0]!).join(", ") },
      hintFor(missing),
    );
  return {
    size: size!,
    order: order!,
    type: type!,
    pixels,
    mean: mean ?? [0],
    scale: scale ?? [1],
    flip: stated.flip ?? false,
  };
}

const hintFor = (missing: readonly string[]): string => {
  const normalisation = missing.some((option) => option.startsWith("--mean"))
    ? "; instead of --mean and --scale, --pixels uint8 or --pixels float32 where it takes 0 to 255 as they are"
    : "";
  return `say how it was trained, for example ${missing.join(" ")}${normalisation}`;
};

function refuseContradiction(net: string, stated: KnownInput, told: KnownInput): void {
  const refuse = (option: string, is: string) => {
    throw experimentError("input-contradicts", { net, option, is });
  };
  if (stated.type === "uint8" && told.mean !== undefined) refuse("--mean", "pixels as they are, in bytes");
  if (stated.type === "uint8" && told.scale !== undefined) refuse("--scale", "pixels as they are, in bytes");
  if (stated.type === "uint8" && told.type === "float32") refuse("--pixels float32", "bytes");
  if (stated.size && told.size && String(stated.size) !== String(told.size))
    refuse(`--size ${told.size.join("x")}`, `images of ${stated.size.join(" x ")}`);
  if (stated.order && told.order && channelsOf(stated.order) !== channelsOf(told.order))
    refuse(`--order ${told.order}`, stated.order === "grey" ? "grey images" : "colours");
}

/** What of the file's own words the command line replaces, in words. */
export function overruled(stated: KnownInput, told: KnownInput): readonly string[] {
  const names = ["order", "mean", "scale", "pixels"] as const;
  return names.flatMap((name) => {
    const [was, is] = [stated[name], told[name]];
    return was === undefined || is === undefined || String(was) === String(is)
      ? []
      : [`${name} ${String(is)} instead of ${String(was)}, which it says itself`];
  });
}

/** In words: `3 x 112 x 112, rgb, (x - 127.5) / 128`. */
export function inWordsOf({ size, order, type, pixels, mean, scale }: InputConvention): string {
  const numbers = pixels
    ? `pixels from 0 to 255 as ${type}`
    : `(x - ${mean.length > 1 ? `[${mean.join(", ")}]` : mean[0]}) / ${scale.length > 1 ? `[${scale.join(", ")}]` : scale[0]}`;
  return `${channelsOf(order)} x ${size.join(" x ")}, ${order}, ${numbers}`;
}

/**
 * What becomes of a source's images before the net gets them. Sources give RGB, or grey: one whose files hold blue where red belongs puts that
 * right by itself (`channelOrder`).
 */
export const feedingOf = ({ order, type, pixels, mean, scale }: InputConvention): Feeding => ({
  reversed: order === "bgr",
  type,
  mean: pixels ? [0] : mean,
  scale: pixels ? [1] : scale,
});

/** Throws F2C2567 where images are of another shape than a net takes. `of`: whose they are. */
export function refuseOtherImages(
  net: string,
  wanted: readonly number[],
  of: string,
  { shape }: Catalogue,
): void {
  if (String(shape) === String(wanted)) return;
  throw experimentError("net-of-other-images", {
    net,
    of,
    found: shape.join(" x "),
    wanted: wanted.join(" x "),
  });
}
