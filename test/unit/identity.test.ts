/** What a run's identity sees of every option, and what it lets change. Each case edits one option of one experiment. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CompiledExperiment, compileExperiment, loadExperiment } from "#compiler/index";
import { tag } from "#dsl/core/tag";
import {
  type Augmentation,
  adaptiveAvgPool2d,
  affine,
  always,
  arcFace,
  averaged,
  blur,
  type ClassPoolOptions,
  colour,
  conv2d,
  cosFace,
  cosine,
  crop,
  type DualOptions,
  dual,
  EXPERIMENT,
  type ExperimentOptions,
  erase,
  experiment,
  type F2cOptions,
  f2c,
  fixed,
  flatten,
  flip,
  grey,
  hardest,
  type ImageFolderOptions,
  identification,
  imageFolder,
  linear,
  loader,
  lowResolution,
  multistep,
  net,
  type Policy,
  plainSoftmax,
  polynomial,
  type SgdOptions,
  STAGE,
  type SyntheticFacesOptions,
  sequential,
  sgd,
  steps,
  svSoftmax,
  syntheticFaces,
  type TwinOptions,
  tensorboard,
  type VerificationOptions,
  verification,
  wandb,
  warmed,
} from "#dsl/index";
import {
  compareIdentity,
  type Difference,
  identityOf,
  type RunIdentity,
  refusalOf,
  savedIdentity,
} from "#runtime/run/identity";
import { FATES } from "#runtime/run/identity/fates";

const root = mkdtempSync(join(tmpdir(), "f2c-identity-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Of the library's layers alone, small enough to compile in no time. */
const smallNet = (embedding = 8, width = 8) =>
  net(embedding, ([channels]) =>
    sequential(
      conv2d(channels, width, { kernel: 3, stride: 2 }),
      adaptiveAvgPool2d(2),
      flatten(),
      linear(4 * width, embedding),
    ),
  );

interface Edit {
  experiment?: Partial<ExperimentOptions>;
  data?: Partial<SyntheticFacesOptions>;
  folder?: Partial<ImageFolderOptions>;
  loader?: Partial<DualOptions>;
  method?: Partial<F2cOptions>;
  pool?: Partial<ClassPoolOptions>;
  twin?: TwinOptions;
  optimizer?: SgdOptions;
  evaluate?: VerificationOptions;
}

function compiled(edit: Edit = {}): CompiledExperiment {
  const { data, folder, loader: sampler, method, pool, twin, optimizer, evaluate } = edit;
  const faces = { identities: 30, imagesPerIdentity: fixed(4), size: 16, seed: 3 };
  const value = experiment({
    name: "whole",
    data: folder
      ? imageFolder({ root: "faces", size: 16, ...folder })
      : syntheticFaces({ ...faces, heldOut: { identities: 6, images: 3 }, ...data }),
    method: f2c({
      net: smallNet(),
      ema: 0.99,
      pool: { capacity: 12, ...pool },
      margin: cosFace({ scale: 16, margin: 0.2 }),
      ...(twin && { gallery: twin }),
      ...method,
    }),
    loader: dual({ identities: 3, instances: 4, ...sampler }),
    optimizer: sgd({ weightDecay: 1e-4, ...optimizer }),
    lr: cosine({ base: 0.05 }),
    steps: 40,
    // The folders hold out too few people for pairs, or none.
    evaluate: folder ? {} : verification({ ...evaluate }),
    ...edit.experiment,
  });
  return compileExperiment({
    experiment: value,
    path: "/whole.ts",
    directory: root,
    texts: new Map(),
    links: new Map(),
    warnings: [],
  });
}

/** As config.json keeps it. */
const stored = (identity: RunIdentity): RunIdentity => JSON.parse(JSON.stringify(identity));

let before: CompiledExperiment;
let saved: RunIdentity;
beforeAll(() => {
  before = compiled();
  saved = stored(identityOf(before));
});

interface Outcome {
  readonly refused: readonly string[];
  readonly changed: readonly string[];
}
const refused = (...options: string[]): Outcome => ({ refused: options, changed: [] });
const free = (...options: string[]): Outcome => ({ refused: [], changed: options });
const nothing: Outcome = { refused: [], changed: [] };

