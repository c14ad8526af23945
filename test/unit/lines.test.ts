import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HostClient } from "#runtime/bridge/host-client";
import { LineSplitter } from "#runtime/bridge/lines";

/** The lines that are heard of a text, which comes in pieces of so many bytes. */
function linesOf(text: string, pieceBytes: number, longest?: number): string[] {
  const heard: string[] = [];
  const splitter = new LineSplitter((line) => heard.push(line), longest);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) splitter.write(bytes.subarray(at, at + pieceBytes));
  splitter.end();
  return heard;
}

test.each([1, 2, 3, 5, 1000])("lines are the same however the text is cut: pieces of %d bytes", (piece) => {
  const text = "one\ntwo\r\n\r\n10 %\r20 %\rüß€😀\n\nlast";
  expect(linesOf(text, piece)).toEqual(["one", "two", "", "10 %", "20 %", "üß€😀", "", "last"]);
  expect(linesOf("ended\n", piece)).toEqual(["ended"]);
  expect(linesOf("", piece)).toEqual([]);
});

test.each([1, 7, 1000])("a long line is cut, and says how much it was: pieces of %d bytes", (piece) => {
  const text = `${"a".repeat(10)}\n${"b".repeat(1234 + 10)}\nshort\n${"c".repeat(11)}`;
  expect(linesOf(text, piece, 10)).toEqual([
    "aaaaaaaaaa",
    "bbbbbbbbbb … (1,234 characters left out)",
    "short",
    "cccccccccc … (1 characters left out)",
  ]);
});

test("an endless line of a host is neither kept nor handed over whole", async () => {
  const folder = mkdtempSync(join(tmpdir(), "f2c-lines-"));
  const python = join(folder, "python");
  writeFileSync(python, "#!/bin/sh\nhead -c 50000000 /dev/zero | tr '\\0' x >&2\n");
  chmodSync(python, 0o755);
  const heard: string[] = [];
  const failed = await HostClient.start({
    python,
    registryHash: "any",
    irVersion: [1, 0],
    onLine: (line) => heard.push(line),
  }).catch((error: Error) => error);
  rmSync(folder, { recursive: true });
  expect(heard).toEqual([`${"x".repeat(8192)} … (49,991,808 characters left out)`]);
  expect((failed as Error).message.length).toBeLessThan(10_000);
});
