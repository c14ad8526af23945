import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ExperimentError } from "#dsl/core/errors";
import { type ImageFolderOptions, imageFolder } from "#dsl/data/image-folder";

const base = mkdtempSync(join(tmpdir(), "f2c-folders-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let made = 0;
/** A folder with files of these paths; what is in them is never read when they are listed. */
function folder(paths: readonly string[]): string {
  const root = join(base, String(made++));
  mkdirSync(root);
  for (const path of paths) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), "");
  }
  return root;
}
const people = (count: number, images: number, name = (k: number) => `id${k}`) =>
  Array.from({ length: count }, (_, k) =>
    Array.from({ length: images }, (_, i) => `${name(k)}/${i}.jpg`),
  ).flat();

interface Listed {
  readonly files: readonly string[];
  /** The path of each image below the root, as the disk has it. */
  readonly bytes: readonly Buffer[];
  readonly counts: readonly number[];
  readonly notes: readonly string[];
}

/** The paths that an index holds, read by the rules of its file format alone. */
function pathsIn(index: string): readonly Buffer[] {
  const file = readFileSync(index);
  const length = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.subarray(8, 8 + length).toString());
  const section = (name: string) => {
    const [start, end] = header[name].data_offsets;
    return file.subarray(8 + length + start, 8 + length + end);
  };
  const parts = (name: string, ends: string) => {
    const bounds = section(ends);
    const at = (i: number) => Number(bounds.readBigInt64LE(8 * i));
    return Array.from({ length: bounds.length / 8 - 1 }, (_, i) => section(name).subarray(at(i), at(i + 1)));
  };
  const names = parts("names", "nameEnds");
  const offsets = section("offsets");
  return parts("identities", "identityEnds").flatMap((person, i) =>
    names
      .slice(offsets.readInt32LE(4 * i), offsets.readInt32LE(4 * i + 4))
      .map((name) => Buffer.concat([person, Buffer.from("/"), name])),
  );
}

function list(root: string, options: Partial<ImageFolderOptions> = {}): Listed {
  const { train, notes = [] } = imageFolder({ root, size: 16, ...options }).open({ directory: base });
  const files = train.names!.slice(0, train.names!.length);
  const bytes = pathsIn(train.spec.index as string);
  const counts = Array.from(train.offsets.slice(1), (end, i) => end - train.offsets[i]!);
  return { files, bytes, counts, notes };
}

