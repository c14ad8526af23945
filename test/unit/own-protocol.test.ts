import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compileExperiment, loadExperiment } from "#compiler/index";
import { embeddingsOf } from "./protocol-view.js";

const home = mkdtempSync(join(tmpdir(), "f2c-protocol-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("the protocol that docs/evaluating.md writes is type-checked, compiles, and scores", async () => {
  const [, own] = /## One of your own[\s\S]*?```ts\n(import \{[\s\S]*?)```/.exec(read("docs/evaluating.md"))!;
  writeFileSync(join(home, "equal-error-rate.ts"), own!);
  const tiny = read("test/fixtures/experiments/tiny.ts")
    .replace(/^import/, 'import { equalErrorRate } from "./equal-error-rate.js";\nimport')
    .replace(
      'verification({ pairs: "held-out" })',
      "{ pairs: verification(), eer: equalErrorRate({ baselines: false }) }",
    );
  writeFileSync(join(home, "tiny.ts"), tiny);
  const { evaluations } = compileExperiment(loadExperiment(join(home, "tiny.ts")));
  expect(evaluations.map(({ name, opened }) => [name, opened.says])).toEqual([
    ["pairs", "36 genuine and 36 impostor pairs"],
    ["eer", "12 genuine and 12 impostor pairs"],
  ]);
  const { protocol, opened } = evaluations[1]!;
  expect(protocol).toMatchObject({ kind: "equal-error-rate", flip: true, baselines: false });
  // Three of the twelve people look like the next one, and unlike themselves. Images are numbered three a person.
  const angles = (image: number) => {
    const [person, second] = [Math.floor(image / 3), image % 3];
    return person % 4 === 0 && second === 1
      ? person + 6
      : person % 4 === 1 && second === 0
        ? person - 1
        : person;
  };
  const view = embeddingsOf(opened.images, (image) =>
    Array.from({ length: 24 }, (_, d) => (d === angles(image) ? 1 : 0)),
  );
  const { numbers } = await opened.score(view);
  // Genuine pairs at 0: those of persons 0, 4, 8 and of 1, 5, 9. Impostor pairs at 1: (0, 1), (4, 5), (8, 9).
  // At a threshold of 1, 3 of 12 impostors are accepted and 6 of 12 genuine pairs refused; at 0 all are accepted.
  expect(numbers).toEqual({
    EER: { value: 1, as: "percent", better: "lower", note: "of 12 people" },
  });
});

test("a protocol gets the names of the images, the pairs that the source lists, and the experiment's folder", () => {
  const source = `
import { protocol, syntheticFaces, fixed, type DataSource } from "f2c-dsl";

const drawn = syntheticFaces({ identities: 2, imagesPerIdentity: fixed(2), size: 32, heldOut: { identities: 2, images: 2 } });
const listing: DataSource = {
  kind: drawn.kind,
  open: (context) => {
    const { heldOut, ...others } = drawn.open(context);
    const names = { length: 4, slice: (first: number, end: number) => ["a/0", "a/1", "b/0", "b/1"].slice(first, end) };
    return { ...others, heldOut: { ...heldOut, names, pairs: { positions: Int32Array.of(0, 3), same: Uint8Array.of(0) } } };
  },
};
export const telling = () =>
  protocol("telling", { data: listing }, ({ names, pairs, directory }) => ({
    images: pairs!.positions,
    says: [...names!.slice(3, 4), pairs!.same, directory].join(" "),
    score: () => Promise.reject(new Error("not asked for")),
  }));
`;
  writeFileSync(join(home, "telling.ts"), source);
  writeFileSync(
    join(home, "told.ts"),
    read("test/fixtures/experiments/tiny.ts")
      .replace(/^import/, 'import { telling } from "./telling.js";\nimport')
      .replace('verification({ pairs: "held-out" })', "telling()"),
  );
  const { evaluations } = compileExperiment(loadExperiment(join(home, "told.ts")));
  expect(evaluations[0]!.opened.says).toBe(`b/1 0 ${home}`);
});
