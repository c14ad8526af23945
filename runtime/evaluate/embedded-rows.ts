/** @file All rows of a source, a piece at a time: neither the host nor this process holds more. */
import type { Catalogue } from "../../dsl/index.js";
import type { EvaluatedProgram } from "./evaluated-program.js";

/** Rows that a host keeps at a time, and bytes that come in one message. */
const PIECE = 1 << 14;
const MESSAGE = 8 << 20;

export interface Piece {
  /** The image of the first row. */
  readonly first: number;
  readonly count: number;
  readonly columns: number;
  /** Images for which others stand in. */
  readonly broken: readonly number[];
  /** The rows, a few at a time. */
  rows(): AsyncIterable<Float32Array>;
}

/** Embeds the images of a source in their order. A piece is there until the next one is asked for. */
export async function* embeddedRows(
  program: EvaluatedProgram,
  { source, images: { offsets } }: { readonly source: string; readonly images: Catalogue },
  { function: fn, batch }: { readonly function: string; readonly batch: number },
  size = PIECE,
): AsyncGenerator<Piece> {
  const count = offsets.at(-1)!;
  // Whole batches, but for the last.
  const piece = Math.max(1, Math.floor(size / batch)) * batch;
  for (let first = 0; first < count; first += piece) {
    const rows = Math.min(piece, count - first);
    const images = Int32Array.from({ length: rows }, (_, i) => first + i);
    const { matrix, broken } = await program.embed({ source, function: fn, batch, images });
    const columns = matrix.width;
    try {
      yield {
        first,
        count: rows,
        columns,
        broken: [...broken].map((row) => first + row),
        async *rows() {
          const some = Math.max(1, Math.floor(MESSAGE / (4 * columns)));
          for (let at = 0; at < rows; at += some) yield await matrix.rows(at, Math.min(some, rows - at));
        },
      };
    } finally {
      await matrix.release().catch(() => {});
    }
  }
}
