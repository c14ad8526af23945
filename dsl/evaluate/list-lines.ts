/** @file Text lists, line by line: read in parts, so that one of 15 million pairs takes no more memory than what is made of it. */
import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join, resolve } from "node:path";
import { experimentError } from "../core/errors.js";

/** A list, and how it is called in messages. */
export interface ListFile {
  readonly path: string;
  readonly shown: string;
}

/** Bytes from `start` to `end` are a line's, without its end; lines are counted from 1. `bytes` is used again for the next ones. */
export type TakeLine = (bytes: Buffer, start: number, end: number, line: number) => void;

const AT_ONCE = 1 << 17;
const LONGEST = 1 << 20;
const [LINE_FEED, CARRIAGE_RETURN, SPACE, TAB] = [10, 13, 32, 9];
const BYTE_ORDER_MARK = "\ufeff";

export const listFile = (directory: string, shown: string): ListFile => ({
  path: resolve(directory, shown),
  shown,
});

/** Gives each line that is not blank to `take`. Throws F2C2511 where the file cannot be read, F2C2512 where a line is longer than 1 MB. */
export function eachLine(list: ListFile, take: TakeLine): void {
  const file = opened(list);
  let bytes = Buffer.allocUnsafe(AT_ONCE);
  let [kept, line] = [0, 0];
  const give = (start: number, end: number) => {
    line++;
    let [from, to] = [start, end];
    while (to > from && isBlank(bytes[to - 1]!)) to--;
    if (line === 1 && bytes.toString("utf8", from, Math.min(to, from + 3)) === BYTE_ORDER_MARK) from += 3;
    if (to > from) take(bytes, from, to, line);
  };
  try {
    for (;;) {
      const read = readPart(list, file, bytes, kept);
      const end = kept + read;
      const whole = bytes.subarray(0, end);
      let start = 0;
      for (let at = whole.indexOf(LINE_FEED, kept); at >= 0; at = whole.indexOf(LINE_FEED, start)) {
        give(start, at);
        start = at + 1;
      }
      kept = end - start;
      if (read === 0) {
        if (kept > 0) give(start, end);
        return;
      }
      bytes.copy(bytes, 0, start, end);
      if (kept > LONGEST) throw experimentError("bad-list-line.long", { file: list.shown, line: line + 1 });
      if (2 * kept > bytes.length) bytes = Buffer.concat([bytes], 2 * bytes.length);
    }
  } finally {
    closeSync(file);
  }
}

const isBlank = (byte: number) => byte === CARRIAGE_RETURN || byte === SPACE || byte === TAB;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EISDIR: "it is a folder",
  EACCES: "it may not be read",
};

const reasonOf = (error: unknown): string => {
  const { code = String(error) } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? code;
};

function opened(list: ListFile): number {
  try {
    return openSync(list.path, "r");
  } catch (error) {
    throw experimentError("list-unreadable", { file: list.shown, path: list.path, error: reasonOf(error) });
  }
}

/** The next part of the file, behind `kept` bytes of the part before. */
function readPart(list: ListFile, file: number, bytes: Buffer, kept: number): number {
  try {
    return readSync(file, bytes, kept, bytes.length - kept, null);
  } catch (error) {
    throw experimentError("list-unreadable", { file: list.shown, path: list.path, error: reasonOf(error) });
  }
}

/** What stands between blanks in a line. */
export const wordsOf = (bytes: Buffer, start: number, end: number): string[] =>
  bytes
    .toString("utf8", start, end)
    .split(/[ \t]+/)
    .filter((word) => word !== "");

/**
 * The whole numbers of a line, with blanks, tabs or commas between them, into `numbers`. Gives how many there are; one that is none, or larger than
 * 2^31 - 1, counts and reads as -1, and more than `numbers` holds only count.
 */
export function wholeNumbers(bytes: Buffer, start: number, end: number, numbers: Int32Array): number {
  let [count, at] = [0, start];
  while (at < end) {
    let value = 0;
    const from = at;
    for (; at < end && !parts(bytes[at]!); at++) {
      const digit = bytes[at]! - ZERO;
      value = digit < 0 || digit > 9 || value < 0 ? -1 : value * 10 + digit;
      if (value > MOST) value = -1;
    }
    if (at > from) {
      if (count < numbers.length) numbers[count] = value;
      count++;
    }
    at++;
  }
  return count;
}

const [ZERO, COMMA, MOST] = [48, 44, 0x7fff_ffff];
const parts = (byte: number) => byte === SPACE || byte === TAB || byte === COMMA;

/** The files of a folder whose names end so, in the order of their names. Throws F2C2511 where it cannot be read. */
export function filesEnding(folder: ListFile, ends: RegExp): readonly ListFile[] {
  try {
    return readdirSync(folder.path)
      .filter((name) => ends.test(name))
      .sort()
      .map((name) => ({ path: join(folder.path, name), shown: join(folder.shown, name) }));
  } catch (error) {
    throw experimentError("list-unreadable", {
      file: folder.shown,
      path: folder.path,
      error: reasonOf(error),
    });
  }
}
