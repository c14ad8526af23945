/** @file The program of a run as its folder keeps it: `ir.txt` for people, `ir.json` for what comes after the run. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeModule, encodeModule, type IrModule, printModule, verified } from "../../compiler/index.js";
import type { RunFolder } from "./run-folder.js";

export const PROGRAM_FILE = "ir.json";

export function writeProgram(folder: RunFolder, module: IrModule): void {
  folder.write("ir.txt", printModule(module));
  folder.write(PROGRAM_FILE, JSON.stringify(encodeModule(module)));
}

/** The program in a folder. Throws where there is none, or none that can be understood. */
export const readProgram = (folder: string): IrModule =>
  verified(decodeModule(JSON.parse(readFileSync(join(folder, PROGRAM_FILE), "utf8"))));
