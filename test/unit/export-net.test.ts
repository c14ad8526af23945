import { describe, expect, test } from "vitest";
import { compileExperiment, loadExperiment, structureHash, tensorType, walkOps } from "#compiler/index";
import { aboutNet } from "#runtime/stages/export-net";

const tiny = new URL("../fixtures/experiments/tiny.ts", import.meta.url).pathname;
const { module, train, experiment } = compileExperiment(loadExperiment(tiny));
const about = aboutNet({ module, experiment: experiment.name, folder: "/runs/tiny-2026", step: 24 });

describe("the facts about a net", () => {
  test("say whose it is, and what it takes and gives", () => {
    expect(about).toEqual({
      experiment: "tiny",
      run: "tiny-2026",
      step: "24",
      "f2c-dsl": "0.1.0",
      program: structureHash(module),
      "input.layout": "NCHW",
      "input.type": "uint8",
      "input.size": "3 x 32 x 32",
      "input.colours": "RGB",
      "input.range": "0 to 255",
      "input.normalisation": "(x - 127.5) / 128",
      "f2c.input":
        '{"size":[32,32],"channels":3,"order":"rgb","type":"uint8","pixels":true,"mean":127.5,"scale":128,"flip":false}',
      "embedding.length": "32",
      "embedding.norm": "1",
    });
    expect(about["input.size"]).toBe(train.shape.join(" x "));
  });

  test("name the numbers that the program normalises pixels with", () => {
    const infer = module.functions.find(({ name }) => name === "infer")!;
    const ops = [...walkOps(infer.body)];
    const numbers = ops.flatMap(({ op, attributes }) => (op === "constant" ? [attributes.value] : []));
    expect(ops.slice(0, 5).map(({ op }) => op)).toEqual(["to", "constant", "sub", "constant", "div"]);
    expect(about["input.normalisation"]).toBe(`(x - ${numbers[0]}) / ${numbers[1]}`);
    const { pixels, mean, scale } = JSON.parse(about["f2c.input"]!);
    expect([pixels, mean, scale]).toEqual([true, ...numbers]);
  });

  test("of a net over a matrix say nothing of images", () => {
    const infer = module.functions.find(({ name }) => name === "infer")!;
    const { value: images } = infer.inputs[0]!;
    if (images.type.kind !== "tensor") throw new Error("images are a tensor");
    const value = { ...images, type: tensorType([images.type.dims[0]!, 512], "f32") };
    const overRows = { ...infer, inputs: [{ ...infer.inputs[0]!, value }] };
    const facts = aboutNet({
      module: { ...module, functions: [overRows] },
      experiment: "",
      folder: "",
      step: 1,
    });
    expect(Object.entries(facts).filter(([name]) => name.includes("input"))).toEqual([
      ["input.layout", "NC"],
      ["input.type", "float32"],
      ["input.size", "512"],
    ]);
  });

  test("hold nothing of the machine: a folder is its name alone", () => {
    expect(Object.values(about).join()).not.toContain("/runs");
  });
});
