/**
 * Programs that are refused, one file for each code (`refused/<code>-<name>.ts`), with what is to be said of them.
 *
 *     // refused F2C1013 «loose > 3»: > is for numbers | use the method: .gt(…)
 *     if (loose > 3) loss = loss.mul(2);
 *
 * stands above the line where the mark begins: the code, the text that is marked, a part of the message and, after a bar, a
 * part of the hint. A diagnostic that has no line has no mark, and its comment stands anywhere. Nothing else may be said.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { CATALOGUE, type CatalogueEntry, nameOf, wordingsOf } from "#compiler/diagnostics/catalogue";
import type { Span } from "#compiler/diagnostics/diagnostic";
import { CompileError, compileExperiment, type Diagnostic, loadExperiment, renderAll } from "#compiler/index";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const folder = join(here, "refused");
const fixtures = readdirSync(folder).filter((name) => /^F2C\d{4}-.*\.ts$/.test(name));
const entries = Object.values<CatalogueEntry>(CATALOGUE);

interface Expected {
  readonly code: string;
  /** The marked text and the line where it begins; none for a diagnostic without a place. */
  readonly mark: string | undefined;
  readonly line: number | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

function expectedOf(text: string): Expected[] {
  const lines = text.split("\n");
  const isComment = (line: string | undefined) => line?.trim().startsWith("//");
  return lines.flatMap((line, i) => {
    const found = /^\s*\/\/ refused (F2C\d{4})(?: «(.*?)»)?: (.*?)(?: \| (.*))?$/.exec(line);
    if (!found) return [];
    const [, code, mark, message, hint] = found;
    let next = i + 1;
    while (isComment(lines[next])) next++;
    return [{ code: code!, mark, line: mark === undefined ? undefined : next + 1, message: message!, hint }];
  });
}

/** What is said of an experiment, and its sources. */
function refused(file: string): { diagnostics: readonly Diagnostic[]; texts: ReadonlyMap<string, string> } {
  try {
    compileExperiment(loadExperiment(file));
  } catch (error) {
    if (error instanceof CompileError) return error;
    throw error;
  }
  throw new Error(`${basename(file)} compiles`);
}

const lineOf = (text: string, offset: number) => text.slice(0, offset).split("\n").length;
/** Broken lines of a marked text as one. */
const flat = (text: string) => text.trim().replaceAll(/\s+/g, " ");

/** A catalogue's template as a pattern: `{name}` stands for any text. */
const pattern = (template: string) =>
  new RegExp(
    `^${template
      .split(/\{\w+(?::number)?\}/)
      .map(escaped)
      .join("[\\s\\S]+")}$`,
  );
function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

// Vitest prepares stacks by itself; without, Node maps them to the TypeScript that ran, as it does for users.
beforeAll(() => {
  (Error as { prepareStackTrace?: unknown }).prepareStackTrace = undefined;
});

describe("a refused program", () => {
  test.each(fixtures)("%s", (name) => {
    const file = join(folder, name);
    const { diagnostics, texts } = refused(file);
    const shown = renderAll(diagnostics, (path) => texts.get(path));
    const found = diagnostics.map((d) => {
      const text = d.span && texts.get(d.span.path);
      return {
        code: d.code,
        mark: d.span && flat(text!.slice(d.span.start, d.span.end)),
        line: d.span && lineOf(text!, d.span.start),
        path: d.span?.path ?? file,
      };
    });
    const expected = expectedOf(readFileSync(file, "utf8"));
    expect(found, shown).toEqual(
      expected.map(({ code, mark, line }) => ({ code, mark: mark && flat(mark), line, path: file })),
    );
    expect(expected.map(({ code }) => code)).toContain(name.slice(0, 7));
    for (const [i, d] of diagnostics.entries()) {
      const { message, hint } = expected[i]!;
      expect(d.message).toContain(message);
      if (hint !== undefined) expect(d.hint, shown).toContain(hint);
      const entry: CatalogueEntry = CATALOGUE[nameOf(d.code)!];
      expect(
        wordingsOf(entry).some((w) => pattern(w.message).test(d.message)),
        `${d.message} is said by a template of the catalogue`,
      ).toBe(true);
      const rendered = renderAll([d], (path) => texts.get(path));
      if (d.span) expect(rendered).toMatch(/^\s+\| +\^+$/m);
      if (d.hint !== undefined) expect(rendered).toMatch(/^ {2}help: \S/m);
      expect(rendered).toContain(`more: f2c-dsl explain ${d.code}`);
    }
  });
});

