/** @file F2C2562 to F2C2580, F2C6220 to F2C6229 and F2C6340 to F2C6355: nets that are scored and asked for embeddings by themselves. */
import type { Catalogue } from "../../../dsl/diagnostics/entry.js";

export const SCORING = {
  "default-export-of-another-kind": {
    code: "F2C2562",
    severity: "error",
    cases: {
      protocols: {
        message: "the default export is neither a protocol, nor a record of protocols, nor an experiment",
        hint: "export default verification({ data: … }), or { lfw: verification({ data: … }), … }",
      },
      data: {
        message: "the default export is neither an experiment nor a data source",
        hint: 'export default imageFolder({ root: "faces", size: 112 }), or the experiment whose data it is',
      },
      net: {
        message: "the default export is neither an experiment nor a net",
        hint: "export default iresnet(50), or the experiment whose net it is",
      },
    },
    why: "What is wanted of a file is its default export.",
  },
  "protocol-without-data": {
    code: "F2C2563",
    severity: "error",
    message: "`{name}` does not say whom it compares",
    hint: "give it people: `data: imageFolder({ … })`; only in an experiment are there others",
    why: "A protocol in a file of its own has no experiment whose held-out people it could take.",
  },
  "nothing-to-evaluate": {
    code: "F2C2569",
    severity: "error",
    message: 'the experiment "{name}" evaluates nothing',
    hint: "give it protocols in `evaluate`, or a file whose default export is a protocol",
    why: "Of an experiment, `f2c-dsl eval` takes the protocols that it is evaluated by.",
  },
  "input-unknown": {
    code: "F2C2564",
    severity: "error",
    message: "how images are made ready for {net} is not known: {missing}",
    hint: "say how it was trained, for example --size 112x112 --order rgb --mean 127.5 --scale 128",
    why: "A net that gets images otherwise than it was trained with, in another order of colours or another range, scores badly and says nothing. So it is never guessed: the file says it (`f2c.input`, see docs/exporting.md), or the command line.",
  },
  "input-metadata": {
    code: "F2C2565",
    severity: "error",
    message: "what {net} says of its images (`f2c.input`) cannot be used: {problem}",
    hint: "correct it, or take it out of the file and give --size, --order, --mean and --scale",
    why: "Half of a convention would be filled with a guess. docs/exporting.md lists the entries.",
  },
  "input-contradicts": {
    code: "F2C2566",
    severity: "error",
    message: "{option} does not go with {net}: it takes {is}",
    hint: "leave it out",
    why: "The type and the shape of what goes in are the net's own; what images are made of before may be told.",
  },
  "net-of-other-images": {
    code: "F2C2567",
    severity: "error",
    message: "the images of {of} are {found} (channels x height x width), and {net} takes {wanted}",
    hint: "give the source `size` and `channels` of the net",
    why: "Faces are made for a net at one size; to scale them to another is the source's matter, and seldom what was meant.",
  },
  "no-such-net": {
    code: "F2C2568",
    severity: "error",
    message: "{net} is no net that could be read: there is no such file or folder",
    hint: "give the folder of a run, or a file that ends in .pt, .onnx or .safetensors",
    cases: {
      folder: {
        message: "{net} is the folder of no run: it has no config.json",
        hint: "give the folder that f2c-dsl run made, or a file",
      },
      kind: {
        message: "what {net} is cannot be told by its name",
        hint: "nets are read from TorchScript (.pt), ONNX (.onnx) and safetensors files (.safetensors, with --net exp.ts)",
      },
      weights: {
        message: "{net} holds weights alone, and no net",
        hint: "name the experiment whose net it is, or a file that exports the net: --net exp.ts",
      },
      damaged: { message: "{net} cannot be read: {problem}", hint: "give a whole safetensors file" },
      whole: {
        message: "--{option} does not go with {net}, which {is}",
        hint: "leave it out",
      },
    },
    why: "A net is the folder of a run, or a file of its own; a file of weights needs the net that they are of.",
  },
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
