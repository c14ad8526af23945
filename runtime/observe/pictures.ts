/** @file The curves in a run's folder as pictures with pixels, for tools that show no SVG. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pngOf } from "../figure/figure.js";

/** Writes `follow/<name>.png` of each `<name>.svg` in the folder. */
export async function drawPictures(folder: string): Promise<void> {
  const curves = readdirSync(folder).filter((name) => name.endsWith(".svg"));
  if (curves.length > 0) mkdirSync(join(folder, "follow"), { recursive: true });
  for (const name of curves) {
    const picture = await pngOf(readFileSync(join(folder, name), "utf8"));
    writeFileSync(join(folder, "follow", name.replace(/svg$/, "png")), picture);
  }
}
