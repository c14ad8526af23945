/** @file The nets that arcface_torch's `get_model` knows, as ours. */
import type { ArcFaceConfig } from "./arcface-config.js";
import { type Part, part, wrapped } from "./experiment-text.js";

interface Known {
  readonly function: string;
  /** What the call has before its options, and its options. */
  readonly first?: string;
  readonly options?: Readonly<Record<string, string | number | boolean>>;
  readonly note?: string;
}

/** Its flag for a mask only says whether there is one: what is masked is always a tenth. */
const MASKED = "arcface_torch masks a tenth of the tokens, whatever share is in the name";

const iresnet = (depth: number): Known => ({ function: "iresnet", first: String(depth) });
const vit = (size: string, options: Known["options"], note?: string): Known => ({
  function: "vit",
  first: size,
  ...(options && { options }),
  ...(note !== undefined && { note }),
});

const NETS: Readonly<Record<string, Known>> = {
  r18: iresnet(18),
  r34: iresnet(34),
  r50: iresnet(50),
  r100: iresnet(100),
  r200: iresnet(200),
  r2060: { ...iresnet(200), note: "r2060 has no equal here: this is the deepest that there is" },
  mbf: { function: "mbf" },
  mbf_large: { function: "mbf", options: { large: true } },
  vit_t: vit('"tiny"', {}),
  vit_t_dp005_mask0: vit('"tiny"', { dropPath: 0.05, mask: 0 }),
  vit_s: vit('"small"', {}),
  vit_s_dp005_mask_0: vit('"small"', { dropPath: 0.05, mask: 0 }),
  vit_b: vit('"base"', {}),
  vit_b_dp005_mask_005: vit('"base"', { dropPath: 0.05 }, MASKED),
  vit_l_dp005_mask_005: vit('"large"', { dropPath: 0.05 }, MASKED),
  vit_h: vit("{ width: 1024, depth: 48 }", { mask: 0, checkpointed: true }),
};

/** `net: iresnet(50), // network = "r50"`. */
export function netOf(config: ArcFaceConfig, embedding: number): Part {
  const known = NETS[config.oneOf("network", Object.keys(NETS))]!;
  const options = Object.entries({ ...(embedding !== 512 && { embedding }), ...known.options }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const given = [known.first, options.length > 0 ? `{ ${options.join(", ")} }` : undefined];
  const call = `${known.function}(${given.filter((one) => one !== undefined).join(", ")})`;
  const told = [
    config.written("network"),
    ...(config.own.has("embedding_size") ? [config.written("embedding_size")] : []),
  ];
  return part(
    [known.function],
    [...(known.note === undefined ? [] : wrapped(`${known.note}.`)), `net: ${call}, // ${told.join(", ")}`],
  );
}
