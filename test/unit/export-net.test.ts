import { describe, expect, test } from "vitest";
import { compileExperiment, loadExperiment, structureHash, walkOps } from "#compiler/index";
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
  });

  test("hold nothing of the machine: a folder is its name alone", () => {
    expect(Object.values(about).join()).not.toContain("/runs");
  });
});
