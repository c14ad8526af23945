/** Sources made of others: who stays, which images, whose names; several as one. Counts are written out by hand. */
import { describe, expect, test } from "vitest";
import { kindsOfImages } from "#dsl/data/concat";
import {
  type Catalogue,
  concat,
  type DataSource,
  fixed,
  maxImages,
  minImages,
  pickIdentities,
  subset,
  syntheticFaces,
} from "#dsl/index";
import { codeOf } from "./thrown.js";

const context = { directory: "." };
const heldOut = { identities: 2, images: 3 };

/** People a, b, c, d with 1, 4, 2 and 5 images: 0, 1 to 4, 5 to 6, 7 to 11. */
const people: DataSource = {
  kind: "image_folder",
  open: (given) => {
    const { train, ...others } = syntheticFaces({
      identities: 1,
      imagesPerIdentity: fixed(1),
      size: 16,
      heldOut,
    }).open(given);
    const names = [..."a", ..."bbbb", ..."cc", ..."ddddd"].map((name, i) => `${name}/${i}.png`);
    const slice = (first: number, end: number) => names.slice(first, end);
    return {
      ...others,
      train: {
        ...train,
        spec: { kind: "image_folder", root: "faces" },
        places: ["root"],
        offsets: Int32Array.of(0, 1, 5, 7, 12),
        names: { length: 12, slice },
      },
    };
  },
};
const trainOf = (source: DataSource): Catalogue => source.open(context).train;
const imagesOf = (source: DataSource) => {
  const { offsets, buffers } = trainOf(source);
  return { offsets: [...offsets], images: [...(buffers.subset ?? [])] };
};

test("digests of people go with those who stay", () => {
  const digested: DataSource = {
    kind: "packed_images",
    open: (given) => {
      const { train, ...others } = people.open(given);
      const digests = (first: number, end: number) => Uint8Array.of(10, 11, 12, 13).subarray(first, end);
      return { ...others, train: { ...train, digests } };
    },
  };
  const { digests } = trainOf(minImages(digested, 3));
  expect([...digests!(0, 2)]).toEqual([11, 13]);
  expect([...digests!(1, 2)]).toEqual([13]);
  expect(trainOf(concat(digested, digested)).digests).toBeUndefined();
});

describe("people with enough images", () => {
  test("stay, with all of theirs", () => {
    expect(imagesOf(minImages(people, 3))).toEqual({
      offsets: [0, 4, 9],
      images: [1, 2, 3, 4, 7, 8, 9, 10, 11],
    });
  });
  test("may be all: then the source is as it was", () => {
    expect(trainOf(minImages(people, 1)).spec).toEqual(trainOf(people).spec);
  });
  test("may be nobody, which is refused", () => {
    expect(() => trainOf(minImages(people, 6))).toThrow(
      "minImages(…, 6) leaves none of the 12 images to train on",
    );
    expect(codeOf(() => minImages(people, 0))).toBe("F2C2113");
  });
});

describe("no more than so many images of anybody", () => {
  test("are drawn from each who has more, and are not always the first", () => {
    const { offsets, images } = imagesOf(maxImages(people, 2));
    expect(offsets).toEqual([0, 1, 3, 5, 7]);
    expect(images.slice(0, 1)).toEqual([0]);
    expect(images.slice(3, 5)).toEqual([5, 6]);
    for (const [from, to, first, end] of [
      [1, 3, 1, 5],
      [5, 7, 7, 12],
    ] as const) {
      const [one, other] = images.slice(from, to);
      expect(one).toBeGreaterThanOrEqual(first);
      expect(other).toBeLessThan(end);
      expect(one).toBeLessThan(other!);
    }
    const drawn = Array.from({ length: 20 }, (_, seed) => imagesOf(maxImages(people, 1, { seed })).images);
    // Of b's four images each is drawn now and then.
    expect(new Set(drawn.map(([, ofB]) => ofB))).toEqual(new Set([1, 2, 3, 4]));
    expect(imagesOf(maxImages(people, 1, { seed: 3 }))).toEqual(imagesOf(maxImages(people, 1, { seed: 3 })));
  });
  test("may be all", () => {
    expect(trainOf(maxImages(people, 5)).spec).toEqual(trainOf(people).spec);
  });
});

