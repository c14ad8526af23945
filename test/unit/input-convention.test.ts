/** How images are made ready for a net: what its file says, what the command line says, and what is asked for because nobody does. */
import { describe, expect, test } from "vitest";
import { ExperimentError } from "#dsl/index";
import {
  conventionOf,
  feedingOf,
  graphInput,
  inWordsOf,
  overruled,
  refuseOtherImages,
  statedInput,
  toldInput,
} from "#runtime/evaluate/input-convention";

/** As docs/exporting.md has it. */
const OURS =
  '{"size":[112,112],"channels":3,"order":"rgb","type":"uint8","pixels":true,"mean":127.5,"scale":128,"flip":false}';
const WEIGHTS =
  '{"size":[112,112],"channels":3,"order":"rgb","type":"float32","pixels":false,"mean":127.5,"scale":128,"flip":false}';

const refusal = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    if (error instanceof ExperimentError) return { code: error.code, message: error.message };
    throw error;
  }
  return "nothing";
};
const images = (shape: readonly [number, number, number], spec = {}) => ({
  spec,
  shape,
  offsets: Int32Array.of(0),
  buffers: {},
});

describe("what a file says", () => {
  test("of a net that takes pixels is all that is needed", () => {
    const convention = conventionOf("net.pt", statedInput("net.pt", OURS), {});
    expect(inWordsOf(convention)).toBe("3 x 112 x 112, rgb, pixels from 0 to 255 as uint8");
    expect(feedingOf(convention)).toEqual({
      reversed: false,
      type: "uint8",
      mean: [0],
      scale: [1],
    });
  });

  test("of weights is what whoever builds the net does before it", () => {
    const convention = conventionOf("net.safetensors", statedInput("net.safetensors", WEIGHTS), {});
    expect(inWordsOf(convention)).toBe("3 x 112 x 112, rgb, (x - 127.5) / 128");
    expect(feedingOf(convention)).toEqual({
      reversed: false,
      type: "float32",
      mean: [127.5],
      scale: [128],
    });
  });

  test.each([
    ["no JSON", "{", "it is no JSON"],
    ["no record", "[1]", "it is no record"],
    ["a size of one number", '{"size":112}', "`size` is 112"],
    ["another order", '{"order":"gbr"}', '`order` is "gbr"'],
    ["a scale of 0", '{"scale":0}', "`scale` is 0"],
    ["a mean that is a word", '{"mean":"127.5"}', '`mean` is "127.5"'],
    ["colours of grey images", '{"channels":1,"order":"rgb"}', "`order` is rgb of 1 channels"],
  ])("and cannot be used is refused: %s", (_, text, problem) => {
    expect(refusal(() => statedInput("net.onnx", text))).toEqual({
      code: "F2C2565",
      message: `what net.onnx says of its images (\`f2c.input\`) cannot be used: ${problem}`,
    });
  });

  test("the graph of an ONNX file tells of type, size and grey images, and of nothing else", () => {
    expect(graphInput({ type: "float32", shape: [-1, 3, 112, 96] })).toEqual({
      type: "float32",
      size: [112, 96],
    });
    expect(graphInput({ type: "uint8", shape: [1, 1, -1, -1] })).toMatchObject({
      pixels: true,
      order: "grey",
    });
    expect(graphInput({ type: "float32", shape: [-1, 512] })).toEqual({ type: "float32" });
    expect(graphInput({})).toEqual({ type: undefined });
  });
});

