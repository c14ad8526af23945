/**
 * @file Freezes the IR's version under `test/fixtures/ir/<version>`: its schema, and the program of an example in its
 * form. `npm run generate` runs it. What `released.json` lists stays as it is for ever; to release a version is to add
 * it there, and what changes after that needs another one.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { encodeModule } from "../ir/encode.js";
import { IR_VERSION } from "../ir/module.js";
import { currentSchema } from "../ir/schema.js";
import { compileExperiment } from "./compile.js";
import { loadExperiment } from "./load/load.js";

const root = new URL("../../../", import.meta.url);
const frozen = new URL("test/fixtures/ir/", root);
const version = IR_VERSION.join(".");

const released = JSON.parse(readFileSync(new URL("released.json", frozen), "utf8")) as readonly string[];
if (!released.includes(version)) {
  const folder = new URL(`${version}/`, frozen);
  const example = fileURLToPath(new URL("examples/own-method.ts", root));
  const { module } = compileExperiment(loadExperiment(example));
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL("schema.json", folder), `${JSON.stringify(currentSchema(), null, 2)}\n`);
  writeFileSync(new URL("own-method.json", folder), `${JSON.stringify(encodeModule(module))}\n`);
}
