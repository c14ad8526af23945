/** @file What Linux says of processes. */
import { readdirSync, readFileSync } from "node:fs";

/** What `/proc` has of a process under a name; empty where it is gone. */
function said(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}

const megabytes = (pid: number, field: string) =>
  Number(new RegExp(`${field}:\\s+(\\d+)`).exec(said(pid, "status"))?.[1] ?? 0) / 1024;

export const privateMegabytes = (pid: number) => megabytes(pid, "RssAnon");

/** The most resident memory that it ever had. */
export const peakMegabytes = (pid: number) => megabytes(pid, "VmHWM");

/** Clock ticks a second, in which Linux counts. */
const TICKS = 100;

/** Processor time in user mode, of all its threads. */
export const userSeconds = (pid: number) =>
  // The name in parentheses may hold anything; utime is the twelfth field after it.
  Number(said(pid, "stat").split(") ").at(-1)?.split(" ")[11] ?? 0) / TICKS;

export const childrenOf = (pid: number): readonly number[] =>
  readdirSync("/proc")
    .map(Number)
    .filter((one) => Number(/PPid:\s+(\d+)/.exec(said(one, "status"))?.[1]) === pid);
