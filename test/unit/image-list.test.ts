/** Lists of images: what the host is asked to scan, where the files are said to lie, and what people are called. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { IndexWriter } from "#dsl/data/index-file";
import {
  concat,
  type HostScan,
  type ImageListOptions,
  imageList,
  minImages,
  pickIdentities,
} from "#dsl/index";
import { personOf } from "#dsl/method/source";
import { listingOf } from "#runtime/run/identity/listing";
import { codeOf, thrownBy } from "./thrown.js";

const home = mkdtempSync(join(tmpdir(), "f2c-list-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
mkdirSync(join(home, "lists"));
for (const name of ["a.txt", "lists/b.csv", "lists/c.tsv"]) writeFileSync(join(home, name), "x.jpg 0\n");

const asked: HostScan[] = [];
/** Stands in for the host: ann, bob and 7, with 2, 1 and 3 images. */
const scan = (scan: HostScan): void => {
  asked.push(scan);
  const writer = new IndexWriter(scan.index);
  const names = ["x/1.jpg", "2.jpg", "/y/3.jpg", "4.jpg", "x/5.jpg", "6.jpg"].map((name) =>
    Buffer.from(name),
  );
  writer.identity(Buffer.from("ann"), names.slice(0, 2));
  writer.identity(Buffer.from("bob"), names.slice(2, 3));
  writer.identity(Buffer.from("7"), names.slice(3));
  writer.finish({ files: "[]", skipped: "[]", remarks: '["1 of 6 is not there"]', paths: "whole" });
};
const cache = mkdtempSync(join(home, "cache-"));
const listed = (options: Partial<ImageListOptions>) => imageList({ list: "a.txt", size: 16, ...options });
const open = (options: Partial<ImageListOptions>) => listed(options).open({ directory: home, cache, scan });

describe("a list", () => {
  test("is scanned below its own folder, unless told otherwise", () => {
    open({ list: "lists/b.csv" });
    expect(asked.at(-1)).toMatchObject({
      kind: "imagelist",
      paths: [join(home, "lists/b.csv")],
      root: join(home, "lists"),
    });
    const { train } = open({ list: ["a.txt", "lists/b.csv"], root: ".", path: "file", label: 2 });
    expect(asked.at(-1)).toMatchObject({ root: home, path: "file", label: 2 });
    expect(train.spec).toMatchObject({ kind: "image_folder", root: home });
    expect(train.places).toContain("root");
  });

  test("tells what the scan remarked", () => {
    expect(open({}).notes).toEqual([`images in ${join(home, "a.txt")}: 1 of 6 is not there`]);
  });

  test.each([
    ["path", -1],
    ["path", ""],
    ["label", 1.5],
    ["label", null],
  ])("refuses %s: %j", (option, value) => {
    expect(thrownBy(() => listed({ [option]: value }))).toMatchObject({
      code: "F2C2202",
      message: expect.stringContaining(`\`${option}\``),
    });
  });

  test("among several in different folders needs a root", () => {
    expect(codeOf(() => open({ list: ["a.txt", "lists/b.csv"] }))).toBe("F2C2156");
    expect(codeOf(() => open({ list: ["lists/b.csv", "lists/c.tsv"] }))).toBe(undefined);
  });
});

describe("people", () => {
  const context = { directory: home, cache, scan };
  const namesOf = (source: ReturnType<typeof imageList>, set: "train" | "heldOut" = "train") => {
    const catalogue = source.open(context)[set];
    return Array.from({ length: catalogue.offsets.length - 1 }, (_, i) => personOf(catalogue, i));
  };
  const all = listed({});

  test("are called by their labels, whatever their images' paths", () => {
    expect(namesOf(all)).toEqual(["ann", "bob", "7"]);
    expect(all.open(context).train.names!.slice(0, 6)).toEqual([
      "x/1.jpg",
      "2.jpg",
      "/y/3.jpg",
      "4.jpg",
      "x/5.jpg",
      "6.jpg",
    ]);
  });
  test("keep their names where some are held out, chosen or joined with others", () => {
    expect(namesOf(listed({ heldOut: ["bob"] }))).toEqual(["ann", "7"]);
    expect(namesOf(listed({ heldOut: ["bob"] }), "heldOut")).toEqual(["bob"]);
    expect(namesOf(pickIdentities(all, ["7", "ann"]))).toEqual(["ann", "7"]);
    expect(namesOf(minImages(all, 3))).toEqual(["7"]);
    expect(namesOf(concat(minImages(all, 2), listed({ heldOut: 1 })))).toEqual(["ann", "7", "ann", "bob"]);
  });
  test("stand by their names in what a run remembers of its data", () => {
    expect(listingOf(all.open(context).train).names).toEqual(["ann", "bob", "7"]);
  });
});
