/** @file `f2c-dsl data check`: reads every image before a run, and lists what is broken, doubled or suspicious. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { type Evaluation, HELD_OUT } from "../../compiler/index.js";
import type { Catalogue } from "../../dsl/index.js";
import { setUp } from "../bridge/python-environment.js";
import { ProgressLine } from "../observe/progress-line.js";
import { drawn, grouped } from "../stages/facts.js";
import type { HostSession, Inspected } from "../stages/host-session.js";
import {
  type Doubled,
  type Findings,
  findingsOf,
  type InspectedPart,
  type Overlap,
  overlapsOf,
} from "./data-findings.js";
import { kindsWithoutFiles, type LookingOptions, liesInFiles, lookedAt, setsOf } from "./looked-at.js";
import { EXIT, fail } from "./report.js";
import { startHost } from "./start-host.js";

interface CheckDataOptions extends LookingOptions {
  readonly leaveOut?: string;
  readonly json?: boolean;
}

/** Images a request: few enough that an answer stays small, enough that all threads of the host have work. */
const BATCH = 256;
/** Files that are named of each kind; `--json` names all. */
const NAMED = 10;

export async function checkData(file: string, options: CheckDataOptions): Promise<void> {
  let started: HostSession | undefined;
  const start = async () => {
    started ??= await startHost(await setUp((line) => process.stderr.write(`${line}\n`)));
    return started;
  };
  try {
    const looked = await lookedAt(file, options, start);
    const { name, train, notes, evaluations } = looked;
    const without = kindsWithoutFiles(train);
    if (without.length > 0) {
      const none = `${name}: its images of ${without.join(", ")} lie in no files that could be checked`;
      process.stdout.write(options.json ? `${JSON.stringify({ name, notes: [none] })}\n` : `${none}\n`);
      return;
    }
    const host = await start();
    const sources = setsOf(looked, liesInFiles);
    const images = [...sources.values()].reduce((sum, { offsets }) => sum + offsets.at(-1)!, 0);
    const progress = new ReadingProgress(images);
    const parts = new Map<string, InspectedPart>();
    for (const [source, catalogue] of sources) {
      const found = await inspectAll(host, source, catalogue, progress);
      parts.set(source, { catalogue, heldOut: source === HELD_OUT, found });
    }
    progress.end();
    const isOwn = (source: string) => source === "train" || source === HELD_OUT;
    const findings = findingsOf([...parts].filter(([source]) => isOwn(source)).map(([, part]) => part));
    /** Of the sources that are only evaluated on: their files lie below roots of their own. */
    const elsewhere = [...parts]
      .filter(([source]) => !isOwn(source))
      .map(([source, part]) => ({
        source,
        ...findingsOf([part]),
      }));
    const scored = evaluations.map((evaluation) => ({
      name: evaluation.name,
      compares: drawn(evaluation),
      broken: brokenOf(evaluation, parts.get(evaluation.source)?.found),
    }));
    const overlaps = overlapsOf(parts);
    if (options.leaveOut !== undefined) addToList(options.leaveOut, findings, overlaps);
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ name, notes, ...findings, overlaps, elsewhere, evaluations: scored }, undefined, 2)}\n`
        : `${[
            ...notes,
            ...described(findings, overlaps),
            ...elsewhere.flatMap(({ source, ...found }) =>
              described(found).map((line, i) => (i === 0 ? `${source}: ${line}` : line)),
            ),
            ...scored.map(
              ({ compares, broken }) =>
                `${compares}${broken > 0 ? `, ${grouped(broken)} of them broken` : ""}`,
            ),
          ].join("\n")}\n`,
    );
    if ([findings, ...elsewhere].some(({ broken }) => broken.length > 0)) process.exitCode = EXIT.user;
  } catch (error) {
    fail(error, { json: options.json === true });
  } finally {
    await started?.shutdown();
  }
}

/** How many of the images that an evaluation compares are broken. */
function brokenOf({ opened }: Evaluation, found: Inspected | undefined): number {
  const broken = new Set(found?.broken.map(({ position }) => position));
  return opened.images.filter((image) => broken.has(image)).length;
}

async function inspectAll(
  host: HostSession,
  source: string,
  catalogue: Catalogue,
  progress: ReadingProgress,
): Promise<Inspected> {
  await host.open(source, catalogue);
  const images = catalogue.offsets.at(-1)!;
  const broken: Inspected["broken"][number][] = [];
  const all = {
    content: new BigInt64Array(images),
    size: new Int32Array(2 * images),
    bits: new Uint8Array(images),
    transparent: new Uint8Array(images),
    flat: new Uint8Array(images),
    tint: new Uint8Array(images),
    format: new Uint8Array(images),
    channels: new Uint8Array(images),
    bytes: new BigInt64Array(images),
  };
  for (let first = 0; first < images; first += BATCH) {
    const indices = Int32Array.from({ length: Math.min(BATCH, images - first) }, (_, i) => first + i);
    const found = await host.inspect(source, indices);
    for (const b of found.broken) broken.push({ ...b, position: first + b.position });
    all.content.set(found.content, first);
    all.size.set(found.size, 2 * first);
    all.bytes.set(found.bytes, first);
    for (const row of ["bits", "transparent", "flat", "tint", "format", "channels"] as const)
      all[row].set(found[row], first);
    progress.read(indices.length, found.broken.length);
  }
  return { broken, ...all };
}

/** How far the reading is. */
class ReadingProgress {
  private readonly begun = performance.now();
  private readonly line = new ProgressLine(process.stderr);
  private images = 0;
  private broken = 0;

  constructor(private readonly all: number) {}

  read(images: number, broken: number): void {
    this.images += images;
    this.broken += broken;
    const seconds = (performance.now() - this.begun) / 1000;
    const left = Math.round((seconds / this.images) * (this.all - this.images));
    this.line.part(
      `read ${grouped(this.images)} of ${grouped(this.all)} images, ${grouped(Math.round(this.images / seconds))}/s, ${grouped(this.broken)} broken, ${grouped(left)} s left`,
    );
  }

  end(): void {
    this.line.clear();
  }
}

function described(
  { identities, images, broken, shared, repeated, suspicious }: Findings,
  overlaps: readonly Overlap[] = [],
): string[] {
  const lines = [`read ${grouped(images)} images of ${grouped(identities)} identities`];
  const list = <T>(title: string, items: readonly T[], line: (item: T) => string) => {
    if (items.length === 0) return;
    lines.push(title, ...items.slice(0, NAMED).map((item) => `  ${line(item)}`));
    if (items.length > NAMED) lines.push(`  … and ${grouped(items.length - NAMED)} more (--json names all)`);
  };
  list(
    `broken: ${grouped(broken.length)}`,
    broken,
    ({ file, message }) => `${file}: ${message.replace(/^.* cannot be decoded: /s, "")}`,
  );
  list(`one picture of several people: ${grouped(shared.length)}`, shared, alike);
  list(`one picture several times of one person: ${grouped(repeated.length)}`, repeated, alike);
  list(`one picture trained on and evaluated on: ${grouped(overlaps.length)}`, overlaps, inBoth);
  for (const { message, files } of suspicious)
    lines.push(`suspicious: ${message}`, `  ${someOf(files, 3).join(", ")}`);
  if (lines.length === 1) lines.push("nothing broken, doubled or suspicious");
  return lines;
}

function alike({ files, heldOut }: Doubled): string {
  const shown = someOf(files, 4).join(" = ");
  return heldOut.length > 0 ? `${shown} (held out: ${someOf(heldOut, 3).join(", ")})` : shown;
}

const inBoth = ({ train, evaluated }: Overlap): string =>
  `${someOf(train, 3).join(" = ")} = ${someOf(
    evaluated.map(({ source, file }) => `${source}: ${file}`),
    3,
  ).join(" = ")}`;

const someOf = (files: readonly string[], most: number): readonly string[] =>
  files.length <= most ? files : [...files.slice(0, most), `… (${grouped(files.length)} in all)`];

/**
 * Adds broken images to a list for `leaveOut`, and doubled ones as comments, since only a person knows which of them is
 * right. What the list says already stays as it is.
 */
function addToList(path: string, { broken, shared, repeated }: Findings, overlaps: readonly Overlap[]): void {
  const before = existsSync(path) ? readFileSync(path, "utf8") : "";
  const known = new Set(before.split("\n"));
  const entry = (file: string) => (file.startsWith("#") ? `./${file}` : file);
  const lines = [
    ...broken.map(({ file }) => entry(file)),
    ...shared.map(({ files }) => `# one picture of several people: ${files.join(" = ")}`),
    ...repeated.map(({ files }) => `# one picture several times: ${files.join(" = ")}`),
    ...overlaps.map((overlap) => `# trained on and evaluated on: ${inBoth(overlap)}`),
  ].filter((line) => !known.has(line));
  const heading = "# Left out of the data (leaveOut of the source): an identity or an image a line.\n";
  const begun = before === "" ? heading : before.endsWith("\n") ? "" : "\n";
  appendFileSync(path, begun + lines.map((line) => `${line}\n`).join(""));
}
