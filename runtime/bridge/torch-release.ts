/** @file Which release of torch an environment gets: that of constraints.txt, which the tests ran with, unless `setup --torch` names another. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { libraryRoot } from "../../compiler/index.js";
import type { Environment } from "./environment-folder.js";

/** What `setup --torch` named when this environment was made. */
export function chosenTorch({ torch }: Environment): string | undefined {
  return existsSync(torch) ? readFileSync(torch, "utf8") : undefined;
}

/** What the host's package may be installed with: `>=2.11,<2.16`. */
export function allowedTorch(root = libraryRoot): string {
  const project = readFileSync(join(root, "python-host", "pyproject.toml"), "utf8");
  const [, range] = /"torch(>=[\d.]+,<[\d.]+)"/.exec(project) ?? [];
  if (range === undefined) throw new Error("internal: pyproject.toml says of torch no range of releases");
  return range;
}

/** Whether this is a release, `2.14.1`, or a line, `2.14`, that the host's package may be installed with. */
export function isAllowedTorch(release: string, root = libraryRoot): boolean {
  if (!/^\d+\.\d+(\.\d+)?$/.test(release)) return false;
  const [from, to] = allowedTorch(root)
    .match(/\d+\.\d+/g)!
    .map(lineNumber);
  return from! <= lineNumber(release) && lineNumber(release) < to!;
}

/** 2.9 is before 2.11. */
function lineNumber(release: string): number {
  const [major, minor] = release.split(".").map(Number);
  return major! * 1000 + minor!;
}

/** The file of versions that pip keeps to: the tested ones, but for the torch that was named, and Triton, which torch names. */
export function constraintsFor({ python, folder }: Environment, torch: string | undefined): string {
  const tested = join(python, "constraints.txt");
  if (torch === undefined) return tested;
  const wanted = torch.split(".").length === 2 ? `torch==${torch}.*` : `torch==${torch}`;
  const path = join(folder, "f2c-host.constraints");
  const versions = readFileSync(tested, "utf8").replace(/^triton==.*\n/m, "");
  writeFileSync(path, versions.replace(/^torch==.*$/m, wanted));
  return path;
}