const names = (differences: readonly Difference[]) => differences.map((d) => d.option);
const both = (was: RunIdentity, is: RunIdentity) => {
  const { refused, changed } = compareIdentity(was, is);
  return { refused: names(refused), changed: names(changed) };
};
/** A run that is refused is not told what else changed. */
function expectOutcome(was: RunIdentity, is: RunIdentity, outcome: Outcome): void {
  const got = both(was, is);
  expect(got.refused).toEqual(outcome.refused);
  if (outcome.refused.length === 0) expect(got.changed).toEqual(outcome.changed);
}

type Cases<Options> = {
  readonly [K in keyof Required<Options>]: readonly (readonly [Options[K], Outcome])[];
};

/** Every option of an experiment. One that is not listed is a type error. */
const EXPERIMENT_OPTIONS: Cases<ExperimentOptions> = {
  name: [["other", free("name")]],
  data: [
    [
      syntheticFaces({ identities: 30, imagesPerIdentity: fixed(4), size: 16, seed: 4 }),
      refused("data.seed"),
    ],
  ],
  method: [
    [
      f2c({ net: smallNet(16), pool: { capacity: 12 }, margin: cosFace({ scale: 16, margin: 0.2 }) }),
      refused("embedding"),
    ],
  ],
  loader: [[dual({ identities: 5, instances: 4 }), refused("loader.identities")]],
  observe: [[[tensorboard(), wandb({ project: "faces" })], free("observe")]],
  optimizer: [[sgd({ momentum: 0.8, weightDecay: 1e-4 }), refused("optimizer.momentum")]],
  lr: [
    [0.05, free("lr")],
    [cosine({ base: 0.1 }), free("lr.base")],
  ],
  epochs: [],
  steps: [[80, free("length", "lr")]],
  evaluate: [
    [verification({ far: [0.1] }), free("evaluate.verification.far")],
    [identification(), free("evaluate.verification", "evaluate.identification")],
    [{ verification: verification(), searches: identification({ unknown: 2 }) }, free("evaluate.searches")],
  ],
  seed: [[1, refused("seed")]],
  checkpoint: [[steps(7), free("checkpoint")]],
  keepBest: [["verification.accuracy", free("keepBest")]],
  device: [["cpu", free("device")]],
  backend: [["eager", free("backend")]],
  precision: [["bf16", refused("precision")]],
  layout: [["channels_last", refused("layout")]],
  accumulate: [[2, refused("accumulate")]],
  export: [[["onnx"], free("export")]],
};

const SYNTHETIC_OPTIONS: Cases<SyntheticFacesOptions> = {
  identities: [[31, refused("data")]],
  imagesPerIdentity: [
    [fixed(5), refused("data")],
    [{ counts: (n) => new Int32Array(n).fill(4) }, nothing],
  ],
  size: [[20, refused("data.size", "data.shape")]],
  seed: [[9, refused("data.seed")]],
  channels: [[1, refused("data.channels", "data.shape")]],
  difficulty: [[0.6, refused("data.difficulty")]],
  heldOut: [[{ identities: 7, images: 3 }, free("held-out data")]],
  duplicates: [[{ share: 0.5, change: 0.1 }, refused("data.duplicateShare", "data.duplicateChange")]],
};

const DUAL_OPTIONS: Cases<DualOptions> = {
  identities: [[4, refused("loader.identities")]],
  instances: [[6, refused("loader.instances")]],
};

const MOVED = { shift: 0, zoom: 0, rotate: 0 };
const LIT = { contrast: 0, brightness: 0, saturation: 0 };

/** Loaders with one augmentation beside the flip, each option against another value of it. */
const AUGMENTATIONS: readonly (readonly [string, Augmentation, Augmentation])[] = [
  ["affine.shift", affine({ ...MOVED, shift: 1 }), affine({ ...MOVED, shift: 2 })],
  ["affine.zoom", affine(MOVED), affine({ ...MOVED, zoom: 0.1 })],
  ["affine.rotate", affine(MOVED), affine({ ...MOVED, rotate: 5 })],
  ["crop.area", crop(), crop({ area: 0.6 })],
  ["crop.aspect", crop(), crop({ aspect: 1 })],
  ["crop.probability", crop(), crop({ probability: 0.5 })],
  ["colour.contrast", colour(LIT), colour({ ...LIT, contrast: 0.1 })],
  ["colour.brightness", colour(LIT), colour({ ...LIT, brightness: 0.1 })],
  ["colour.saturation", colour(LIT), colour({ ...LIT, saturation: 0.1 })],
  ["grey.probability", grey(), grey({ probability: 0.5 })],
  ["blur.sigma", blur(), blur({ sigma: 3 })],
  ["blur.probability", blur(), blur({ probability: 0.5 })],
  ["lowResolution.smallest", lowResolution(), lowResolution({ smallest: 0.5 })],
  ["lowResolution.probability", lowResolution(), lowResolution({ probability: 0.5 })],
  ["erase.share", erase(0.1), erase(0.2)],
];

