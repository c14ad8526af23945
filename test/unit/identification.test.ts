import { describe, expect, test } from "vitest";
import { drawSearches } from "#dsl/evaluate/searches";
import { type Curve, type Figure, identification, type Result } from "#dsl/index";
import { fractions } from "./dice.js";
import { embeddingsOf } from "./protocol-view.js";
import { codeOf } from "./thrown.js";

/** Twelve people of 1 to 6 images. */
const offsets = Int32Array.from([0, 3, 5, 6, 10, 16, 19, 23, 24, 29, 31, 37, 40]);
const people = offsets.length - 1;
const personOf = (image: number) => offsets.findLastIndex((from) => from <= image);

/** What an experiment's draw is, by people: enrolled images and searches as image indices. */
function drawn(options: { gallery: number; unknown: number; seed: number }, of = offsets) {
  const { images, enrolled, mates, unknown, leftOut } = drawSearches(of, options);
  const galleries = new Map<number, number[]>();
  for (const [row, template] of enrolled.entries())
    galleries.set(template, [...(galleries.get(template) ?? []), images[row]!]);
  const searches = Array.from(mates, (mate, i) => ({ image: images[enrolled.length + i]!, mate }));
  return { galleries, searches, unknown, leftOut, images };
}

describe("who is enrolled and what is searched for", () => {
  test.each([
    [1, 0.3],
    [2, 0.3],
    [1, 5],
    [3, 0],
  ])("with %i images enrolled and %d unknown, everybody's every image has its place", (gallery, unknown) => {
    for (const seed of [0, 1, 2]) {
      const { galleries, searches, unknown: staying, leftOut } = drawn({ gallery, unknown, seed });
      expect(staying).toBe(unknown < 1 ? Math.ceil(unknown * people) : unknown);
      const enrolled = [...galleries.values()].map((images) => personOf(images[0]!));
      for (const [template, images] of galleries) {
        expect(new Set(images).size).toBe(gallery);
        for (const image of images) expect(personOf(image)).toBe(enrolled[template]);
      }
      expect(new Set(enrolled).size).toBe(enrolled.length);
      const strangers = new Set(searches.filter(({ mate }) => mate < 0).map(({ image }) => personOf(image)));
      for (const { image, mate } of searches)
        if (mate >= 0) expect(personOf(image)).toBe(enrolled[mate]);
        else expect(enrolled).not.toContain(personOf(image));
      expect(strangers.size).toBe(staying);
      expect(enrolled.length + staying + leftOut).toBe(people);
      // Nobody's image is left out but of those who have too few, and none comes twice.
      const used = [...[...galleries.values()].flat(), ...searches.map(({ image }) => image)];
      expect(new Set(used).size).toBe(used.length);
      const missing = Array.from({ length: 40 }, (_, i) => i).filter((image) => !used.includes(image));
      expect(new Set(missing.map(personOf)).size).toBe(leftOut);
      for (const image of missing) {
        const person = personOf(image);
        expect(offsets[person + 1]! - offsets[person]!).toBeLessThan(gallery);
      }
    }
  });

  test("is the same for one seed and another for the next", () => {
    const asked = { gallery: 1, unknown: 0.3 };
    expect(drawn({ ...asked, seed: 3 })).toEqual(drawn({ ...asked, seed: 3 }));
    expect(drawn({ ...asked, seed: 3 })).not.toEqual(drawn({ ...asked, seed: 4 }));
  });

  test("can be anybody: over seeds each person is unknown, and each image enrolled, about equally often", () => {
    const seeds = 600;
    const [unknown, enrolled] = [new Float64Array(people), new Float64Array(40)];
    for (let seed = 0; seed < seeds; seed++) {
      const { galleries, searches } = drawn({ gallery: 1, unknown: 4, seed });
      for (const person of new Set(
        searches.filter(({ mate }) => mate < 0).map(({ image }) => personOf(image)),
      ))
        unknown[person]!++;
      for (const [image] of galleries.values()) enrolled[image!]!++;
    }
    // A third of the people; of the others one image. Five deviations of a binomial.
    const near = (count: number, share: number) =>
      Math.abs(count - seeds * share) < 5 * Math.sqrt(seeds * share * (1 - share));
    expect([...unknown].every((count) => near(count, 1 / 3))).toBe(true);
    for (const [image, count] of enrolled.entries()) {
      const person = personOf(image);
      expect(near(count, 2 / 3 / (offsets[person + 1]! - offsets[person]!)), `${image}`).toBe(true);
    }
  });

  test("that tells nothing is refused, once and clearly", () => {
    const ask = (of: number[], gallery = 1, unknown = 0.3) =>
      codeOf(() =>
        identification({ gallery, unknown }).open({ offsets: Int32Array.from(of), seed: 0, directory: "." }),
      );
    expect(ask([0])).toBe("F2C2507"); // nobody
    expect(ask([0, 9])).toBe("F2C2507"); // one person, who stays unknown
    expect(ask([0, 1, 2, 3, 4], 1, 0)).toBe("F2C2507"); // nothing to search for
    expect(ask([0, 2, 4, 6], 1, 2)).toBe("F2C2507"); // one is enrolled
    expect(ask([0, 2, 4, 6], 1, 3)).toBe("F2C2507"); // nobody is
    expect(ask([0, 2, 4, 6], 3, 0)).toBe("F2C2507");
    expect(ask([0, 2, 4, 6], 1, 1)).toBeUndefined();
    expect(ask([0, 2, 4], 1, 0)).toBeUndefined();
    expect(ask([0, 2, 4, 6], 1, 7)).toBe("F2C2507");
    expect(() => identification().open({ offsets: Int32Array.of(0, 9), seed: 0, directory: "." })).toThrow(
      "identification of 1 people, all images counted: 1 stay unknown, with 9 images; 0 are enrolled, with 0 images to search for",
    );
  });

  test("that nobody can count is refused where it is asked for", () => {
    const ask = (options: Parameters<typeof identification>[0]) => codeOf(() => identification(options));
    for (const odd of [0, -1, 1.5, Number.NaN]) {
      expect(ask({ gallery: odd })).toBe("F2C2506");
      expect(ask({ within: odd })).toBe("F2C2506");
      expect(ask({ ranks: [1, odd] })).toBe("F2C2506");
    }
    for (const odd of [-1, 1.5, Number.NaN]) expect(ask({ unknown: odd })).toBe("F2C2506");
    for (const odd of [0, -0.1, 1.5, Number.NaN]) expect(ask({ fpir: [0.1, odd] })).toBe("F2C2506");
    expect(ask({ ranks: [] })).toBe("F2C2506");
    expect(ask({ unknown: 0, fpir: [0.1] })).toBe("F2C2506");
    expect(ask({ unknown: 0 })).toBeUndefined();
    expect(ask({ unknown: 0.5, fpir: [1, 1e-6], ranks: [1, 50], gallery: 4, within: 3 })).toBeUndefined();
  });
});

