/** @file Who reads files of many images into an index, for sources that ask for it: the host, if this process can start one. */
import type { HostScan } from "../../../dsl/index.js";

/** Makes an index and waits for it; `tell` hears how far it is. Throws an ExperimentError where the host refuses. */
export type Scanner = (scan: HostScan, tell: (line: string) => void) => void;

let scanner: Scanner | undefined;

/** Set once, by a process that has a host. */
export const scanWith = (given: Scanner): void => {
  scanner = given;
};

export const scannerHere = (): Scanner | undefined => scanner;
