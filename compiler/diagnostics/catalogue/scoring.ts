/** @file F2C2562 to F2C2580, F2C6220 to F2C6229 and F2C6340 to F2C6355: nets that are scored and asked for embeddings by themselves. */
import type { Catalogue } from "../../../dsl/diagnostics/entry.js";

export const SCORING = {
  "best-by-no-number": {
    code: "F2C6220",
    severity: "error",
    message: "`keepBest` names the number `{number}` of the evaluation `{evaluation}`, which gives {known}",
    hint: 'choose one of these: keepBest: "{evaluation}.…"; or its first: keepBest: "{evaluation}"',
    why: "Which numbers an evaluation gives is known once one was made, as the baselines are before training.",
  },
  "net-unreadable": {
    code: "F2C6340",
    severity: "error",
    message: "{path} cannot be read as a net: {problem}",
    hint: "check the path, and that the file is whole; weights alone need their net: f2c-dsl convert, then --net exp.ts",
    why: "TorchScript and ONNX files of others are read too. Damage of an archive is found before anything of it runs; what a whole TorchScript file holds runs, so load those that you trust.",
  },
  "net-refuses-images": {
    code: "F2C6341",
    severity: "error",
    message: "{path} cannot embed images {shape}: {problem}",
    hint: "check what it is to be given: size, channels and type",
    why: "The net was fed as its file or the command line says, and could not compute with that.",
  },
  "net-gives-no-rows": {
    code: "F2C6342",
    severity: "error",
    message: "{path} gives {found} of {count:number} images, and not a row of reals an image",
    hint: "give a net that returns embeddings alone, [B, D]",
    why: "A net is asked for one embedding an image.",
  },
  "net-needs-package": {
    code: "F2C6343",
    severity: "error",
    message: "an ONNX file needs {package}, which this Python lacks",
    hint: "f2c-dsl setup --onnx, or python -m pip install {package}",
    why: "onnxruntime computes what an ONNX file holds; on a GPU, onnxruntime-gpu.",
  },
} as const satisfies Catalogue;