describe("an edited option of an augmentation", () => {
  const identity = (...augmentations: readonly Augmentation[]) =>
    identityOf(
      compiled({ experiment: { loader: loader(dual({ identities: 3, instances: 4 }), ...augmentations) } }),
    );

  test.each(AUGMENTATIONS)("%s", (option, was, is) => {
    expectOutcome(stored(identity(was)), identity(is), refused(`loader.augment.${option}`));
  });

  test("one more, and one less", () => {
    expectOutcome(saved, identity(flip(), grey()), refused("loader.augment.grey"));
    expectOutcome(saved, identity(), refused("loader.augment.flip"));
  });

  test("another order", () => {
    const [a, b] = [identity(flip(), grey()), identity(grey(), flip())];
    expect(both(stored(a), b).refused.length).toBeGreaterThan(0);
  });
});

describe("an edited option of a method within `averaged`", () => {
  const around = (own: Partial<F2cOptions>, ema = 0.9) => {
    const method = f2c({
      net: smallNet(),
      ema: 0.99,
      pool: { capacity: 12 },
      margin: cosFace({ scale: 16, margin: 0.2 }),
      ...own,
    });
    return identityOf(compiled({ experiment: { method: averaged(method, { ema }) } }));
  };

  test.each<[string, Partial<F2cOptions>, Outcome]>([
    ["one that may change", { ema: 0.999 }, free("of.ema")],
    ["one that changes what embeds", { embed: "gallery" }, free("of.embed")],
    [
      "one that makes another run",
      { margin: cosFace({ scale: 24, margin: 0.2 }) },
      refused("of.margin.scale"),
    ],
  ])("is told from its own: %s", (_, own, outcome) => {
    expectOutcome(stored(around({})), around(own), outcome);
  });

  test("and its own may change as well", () => {
    expect(names(compareIdentity(stored(around({})), around({}, 0.99)).changed)).toContain("ema");
  });
});

const F2C_OPTIONS: Cases<F2cOptions> = {
  net: [
    [smallNet(8, 8), nothing],
    [smallNet(8, 12), refused("probe", "gallery", "optimizer")],
    [smallNet(16), refused("embedding")],
  ],
  ema: [
    [0.999, free("ema")],
    [always(0.99), nothing],
    [cosine({ base: 0.9 }), free("ema")],
    [() => 0.99, free("ema")],
  ],
  pool: [[{ capacity: 13 }, refused("pool.capacity")]],
  margin: [
    [cosFace({ scale: 16, margin: 0.3 }), refused("margin.margin")],
    [cosFace({ scale: 24, margin: 0.2 }), refused("margin.scale")],
    [arcFace({ scale: 16, margin: 0.2 }), refused("margin")],
    [svSoftmax({ scale: 16, margin: 0.2 }), refused("margin")],
    [plainSoftmax({ scale: 16 }), refused("margin")],
  ],
  negatives: [
    [hardest({ k: 5 }), refused("negatives.k")],
    // Of twelve slots, `auto` takes three: the same program.
    [hardest({ k: 3 }), nothing],
    [hardest({ scale: 2 }), refused("negatives.scale")],
  ],
  gallery: [[{ buffers: "copy" }, refused("gallery.buffers")]],
  embed: [["gallery", free("embed")]],
  streams: [
    ["apart", nothing],
    ["together", refused("streams")],
  ],
};

const POOL_OPTIONS: Cases<ClassPoolOptions> = {
  capacity: [
    [14, refused("pool.capacity")],
    [0.4, nothing],
  ],
  rows: [[1, refused("pool.rows")]],
  evict: [["fifo", refused("pool.evict")]],
  init: [["uniform", refused("pool.init")]],
  dtype: [["bf16", refused("pool.dtype")]],
  maskUnfilled: [[false, refused("pool.maskUnfilled")]],
};

const TWIN_OPTIONS: Cases<TwinOptions> = {
  buffers: [["average", refused("gallery.buffers")]],
  statistics: [["running", refused("gallery.statistics")]],
};

const SGD_OPTIONS: Cases<SgdOptions> = {
  momentum: [[0.95, refused("optimizer.momentum")]],
  nesterov: [[true, refused("optimizer.nesterov")]],
  weightDecay: [[5e-4, refused("optimizer.weightDecay")]],
  decay: [["matrices", refused("optimizer.decay")]],
  clip: [[5, refused("optimizer.clip")]],
};

