import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { reportOf } from "#runtime/cli/report";
import { writeHashed } from "#runtime/run/files";
import { History } from "#runtime/run/history";
import { RunFolder } from "#runtime/run/run-folder";
import { thrownBy } from "./thrown.js";

const home = mkdtempSync(join(tmpdir(), "f2c-folders-"));
const before = process.cwd();
beforeAll(() => process.chdir(home));
afterAll(() => {
  process.chdir(before);
  rmSync(home, { recursive: true, force: true });
});

const lockOf = (folder: string) => join(folder, ".lock");
const begun = (folder: RunFolder, name: string, startedAt = new Date().toISOString()) => {
  folder.writeJson("config.json", { name, startedAt });
  folder.history.add({ step: 0 });
  folder.release();
  return folder.path;
};

describe("the folder of a run", () => {
  test("is one for each run, also of two that begin in one second", () => {
    const now = new Date("2026-11-29T10:00:00Z");
    const paths = [1, 2, 3].map(() => RunFolder.create(undefined, "twins", now).path);
    expect(new Set(paths).size).toBe(3);
    expect(paths[0]).toBe(join(home, "runs/twins-2026-11-29-10-00-00"));
  });

  test("is found by the run's name and not by how its folder begins; the newest one counts", () => {
    const first = begun(
      RunFolder.create(undefined, "a", new Date("2026-01-01T00:00:00Z")),
      "a",
      "2026-01-01T00:00:00Z",
    );
    begun(
      RunFolder.create(undefined, "a-b", new Date("2026-02-01T00:00:00Z")),
      "a-b",
      "2026-02-01T00:00:00Z",
    );
    expect(RunFolder.reopen(undefined, "a").path).toBe(first);
    const later = begun(RunFolder.create("runs/0-named-by-hand", "a"), "a", "2026-03-01T00:00:00Z");
    expect(RunFolder.reopen(undefined, "a").path).toBe(later);
  });

  test("whose configuration is damaged is not passed over for an older run", () => {
    begun(
      RunFolder.create(undefined, "torn", new Date("2026-01-01T00:00:00Z")),
      "torn",
      "2026-01-01T00:00:00.000Z",
    );
    const newest = begun(
      RunFolder.create(undefined, "torn", new Date("2026-03-01T00:00:00Z")),
      "torn",
      "2026-03-01T00:00:00.000Z",
    );
    begun(RunFolder.create(undefined, "torn-b", new Date("2026-04-01T00:00:00Z")), "torn-b");
    writeFileSync(join(newest, "config.json"), '{"name": "to');
    expect(RunFolder.reopen(undefined, "torn").path).toBe(newest);
  });

  test("that holds a run is not begun anew", () => {
    const path = begun(RunFolder.create("once", "once"), "once");
    expect(thrownBy(() => RunFolder.create(path, "once"))).toMatchObject({ code: "F2C6401" });
    expect(existsSync(lockOf(path))).toBe(false);
  });

  test("keeps the sources from which it is started, where these are its own copy", () => {
    const folder = RunFolder.create("again", "again");
    const path = folder.file("source", "exp.ts");
    mkdirSync(folder.file("source"));
    writeFileSync(path, "export default 1;\n");
    const sources = { path, texts: new Map([[path, "export default 1;\n"]]), links: new Map() };
    expect(folder.copySources(sources)).toBe(join("source", "exp.ts"));
    expect(readFileSync(path, "utf8")).toBe("export default 1;\n");
    expect(existsSync(folder.file("source.partial"))).toBe(false);
  });

  test("that lost its metrics or its configuration holds a run all the same: none begins over its checkpoints", () => {
    for (const lost of ["config.json", "metrics.jsonl", "both"]) {
      const folder = RunFolder.create(`lost-${lost}`, "lost");
      mkdirSync(folder.file("checkpoints", "step-00000008"), { recursive: true });
      const path = begun(folder, "lost");
      for (const name of lost === "both" ? ["config.json", "metrics.jsonl"] : [lost])
        rmSync(join(path, name));
      expect(
        thrownBy(() => RunFolder.create(path, "lost")),
        lost,
      ).toMatchObject({ code: "F2C6401" });
      expect(existsSync(lockOf(path))).toBe(false);
      if (lost !== "metrics.jsonl")
        expect(
          thrownBy(() => RunFolder.reopen(path, "lost")),
          lost,
        ).toMatchObject({
          code: "F2C6430",
          message: expect.stringContaining("it is missing"),
        });
    }
  });

  test("of a run that ended before its first step is free for another", () => {
    const folder = RunFolder.create("failed", "failed");
    mkdirSync(folder.file("checkpoints"));
    folder.writeJson("config.json", { name: "failed" });
    folder.release();
    RunFolder.create("failed", "failed").release();
  });

  test("with a damaged file of the run's says which", () => {
    const folder = RunFolder.create("damaged", "damaged");
    const isRecord = (value: unknown): value is object => !Array.isArray(value);
    for (const text of ['{"name": "dam', "[]"]) {
      writeFileSync(folder.file("config.json"), text);
      expect(
        thrownBy(() => folder.readJson("config.json", isRecord)),
        text,
      ).toMatchObject({
        code: "F2C6407",
        message: expect.stringContaining("config.json"),
      });
    }
  });

  test("in which a file cannot be put: the error names it, and nothing is left beside it", () => {
    const folder = RunFolder.create("taken", "taken");
    for (const name of ["summary.json", "metrics.jsonl"]) mkdirSync(folder.file(name));
    const said = (work: () => unknown) => reportOf(thrownBy(work));
    for (const [name, { exit, diagnostics }] of [
      ["summary.json", said(() => folder.write("summary.json", "{}"))],
      ["metrics.jsonl", said(() => folder.history.add({ step: 0 }))],
      ["metrics.jsonl", said(() => folder.history.rewind(0))],
    ] as const) {
      expect(exit).toBe(4);
      expect(diagnostics).toMatchObject([
        { code: "F2C6404", message: `${folder.file(name)} cannot be used: it is a folder` },
      ]);
    }
    folder.release();
    expect(readdirSync(folder.path).sort()).toEqual(["metrics.jsonl", "summary.json"]);
  });
});

