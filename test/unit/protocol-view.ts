/** Views for protocols without a host: slow and literal. */
import type { Nearest, Parts, Rows, View } from "#dsl/index";

/** A view whose cosines are given, by images. */
export function cosinesOf(
  images: Int32Array,
  cosine: (a: number, b: number) => number,
  broken: readonly number[] = [],
): View {
  const none = () => Promise.reject(new Error("not asked for"));
  return {
    count: images.length,
    width: 0,
    broken: Int32Array.from(broken),
    cosines: async (pairs) =>
      Float64Array.from({ length: pairs.length / 2 }, (_, i) =>
        cosine(images[pairs[2 * i]!]!, images[pairs[2 * i + 1]!]!),
      ),
    topK: none,
    means: none,
    some: () => {
      throw new Error("not asked for");
    },
    sums: none,
    highest: none,
  };
}

type Vector = readonly number[];

const cosineOf = (a: Vector, b: Vector): number => {
  const dot = (x: Vector, y: Vector) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  const norms = Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b));
  return norms > 0 ? dot(a, b) / norms : 0;
};

class Vectors implements Rows {
  constructor(readonly vectors: readonly Vector[]) {}

  get count(): number {
    return this.vectors.length;
  }

  get width(): number {
    return this.vectors[0]!.length;
  }

  some(rows: Int32Array): Rows {
    return new Vectors(Array.from(rows, (row) => this.vectors[row]!));
  }

  async sums(count: number, { rows, into, weights, unit = false, plus }: Parts): Promise<Rows> {
    const total = Array.from({ length: count }, (_, g) =>
      Array.from({ length: this.width }, (_, d) => plus?.[g * this.width + d] ?? 0),
    );
    for (const [i, row] of rows.entries()) {
      const vector = this.vectors[row]!;
      const norm = unit ? Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0)) || 1 : 1;
      for (const [d, value] of vector.entries()) total[into[i]!]![d]! += (weights[i]! * value) / norm;
    }
    return new Vectors(total);
  }

  async highest(queries: Int32Array, gallery: Int32Array | Rows, k: number): Promise<Float64Array> {
    const { scores } = await this.topK(
      queries,
      gallery,
      gallery instanceof Vectors ? gallery.count : (gallery as Int32Array).length,
    );
    return scores.sort().reverse().slice(0, k);
  }

  async cosines(pairs: Int32Array): Promise<Float64Array> {
    return Float64Array.from({ length: pairs.length / 2 }, (_, i) =>
      cosineOf(this.vectors[pairs[2 * i]!]!, this.vectors[pairs[2 * i + 1]!]!),
    );
  }

  async topK(queries: Int32Array, gallery: Int32Array | Rows, k: number): Promise<Nearest> {
    const among =
      gallery instanceof Vectors
        ? gallery.vectors
        : Array.from(gallery as Int32Array, (row) => this.vectors[row]!);
    const found = Array.from(queries, (query) =>
      among
        .map((vector, position) => ({ position, score: cosineOf(this.vectors[query]!, vector) }))
        .sort((a, b) => b.score - a.score || a.position - b.position)
        .slice(0, k),
    ).flat();
    return {
      positions: Int32Array.from(found, ({ position }) => position),
      scores: Float64Array.from(found, ({ score }) => score),
    };
  }

  async means(groups: Int32Array): Promise<Rows> {
    const members: Vector[][] = [];
    for (const [row, group] of groups.entries())
      if (group >= 0) {
        members[group] ??= [];
        members[group].push(this.vectors[row]!);
      }
    return new Vectors(
      Array.from(members, (rows) =>
        rows[0]!.map((_, d) => rows.reduce((sum, row) => sum + row[d]!, 0) / rows.length),
      ),
    );
  }
}

class ImageVectors extends Vectors implements View {
  constructor(
    vectors: readonly Vector[],
    readonly broken: Int32Array,
  ) {
    super(vectors);
  }
}

/** A view whose embeddings are given, by image. */
export const embeddingsOf = (
  images: Int32Array,
  embedding: (image: number) => Vector,
  broken: readonly number[] = [],
): View => new ImageVectors(Array.from(images, embedding), Int32Array.from(broken));