const VERIFICATION_OPTIONS: Cases<VerificationOptions> = {
  pairs: [
    [{ genuine: 12, impostor: 12 }, free("evaluate.verification.genuine", "evaluate.verification.impostor")],
  ],
  every: [[steps(10), free("evaluate.verification.every")]],
  far: [[[0.1, 0.01], free("evaluate.verification.far")]],
  flip: [[false, free("evaluate.verification.flip")]],
  baselines: [[false, free("evaluate.verification.baselines")]],
  data: [
    [
      syntheticFaces({ identities: 9, imagesPerIdentity: fixed(3), size: 16 }),
      free("evaluate.verification.data"),
    ],
  ],
};

const TABLES = {
  experiment: EXPERIMENT_OPTIONS,
  data: SYNTHETIC_OPTIONS,
  loader: DUAL_OPTIONS,
  method: F2C_OPTIONS,
  pool: POOL_OPTIONS,
  twin: TWIN_OPTIONS,
  optimizer: SGD_OPTIONS,
  evaluate: VERIFICATION_OPTIONS,
};

describe.each(Object.entries(TABLES))("an edited option of %s", (table, options) => {
  const cases = Object.entries(options as Record<string, readonly (readonly [unknown, Outcome])[]>).flatMap(
    ([option, values]) =>
      values.map(([value, outcome], i) => ({
        option: i === 0 ? option : `${option} (${i + 1})`,
        name: option,
        value,
        outcome,
      })),
  );
  test.each(cases)("$option", ({ name, value, outcome }) => {
    expectOutcome(saved, identityOf(compiled({ [table]: { [name]: value } })), outcome);
  });
});

test("every option of an experiment has a fate, and every fate is an option or is known here", () => {
  const options = Object.keys(before.experiment).sort();
  const more = ["sampler", "state", "stepsPerEpoch", "threads"];
  const tops = [...new Set(Object.keys(FATES).map((path) => path.split(".")[0]!))].sort();
  expect(tops).toEqual([...options, ...more].sort());
  expect(Object.getOwnPropertySymbols(before.experiment)).toEqual([EXPERIMENT, STAGE]);
});

test("the same experiment is the same run, also after a way through config.json", () => {
  expect(both(saved, identityOf(compiled()))).toEqual(nothing);
  expect(JSON.stringify(saved)).toBe(JSON.stringify(identityOf(compiled())));
});

test("epochs instead of steps change the length", () => {
  const length = compiled({ experiment: { epochs: 2, steps: undefined as never } });
  expect(both(saved, identityOf(length))).toEqual(free("length", "lr"));
});

