/** @file The steps of arcface_torch: batches, optimizer, learning rate, precision. */
import { type ArcFaceConfig, isWhole, type Origin } from "./arcface-config.js";
import { type Part, part, wrapped } from "./experiment-text.js";

/** What its SGD has, whatever a config says, and the length that it holds the net's gradient to. */
const [MOMENTUM, CLIP] = [0.9, 5];

export function batches(origin: Origin): Part {
  const { config } = origin;
  const images = config.number("batch_size", "a whole number of images", isWhole);
  const [gpus, added] = [gpusOf(origin), addedUp(config)];
  const accumulate = gpus * added;
  const changes = config.flag("dali") && config.flag("dali_aug");
  const notes = [
    `${config.written("batch_size")} is of one GPU.${gpus > 1 ? ` ${gpus} of them make a batch of ${images * gpus}: here ${gpus} steps do, one after the other.` : ""}`,
    ...(added > 1
      ? config.told(
          "gradient_acc",
          `arcface_torch adds so many gradients up, and holds the sum to a length of ${CLIP}; here it is their mean`,
        )
      : []),
    ...(changes
      ? config.told(
          "dali_aug",
          "as there but for hue and saturation; `colour({ saturation: 0.2 })` would change that of all images",
        )
      : []),
  ];
  const sampler = `instances({ images: ${images} })`;
  return part(
    ["instances", ...(changes ? ["blur", "flip", "grey", "loader", "lowResolution"] : [])],
    [
      ...notes.flatMap(wrapped),
      ...(changes
        ? [
            "loader: loader(",
            `  ${sampler},`,
            "  flip(),",
            "  lowResolution({ smallest: 0.5, probability: 0.1 }),",
            "  blur({ sigma: 0.8, probability: 0.2 }),",
            "  grey({ probability: 0.1 }),",
            "),",
          ]
        : [`loader: ${sampler},`]),
      ...(accumulate > 1 ? [`accumulate: ${accumulate},`] : []),
    ],
  );
}

/** What the config's name says (`wf42m_pfc02_8gpus_r50_bs4k`, `ms1mv3_r50_onegpu`), or the 8 of arcface_torch's `run.sh`. */
export function gpusOf({ config, gpus }: Origin): number {
  if (gpus !== undefined) return gpus;
  if (/onegpu/.test(config.name)) return 1;
  const [, told] = /(?:^|_)(\d+)_?gpus?(?:_|$)/.exec(config.name) ?? [];
  return told === undefined ? 8 : Math.max(1, Number(told));
}

const addedUp = (config: ArcFaceConfig) =>
  config.has("gradient_acc") ? config.number("gradient_acc", "a whole number of steps", isWhole) : 1;

export function optimizer({ config }: Origin): Part {
  const kind = config.oneOf("optimizer", ["sgd", "adamw"]);
  const decay = config.number("weight_decay", "a number from 0 up", (x) => x >= 0);
  const options = kind === "sgd" ? `momentum: ${MOMENTUM}, weightDecay: ${decay}` : `weightDecay: ${decay}`;
  const momentum = config.own.has("momentum") && config.written("momentum");
  const notes = [
    ...(momentum && kind === "adamw" ? [`${momentum} is of SGD.`] : []),
    ...(momentum && kind === "sgd" && config.number("momentum", "a number", () => true) !== MOMENTUM
      ? [`${momentum} is never read: arcface_torch's SGD has ${MOMENTUM}.`]
      : []),
    `${config.written("weight_decay")}. The gradient of the net, and not of the classes, is held to a length of ${CLIP}.`,
  ];
  return part(
    ["groups", kind],
    [
      ...notes.flatMap(wrapped),
      "optimizer: groups([",
      `  { of: "net.*", by: ${kind}({ ${options}, clip: ${CLIP} }) },`,
      `  { by: ${kind}({ ${options} }), name: "classes" },`,
      "]),",
    ],
  );
}

/** A line to the rate over the epochs of warm-up, and one down to 0 over the rest. */
export function rate({ config }: Origin): Part {
  const base = config.number("lr", "a number above 0", (x) => x > 0);
  const epochs = config.number("num_epoch", "a number above 0", (x) => x > 0);
  const warmup = config.has("warmup_epoch") ? config.number("warmup_epoch", "a number", () => true) : 0;
  const note = config.has("warmup_epoch") ? ` // ${config.written("warmup_epoch")}` : "";
  const steps = config.told(
    "decay_epoch",
    `of older versions; \`multistep({ base: ${base}, epochs: […] })\` is the schedule that has it`,
  );
  if (warmup <= 0)
    return part(
      ["polynomial"],
      [
        ...steps.flatMap(wrapped),
        `lr: polynomial({ base: ${base} }),${note}`,
        `epochs: ${epochs}, // ${config.written("num_epoch")}`,
      ],
    );
  if (warmup >= epochs) config.number("warmup_epoch", "fewer epochs than num_epoch", () => false);
  return part(
    [],
    [
      ...steps.flatMap(wrapped),
      "lr: (at) => {",
      `  const warm = ${warmup} * at.stepsPerEpoch;${note}`,
      `  return ${base} * (at.step < warm ? at.step / warm : 1 - (at.step - warm) / (at.steps - warm));`,
      "},",
      `epochs: ${epochs}, // ${config.written("num_epoch")}`,
    ],
  );
}

export function precision({ config }: Origin): Part {
  const [value, note] = config.flag("fp16")
    ? ["f16", '; a CPU needs minutes a step for it: "f32" there']
    : ["f32", ""];
  return part([], [`precision: "${value}", // ${config.written("fp16")}${note}`, 'layout: "channels_last",']);
}
