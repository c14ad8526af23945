/** @file The data of arcface_torch: a folder with `train.rec`, or with images, and the `.bin` sets that are verified. */
import { existsSync, readdirSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import { type ArcFaceConfig, isWhole, type Origin } from "./arcface-config.js";
import { gpusOf } from "./arcface-steps.js";
import { type Part, part, textOf, wrapped } from "./experiment-text.js";

const isDrawn = (config: ArcFaceConfig) => config.text("rec") === "synthetic";
/** A file of the data's folder, as the experiment names it. */
const inFolder = (file: string) => `\`\${folder}/${file}\``;

/** `rec` as the experiment names it. arcface_torch takes a relative one from where it is started: one that is there, and not beside the experiment, is named from the latter. */
function folderOf({ config, directory, calledIn }: Origin): string {
  const told = config.text("rec").replace(/(?<=.)\/+$/, "");
  if (isAbsolute(told) || calledIn === undefined || existsSync(resolve(directory, told))) return told;
  return existsSync(resolve(calledIn, told)) ? relative(directory, resolve(calledIn, told)) : told;
}

/** What stands before the experiment. */
export const folderLines = (origin: Origin): readonly string[] => {
  if (isDrawn(origin.config)) return [];
  const folder = folderOf(origin);
  return [
    `const folder = ${textOf(folder)}; // rec${isAbsolute(folder) ? "" : ", from the folder of this file"}`,
  ];
};

export function data(origin: Origin): Part {
  const { config } = origin;
  const counted = ["num_classes", "num_image"].filter((option) => config.own.has(option));
  const notes = [
    ...(counted.length > 0 && !isDrawn(config)
      ? [`${counted.map((option) => config.written(option)).join(", ")}: counted in the data.`]
      : []),
    ...config.told("num_workers", "images are read by threads of the host, as many as there are cores"),
    ...config.told("dali", "images are decoded on the CPU, and changed in the step"),
  ];
  const { uses, lines } = isDrawn(config) ? drawn(config) : stored(origin);
  return part(uses, [...lines, ...notes.flatMap(wrapped)]);
}

/** arcface_torch takes `train.rec`, and where there is none the folder as one of images. */
function stored(origin: Origin): Part {
  const folder = resolve(origin.directory, folderOf(origin));
  const isImages =
    !existsSync(join(folder, "train.rec")) &&
    existsSync(folder) &&
    readdirSync(folder, { withFileTypes: true }).some((entry) => entry.isDirectory());
  return isImages
    ? part(
        ["imageFolder"],
        [
          ...wrapped(
            "There is no train.rec in the folder, and arcface_torch takes it for a folder of images then.",
          ),
          "data: imageFolder({ root: folder, size: 112 }),",
        ],
      )
    : part(["recordIO"], [`data: recordIO({ path: ${inFolder("train.rec")}, size: 112 }),`]);
}

function drawn(config: ArcFaceConfig): Part {
  const identities = config.number("num_classes", "a whole number of people", isWhole);
  const told = ["rec", "num_classes", ...(config.own.has("num_image") ? ["num_image"] : [])];
  return part(
    ["fixed", "syntheticFaces"],
    [
      ...wrapped(
        `${told.map((option) => config.written(option)).join(", ")}: noise with a label of 1, to measure speed. Here faces are drawn, one of each person.`,
      ),
      `data: syntheticFaces({ identities: ${identities}, imagesPerIdentity: fixed(1), size: 112 }),`,
    ],
  );
}

/** The sets of `val_targets`, as arcface_torch verifies them. */
export function evaluation(origin: Origin): Part {
  const { config } = origin;
  const targets = config.has("val_targets") ? [...new Set(config.names("val_targets"))] : [];
  if (targets.length === 0)
    return part([], config.told("val_targets", "nothing is verified").flatMap(wrapped));
  const every = config.number("verbose", "a whole number of steps", isWhole) * gpusOf(origin);
  const there = targets.filter((name) => !isMissing(origin, name));
  const missing = targets.filter((name) => isMissing(origin, name));
  const note = `${config.written("val_targets")}, every ${config.written("verbose")} steps of all GPUs.`;
  return part(there.length > 0 ? ["binSet", "listedPairs", "steps"] : [], [
    ...wrapped(note),
    ...missing.flatMap((name) =>
      wrapped(`There is no ${name}.bin in the folder, and arcface_torch leaves it out then.`),
    ),
    ...(there.length > 0
      ? [
          "evaluate: {",
          ...there.map(
            (name) =>
              `  ${keyOf(name)}: listedPairs({ data: binSet({ path: ${inFolder(`${name}.bin`)}, size: 112 }), every: steps(${every}) }),`,
          ),
          "},",
        ]
      : []),
  ]);
}

/** Whether the data is here and this set is not. */
const isMissing = (origin: Origin, name: string) => {
  const folder = resolve(origin.directory, folderOf(origin));
  return isDrawn(origin.config) || (existsSync(folder) && !existsSync(join(folder, `${name}.bin`)));
};

/** A name that an evaluation may have. */
const keyOf = (name: string) => name.replaceAll(/\W/g, "_").replace(/^(?![A-Za-z])/, "set_");