describe("a schedule", () => {
  const [other, points]: [Policy, Record<string, [Policy, Policy]>] = [
    (at) => 0.1 / (1 + at.step),
    {
      base: [multistep({ base: 0.1, epochs: [1] }), multistep({ base: 0.2, epochs: [1] })],
      epochs: [multistep({ base: 0.1, epochs: [1] }), multistep({ base: 0.1, epochs: [2] })],
      factor: [multistep({ base: 0.1, epochs: [1] }), multistep({ base: 0.1, epochs: [1], factor: 0.5 })],
      warmup: [cosine({ base: 0.1 }), cosine({ base: 0.1, warmup: 1 })],
      end: [cosine({ base: 0.1 }), cosine({ base: 0.1, end: 0.01 })],
      power: [polynomial({ base: 0.1 }), polynomial({ base: 0.1, power: 2 })],
      "policy.base": [warmed(1, cosine({ base: 0.1 })), warmed(1, cosine({ base: 0.2 }))],
    },
  ];
  const identity = (lr: Policy) => identityOf(compiled({ experiment: { lr } }));

  test.each(Object.entries(points))("may change: %s", (option, [was, is]) => {
    expect(both(stored(identity(was)), identity(is))).toEqual(free(`lr.${option}`));
  });

  test("is shown as it was written", () => {
    const { changed } = compareIdentity(stored(identity(always(0.1))), identity(cosine({ base: 0.1 })));
    expect(changed).toEqual([{ option: "lr", was: "0.1", is: "cosine({ base: 0.1, end: 0, warmup: 0 })" }]);
  });

  test("of one's own is compared by what it gives", () => {
    const { refused, changed } = compareIdentity(
      stored(identity(other)),
      identity((at) => 0.1 / (2 + at.step)),
    );
    expect(refused).toEqual([]);
    expect(changed).toEqual([{ option: "lr", was: "0.1 at step 0", is: "0.05" }]);
  });

  test("of one's own whose text alone changed is said to", () => {
    const { changed } = compareIdentity(
      stored(identity((at) => (at.step === 17 ? 1 : 0.1))),
      identity((at) => (at.step === 18 ? 1 : 0.1)),
    );
    expect(changed).toMatchObject([{ option: "lr", was: expect.stringContaining("17") }]);
    expect(changed[0]!.is).toMatch(/18.*\(no difference at the steps compared\)$/);
  });

  test("around a policy of one's own sees that one change", () => {
    // As the loader tags the functions of an experiment.
    const own = (policy: Policy) => tag(policy, "/whole.ts", 0, () => ({}));
    const { changed } = compareIdentity(
      stored(
        identity(
          warmed(
            1,
            own((at) => (at.step === 17 ? 1 : 0.1)),
          ),
        ),
      ),
      identity(
        warmed(
          1,
          own((at) => (at.step === 18 ? 1 : 0.1)),
        ),
      ),
    );
    expect(names(changed)).toEqual(["policy"]);
  });

  test("of the library that one's own function asks is seen, with its options", () => {
    const asking = (inner: Policy): Policy =>
      tag(
        (at) => inner(at),
        "/whole.ts",
        0,
        () => ({ inner: () => inner }),
      );
    // The two part beyond the steps that are compared.
    const { changed } = compareIdentity(
      stored(identity(asking(multistep({ base: 0.1, epochs: [900] })))),
      identity(asking(multistep({ base: 0.1, epochs: [950] }))),
    );
    expect(changed).toMatchObject([
      { option: "lr.inner", was: "multistep({ base: 0.1, epochs: [900], factor: 0.1, warmup: 0 })" },
    ]);
  });

  test("that throws at a step does not fail, and is said", () => {
    const throwing = identity((at) => {
      if (at.step >= 20) throw new Error("no more");
      return 0.1;
    });
    expect(both(stored(throwing), throwing)).toEqual(nothing);
    const { changed } = compareIdentity(stored(identity(() => 0.1)), throwing);
    expect(changed).toContainEqual({
      option: "plan",
      was: "plans every step",
      is: "throws at step 20: no more",
    });
  });
});

test("a number of the plan is said with the first step where it differs, and both values", () => {
  const now = identityOf(compiled({ method: { ema: (at) => (at.step < 10 ? 0.99 : 0.999) } }));
  const own = stored(identityOf(compiled({ method: { ema: (at) => (at.step < 20 ? 0.99 : 0.999) } })));
  expect(compareIdentity(own, now).changed).toEqual([{ option: "ema", was: "0.99 at step 10", is: "0.999" }]);
});

test("books have the same past at the steps that two lengths share", () => {
  for (const length of [41, 60, 97, 300, 1203]) {
    const { refused, changed } = compareIdentity(
      saved,
      identityOf(compiled({ experiment: { steps: length } })),
    );
    expect(names(refused)).toEqual([]);
    expect(names(changed)).toEqual(["length", "lr"]);
  }
});

/** A program whose plan also does something of its own. */
const planning = (
  change: (plan: Record<string, unknown>, step: number, steps: number) => void,
  steps = 40,
): CompiledExperiment => ({
  ...before,
  steps,
  experiment: { ...before.experiment, length: { unit: "steps", count: steps } },
  method: {
    ...before.method,
    plan: (books, batch, at) => {
      const plan = before.method.plan(books, batch, at) as Record<string, unknown>;
      change(plan, at.step, at.steps);
      return plan as never;
    },
  },
});
const touched = (plan: Record<string, unknown>) => (plan.committed as { touched: Int32Array }).touched;

test("other index arrays of a plan are other books: refused", () => {
  const was = stored(identityOf(planning(() => {})));
  const is = identityOf(planning((plan, step) => step >= 5 && touched(plan).reverse()));
  const { refused } = compareIdentity(was, is);
  expect(names(refused)).toEqual(["the plan's bookkeeping (committed.touched)"]);
  expect(refused[0]!.was).toMatch(/^hash [0-9a-f]{8} at step 5$/);
});

test("other books are said beside an option that does not explain them", () => {
  const is = identityOf({
    ...compiled({ optimizer: { momentum: 0.8 } }),
    method: planning((plan) => touched(plan).reverse()).method,
  });
  expect(both(saved, is).refused).toEqual([
    "optimizer.momentum",
    "the plan's bookkeeping (committed.touched)",
  ]);
});