type Vector = readonly number[];
const cosineOf = (a: Vector, b: Vector): number => {
  const dot = (x: Vector, y: Vector) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / (Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b)));
};

/**
 * The definitions of NISTIR 8271, word by word: the candidate list of a search is every template, the most similar first; over
 * every threshold that could matter.
 */
function literal(
  options: { gallery: number; unknown: number; seed: number; within: number },
  embedding: (image: number) => Vector,
) {
  const { galleries, searches } = drawn(options);
  const templates = [...galleries.values()].map((images) => {
    const vectors = images.map(embedding);
    return vectors[0]!.map((_, d) => vectors.reduce((sum, v) => sum + v[d]!, 0) / vectors.length);
  });
  const lists = searches.map(({ image, mate }) => ({
    mate,
    candidates: templates
      .map((template, who) => ({ who, score: cosineOf(embedding(image), template) }))
      .sort((a, b) => b.score - a.score || a.who - b.who),
  }));
  const mated = lists.filter(({ mate }) => mate >= 0);
  const nonMated = lists.filter(({ mate }) => mate < 0);
  const fpir = (threshold: number) =>
    nonMated.filter(({ candidates }) => candidates.some(({ score }) => score >= threshold)).length /
    nonMated.length;
  const tpir = (threshold: number) =>
    mated.filter(({ mate, candidates }) =>
      candidates.slice(0, options.within).some(({ who, score }) => who === mate && score >= threshold),
    ).length / mated.length;
  const thresholds = [...new Set(lists.flatMap(({ candidates }) => candidates.map((c) => c.score)))];
  return {
    mated: mated.length,
    nonMated: nonMated.length,
    enrolled: templates.length,
    rank: (k: number) =>
      mated.filter(({ mate, candidates }) => candidates.slice(0, k).some(({ who }) => who === mate)).length /
      mated.length,
    /** The best rate at any threshold, one above all scores among them, at which few enough searches raise an alarm. */
    tpirAt: (rate: number) =>
      Math.max(...[...thresholds, 2].filter((t) => fpir(t) <= rate + 1e-12).map(tpir)),
    points: [...thresholds].sort((a, b) => b - a).map((t) => [fpir(t), 1 - tpir(t)] as const),
  };
}

