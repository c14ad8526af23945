import { readFile } from "node:fs/promises";
import { experiment } from "f2c-dsl";
import { setting } from "./setting.js";

// refused F2C1112 «await»: `await` stands outside of a function | readFileSync("…") of node:fs
const text = await readFile("rates.json", "utf8");
// refused F2C1112 «await»: `await` stands outside of a function
for await (const line of [Promise.resolve(text)]) console.log(line);

export const later = async () => await readFile("rates.json", "utf8");
export default experiment(setting as never);