describe("people who are picked", () => {
  test.each([
    ["by their names", ["d", "a"]],
    ["by their positions", [3, 0]],
  ])("%s keep their order", (_, which) => {
    expect(imagesOf(pickIdentities(people, which as string[]))).toEqual({
      offsets: [0, 1, 6],
      images: [0, 7, 8, 9, 10, 11],
    });
  });
  test.each([
    [2, 2],
    [0.5, 2],
    [0.51, 3],
  ])("as %d are %d, others with another seed", (which, count) => {
    const offsets = Array.from(
      { length: 12 },
      (_, seed) => imagesOf(pickIdentities(people, which, { seed })).offsets,
    );
    for (const each of offsets) expect(each).toHaveLength(count + 1);
    expect(new Set(offsets.map(String)).size).toBeGreaterThan(1);
  });
  test("must be there", () => {
    expect(() => trainOf(pickIdentities(people, ["e"]))).toThrow("nobody called e among the 4 to train on");
    expect(() => trainOf(pickIdentities(people, [4]))).toThrow("nobody called 4 among the 4");
    expect(() => trainOf(pickIdentities(people, 5))).toThrow("5 people are asked for, and there are 4");
    expect(codeOf(() => pickIdentities(people, 1.5))).toBe("F2C2113");
  });
});

test("a part of a source lacks the pairs that the source lists: its images have other positions", () => {
  const listing: DataSource = {
    ...people,
    open: (given) => {
      const { train, ...others } = people.open(given);
      return {
        ...others,
        train: { ...train, pairs: { positions: Int32Array.of(0, 1, 10, 11), same: Uint8Array.of(0, 1) } },
      };
    },
  };
  expect(trainOf(listing).pairs).toBeDefined();
  expect(trainOf(minImages(listing, 1)).pairs).toBeDefined();
  expect(trainOf(minImages(listing, 3)).pairs).toBeUndefined();
  expect(trainOf(concat(listing, listing)).pairs).toBeUndefined();
});

describe("several sources as one", () => {
  const drawn = syntheticFaces({ identities: 2, imagesPerIdentity: fixed(2), size: 16, seed: 9, heldOut });
  test("have the people of one after those of the other, to train on and kept back", () => {
    const { train, heldOut: kept } = concat(people, drawn).open(context);
    expect([...train.offsets]).toEqual([0, 1, 5, 7, 12, 14, 16]);
    expect([...kept.offsets]).toEqual([0, 3, 6, 9, 12]);
    expect(train.spec).toMatchObject({
      kind: "concat",
      parts: 2,
      "0.root": "faces",
      "1.kind": "synthetic_faces",
      "1.seed": 9,
    });
    expect(train.places).toEqual(["0.root"]);
    expect([...train.buffers["1.counts"]!]).toEqual([2, 2]);
    // One has no names, so all have none.
    expect(train.names).toBeUndefined();
  });
  test("a source that keeps nobody back is no part of those kept back", () => {
    const keepsNobody: DataSource = {
      kind: "image_folder",
      open: (given) => {
        const { train } = people.open(given);
        return { train, heldOut: { ...train, offsets: Int32Array.of(0) } };
      },
    };
    const { train, heldOut: kept } = concat(keepsNobody, people).open(context);
    expect(train.spec).toMatchObject({ parts: 2, "0.root": "faces", "1.root": "faces" });
    expect(kept.spec).toMatchObject({ parts: 1, "0.kind": people.open(context).heldOut.spec.kind });
    expect([...kept.offsets]).toEqual([...people.open(context).heldOut.offsets]);
  });

  test("have the names of all", () => {
    const { names } = trainOf(concat(people, subset(people, [0, 5]), people));
    expect(names!.length).toBe(26);
    expect(names!.slice(10, 16)).toEqual([
      "d/10.png",
      "d/11.png",
      "a/0.png",
      "c/5.png",
      "a/0.png",
      "b/1.png",
    ]);
  });
  test("may be parts of each other", () => {
    const some = subset(concat(people, drawn), [0, 12]);
    const all = trainOf(concat(some, drawn));
    expect([...all.offsets]).toEqual([0, 1, 2, 4, 6]);
    expect(all.spec).toMatchObject({ "0.kind": "subset", "0.of": "concat", "0.1.seed": 9, "1.seed": 9 });
    expect(kindsOfImages(all)).toEqual(new Set(["image_folder", "synthetic_faces"]));
  });
  test("have one size of image", () => {
    const large = syntheticFaces({ identities: 2, imagesPerIdentity: fixed(2), size: 32, heldOut });
    expect(() => trainOf(concat(drawn, large))).toThrow(
      "concat: one source has images of 3 x 16 x 16 pixels, another of 3 x 32 x 32 pixels",
    );
    expect(codeOf(() => concat())).toBe("F2C2145");
  });
});