/** Embeddings of people that differ, and of images that differ a little; `digits` so that some cosines tie. */
function embeddings(spread: number, digits: number, seed: number): (image: number) => Vector {
  const random = fractions(seed);
  const rounded = (value: number) => Math.round(value * 10 ** digits) / 10 ** digits;
  const centres = Array.from({ length: people }, () => Array.from({ length: 4 }, () => 2 * random() - 1));
  const rows = Array.from({ length: 40 }, (_, image) =>
    centres[personOf(image)]!.map((value) => rounded(value + spread * (2 * random() - 1)) || 0.1),
  );
  return (image) => rows[image]!;
}

const score = (
  options: NonNullable<Parameters<typeof identification>[0]>,
  seed: number,
  embedding: (image: number) => Vector,
  broken: readonly number[] = [],
): Promise<Result> => {
  const opened = identification(options).open({ offsets, seed, directory: "." });
  const positions = broken.map((image) => opened.images.indexOf(image)).filter((i) => i >= 0);
  return opened.score(
    embeddingsOf(
      opened.images,
      embedding,
      positions.sort((a, b) => a - b),
    ),
  );
};
const valuesOf = ({ numbers }: Result) =>
  Object.fromEntries(Object.entries(numbers).map(([name, { value }]) => [name, value]));

