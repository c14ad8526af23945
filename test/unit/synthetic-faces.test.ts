import { expect, test } from "vitest";
import { fixed, syntheticFaces } from "#dsl/index";

const faces = (duplicates: { share: number; change: number }) =>
  syntheticFaces({ identities: 3, imagesPerIdentity: fixed(4), size: 16, duplicates });

test("near-duplicates are among the images to train on, and not among those that are scored", () => {
  const { train, heldOut } = faces({ share: 0.6, change: 0.1 }).open({ directory: "" });
  expect(train.spec).toMatchObject({ duplicateShare: 0.6, duplicateChange: 0.1 });
  expect(heldOut.spec).not.toHaveProperty("duplicateShare");
});

test.each([
  [{ share: 1.5, change: 0 }, "duplicates.share"],
  [{ share: 0.5, change: -0.1 }, "duplicates.change"],
])("syntheticFaces refuses %j", (duplicates, option) => {
  expect(() => faces(duplicates)).toThrow(
    expect.objectContaining({ code: "F2C2202", message: expect.stringContaining(option) }),
  );
});
