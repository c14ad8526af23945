import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { imageFolder } from "#dsl/data/image-folder";

test("imageFolder hands its bound on pixels to the host, and none where the host's own is to count", () => {
  const directory = mkdtempSync(join(tmpdir(), "f2c-bound-"));
  for (const person of ["a", "b"]) {
    mkdirSync(join(directory, person));
    writeFileSync(join(directory, person, "1.png"), "");
  }
  const specWith = (options: { maxPixels?: number }) =>
    imageFolder({ root: ".", size: 8, ...options }).open({ directory, seed: 0 } as never).train.spec;
  expect(specWith({ maxPixels: 2e8 })).toMatchObject({ maxPixels: 200_000_000 });
  expect(specWith({})).not.toHaveProperty("maxPixels");
  for (const maxPixels of [0, -1, 1.5, Number.NaN])
    expect(() => specWith({ maxPixels }), `${maxPixels}`).toThrow(/`maxPixels` is .*, not a whole number/);
  rmSync(directory, { recursive: true });
});

test("imageFolder hands the list of points to the host, of squares alone", () => {
  const directory = mkdtempSync(join(tmpdir(), "f2c-points-"));
  for (const person of ["a", "b"]) {
    mkdirSync(join(directory, person));
    writeFileSync(join(directory, person, "1.png"), "");
  }
  writeFileSync(join(directory, "p.txt"), "a/1.png 1 1 2 1 2 2 1 3 2 3\n");
  const opened = (size: number | [number, number]) =>
    imageFolder({ root: ".", size, align: { points: "p.txt", rounding: "opencv4" } }).open({ directory });
  const { spec, places } = opened(112).train;
  expect(spec).toMatchObject({ alignPoints: join(directory, "p.txt"), alignRounding: "opencv4" });
  expect(places).toContain("alignPoints");
  expect(() => opened([112, 96])).toThrow(/`size` is \[112,96\]/);
  rmSync(join(directory, "p.txt"));
  expect(() => opened(112)).toThrow(/`points` is .*p\.txt", and there is no such file/);
  rmSync(directory, { recursive: true });
});