test("a disk that is full, used up by a quota or broken is the disk's fault, and the file is named", () => {
  const said = (error: unknown) => reportOf(error).diagnostics[0]!.message;
  expect(said(thrownBy(() => writeHashed("/dev/full", [Buffer.from("some")])))).toBe(
    "/dev/full cannot be used: no space left on the disk",
  );
  for (const code of ["EDQUOT", "EIO", "ESTALE", "EPERM", "ENAMETOOLONG"]) {
    const { exit, diagnostics } = reportOf(Object.assign(new Error(code), { code, path: "/runs/a" }));
    expect([exit, diagnostics[0]!.code], code).toEqual([4, "F2C6404"]);
  }
});

describe("the lock of a run folder", () => {
  test("keeps a second process out while the first one lives, and names it", () => {
    const folder = RunFolder.create("locked", "locked");
    folder.writeJson("config.json", { name: "locked" });
    const code = `
      const { RunFolder } = await import(${JSON.stringify(new URL("../../dist/runtime/run/run-folder.js", import.meta.url).href)});
      try { RunFolder.reopen("locked", "locked"); console.log("in"); } catch (error) { console.log(error.code, error.message); }`;
    const other = () =>
      spawnSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" }).stdout.trim();
    expect(other()).toMatch(new RegExp(`^F2C6406 process ${process.pid} works in .*locked, since \\d{4}-`));
    folder.release();
    expect(other()).toBe("in");
    expect(existsSync(lockOf("locked"))).toBe(false); // it let go when it ended
  });

  test("of a process that is gone does not count, nor one whose number another process has now", async () => {
    const folder = RunFolder.create("left", "left");
    folder.writeJson("config.json", { name: "left" });
    const holder = JSON.parse(readFileSync(lockOf("left"), "utf8"));
    folder.release();
    const child = spawn("sleep", ["100"]);
    writeFileSync(lockOf("left"), JSON.stringify({ ...holder, pid: child.pid })); // it lives, and began at another time
    RunFolder.reopen("left", "left").release();
    child.kill("SIGKILL");
    await new Promise((resolve) => child.on("close", resolve));
    writeFileSync(lockOf("left"), JSON.stringify({ ...holder, pid: child.pid, born: undefined }));
    RunFolder.reopen("left", "left").release();
  });

  test("of a process on another machine counts as long as it is touched", () => {
    mkdirSync("far");
    writeFileSync("far/config.json", '{"name": "far"}');
    writeFileSync(
      lockOf("far"),
      JSON.stringify({ pid: 1, machine: "elsewhere pid:[1]", born: "1", since: Date.now() }),
    );
    expect(thrownBy(() => RunFolder.reopen("far", "far"))).toMatchObject({
      code: "F2C6406",
      message: expect.stringContaining("process 1 on elsewhere"),
    });
    const old = new Date(Date.now() - 600_000);
    utimesSync(lockOf("far"), old, old);
    RunFolder.reopen("far", "far").release();
  });
});

describe("the metrics of a run", () => {
  const scored = (value: number) => ({ numbers: { accuracy: { value, as: "percent" } }, notes: [] });
  test("go back to a step: later lines and a torn one are dropped, the last step and evaluation are told", () => {
    const path = join(home, "metrics.jsonl");
    const history = new History(path);
    for (let step = 0; step < 5; step++) history.add({ step, loss: step });
    history.add({ step: 4, evaluation: { a: scored(0.5), b: scored(0.25) } });
    for (let step = 5; step < 9; step++) history.add({ step, loss: step });
    history.add({ step: 6, evaluation: { b: scored(0.625), damaged: {} } });
    history.add({ step: 8, evaluation: { a: scored(0.75) } });
    writeFileSync(path, `${readFileSync(path, "utf8")}{"step": 9, "lo`);
    expect(history.rewind(7)).toEqual({
      last: { step: 6, loss: 6 },
      evaluations: {
        a: { before: 5, measured: scored(0.5) },
        b: { before: 7, measured: scored(0.625) },
      },
    });
    history.add({ step: 7, loss: 7 });
    const steps = readFileSync(path, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).step);
    expect(steps).toEqual([0, 1, 2, 3, 4, 4, 5, 6, 6, 7]);
  });

  test("are read in pieces, whatever the lines' lengths", () => {
    const path = join(home, "long.jsonl");
    const history = new History(path);
    for (let step = 0; step < 40; step++) history.add({ step, note: "ä".repeat(60_000 + step) });
    expect(history.rewind(39).last).toMatchObject({ step: 38, note: "ä".repeat(60_038) });
    expect(history.rewind(0)).toEqual({ last: undefined, evaluations: {} });
    expect(readFileSync(path, "utf8")).toBe("");
    expect(new History(join(home, "none.jsonl")).rewind(3)).toEqual({
      last: undefined,
      evaluations: {},
    });
  });
});
