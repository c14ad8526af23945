/** @file What a protocol sees of a matrix in a host: the rows of its own images, among those of others who want the same source. */
import type { Nearest, Parts, Rows, View } from "../../dsl/index.js";
import type { Embedded, HostedMatrix } from "./evaluated-program.js";

/** A matrix in a host, with its height, and what was made of it. */
interface Kept {
  readonly matrix: HostedMatrix;
  readonly height: number;
  /** Matrices that were made of this one, to be released with it. */
  readonly made: HostedMatrix[];
}

/** Rows of a matrix, as the protocol counts them. */
class SomeRows implements Rows {
  constructor(
    readonly kept: Kept,
    /** The matrix's row of each of these. */
    readonly rows: Int32Array,
  ) {}

  get count(): number {
    return this.rows.length;
  }

  get width(): number {
    return this.kept.matrix.width;
  }

  /** A row that is none of these is -1, which the host refuses. */
  private inMatrix(rows: Int32Array): Int32Array {
    return rows.map((row) => this.rows[row] ?? -1);
  }

  cosines(pairs: Int32Array): Promise<Float64Array> {
    return this.kept.matrix.cosines(this.inMatrix(pairs));
  }

  topK(queries: Int32Array, gallery: Int32Array | Rows, k: number): Promise<Nearest> {
    return this.kept.matrix.topK(this.inMatrix(queries), ...this.among(gallery), k);
  }

  async means(groups: Int32Array): Promise<Rows> {
    const { matrix, height } = this.kept;
    const count = groups.reduce((most, group) => Math.max(most, group + 1), 0);
    const groupOf = new Int32Array(height).fill(-1);
    for (const [row, group] of groups.entries()) groupOf[this.rows[row]!] = group;
    return this.keep(await matrix.means(groupOf, count), count);
  }

  some(rows: Int32Array): Rows {
    return new SomeRows(this.kept, this.inMatrix(rows));
  }

  async sums(count: number, parts: Parts): Promise<Rows> {
    return this.keep(
      await this.kept.matrix.sums(count, { ...parts, rows: this.inMatrix(parts.rows) }),
      count,
    );
  }

  highest(queries: Int32Array, gallery: Int32Array | Rows, k: number): Promise<Float64Array> {
    return this.kept.matrix.highest(this.inMatrix(queries), ...this.among(gallery), k);
  }

  /** The matrix and the rows in it that a gallery is: rows of this one, or all of another. */
  private among(gallery: Int32Array | Rows): [matrix: HostedMatrix, rows: Int32Array] {
    return gallery instanceof SomeRows
      ? [gallery.kept.matrix, gallery.rows]
      : [this.kept.matrix, this.inMatrix(gallery as Int32Array)];
  }

  /** All rows of a new matrix, to be released with the others. */
  private keep(matrix: HostedMatrix, height: number): Rows {
    const { made } = this.kept;
    made.push(matrix);
    return new SomeRows(
      { matrix, height, made },
      Int32Array.from({ length: height }, (_, i) => i),
    );
  }
}

class SomeImages extends SomeRows implements View {
  constructor(
    kept: Kept,
    rows: Int32Array,
    readonly broken: Int32Array,
  ) {
    super(kept, rows);
  }
}

/** Images that several protocols want of one source, each once. */
export class WantedImages {
  readonly images: Int32Array;
  private readonly rowOf: ReadonlyMap<number, number>;

  constructor(wanted: readonly Int32Array[]) {
    const rows = new Map<number, number>();
    for (const images of wanted) for (const image of images) if (!rows.has(image)) rows.set(image, rows.size);
    this.rowOf = rows;
    this.images = Int32Array.from(rows.keys());
  }

  /** What one of them sees of the matrix of all. `made` gets the matrices that it asks for. */
  viewOf(images: Int32Array, { matrix, broken }: Embedded, made: HostedMatrix[]): View {
    const rows = images.map((image) => this.rowOf.get(image)!);
    const isBroken = new Set(broken);
    const own = Int32Array.from([...rows.keys()].filter((row) => isBroken.has(rows[row]!)));
    return new SomeImages({ matrix, height: this.images.length, made }, rows, own);
  }
}