test("index arrays that follow from a changed length are free", () => {
  const late = (plan: Record<string, unknown>, step: number, steps: number) =>
    step < steps / 2 && touched(plan).reverse();
  const { refused, changed } = compareIdentity(
    stored(identityOf(planning(late, 40))),
    identityOf(planning(late, 80)),
  );
  expect(names(refused)).toEqual([]);
  expect(names(changed)).toEqual(["length", "lr", "the plan's bookkeeping (committed.touched)"]);
});

test("another order of the images is refused, whatever gives it", () => {
  const { loader } = before.experiment;
  const shuffled: CompiledExperiment = {
    ...before,
    experiment: {
      ...before.experiment,
      loader: { ...loader, open: (offsets, seed) => loader.open(offsets, seed ^ 1) },
    },
  };
  expect(both(saved, identityOf(shuffled)).refused).toEqual(["the order of the images (x.images)"]);
});

test("another version of the sampler is another run", () => {
  const older = { ...saved, options: { ...saved.options, sampler: 1 } };
  expect(both(older, identityOf(before)).refused).toEqual(["sampler"]);
});

test("versions are free, and said; what another version did not write is not compared", () => {
  const { evaluate: _, ...options } = saved.options;
  const older = { ...saved, options, versions: { ...saved.versions, "f2c-dsl": "0.0.9", torch: "2.11.0" } };
  const { refused, changed } = compareIdentity(older, identityOf(before, { torch: "2.12.0" }));
  expect(refused).toEqual([]);
  expect(changed).toEqual([
    { option: "f2c-dsl", was: "0.0.9", is: saved.versions["f2c-dsl"] },
    { option: "torch", was: "2.11.0", is: "2.12.0" },
  ]);
});

test("what the command line gives goes before the experiment, and may change", () => {
  const was = identityOf(before, { device: "cpu", backend: "torchscript", threads: 1 });
  const is = identityOf(before, { device: "cpu", backend: "eager", threads: undefined });
  expect(compareIdentity(stored(was), is)).toEqual({
    refused: [],
    changed: [
      { option: "backend", was: "torchscript", is: "eager" },
      { option: "threads", was: "1", is: "none" },
    ],
  });
});

describe("photographs in folders", () => {
  const people = ["anna", "bert", "carl", "dora", "emil", "fred"];
  const photographs = (folder: string, of = people) => {
    for (const person of of) {
      mkdirSync(join(root, folder, person), { recursive: true });
      for (const i of [1, 2, 3]) writeFileSync(join(root, folder, person, `${i}.pgm`), "P5\n1 1\n255\n\0");
    }
  };
  const given = (folder: Partial<ImageFolderOptions> = {}) => identityOf(compiled({ folder }));
  let was: RunIdentity;
  beforeAll(() => {
    photographs("faces");
    writeFileSync(join(root, "left-out.txt"), "bert/2.pgm\n");
    writeFileSync(join(root, "points.txt"), "anna/1.pgm 1 1 2 1 2 2 1 3 2 3\n");
    was = stored(given());
  });

  const OPTIONS: Cases<ImageFolderOptions> = {
    root: [], // see below
    size: [[20, refused("data.height", "data.width", "data.shape")]],
    channels: [[1, refused("data.channels", "data.shape")]],
    fit: [["stretch", refused("data.fit")]],
    align: [[{ points: "points.txt" }, refused("data.alignHash", "data.alignRounding")]],
    heldOut: [[1, refused("data")]],
    subfolders: [[true, nothing]], // nobody here has any: it is the same listing
    broken: [["skip", free("data.broken")]],
    leaveOut: [["left-out.txt", refused("data")]],
    channelOrder: [["bgr", refused("data.channelOrder")]],
    bits: [[12, refused("data.bits")]],
    maxPixels: [[1_000_000, free("data.maxPixels")]], // which images are refused, not what is seen of them
  };
  const cases = Object.entries(OPTIONS).flatMap(([option, values]) =>
    values.map(([value, outcome]) => ({ option, value, outcome })),
  );
  test.each(cases)("an edited $option", ({ option, value, outcome }) => {
    expectOutcome(was, given({ [option]: value }), outcome);
  });

  test("may move", () => {
    photographs("elsewhere/faces");
    expect(both(was, given({ root: "elsewhere/faces" }))).toEqual(nothing);
  });

  test("of other held-out people may follow", () => {
    photographs("kept");
    const kept = stored(given({ root: "kept", heldOut: ["emil", "fred"] }));
    rmSync(join(root, "kept/fred/3.pgm"));
    expect(compareIdentity(kept, given({ root: "kept", heldOut: ["emil", "fred"] }))).toEqual({
      refused: [],
      changed: [
        {
          option: "held-out data",
          was: "2 identities, 6 images",
          is: '2 identities, 5 images; the first that differs is number 1 ("fred")',
        },
      ],
    });
  });

  const change = (folder: string, edit: (path: string) => void) => {
    photographs(folder);
    edit(join(root, folder));
    return compareIdentity(was, given({ root: folder })).refused;
  };

  test("of which one was removed are another data set, and it is said where", () => {
    expect(change("removed", (path) => rmSync(join(path, "carl/2.pgm")))).toEqual([
      {
        option: "data",
        was: "6 identities, 18 images",
        is: '6 identities, 17 images; the first that differs is number 2 ("carl")',
      },
    ]);
  });

  test("of which one has another name are another data set", () => {
    const [difference] = change("renamed", (path) =>
      renameSync(join(path, "dora/1.pgm"), join(path, "dora/9.pgm")),
    );
    expect(difference!.is).toBe('6 identities, 18 images; the first that differs is number 3 ("dora")');
  });

  test("of one person less, or more, are another data set", () => {
    const [less] = change("less", (path) => rmSync(join(path, "bert"), { recursive: true }));
    expect(less!.is).toBe(
      '5 identities, 15 images; the first that differs is number 1 (was "bert", is "carl")',
    );
    const [more] = change("more", () => photographs("more", ["zoe"]));
    expect(more!.is).toBe('7 identities, 21 images; the first that differs is number 6 (is "zoe")');
  });
});