describe("identification", () => {
  test.each([
    { gallery: 1, unknown: 0.3, within: 1, spread: 0.8, digits: 6 },
    { gallery: 1, unknown: 4, within: 3, spread: 1.5, digits: 6 },
    { gallery: 2, unknown: 3, within: 1, spread: 1, digits: 6 },
    { gallery: 1, unknown: 0.3, within: 2, spread: 1, digits: 0 },
    { gallery: 2, unknown: 2, within: 1, spread: 2, digits: 0 },
  ])(
    "is its definition, taken literally: $gallery enrolled, $unknown unknown, $within deep, $digits digits",
    async (asked) => {
      const rates = [0.5, 0.2, 0.1, 0.05, 1];
      for (const seed of [1, 2, 3, 4]) {
        const embedding = embeddings(asked.spread, asked.digits, seed);
        const expected = literal({ ...asked, seed }, embedding);
        const { gallery, unknown, within } = asked;
        const found = await score(
          { gallery, unknown, within, fpir: rates, ranks: [1, 2, 5] },
          seed,
          embedding,
        );
        expect(valuesOf(found)).toEqual({
          "rank-1": expected.rank(1),
          "rank-2": expected.rank(2),
          "rank-5": expected.rank(5),
          ...Object.fromEntries(
            rates.map((rate) => [
              `TPIR at FPIR ${rate}`,
              rate * expected.nonMated < 1 - 1e-9 ? null : expected.tpirAt(rate),
            ]),
          ),
          enrolled: expected.enrolled,
          mated: expected.mated,
          nonMated: expected.nonMated,
        });
      }
    },
  );

  test("draws the CMC up to rank 20, or as far as there are people, and the DET of every threshold", async () => {
    const embedding = embeddings(1.2, 6, 9);
    const asked = { gallery: 1, unknown: 0.3, within: 1 };
    const expected = literal({ ...asked, seed: 5 }, embedding);
    const { curves } = await score(asked, 5, embedding);
    const { cmc, det } = curves as Record<"cmc" | "det", Curve>;
    expect(cmc.points).toEqual(
      Array.from({ length: expected.enrolled }, (_, i) => [i + 1, expected.rank(i + 1)]),
    );
    // Thresholds that part no two searches give a point twice: of them all, each once.
    const distinct = (points: Curve["points"]) => [
      ...new Set(points.map(([x, y]) => `${x} ${y.toFixed(9)}`)),
    ];
    expect(distinct(det.points)).toEqual(distinct([[0, 1], ...expected.points]));
    expect([det.x.scale, det.y.scale]).toEqual(["log", "log"]);
  });

  test("of a net that tells nobody apart is chance, and no luck of the order", async () => {
    const found = await score({ unknown: 2, fpir: [0.5] }, 1, () => [0.6, 0.8]);
    // All candidates are equally near: the first enrolled is named each time.
    const { galleries, searches } = drawn({ gallery: 1, unknown: 2, seed: 1 });
    const ofFirst = searches.filter(({ mate }) => mate === 0).length;
    const mated = searches.filter(({ mate }) => mate >= 0).length;
    expect(galleries.size).toBe(10);
    expect(valuesOf(found)["rank-1"]).toBe(ofFirst / mated);
    // Nor is anybody told from unknown people: what lies exactly on the bar is refused.
    expect(valuesOf(found)["TPIR at FPIR 0.5"]).toBe(0);
  });

  test("of a perfect net is 1, closed and open", async () => {
    const found = await score({ unknown: 3, fpir: [0.1] }, 2, (image) =>
      Array.from({ length: people }, (_, d) => (d === personOf(image) ? 1 : 0)),
    );
    expect(valuesOf(found)).toMatchObject({ "rank-1": 1, "rank-5": 1, "TPIR at FPIR 0.1": 1 });
  });

  test("without unknown people has no open set", async () => {
    const found = await score({ unknown: 0 }, 2, embeddings(1, 6, 3));
    expect(Object.keys(found.numbers)).toEqual(["rank-1", "rank-5", "enrolled", "mated", "nonMated"]);
    expect(Object.keys(found.curves)).toEqual(["cmc"]);
  });

  test("says which rates are finer than one search, and who is left out", async () => {
    const found = await score({ gallery: 3, unknown: 1, fpir: [0.01] }, 3, embeddings(1, 6, 3));
    const figure = found.numbers["TPIR at FPIR 0.01"] as Figure;
    const { searches, leftOut } = drawn({ gallery: 3, unknown: 1, seed: 3 });
    const strangers = searches.filter(({ mate }) => mate < 0).length;
    expect(figure).toEqual({
      value: null,
      as: "percent",
      note: `${strangers} searches of unknown people are too few`,
    });
    expect(found.notes).toEqual([`${leftOut} people have fewer than 3 images and are left out`]);
    expect(leftOut).toBeGreaterThan(0);
  });

  test("leaves broken images out: of templates, of searches, and people of whom none is whole", async () => {
    const asked = { gallery: 2, unknown: 2, seed: 4 };
    const { galleries, searches } = drawn(asked);
    const [first, second] = [galleries.get(0)!, galleries.get(1)!];
    const [a, b] = searches.filter(({ mate }) => mate >= 2).map(({ image }) => image);
    const stranger = searches.find(({ mate }) => mate < 0)!.image;
    const broken = [...first, second[0]!, a!, stranger];
    const embedding = embeddings(1.4, 6, 6);
    // What is broken would be found at once: it must not count.
    const shown = (image: number) => (broken.includes(image) ? embedding(b!) : embedding(image));
    const { gallery, unknown } = asked;
    const found = await score({ gallery, unknown, fpir: [0.5] }, 4, shown, broken);
    const kept = searches.filter(({ image, mate }) => mate !== 0 && !broken.includes(image));
    const templates = [...galleries].slice(1).map(([who, images]) => {
      const vectors = images.filter((image) => !broken.includes(image)).map(embedding);
      return {
        who,
        mean: vectors[0]!.map((_, d) => vectors.reduce((s, v) => s + v[d]!, 0) / vectors.length),
      };
    });
    const mated = kept.filter(({ mate }) => mate >= 0);
    const right = mated.filter(({ image, mate }) => {
      const scores = templates.map(({ mean }) => cosineOf(embedding(image), mean));
      return templates[scores.indexOf(Math.max(...scores))]!.who === mate;
    });
    expect(valuesOf(found)).toMatchObject({
      "rank-1": right.length / mated.length,
      enrolled: galleries.size - 1,
      mated: mated.length,
      nonMated: kept.length - mated.length,
    });
  });

  test("of which broken images leave too few fails", async () => {
    const { searches } = drawn({ gallery: 1, unknown: 2, seed: 0 });
    const broken = searches.filter(({ mate }) => mate >= 0).map(({ image }) => image);
    await expect(score({ unknown: 2 }, 0, embeddings(1, 6, 1), broken)).rejects.toMatchObject({
      code: "F2C2507",
      message: expect.stringMatching(/broken images left out: .* 0 images to search for$/),
    });
  });
});
