/** @file The processes of a run, found by a mark in their environment: the driver, its hosts, and whatever those started. Linux only. */
import { readdirSync, readFileSync } from "node:fs";

export interface Found {
  readonly pid: number;
  readonly command: string;
}

/** Every process that lives and has `F2C_CHAOS=mark` in its environment. */
export function processesOf(mark: string): Found[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      if (!`\0${readFileSync(`/proc/${name}/environ`, "latin1")}`.includes(`\0F2C_CHAOS=${mark}\0`))
        return [];
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      if (stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z")) return [];
      return [
        { pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, "latin1").replaceAll("\0", " ") },
      ];
    } catch {
      return []; // it has ended, or is another user's
    }
  });
}

export const isHost = ({ command }: Found): boolean => command.includes("f2c_host");

/** Sends a signal; a process that has ended is none. */
export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {}
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