test("where many people lie in a block, the block is named", () => {
  const one = { counts: (n: number) => new Int32Array(n).fill(2) };
  const other = { counts: (n: number) => new Int32Array(n).fill(2).fill(3, 777, 778) };
  const was = stored(identityOf(compiled({ data: { identities: 1000, imagesPerIdentity: one } })));
  const is = identityOf(compiled({ data: { identities: 1000, imagesPerIdentity: other } }));
  const [difference] = compareIdentity(was, is).refused;
  expect(difference).toMatchObject({ was: "1,000 identities, 2,000 images" });
  expect(difference!.is).toBe(
    "1,000 identities, 2,001 images; the first that differs is one of numbers 776 to 779",
  );
});

describe("an experiment of one's own functions", () => {
  const source = ({ place = "", scale = 8, momentum = 0.5, comment = "", base = 0.1 }) => `
import { adaptiveAvgPool2d, conv2d, dual, experiment, fixed, flatten, linear, method, normal, normalize, ops, parameter, sequential, sgd, syntheticFaces } from "f2c-dsl";
${place}
const base = ${base};
const halved = (x: number) => x / 2; ${comment}
const scale = ${scale};
export default experiment({
  name: "own",
  data: syntheticFaces({ identities: 10, imagesPerIdentity: fixed(4), size: 16 }),
  method: ({ shape, identities }) =>
    method(
      { net: sequential(conv2d(shape[0], 8, { kernel: 3 }), adaptiveAvgPool2d(1), flatten(), linear(8, 8)), classes: parameter([identities, 8], normal(0.01)) },
      {
        plan: (_books, { x, y }, at) => ({ labels: Int32Array.from([...x.labels, ...y.labels]), share: [at.step].map((s) => halved(s) * ${momentum})[0] }),
        step({ net, classes }, { x, y }, plan) {
          const cosine = normalize(net(ops.cat([x, y]))).matmul(normalize(classes).transpose(0, 1));
          return ops.cross_entropy(cosine.mul(scale).mul(1 + plan.share), plan.labels).mean();
        },
        embed: ({ net }, images) => net(images),
      },
    ),
  loader: dual({ identities: 2, instances: 4 }),
  optimizer: sgd(),
  lr: ({ step }) => base / (1 + step),
  steps: 20,
});
`;
  let number = 0;
  const identity = (options: Parameters<typeof source>[0], folder = `own-${number++}`) => {
    mkdirSync(join(root, folder));
    const path = join(root, folder, "exp.ts");
    writeFileSync(path, source(options));
    return stored(identityOf(compileExperiment(loadExperiment(path))));
  };
  let was: RunIdentity;
  beforeAll(() => {
    was = identity({});
  });

  test("knows their texts, as they were written", () => {
    expect(was.functions!.sources).toMatchObject({
      lr: "({ step }) => base / (1 + step)",
      "plan.halved": "(x) => x / 2",
    });
    expect(was.functions!.sources.plan).not.toContain("__f2c");
    expect(was.functions!.constants).toEqual({ "lr.base": 0.1 });
  });

  test("is the same in another folder, at other lines of its file, with other comments around", () => {
    expect(both(was, identity({ place: "// Two lines\n// more.", comment: "// of x" }))).toEqual(nothing);
  });

  test("names the number that makes its program another", () => {
    expect(compareIdentity(was, identity({ scale: 16 })).refused).toEqual([
      { option: "step.scale", was: "8", is: "16" },
    ]);
  });

  test("may change the numbers of its plan", () => {
    const { refused, changed } = compareIdentity(was, identity({ momentum: 0.25, base: 0.2 }));
    expect(refused).toEqual([]);
    expect(changed).toMatchObject([
      { option: "lr", was: "0.1 at step 0", is: "0.2" },
      { option: "share", was: "0.25 at step 1", is: "0.125" },
      { option: "plan", was: "…s) => halved(s) * 0.5)[0] })", is: "…s) => halved(s) * 0.25)[0] })" },
    ]);
  });
});

