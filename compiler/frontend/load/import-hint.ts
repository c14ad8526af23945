/** @file Guesses what was meant by an import that is not found. */
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { PYTHON_PACKAGES } from "../from-pytorch.js";
import type { ts } from "../typescript.js";
import { differ } from "./edit-distance.js";

export const OWN_NAME = "f2c-dsl";

/** `message` is what TypeScript says of it. */
export function insteadOfImport(message: string, file: ts.SourceFile | undefined): string {
  const [, name] = /'(.+?)'/.exec(message) ?? [];
  if (name === undefined || /^[./]/.test(name)) {
    const near = name === undefined || !file ? undefined : nearFile(name, dirname(file.fileName));
    return near === undefined
      ? "check the name; a relative path counts from the importing file"
      : `did you mean "${near}"? A relative path counts from the importing file`;
  }
  const letters = name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  if (name.startsWith(`${OWN_NAME}/`))
    return `everything is in "${OWN_NAME}" itself: import { … } from "${OWN_NAME}"`;
  if (differ(letters, "f2cdsl") <= 2 && letters.startsWith("f")) return `did you mean "${OWN_NAME}"?`;
  if (PYTHON_PACKAGES.has(name.split("/")[0]!))
    return `that is a package of Python's: tensors and their ops are of this library, import { ops } from "${OWN_NAME}"; arrays and files are Node's`;
  return `install it beside the experiment: npm install ${packageOf(name)}`;
}

/** The package that an import takes a part of. */
const packageOf = (name: string) =>
  name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/");

/** A file in the same folder with nearly the same name. */
function nearFile(name: string, folder: string): string | undefined {
  const stem = (file: string) => file.replace(/\.[cm]?[jt]sx?$/, "");
  try {
    const near = readdirSync(join(folder, dirname(name)))
      .filter((file) => /(?<!\.d)\.[cm]?tsx?$/.test(file))
      .map((file) => ({
        file,
        distance: differ(stem(file).toLowerCase(), stem(basename(name)).toLowerCase()),
      }))
      .sort((a, b) => a.distance - b.distance)[0];
    if (!near || near.distance > 2) return undefined;
    return name.replace(/[^/]*$/, `${stem(near.file)}${/\.[cm]?[jt]sx?$/.exec(name)?.[0] ?? ""}`);
  } catch {
    return undefined;
  }
}
