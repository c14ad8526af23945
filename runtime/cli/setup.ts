/** @file `f2c-dsl setup`. */
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import { setUp } from "../bridge/python-environment.js";
import { allowedTorch, isAllowedTorch } from "../bridge/torch-release.js";
import { fail } from "./report.js";

interface SetupOptions {
  readonly onnx?: boolean;
  readonly parquet?: boolean;
  readonly test?: boolean;
  readonly torch?: string;
}

export async function setup(options: SetupOptions): Promise<void> {
  const { torch } = options;
  try {
    if (torch !== undefined && !isAllowedTorch(torch))
      throw experimentError("bad-command-line.torch", { torch, allowed: allowedTorch() });
    const python = await setUp((line) => process.stderr.write(`${line}\n`), {
      extras: (["onnx", "parquet", "test"] as const).filter((extra) => options[extra]),
      torch,
    });
    process.stdout.write(`the host is ready: ${python}\n`);
  } catch (error) {
    fail(error);
  }
}