test("an identity stays small", () => {
  const path = new URL("../../examples/deep.ts", import.meta.url).pathname;
  const deep = identityOf(compileExperiment(loadExperiment(path)));
  expect(JSON.stringify(deep, undefined, 2).length).toBeLessThan(20_000);
  const many = planning((plan) => {
    for (let i = 0; i < 500; i++) plan[`array${i}`] = Int32Array.of(i);
  });
  expect(JSON.stringify(identityOf(many), undefined, 2).length).toBeLessThan(20_000);
});

describe("a run from before identities", () => {
  const config = (program: CompiledExperiment) =>
    JSON.parse(
      JSON.stringify({
        name: program.experiment.name,
        seed: program.experiment.seed,
        device: "cpu",
        backend: "torchscript",
        length: program.experiment.length,
        checkpoint: program.experiment.checkpoint,
        steps: program.steps,
        stepsPerEpoch: program.stepsPerEpoch,
        setting: program.setting,
        data: program.train.spec.kind,
        command: ["run", "exp.ts"],
        versions: { "f2c-dsl": "0.1.0", node: process.version },
      }),
    );

  test("goes on, and is said to be known in part", () => {
    const { refused, changed } = compareIdentity(
      savedIdentity(config(before)),
      identityOf(before, { device: "cpu" }),
    );
    expect(refused).toEqual([]);
    expect(names(changed)).toEqual(["identity"]);
    expect(changed[0]!.was).toContain("not recorded");
  });

  test("is refused where what it has differs", () => {
    const was = savedIdentity(config(before));
    const other = identityOf(
      compiled({ experiment: { seed: 5 }, data: { identities: 31 }, loader: { instances: 6 } }),
    );
    expect(names(compareIdentity(was, other).refused).sort()).toEqual(["data", "seed"]);
    const longer = identityOf(compiled({ experiment: { steps: 50, device: "cpu" } }));
    expect(both(was, longer)).toEqual(free("length", "identity"));
  });

  test("is the one with its identity where config.json has one", () => {
    expect(savedIdentity({ ...config(before), identity: saved })).toEqual(saved);
    expect(savedIdentity({ ...config(before), identity: "damaged" }).samples).toBeUndefined();
  });
});

describe("the refusal", () => {
  test("shows both sides of each difference", () => {
    const now = identityOf(compiled({ experiment: { seed: 1 }, optimizer: { momentum: 0.8 } }));
    const error = refusalOf("runs/whole-1", compareIdentity(saved, now).refused);
    expect(error).toMatchObject({ code: "F2C6403", kind: "user" });
    expect(error!.message).toBe(
      "the run in runs/whole-1 belongs to another experiment: seed was 0 and is 1; optimizer.momentum was 0.9 and is 0.8",
    );
    expect(error!.hint).toContain("source/");
  });

  test("counts what is too much to list", () => {
    const many = Array.from({ length: 12 }, (_, i) => ({ option: `o${i}`, was: "a", is: "b" }));
    expect(refusalOf("here", many)!.message).toMatch(/o7 was a and is b; 4 more$/);
  });

  test("is none where nothing forbids to go on", () => {
    expect(refusalOf("here", [])).toBeUndefined();
  });
});
