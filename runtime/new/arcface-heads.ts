/** @file The heads of arcface_torch: which classes a step compares with, and with which margin. */
import type { ArcFaceConfig } from "./arcface-config.js";
import { type Part, part, wrapped } from "./experiment-text.js";

/** Of all margins there. */
const SCALE = 64;

/** All classes, or a share of them: Partial FC. */
export function bankOf(config: ArcFaceConfig): Part {
  const share = config.number("sample_rate", "a share from 0 to 1", (x) => x >= 0 && x <= 1);
  const note = `// ${config.written("sample_rate")}`;
  return share === 1
    ? part(["full"], [`bank: full(), ${note}`])
    : part(["sampled"], [`bank: sampled({ share: ${share} }), ${note}: Partial FC`]);
}

/** `CombinedMarginLoss` is ArcFace's for (1, m2, 0), CosFace's where m3 is above 0, and stops at the rest. */
export function marginOf(config: ArcFaceConfig): Part {
  const { name, call, notes } = marginCall(config);
  const above = config.has("interclass_filtering_threshold")
    ? config.number("interclass_filtering_threshold", "a cosine from 0 to below 1", (x) => x >= 0 && x < 1)
    : 0;
  const told = config.written(namesLoss(config) ? "loss" : "margin_list");
  if (above === 0) return part([name], [...notes.flatMap(wrapped), `margin: ${call}, // ${told}`]);
  return part(
    [name, "withoutConflicts"],
    [
      ...notes.flatMap(wrapped),
      `// ${told}, ${config.written("interclass_filtering_threshold")}`,
      `margin: withoutConflicts(${call}, { above: ${above} }),`,
    ],
  );
}

interface MarginCall {
  readonly name: string;
  readonly call: string;
  readonly notes: readonly string[];
}

function marginCall(config: ArcFaceConfig): MarginCall {
  const [m1, m2, m3] = marginsOf(config);
  if (m3 > 0)
    return {
      name: "cosFace",
      call: `cosFace({ scale: ${SCALE}, margin: ${m3} })`,
      notes:
        m1 === 1 && m2 === 0
          ? []
          : [
              `arcface_torch reads m3 alone of these. All three are \`combined({ scale: ${SCALE}, m1: ${m1}, m2: ${m2}, m3: ${m3} })\`.`,
            ],
    };
  if (m1 === 1 && m3 === 0)
    return { name: "arcFace", call: `arcFace({ scale: ${SCALE}, margin: ${m2} })`, notes: [] };
  return {
    name: "combined",
    call: `combined({ scale: ${SCALE}, m1: ${m1}, m2: ${m2}, m3: ${m3} })`,
    notes: ["arcface_torch stops with an error here."],
  };
}

/** Whether it is an older config, which has a loss instead of the three numbers. */
const namesLoss = (config: ArcFaceConfig) => config.own.has("loss") && !config.own.has("margin_list");

function marginsOf(config: ArcFaceConfig): readonly [number, number, number] {
  if (namesLoss(config))
    return config.oneOf("loss", ["arcface", "cosface"]) === "arcface" ? [1, 0.5, 0] : [1, 0, 0.4];
  return config.numbers("margin_list", 3) as [number, number, number];
}