describe("what neither says", () => {
  test("is asked for, all of it at once", () => {
    expect(refusal(() => conventionOf("a.pt", {}, {}))).toEqual({
      code: "F2C2564",
      message: "how images are made ready for a.pt is not known: --size, --order, --mean, --scale",
    });
    const graph = graphInput({ type: "float32", shape: [-1, 3, 112, 112] });
    expect(refusal(() => conventionOf("a.onnx", graph, {}))).toMatchObject({
      message: expect.stringContaining("not known: --order, --mean, --scale"),
    });
    expect(refusal(() => conventionOf("a.onnx", graph, toldInput({ mean: "0" })))).toMatchObject({
      message: expect.stringMatching(/not known: --order, --scale$/),
    });
    expect(
      refusal(() => conventionOf("a.pt", { pixels: true, size: [4, 4], order: "rgb" }, {})),
    ).toMatchObject({ message: expect.stringMatching(/not known: --pixels$/) });
  });

  test("is taken from the command line, one number or one a channel", () => {
    const told = toldInput({
      size: "112x96",
      order: "bgr",
      mean: "123.675,116.28,103.53",
      scale: "58.395,57.12,57.375",
    });
    const convention = conventionOf("a.pt", {}, told);
    expect(convention).toMatchObject({ size: [112, 96], type: "float32", pixels: false });
    expect(feedingOf(convention)).toEqual({
      reversed: true,
      type: "float32",
      mean: [123.675, 116.28, 103.53],
      scale: [58.395, 57.12, 57.375],
    });
    const bytes = conventionOf("a.pt", {}, toldInput({ size: "4x4", order: "grey", pixels: "float32" }));
    expect(feedingOf(bytes)).toEqual({
      reversed: false,
      type: "float32",
      mean: [0],
      scale: [1],
    });
  });
});

describe("the command line", () => {
  test.each([
    [{ size: "112" }, "--size 112 cannot be read"],
    [{ size: "0x4" }, "--size 0x4 cannot be read"],
    [{ order: "RGB" }, "--order RGB cannot be read"],
    [{ mean: "127,5" }, "--mean 127,5 cannot be read"],
    [{ mean: "" }, "--mean  cannot be read"],
    [{ scale: "0" }, "--scale 0 cannot be read"],
    [{ pixels: "yes" }, "--pixels yes cannot be read"],
    [{ pixels: "uint8", mean: "1" }, "--pixels says that pixels go in as they are"],
  ])("is read or refused: %j", (options, message) => {
    const refused = { code: "F2C1108", message: expect.stringContaining(message) };
    expect(refusal(() => toldInput(options))).toEqual(refused);
  });

  test("goes before the file where it may, which is said", () => {
    const stated = statedInput("net.pt", OURS);
    const told = toldInput({ order: "bgr" });
    expect(feedingOf(conventionOf("net.pt", stated, told)).reversed).toBe(true);
    expect(overruled(stated, told)).toEqual(["order bgr instead of rgb, which it says itself"]);
    const weights = conventionOf("w", statedInput("w", WEIGHTS), toldInput({ scale: "127.5" }));
    expect(inWordsOf(weights)).toContain("(x - 127.5) / 127.5");
  });

  test.each([
    [{ mean: "1" }, "--mean does not go with net.pt: it takes pixels as they are, in bytes"],
    [{ scale: "1" }, "--scale does not go with net.pt: it takes pixels as they are, in bytes"],
    [{ pixels: "float32" }, "--pixels float32 does not go with net.pt: it takes bytes"],
    [{ size: "96x112" }, "--size 96x112 does not go with net.pt: it takes images of 112 x 112"],
    [{ order: "grey" }, "--order grey does not go with net.pt: it takes colours"],
  ])("contradicts what cannot be otherwise: %j", (options, message) => {
    const told = toldInput(options);
    expect(refusal(() => conventionOf("net.pt", statedInput("net.pt", OURS), told))).toEqual({
      code: "F2C2566",
      message: `${message}`,
    });
  });
});

test("colours are turned for a net that takes them the other way round: every source gives RGB or grey", () => {
  const net = (order: string) =>
    conventionOf("net", {}, toldInput({ size: "4x4", order, mean: "0", scale: "1" }));
  expect(["rgb", "bgr", "grey"].map((order) => feedingOf(net(order)).reversed)).toEqual([false, true, false]);
});

test("images of another shape are refused, with both", () => {
  expect(refusal(() => refuseOtherImages("net.pt", [3, 112, 112], "`lfw`", images([1, 112, 112])))).toEqual({
    code: "F2C2567",
    message:
      "the images of `lfw` are 1 x 112 x 112 (channels x height x width), and net.pt takes 3 x 112 x 112",
  });
  expect(refusal(() => refuseOtherImages("net.pt", [3, 4, 4], "`lfw`", images([3, 4, 4])))).toBe("nothing");
});