function refusal(root: string, options: Partial<ImageFolderOptions> = {}): ExperimentError {
  try {
    list(root, options);
  } catch (error) {
    if (error instanceof ExperimentError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

test("a clean folder has nothing to tell of", () => {
  expect(list(folder(people(14, 4)))).toMatchObject({ counts: Array(14).fill(4), notes: [] });
});

test("folders and files come in natural order, and in one order where that holds them for equal", () => {
  const { files } = list(
    folder(["10/a.jpg", "9/b10.jpg", "9/b2.jpg", "0/a.jpg", "00/a.jpg", "1/01.jpg", "1/1.jpg"]),
  );
  expect(files).toEqual(["0/a.jpg", "00/a.jpg", "1/01.jpg", "1/1.jpg", "9/b2.jpg", "9/b10.jpg", "10/a.jpg"]);
});

describe("what is no photograph is passed over, counted and told of", () => {
  test.each([
    ["a notebook's hidden folder", [".ipynb_checkpoints/0.jpg"], "1 hidden folder (.ipynb_checkpoints)"],
    [
      "the forks that macOS leaves",
      ["id0/._0.jpg", "id1/._0.jpg", "id1/._1.jpg"],
      "3 hidden files (id0/._0.jpg, id1/._0.jpg, …)",
    ],
    ["an archive's __MACOSX", ["__MACOSX/id0/._0.jpg"], "1 folder of the system (__MACOSX)"],
    ["a network drive's thumbnails", ["id0/@eaDir/0.jpg"], "1 folder of the system (id0/@eaDir)"],
    [
      "a person without images",
      ["nobody/readme.md"],
      "1 folder without images (nobody), 1 file of another kind (.md)",
    ],
    ["pictures beside the folders", ["all.png"], "1 image beside the folders (all.png)"],
    [
      "pictures of a kind that is not read",
      ["id0/9.gif", "id1/9.tif"],
      "2 files of other kinds (.gif, .tif)",
    ],
    ["folders inside an identity's", ["id0/old/0.jpg"], "1 folder inside an identity's (id0/old)"],
    [
      "a folder whose pictures lie deeper, where others do not",
      ["old/id0/0.jpg"],
      "1 folder whose images lie deeper (old)",
    ],
  ])("%s", (_, extra, says) => {
    const { counts, notes } = list(folder([...people(3, 2), ...extra]));
    expect(counts).toEqual([2, 2, 2]);
    expect(notes).toEqual([expect.stringMatching(/^photographs in .*: 3 identities, 6 images; skipped /)]);
    expect(notes[0]!.split("; skipped ")[1]).toBe(says);
  });

  test("links to nowhere and in a circle, pipes, and what may not be read", () => {
    const root = folder(people(3, 2));
    symlinkSync("/nowhere/id3", join(root, "id3"));
    symlinkSync("round", join(root, "round"));
    symlinkSync("/nowhere/9.jpg", join(root, "id0/9.jpg"));
    execFileSync("mkfifo", [join(root, "id1/9.jpg")]);
    mkdirSync(join(root, "secret"));
    chmodSync(join(root, "secret"), 0);
    try {
      const { counts, notes } = list(root);
      expect(counts).toEqual([2, 2, 2]);
      // Nothing is forbidden to root.
      const secret =
        process.getuid?.() === 0
          ? "1 folder without images (secret)"
          : "1 folder or file that may not be read (secret)";
      for (const part of [
        "2 links to nowhere (id3, id0/9.jpg)",
        "1 link that leads in a circle (round)",
        "1 pipe, socket or device (id1/9.jpg)",
        secret,
      ])
        expect(notes[0]).toContain(part);
    } finally {
      chmodSync(join(root, "secret"), 0o700);
    }
  });

  test("links to what is there are followed", () => {
    const root = folder(["a/0.jpg", "b/0.jpg"]);
    const elsewhere = folder(["c/0.jpg"]);
    symlinkSync(join(elsewhere, "c"), join(root, "c"));
    symlinkSync(join(elsewhere, "c/0.jpg"), join(root, "a/1.jpg"));
    expect(list(root)).toMatchObject({ counts: [2, 1, 1], notes: [] });
  });
});

describe("names that are no text", () => {
  // "photograph" in GBK
  const gbk = Buffer.from([0xd5, 0xd5, 0xc6, 0xac]);
  test("are shown with their bytes, and told to the host by these", () => {
    const root = folder([...people(2, 2), "x/0.jpg"]);
    renameSync(
      join(root, "id1/1.jpg"),
      Buffer.concat([Buffer.from(`${root}/id1/`), gbk, Buffer.from(".jpg")]),
    );
    renameSync(join(root, "x"), Buffer.concat([Buffer.from(`${root}/`), gbk]));
    const { files, bytes, notes } = list(root);
    const at = (path: Buffer) => bytes.findIndex((b) => b.equals(path));
    const file = Buffer.concat([Buffer.from("id1/"), gbk, Buffer.from(".jpg")]);
    const person = Buffer.concat([gbk, Buffer.from("/0.jpg")]);
    expect(files[at(file)]).toBe("id1/\\xd5\\xd5\\xc6\\xac.jpg");
    expect(files[at(person)]).toBe("\\xd5\\xd5\\xc6\\xac/0.jpg");
    expect(files).toHaveLength(5);
    expect(bytes.filter((b, i) => !b.equals(Buffer.from(files[i]!)))).toHaveLength(2);
    expect(notes).toEqual([]);
  });

  test("hold control characters: these are shown with their bytes, so that a name is one line of any list", () => {
    const odd = "new\nline/\u{1f600}\u001b[31m\u0085.jpg";
    const root = folder([...people(2, 2), odd]);
    const { files, bytes } = list(root);
    const shown = "new\\x0aline/\u{1f600}\\x1b[31m\\xc2\\x85.jpg";
    expect(files[4]).toBe(shown);
    expect(bytes[4]).toEqual(Buffer.from(odd));
    expect(bytes.slice(0, 4)).toEqual(files.slice(0, 4).map((file) => Buffer.from(file)));
    writeFileSync(join(base, "odd-names.txt"), `${shown}\n`);
    expect(list(root, { leaveOut: "odd-names.txt" }).files).toEqual(files.slice(0, 4));
  });

  test("are none where they are text of any language, even with U+FFFD", () => {
    const root = folder(["照片/写真.jpg", "\ufffd/1.jpg"]);
    const { files, bytes } = list(root);
    expect([...files].sort()).toEqual(["照片/写真.jpg", "\ufffd/1.jpg"].sort());
    expect(bytes).toEqual(files.map((file) => Buffer.from(file)));
  });
});

describe("pictures that lie deeper", () => {
  const clips = () =>
    folder([0, 1, 2].flatMap((k) => ["clip0/0.jpg", "clip1/0.jpg", "clip1/1.jpg"].map((f) => `id${k}/${f}`)));

  test("one folder deeper: one error that sees them, and names the option", () => {
    const { code, message, hint } = refusal(clips());
    expect(code).toBe("F2C2210");
    expect(message).toMatch(/3 of the folders .* such as id0\/clip0\/0\.jpg$/);
    expect(hint).toMatch(/`subfolders: true`/);
  });

  test("with `subfolders` they are the identity's own, in order; circles of links end", () => {
    const root = clips();
    symlinkSync("..", join(root, "id0/clip0/up"));
    const { files, counts, notes } = list(root, { subfolders: true });
    expect(counts).toEqual([3, 3, 3]);
    expect(files.slice(0, 3)).toEqual(["id0/clip0/0.jpg", "id0/clip1/0.jpg", "id0/clip1/1.jpg"]);
    expect(notes[0]).toMatch(/1 link that leads in a circle|1 folder.* in a circle/);
  });

  test("train and val below the root: one error that says to name one of the two", () => {
    const root = folder(["train/a/0.jpg", "train/b/0.jpg", "val/c/0.jpg"]);
    const { code, message, hint } = refusal(root);
    expect(code).toBe("F2C2211");
    expect(message).toMatch(/it holds train, val, and below them train\/a\/0\.jpg$/);
    expect(hint).toContain(`"${root}/train" or "${root}/val"`);
  });

  test("a single folder around all, and two of them", () => {
    const [one, two] = [
      folder(["faces94/a/0.jpg", "faces94/b/0.jpg"]),
      folder(["x/y/a/0.jpg", "x/y/b/0.jpg"]),
    ];
    expect(refusal(one).hint).toContain(`"${one}/faces94"`);
    expect(refusal(two).hint).toContain(`"${two}/x/y"`);
  });
});

describe("a root that cannot be used", () => {
  test("is a link that leads in a circle, or a file", () => {
    symlinkSync("itself", join(base, "itself"));
    expect(refusal(join(base, "itself"))).toMatchObject({
      code: "F2C2213",
      message: expect.stringMatching(/it is a link that leads in a circle$/),
    });
    expect(refusal(join(folder(["a.jpg"]), "a.jpg"))).toMatchObject({ code: "F2C2213" });
  });
  test("holds only what is passed over, which is named", () => {
    const root = folder(["__MACOSX/a/0.jpg", ".git/0.jpg"]);
    expect(refusal(root)).toMatchObject({
      code: "F2C2206",
      message: expect.stringContaining("it has 1 hidden folder (.git), 1 folder of the system (__MACOSX)"),
    });
    expect(refusal(folder([]))).toMatchObject({ message: expect.stringMatching(/it is empty$/) });
  });
  test("holds one identity's pictures", () => {
    expect(refusal(folder(["0.jpg", "1.jpg"])).hint).toMatch(/the one above it the `root`/);
  });
});

describe("`leaveOut`", () => {
  test("names images and identities; what it names in vain is told", () => {
    const root = folder([...people(4, 2), "id0/#1.jpg"]);
    const listed = join(base, "left.txt");
    writeFileSync(listed, "# mine\r\n\nid0/1.jpg\r\n./id0/#1.jpg\nid3\nid9/7.jpg\n");
    const { files, counts, notes } = list(root, { leaveOut: "left.txt" });
    expect(counts).toEqual([1, 2, 2]);
    expect(files).not.toContain("id0/1.jpg");
    expect(notes[0]).toContain("3 left out by left.txt (id3, id0/#1.jpg, …)");
    expect(notes[0]).toContain("1 entry of left.txt that names nothing (id9/7.jpg)");
  });
  test("an identity all of whose images are left out is none", () => {
    const root = folder(people(3, 1));
    writeFileSync(join(base, "one.txt"), "id1/0.jpg\n");
    expect(list(root, { leaveOut: "one.txt" })).toMatchObject({
      counts: [1, 1],
      files: ["id0/0.jpg", "id2/0.jpg"],
    });
  });
});

describe("options travel to the host only where they are given", () => {
  const specOf = (options: Partial<ImageFolderOptions>) => {
    const { train } = imageFolder({ root: folder(people(2, 3)), size: 16, ...options }).open({
      directory: base,
    });
    return train;
  };
  test("none", () => {
    const { spec, buffers } = specOf({});
    const always = ["kind", "root", "index", "indexId", "people", "channels", "height", "width", "fit"];
    expect(Object.keys(spec)).toEqual(always);
    expect(buffers).toEqual({});
  });
  test("all", () => {
    const { spec, buffers } = specOf({ broken: "skip", channelOrder: "bgr", bits: 12 });
    expect(spec).toMatchObject({ broken: "skip", channelOrder: "bgr", bits: 12, people: [[0, 2]] });
    expect(buffers).toEqual({});
  });
  test.each([{ bits: 7 }, { bits: 12.5 }, { broken: "ignore" }, { channelOrder: "rbg" }])(
    "%o is refused",
    (wrong) => {
      expect(() => imageFolder({ root: ".", size: 16, ...(wrong as object) })).toThrow(
        expect.objectContaining({ code: "F2C2202" }),
      );
    },
  );
});

describe("options that the types refuse, but the environment or a JSON file may hold", () => {
  const cases: readonly [Record<string, unknown>, string][] = [
    [{ root: undefined }, "`root` is undefined, not the path of a folder"],
    [{ root: "" }, '`root` is "", not the path of a folder'],
    [{ size: 0 }, "`size` is 0, not a whole number of pixels from 1 up, or two of them: [height, width]"],
    [{ size: 56.5 }, "`size` is 56.5, not a whole number of pixels"],
    [{ size: [112, 112, 3] }, "`size` is [112,112,3], not a whole number of pixels"],
    [{ size: [56, "48"] }, '`size` is [56,"48"], not a whole number of pixels'],
    [{ channels: 4 }, "`channels` is 4, not 1 or 3"],
    [{ fit: "pad" }, '`fit` is "pad", not "crop" or "stretch"'],
    [{ maxPixels: 1.5 }, "`maxPixels` is 1.5, not a whole number from 1 up"],
  ];
  test.each(cases)("%o", (options, message) => {
    const error = refusal(folder(people(2, 1)), options as Partial<ImageFolderOptions>);
    expect(error.code).toBe("F2C2202");
    expect(error.message).toContain(`imageFolder: ${message}`);
  });
});