test("what stands close to them compiles", () => {
  const { warnings, ...loaded } = loadExperiment(join(folder, "accepted.ts"));
  expect(warnings).toEqual([]);
  expect(() => compileExperiment({ ...loaded, warnings })).not.toThrow();
});

test("a captured object is shown with the functions through which it is captured", () => {
  const { diagnostics, texts } = refused(join(folder, "F2C2009-captured-live-object.ts"));
  const { related } = diagnostics.find((d) => d.message.startsWith("`started`"))!;
  const at = (path: string, start: number) =>
    texts.get(path)!.split("\n")[lineOf(texts.get(path)!, start) - 1];
  expect(related.map(({ message, span }) => [message, at(span.path, span.start)])).toEqual([
    ["`started` is declared here", "const started = new Date(2020, 1);"],
    ["`milliseconds` uses `started`", "const milliseconds = () => started.getTime();"],
    ["`seconds` uses `milliseconds`", "const seconds = () => milliseconds() / 1000;"],
  ]);
});

test("a write that comes too early shows what needs the value from before", () => {
  const { diagnostics, texts } = refused(join(folder, "F2C4001-write-before-gradient.ts"));
  const [{ message, span }] = diagnostics[0]!.related as [{ message: string; span: Span }];
  expect(message).toBe("and the loss depends on it here");
  expect(texts.get(span.path)!.slice(span.start, span.end)).toBe("bank.mul(features.mean())");
});

test("a function that calls itself shows each of its calls once", () => {
  const [recursion] = refused(join(folder, "F2C1020-recursion.ts")).diagnostics;
  expect(recursion!.related.map((r) => r.message)).toEqual(["called from `doubled`", "called from `step`"]);
});

