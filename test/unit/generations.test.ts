/** Generations: names, and where each begins. */
import { expect, test } from "vitest";
import {
  type Experiment,
  experiment,
  fixed,
  generations,
  instances,
  type Module,
  mobileFaceNet,
  moduleParts,
  plainSoftmax,
  type Stored,
  sgd,
  softmax,
  syntheticFaces,
} from "#dsl/index";
import { codeOf } from "./thrown.js";

const net = mobileFaceNet({ embedding: 8, width: 0.25 });
const data = syntheticFaces({ identities: 4, imagesPerIdentity: fixed(2), size: 16 });
const trained = (name: string, given: typeof net): Experiment =>
  experiment({
    name,
    data,
    method: softmax({ net: given, margin: plainSoftmax() }),
    loader: instances({ images: 4 }),
    optimizer: sgd(),
    lr: 0.1,
    steps: 1,
  });

/** Where the weight of the net's last convolution starts. */
function startOf(given: typeof net) {
  const { project } = moduleParts(given([3, 16, 16]))!.children as { project: Module };
  return (moduleParts(project)!.children as { weight: Stored }).weight.init;
}

test("each starts from the net of the one before, and the first as the net does", () => {
  const starts: ReturnType<typeof startOf>[] = [];
  const made = generations(3, ({ number, name, start }) => {
    starts.push(startOf(start(net)));
    return trained(`${name}-of-${number}`, start(net));
  });
  expect(Object.entries(made).map(([stage, { name }]) => [stage, name])).toEqual([
    ["generation1", "generation1-of-1"],
    ["generation2", "generation2-of-2"],
    ["generation3", "generation3-of-3"],
  ]);
  expect(starts[0]).toEqual(startOf(net));
  expect(starts.slice(1)).toMatchObject([
    { kind: "weights", tensor: "project.weight", source: { from: made.generation1 } },
    { kind: "weights", tensor: "project.weight", source: { from: made.generation2 } },
  ]);
});

test("a number of generations that is none is refused, and what is no experiment", () => {
  expect(codeOf(() => generations(0, ({ name }) => trained(name, net)))).toBe("F2C2113");
  expect(codeOf(() => generations(1, () => 3 as never))).toBe("F2C2130");
});
