/**
 * @file Freezes the IR's version under `test/fixtures/ir/<version>`: its schema, and the program of an example in its form.
 * `npm run generate` runs it. A version in `released.json` never changes again. Adding it there releases it; any later
 * change needs a new version.
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
