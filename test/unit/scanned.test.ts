import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { filesAt } from "#dsl/data/paths";
import { kindAt } from "#dsl/data/recognise";
import { type HostScan, recordIO } from "#dsl/index";
import { scanInHost } from "#runtime/bridge/host-scan";
import { thrownBy } from "./thrown.js";

const home = mkdtempSync(join(tmpdir(), "f2c-scanned-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const RECORDS = join(home, "faces.rec");
writeFileSync(RECORDS, Buffer.from("0a23d7ce00000000", "hex"));

describe("a source whose files the host reads", () => {
  test("is refused where nobody can make the index", () => {
    const refused = thrownBy(() => recordIO({ path: RECORDS, size: 16 }).open({ directory: home }));
    expect(refused).toMatchObject({ code: "F2C2148", message: expect.stringContaining("faces.rec") });
  });

  test("asks for the index of these files, and of what is left out", () => {
    writeFileSync(join(home, "out.txt"), "# a comment\n3\n4/17\n");
    const asked: HostScan[] = [];
    const open = () =>
      recordIO({ path: "faces.rec", size: 16, leaveOut: "out.txt" }).open({
        directory: home,
        scan: (scan) => asked.push(scan),
      });
    expect(open).toThrow(/ENOENT/); // the index, which nobody made
    expect(asked).toEqual([
      {
        kind: "recordio",
        paths: [RECORDS],
        leaveOut: ["3", "4/17"],
        index: expect.stringMatching(/\.index$/),
      },
    ]);
  });

  test.each([
    ["ended by a signal", "kill -SEGV $$", "was ended by SIGSEGV"],
    ["ended with a traceback", "echo Traceback >&2; exit 3", "ended with 3:\nTraceback"],
  ])("says so when the process that reads them is %s", (_, script, says) => {
    const python = join(home, "python");
    writeFileSync(python, `#!/bin/sh\n${script}\n`);
    chmodSync(python, 0o700);
    vi.stubEnv("F2C_PYTHON", python);
    try {
      const scan = { kind: "recordio", index: join(home, "x.index"), paths: [RECORDS] };
      expect(thrownBy(() => scanInHost(scan, () => {}))).toMatchObject({
        code: "F2C6121",
        message: expect.stringContaining(says),
      });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe("files that an option names", () => {
  for (const name of ["s-10.tar", "s-2.tar", "s-1.tar", ".hidden.tar", "s-1.txt"])
    writeFileSync(join(home, name), "");
  const asked = { function: "webDataset", option: "path", ending: ".tar" };
  const names = (paths: string | readonly string[]) =>
    filesAt(paths, home, asked).map((path) => path.slice(home.length + 1));

  test.each([
    ["s-2.tar", ["s-2.tar"]],
    [
      ["s-2.tar", "s-1.tar"],
      ["s-2.tar", "s-1.tar"],
    ],
    ["s-*.tar", ["s-1.tar", "s-2.tar", "s-10.tar"]],
    ["s-{1..2}.tar", ["s-1.tar", "s-2.tar"]],
    [".", ["s-1.tar", "s-2.tar", "s-10.tar"]],
  ])("%j", (paths, expected) => expect(names(paths)).toEqual(expected));

  test.each([
    ["s-3.tar", "there is no such file"],
    ["t-*.tar", "no file has a name like that"],
    ["s-{1..3}.tar", "s-3.tar"],
  ])("%j is refused", (paths, says) =>
    expect(thrownBy(() => names(paths))).toMatchObject({
      code: "F2C2146",
      message: expect.stringContaining(says),
    }),
  );
});

test.each([
  ["a.rec", "0a23d7ce", "recordIO"],
  ["data.mdb", `${"00".repeat(16)}dec0efbe`, "lmdb"],
  ["a.parquet", "50415231", "parquet"],
  ["a.npy", "934e554d5059", "numpyImages"],
  ["lfw.bin", "80025d71", "binSet"],
  ["a.csv", "612c62", "imageList"],
  ["a.jpg", "ffd8ffe0", undefined],
])("%s is known by its first bytes", (name, head, reader) => {
  const path = join(home, name);
  writeFileSync(path, Buffer.from(head, "hex"));
  expect(kindAt(path)?.reader).toBe(reader);
});