/** Raised while the experiment is found, loaded, built, typed and compiled, but not by a file in `refused/`. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  F2C1101: "no file, so no fixture: below",
  F2C1108: "the command line: test/integration/errors.test.ts",
  F2C2110: "a warning, which refuses nothing: test/unit/warnings.test.ts",
  F2C2111: "a warning, which refuses nothing: test/unit/warnings.test.ts",
  F2C2012: "a later step's plan: test/unit/planner-steps.test.ts",
  F2C2135: "a stage of a study: test/oracle/face-nms.test.ts",
  F2C2136: "a source of a study: test/unit/subset.test.ts",
  F2C2157: "a path: test/unit/data-info.test.ts",
  F2C2158: "a source made of others: test/unit/relabel.test.ts",
  F2C2156: "several files: test/unit/image-list.test.ts",
  F2C2148: "a process without a host: test/unit/scanned.test.ts",
  F2C2145: "a source made of others: test/unit/composed-sources.test.ts",
  F2C2134: "a stage of a study: test/unit/answerer.test.ts",
  F2C3020: "a stage of a study: test/unit/answerer.test.ts",
  F2C2126: "defaults that no command line can write: test/unit/options.test.ts",
  F2C2303: "resuming: test/unit/pool-book.test.ts",
  F2C2304: "resuming: test/unit/pool-book.test.ts",
  F2C2305: "a warning, which refuses nothing: test/unit/warnings.test.ts",
  F2C2306: "resuming: test/unit/pool-book.test.ts",
  F2C2402: "a later step's plan: test/unit/plan-signature.test.ts",
  F2C2540: "no experiment yet: test/unit/new-from-arcface-torch.test.ts",
  F2C2541: "no experiment yet: test/unit/new-from-arcface-torch.test.ts",
  F2C2542: "no experiment yet: test/integration/new.test.ts",
  F2C2501: "evaluation: test/unit/verification.test.ts",
  F2C2502: "evaluation: test/unit/verification.test.ts",
  F2C2503: "evaluation: test/unit/verification.test.ts",
  F2C2508: "a protocol of one's own, in a run: test/unit/trainer.test.ts",
  F2C2510: "scores of groups: test/unit/clustering.test.ts",
  F2C2511: "lists of a protocol: test/unit/listed-pairs.test.ts",
  F2C2512: "lists of a protocol: test/unit/listed-pairs.test.ts",
  F2C2513: "lists of a protocol: test/unit/listed-pairs.test.ts",
  F2C2514: "lists of a protocol: test/unit/listed-pairs.test.ts",
  F2C2515: "lists of a protocol: test/unit/listed-pairs.test.ts",
  F2C2516: "lists of a protocol: test/unit/listed-pairs.test.ts",
  F2C2517: "lists of a protocol: test/unit/listed-pairs.test.ts",
  F2C2518: "lists of a protocol: test/unit/listed-pairs.test.ts",
  F2C2519: "lists of IJB: test/unit/ijb-lists.test.ts",
  F2C2520: "lists of IJB: test/unit/ijb-lists.test.ts",
  F2C2562: "a file of protocols: test/integration/eval.test.ts",
  F2C2563: "a file of protocols: test/integration/eval.test.ts",
  F2C2564: "images for a net of others: test/unit/input-convention.test.ts",
  F2C2565: "images for a net of others: test/unit/input-convention.test.ts",
  F2C2566: "images for a net of others: test/unit/input-convention.test.ts",
  F2C2567: "images for a net of others: test/unit/input-convention.test.ts",
  F2C2568: "a net of others: test/integration/eval.test.ts",
  F2C2569: "a file of protocols: test/integration/eval.test.ts",
  F2C2521: "lists of MegaFace: test/unit/megaface.test.ts",
  F2C2522: "lists of MegaFace: test/unit/megaface.test.ts",
  F2C2523: "lists of MegaFace: test/unit/megaface.test.ts",
  F2C2505: "evaluation with broken images: test/unit/trainer.test.ts",
};

test("every code of the compiler has a program that is refused with it", () => {
  const covered = new Set(fixtures.map((name) => name.slice(0, 7)));
  const codes = entries.map((e) => e.code).filter((code) => /^F2C[1-4]/.test(code));
  expect(codes.filter((code) => !covered.has(code) && !(code in ELSEWHERE))).toEqual([]);
  expect(Object.keys(ELSEWHERE).filter((code) => covered.has(code))).toEqual([]);
});

test("a test that is named here raises the code", () => {
  for (const [code, says] of Object.entries(ELSEWHERE)) {
    const file = says.match(/test\/\S+$/)?.[0] ?? "test/diagnostics/refused.test.ts";
    expect(readFileSync(join(folder, "../../..", file), "utf8"), code).toMatch(`"${code}"`);
  }
});

test("a file that is not there is named", () => {
  const { diagnostics } = refused(join(folder, "nowhere.ts"));
  expect(diagnostics).toMatchObject([
    { code: "F2C1101", message: expect.stringMatching(/^there is no file .*nowhere\.ts$/) },
  ]);
});

function* sourcesIn(folders: readonly string[], which: RegExp): Generator<string> {
  for (const name of folders)
    for (const file of readdirSync(join(root, name), { recursive: true, encoding: "utf8" }))
      if (which.test(file) && !file.includes("node_modules")) yield join(root, name, file);
}

test("every code of the catalogue is named by a test", () => {
  const tests = [...sourcesIn(["test", "python-host/tests"], /\.(ts|py)$/)]
    .filter((path) => path !== fileURLToPath(import.meta.url))
    .map((path) => readFileSync(path, "utf8"))
    .join("\n");
  const unnamed = entries.map((e) => e.code).filter((code) => !tests.includes(code) && !(code in ELSEWHERE));
  expect(unnamed).toEqual([]);
});
