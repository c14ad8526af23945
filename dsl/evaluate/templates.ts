/**
 * @file Templates of IJB: several images of one person as one row. Faces of a medium (the frames of a video) are averaged, and the media summed up, each
 * face by the detector's score: one weighted sum of the faces.
 */

import { type Faces, readFaces, readScores, TemplateRows } from "./ijb-lists.js";
import { distinct } from "./image-names.js";
import type { EvaluateOptions, Parts, People, Rows, View } from "./protocol.js";

/** How faces become a template. Without any of these, as arcface_torch does it. */
export interface TemplateOptions extends EvaluateOptions {
  /** The folder of the lists (`…_face_tid_mid.txt` and the others), relative to the experiment's file. */
  meta: string;
  /** A face counts by the norm of its embedding; if not, each at length 1. On unless told: the field's N1. */
  norms?: boolean;
  /** A face counts by the score of the detector, from `…_name_5pts_score.txt`. On unless told: the field's D1. */
  detectorScore?: boolean;
}

/** The faces of a set of templates, found among the images of a source. */
export class Templates {
  /** Images to embed, as indices into the source. */
  readonly images: Int32Array;
  readonly rows: TemplateRows;
  /** Of each face its position in `images`, its template's row, and its weight but for how many the medium has. */
  private readonly position: Int32Array;
  private readonly row: Int32Array;
  private readonly weight: Float64Array;
  /** Faces by template and medium. */
  private readonly order: Int32Array;
  private readonly medium: Int32Array;

  constructor({ names, directory }: People, options: Pick<TemplateOptions, "meta" | "detectorScore">) {
    const { meta, detectorScore = true } = options;
    const faces = readFaces(directory, meta);
    const scores = detectorScore ? readScores(directory, meta, faces) : undefined;
    const found = faces.names.imagesIn(names, { list: faces.file.shown });
    ({ images: this.images, positions: this.position } = distinct(faces.name.map((name) => found[name]!)));
    this.rows = new TemplateRows(faces);
    this.row = faces.template.map((template, face) => this.rows.rowOf(template, faces.file, face));
    this.weight = Float64Array.from(faces.name, (name) => scores?.[name] ?? 1);
    this.medium = faces.medium;
    this.order = byTemplateAndMedium(faces, this.row);
  }

  /** What results depend on beside the images. */
  get drawn(): readonly Int32Array[] {
    // A score is a float32, so its bits are all there is of it.
    return [this.position, this.row, this.medium, new Int32Array(Float32Array.from(this.weight).buffer)];
  }

  /** The templates as rows, and which of these have no image that can be decoded. */
  async of(
    view: View,
    norms: boolean,
  ): Promise<{ readonly templates: Rows; readonly empty: ReadonlySet<number> }> {
    const parts = this.parts(view.broken);
    const filled = new Set(parts.into);
    const empty = new Set(
      Array.from({ length: this.rows.count }, (_, row) => row).filter((row) => !filled.has(row)),
    );
    return { templates: await view.sums(this.rows.count, { ...parts, unit: !norms }), empty };
  }

  /** What goes into which template, by which weight: the face's, divided by how many whole faces the medium has in the template. */
  private parts(broken: Int32Array): Parts {
    const isBroken = new Set(broken);
    const faces = this.order.filter((face) => !isBroken.has(this.position[face]!));
    const weights = new Float64Array(faces.length);
    for (let first = 0; first < faces.length; ) {
      const [row, medium] = [this.row[faces[first]!], this.medium[faces[first]!]];
      let end = first + 1;
      while (end < faces.length && this.row[faces[end]!] === row && this.medium[faces[end]!] === medium)
        end++;
      for (let i = first; i < end; i++) weights[i] = this.weight[faces[i]!]! / (end - first);
      first = end;
    }
    return {
      rows: faces.map((face) => this.position[face]!),
      into: faces.map((face) => this.row[face]!),
      weights,
    };
  }
}

const byTemplateAndMedium = ({ medium }: Faces, row: Int32Array): Int32Array =>
  Int32Array.from(row.keys()).sort((a, b) => row[a]! - row[b]! || medium[a]! - medium[b]! || a - b);
