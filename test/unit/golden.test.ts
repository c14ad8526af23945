import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  compileExperiment,
  type IrModule,
  isTrained,
  loadExperiment,
  multiplyAdds,
  printModule,
  structureHash,
  weightsHash,
} from "#compiler/index";

const root = mkdtempSync(join(tmpdir(), "f2c-golden-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const source = ({ name = "golden", size = 112, embedding = 512, width = 1, margin = 0.4, rows = 2 }) => `
import { cosFace, dual, experiment, f2c, fixed, mobileFaceNet, sgd, syntheticFaces } from "f2c-dsl";
export default experiment({
  name: "${name}",
  data: syntheticFaces({ identities: 20, imagesPerIdentity: fixed(2), size: ${size} }),
  method: f2c({
    net: mobileFaceNet({ embedding: ${embedding}, width: ${width} }),
    pool: { capacity: 16, rows: ${rows} },
    margin: cosFace({ scale: 32, margin: ${margin} }),
  }),
  loader: dual({ identities: 4, instances: 4 }),
  optimizer: sgd(),
  lr: 0.1,
  steps: 3,
});
`;

function compiled(options: Parameters<typeof source>[0], folder = "here", before = ""): IrModule {
  const directory = join(root, folder);
  mkdirSync(directory, { recursive: true });
  const path = join(directory, "experiment.ts");
  writeFileSync(path, before + source(options));
  return compileExperiment(loadExperiment(path)).module;
}

const elements = (dims: readonly unknown[]) => dims.reduce<number>((n, d) => n * (d as number), 1);
const count = (storages: IrModule["storages"]) => storages.reduce((n, s) => n + elements(s.type.dims), 0);

/**
 * MobileFaceNet's table, layer by layer: [kernel area, inputs per group, outputs, output edge]. From the paper (Chen et
 * al. 2018, Table 1) and the code of F2C, in which the net has a PReLU after all but the linear convolutions.
 */
function layers(pixels: number, embedding: number) {
  const conv: { area: number; inputs: number; outputs: number; edge: number; prelu: boolean }[] = [];
  let edge = pixels / 2;
  const push = (area: number, inputs: number, outputs: number, prelu: boolean) =>
    conv.push({ area, inputs, outputs, edge, prelu });
  push(9, 3, 64, true);
  push(9, 1, 64, true);
  let c = 64;
  for (const [t, outputs, repeats, stride] of [
    [2, 64, 5, 2],
    [4, 128, 1, 2],
    [2, 128, 6, 1],
    [4, 128, 1, 2],
    [2, 128, 2, 1],
  ] as const) {
    for (let i = 0; i < repeats; i++) {
      push(1, c, c * t, true);
      if (i === 0) edge /= stride;
      push(9, 1, c * t, true);
      push(1, c * t, outputs, false);
      c = outputs;
    }
  }
  push(1, 128, 512, true);
  const whole = edge * edge;
  edge = 1;
  push(whole, 1, 512, false);
  const norms = conv.reduce((n, l) => n + 2 * l.outputs + (l.prelu ? l.outputs : 0), 0) + 2 * embedding;
  push(1, 512, embedding, false);
  return {
    parameters: norms + conv.reduce((n, l) => n + l.area * l.inputs * l.outputs, 0),
    multiplyAdds: conv.reduce((n, l) => n + l.area * l.inputs * l.outputs * l.edge ** 2, 0),
  };
}

describe("MobileFaceNet at 112 pixels", () => {
  test.each([
    [512, 1_200_512],
    [128, 1_003_136],
  ])("with embeddings of %i has %i parameters, of which the twin's are a copy", (embedding, parameters) => {
    const module = compiled({ embedding });
    expect(layers(112, embedding).parameters).toBe(parameters);
    expect(count(module.storages.filter(isTrained))).toBe(parameters);
    const twin = module.storages.filter((s) => s.twinOf !== undefined);
    expect(count(twin)).toBeGreaterThanOrEqual(parameters);
    expect(twin.map((s) => s.init)).toEqual(twin.map((s) => ({ kind: "copy", of: s.twinOf })));
  });

  test("with embeddings of 512 takes 0.2212 G multiply-adds an image", () => {
    const infer = compiled({ embedding: 512 }).functions.find((f) => f.name === "infer")!;
    const byOp = multiplyAdds(infer);
    const cost = byOp.get("conv2d")!;
    expect([...byOp.keys()]).toEqual(["conv2d"]);
    expect((cost / 1e9).toFixed(4)).toBe("0.2212");
    expect(cost).toBe(layers(112, 512).multiplyAdds);
  });
});

describe("the hashes of a program", () => {
  const small = { size: 32, embedding: 32, width: 0.25 };
  const plain = compiled(small);

  test("do not depend on where the file lies, on the experiment's name, or on comments", () => {
    const moved = compiled({ ...small, name: "other" }, "far/away/below", "// moved\n\n");
    expect(structureHash(moved)).toBe(structureHash(plain));
    expect(weightsHash(moved)).toBe(weightsHash(plain));
    expect(printModule(moved)).not.toBe(printModule(plain));
  });

  test("both change with the width of a layer", () => {
    const wider = compiled({ ...small, embedding: 40 });
    expect(structureHash(wider)).not.toBe(structureHash(plain));
    expect(weightsHash(wider)).not.toBe(weightsHash(plain));
  });

  test("part where the loss changes and everything stored stays", () => {
    const changed = compiled({ ...small, margin: 0.3 });
    expect(structureHash(changed)).not.toBe(structureHash(plain));
    expect(weightsHash(changed)).toBe(weightsHash(plain));
  });

  test("both change with the rows of the pool", () => {
    const single = compiled({ ...small, rows: 1 });
    expect(structureHash(single)).not.toBe(structureHash(plain));
    expect(weightsHash(single)).not.toBe(weightsHash(plain));
  });

  test("name no folder: the sources of a program are relative to the experiment", () => {
    expect(JSON.stringify(plain.sources.map((s) => s.path))).not.toContain(root);
  });
});
