/** What compiles and is probably not meant: said at `check`, at the option, and refused by nothing. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { CATALOGUE, nameOf } from "#compiler/diagnostics/catalogue";
import { compileExperiment, type Diagnostic, loadExperiment } from "#compiler/index";

const root = new URL("../../", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "f2c-warnings-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Options {
  readonly lr?: string;
  readonly ema?: string;
  readonly capacity?: number;
  readonly length?: string;
}
let files = 0;
/** 40 images, 4 a step: an epoch is 10 steps. */
function written({ lr = "0.1", ema = "0.99", capacity = 16, length = "epochs: 1" }: Options): string {
  const path = join(folder, `experiment-${files++}.ts`);
  writeFileSync(
    path,
    `import { always, cosFace, cosine, dual, experiment, f2c, fixed, adaptiveAvgPool2d, flatten, linear, multistep, net, polynomial, sequential, sgd, syntheticFaces, warmed } from "f2c-dsl";
export default experiment({
  name: "warnings",
  data: syntheticFaces({ identities: 20, imagesPerIdentity: fixed(2), size: 16 }),
  method: f2c({
    net: net(8, () => sequential(adaptiveAvgPool2d(2), flatten(), linear(12, 8))),
    ema: ${ema},
    pool: { capacity: ${capacity} },
    margin: cosFace({ scale: 32, margin: 0.4 }),
  }),
  loader: dual({ identities: 4, instances: 4 }),
  optimizer: sgd(),
  lr: ${lr},
  ${length},
});
`,
  );
  return path;
}

function warned(options: Options) {
  const loaded = loadExperiment(written(options));
  return compileExperiment(loaded).warnings.map((d: Diagnostic) => {
    const span = d.span!;
    expect(d.severity).toBe("warning");
    expect(CATALOGUE[nameOf(d.code)!].severity).toBe("warning");
    expect(d.hint).toBeTruthy();
    return {
      code: d.code,
      message: d.message,
      mark: loaded.texts.get(span.path)!.slice(span.start, span.end),
    };
  });
}

describe("a schedule that never reaches its base", () => {
  test.each<[string, string, string]>([
    ["cosine", "cosine({ base: 0.1, warmup: 5 })", "5"],
    ["multistep", "multistep({ base: 0.1, epochs: [0.5], warmup: 5 })", "5"],
    ["polynomial", "polynomial({ base: 0.1, warmup: 5 })", "5"],
    ["a warmed policy", "warmed(5, always(0.1))", "lr"],
    ["a user's warmed policy", "warmed(5, ({ step }) => 1 / (step + 1))", "lr"],
    ["one inside another", "warmed(1, cosine({ base: 0.1, warmup: 5 }))", "5"],
  ])("is warned of: %s", (_, lr, mark) => {
    const found = warned({ lr });
    expect(found.map((d) => [d.code, d.mark])).toEqual([["F2C2110", mark]]);
    expect(found[0]!.message).toMatch(/^`lr` never reaches its base: its warm-up takes 5 epochs, and /);
  });

  test("says how far it comes, in numbers", () => {
    const lr = "cosine({ base: 0.1, warmup: 5 })";
    const [ended] = warned({ lr });
    expect(ended!.message).toContain("the run ends after 1 epoch, at 20 % of the base");
    const [reduced] = warned({ lr: "multistep({ base: 0.1, epochs: [1], warmup: 4 })", length: "epochs: 8" });
    expect(reduced!.message).toContain("its first milestone, epoch 1, comes at 25 % of the base");
    const [short] = warned({ lr, length: "steps: 15" });
    expect(short!.message).toContain("the run ends after 1.5 epochs, at 30 % of the base");
  });

  test("and one that just does is not: the last step of its warm-up is the base", () => {
    for (const options of [
      { lr: "cosine({ base: 0.1, warmup: 1 })" },
      { lr: "cosine({ base: 0.1, warmup: 0.7 })", length: "steps: 7" },
      { lr: "multistep({ base: 0.1, epochs: [2], warmup: 2 })", length: "epochs: 3" },
      { lr: "({ step }) => 0.1 / (step + 1)" },
    ])
      expect(warned(options)).toEqual([]);
  });

  test("may be a method's policy, which is shown as a whole", () => {
    const found = warned({ ema: "warmed(5, always(0.99))" });
    expect(found.map((d) => [d.code, d.mark])).toEqual([["F2C2110", "warmed(5, always(0.99))"]]);
    expect(found[0]!.message).toMatch(/^`ema` never/);
  });
});

describe("milestones beyond the end", () => {
  test("are warned of, each by its number", () => {
    const found = warned({ lr: "multistep({ base: 0.1, epochs: [0.5, 8, 14.25] })" });
    expect(found).toEqual([
      {
        code: "F2C2111",
        message: "`lr` has milestones that the run does not reach: 8, 14.25; it ends after 1 epoch",
        mark: "[0.5, 8, 14.25]",
      },
    ]);
  });

  test("begin with the step that would be the first after the last", () => {
    const at = (epoch: number) =>
      warned({ lr: `multistep({ base: 0.1, epochs: [${epoch}] })`, length: "epochs: 2" });
    expect(at(2)).toHaveLength(1);
    expect(at(1.9)).toEqual([]); // step 19 of 0 to 19
  });
});

test("a pool larger than the identities is warned of, one as large is not", () => {
  expect(warned({ capacity: 25 })).toEqual([
    {
      code: "F2C2305",
      message:
        "the class pool has a `capacity` of 25, and the data source has 20 identities to train on: 5 slots are never taken",
      mark: "25",
    },
  ]);
  expect(warned({ capacity: 20 })).toEqual([]);
});

test("the examples are warned of nothing", () => {
  for (const name of ["quickstart", "dcq", "deep", "own-method"]) {
    const file = join(root, "examples", `${name}.ts`);
    expect(compileExperiment(loadExperiment(file)).warnings, name).toEqual([]);
  }
});
