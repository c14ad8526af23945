/** @file `f2c-dsl setup`. */
import { setUp } from "../bridge/python-environment.js";
import { fail } from "./report.js";

export async function setup(options: { onnx?: boolean; parquet?: boolean; test?: boolean }): Promise<void> {
  try {
    const python = await setUp((line) => process.stderr.write(`${line}\n`), {
      extras: (["onnx", "parquet", "test"] as const).filter((extra) => options[extra]),
    });
    process.stdout.write(`the host is ready: ${python}\n`);
  } catch (error) {
    fail(error);
  }
}
