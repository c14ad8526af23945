// Inside the driver of a chaos run: says where it is, and waits there for the fault that was chosen for this place; what
// sitecustomize.py is in the host. Places are calls of node:fs that read what is compiled, or change the run folder.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join, relative } from "node:path";

const { existsSync, openSync, closeSync, appendFileSync } = fs;
const folder = process.env.F2C_CHAOS;
const runFolder = process.env.F2C_CHAOS_RUN;
const chosen = process.env.F2C_CHAOS_PLACE ?? "";
const PATIENCE_MS = 120_000;

const passes = new Map();
const paths = new Map();
let moment = "compile";
let trained = false;

/** One pass of a place, before what is done there. */
function passing(event, path) {
  const place = `driver.${moment}.${event}`;
  if (chosen === "trace") return appendFileSync(join(folder, "trace"), `${place}\n`);
  const count = (passes.get(place) ?? 0) + 1;
  passes.set(place, count);
  if (chosen === `${place}:${count}`) wait();
  if (event !== "read" && event !== "remove" && existsSync(join(folder, "full")))
    throw Object.assign(new Error(`ENOSPC: no space left on device, ${event} '${path}'`), {
      code: "ENOSPC",
      syscall: event,
      path,
    });
}

/** Says that this is the place; goes on when it may. */
function wait() {
  try {
    closeSync(openSync(join(folder, "here"), "wx"));
  } catch {
    return;
  }
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let i = 0; i < PATIENCE_MS / 2 && !existsSync(join(folder, "go")); i++) Atomics.wait(pause, 0, 0, 2);
}

function momentOf(place, data) {
  if (place.startsWith("checkpoints/")) return "checkpoint";
  if (/^(roc\.svg|summary\.json)/.test(place)) return "export";
  if (/^(metrics\.jsonl|curves\.json|baselines\.json)/.test(place)) {
    if (!trained) return "baselines";
    return place === "metrics.jsonl" && !String(data).includes('"evaluation"') ? "training" : "evaluation";
  }
  return moment;
}

/** A change of the run folder; which moment it belongs to is known by the file. */
function changing(event, path, data) {
  if (path === undefined) return;
  const place = relative(runFolder, String(path));
  if (place.startsWith("..") || place.startsWith("run.log")) return;
  if (place === "metrics.jsonl") trained ||= event === "write" && !String(data).includes('"resumed"');
  moment = momentOf(place, String(data));
  passing(place.startsWith(".lock") ? "lock" : event, path);
}

const before = (name, look) => {
  const does = fs[name];
  fs[name] = (...args) => {
    look(...args);
    return does(...args);
  };
};

before("readFileSync", () => {
  if (moment === "compile") passing("read");
});
before("mkdirSync", (path) => changing("mkdir", path));
before("writeSync", (file, data) => changing("write", paths.get(file), data));
before("fsyncSync", (file) => changing("fsync", paths.get(file)));
before("renameSync", (_, to) => changing("rename", to));
before("rmSync", (path) => changing("remove", path));
before("appendFileSync", (path, data) => changing("write", path, data));
before("linkSync", (_, to) => changing("link", to));
before("copyFileSync", (_, to) => changing("write", to));
before("closeSync", (file) => paths.delete(file));
fs.openSync = (path, flags, ...rest) => {
  if (flags !== "r" && flags !== undefined) changing("open", path);
  const file = openSync(path, flags, ...rest);
  paths.set(file, path);
  return file;
};
syncBuiltinESMExports();
