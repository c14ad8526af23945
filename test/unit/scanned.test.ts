import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { filesAt } from "#dsl/data/paths";
import { kindAt } from "#dsl/data/recognise";
import {
  binSet,
  type DataSource,
  type HostScan,
  imageFolder,
  lmdb,
  numpyImages,
  parquet,
  recordIO,
  webDataset,
} from "#dsl/index";
import { scanInHost } from "#runtime/bridge/host-scan";
import { thrownBy } from "./thrown.js";

const home = mkdtempSync(join(tmpdir(), "f2c-scanned-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const RECORDS = join(home, "faces.rec");
writeFileSync(RECORDS, Buffer.from("0a23d7ce00000000", "hex"));

/** What a source asks the host for, which makes nothing. */
function askedBy(source: DataSource): HostScan | undefined {
  let asked: HostScan | undefined;
  const scan = (told: HostScan) => {
    asked = told;
  };
  try {
    source.open({ directory: home, scan });
  } catch (error) {
    if (!asked) throw error; // else it is the index that is missing
  }
  return asked;
}

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
    [
      "lmdb, given its folder",
      lmdb({ path: "db", labels: "kv.txt", size: 16 }),
      { paths: ["db/data.mdb"], labels: "kv.txt" },
    ],
    [
      "lmdb, given its file and one of its databases",
      lmdb({ path: "db/data.mdb", labels: "kv.txt", database: "train", size: 16 }),
      { paths: ["db/data.mdb"], labels: "kv.txt", database: "train" },
    ],
    ["binSet", binSet({ path: "db/lfw.bin", size: 16 }), { paths: ["db/lfw.bin"] }],
    [
      "webDataset",
      webDataset({ path: "db/w-{0..1}.tar", size: 16 }),
      { paths: ["db/w-0.tar", "db/w-1.tar"], label: "cls" },
    ],
    [
      "webDataset, told where images and labels are",
      webDataset({ path: "db/w-0.tar", image: ".JPG;png", label: "json:person.id", size: 16 }),
      { paths: ["db/w-0.tar"], images: ["jpg", "png"], label: "json:person.id" },
    ],
  ])("%s: the scanner is told what it needs", (_, source, { paths, ...options }) => {
    mkdirSync(join(home, "db"), { recursive: true });
    writeFileSync(join(home, "db/data.mdb"), Buffer.from(`${"00".repeat(16)}dec0efbe`, "hex"));
    for (const name of ["kv.txt", "db/lfw.bin", "db/w-0.tar", "db/w-1.tar"])
      writeFileSync(join(home, name), "");
    const absolute = { ...options, ...("labels" in options && { labels: join(home, options.labels) }) };
    expect(askedBy(source)).toMatchObject({ paths: paths.map((path) => join(home, path)), ...absolute });
  });

  test.each([
    [
      "no list of labels",
      () => lmdb({ path: "db", labels: "", size: 16 }),
      "F2C2202",
      '`labels` is "", not the path',
    ],
    [
      "a database without a name",
      () => lmdb({ path: "db", labels: "kv.txt", database: "", size: 16 }),
      "F2C2202",
      "`database`",
    ],
    [
      "a folder of another kind",
      () => askedBy(lmdb({ path: ".", labels: "faces.rec", size: 16 })),
      "F2C2147",
      "is RecordIO (.rec), not an LMDB database",
    ],
    [
      "a folder without a database",
      () => askedBy(lmdb({ path: "empty", labels: "faces.rec", size: 16 })),
      "F2C2146",
      "without data.mdb",
    ],
    [
      "a list that is not there",
      () => askedBy(lmdb({ path: "db", labels: "nowhere.txt", size: 16 })),
      "F2C2146",
      "nowhere.txt",
    ],
    ["a set without a name", () => binSet({ path: "", size: 16 }), "F2C2202", "not the path of a `.bin`"],
    ["no set", () => askedBy(binSet({ path: "faces.rec", size: 16 })), "F2C2147", "not a verification set"],
    ["an empty ending", () => webDataset({ path: "w.tar", image: "jpg;", size: 16 }), "F2C2202", "`image`"],
    [
      "a label nowhere",
      () => webDataset({ path: "w.tar", label: "", size: 16 }),
      "F2C2202",
      '"json:field" or',
    ],
    [
      "a file of another kind",
      () => askedBy(webDataset({ path: "faces.rec", size: 16 })),
      "F2C2147",
      "not a tar archive",
    ],
  ])("%s is refused", (_, open, code, says) => {
    mkdirSync(join(home, "empty"), { recursive: true });
    expect(thrownBy(open)).toMatchObject({ code, message: expect.stringContaining(says) });
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

test.each([
  [parquet({ path: "a.parquet", size: 16, label: "who" }), ["a.parquet"], { kind: "parquet", label: "who" }],
  [
    numpyImages({ images: "i.npy", labels: "l.npy", size: 16, order: "chw" }),
    ["i.npy", "l.npy"],
    { kind: "numpy", order: "chw" },
  ],
  [numpyImages({ images: "f.npz", imagesKey: "x", size: 16 }), ["f.npz"], { order: "hwc", imagesKey: "x" }],
])("%#: options go to the host", (source, files, told) => {
  const heads = { ".parquet": "PAR1", ".npy": "\x93NUMPY", ".npz": "PK\x03\x04" };
  for (const file of files)
    writeFileSync(join(home, file), heads[extname(file) as keyof typeof heads], "latin1");
  const asked: HostScan[] = [];
  const open = () => source.open({ directory: home, scan: (scan) => void asked.push(scan) });
  expect(open).toThrow(/ENOENT/);
  expect(asked).toMatchObject([{ paths: files.map((file) => join(home, file)), ...told }]);
});

test("an order of the dimensions that there is not is refused", () => {
  expect(thrownBy(() => numpyImages({ images: "i.npy", size: 16, order: "nchw" as never }))).toMatchObject({
    code: "F2C2202",
    message: expect.stringContaining('`order` is "nchw", not "hwc" or "chw"'),
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

  test("a folder with files of another kind is refused with the name of their source", () => {
    const other = join(home, "records");
    mkdirSync(other);
    writeFileSync(join(other, "train.rec"), "");
    expect(thrownBy(() => names("records"))).toMatchObject({
      code: "F2C2147",
      hint: "recordIO(…) reads it",
    });
  });

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
  ["the file itself", RECORDS],
  ["the folder that it lies in", home],
])("imageFolder says which source reads a .rec, given %s", (_, root) => {
  expect(thrownBy(() => imageFolder({ root, size: 16 }).open({ directory: home }))).toMatchObject({
    code: "F2C2147",
    hint: "recordIO(…) reads it",
  });
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
