/** @file The Python that hosts run in: found, or set up in a virtual environment beside this package. */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { libraryRoot } from "../../compiler/index.js";
import { BridgeError } from "./bridge-error.js";

const ENVIRONMENT = join(libraryRoot, ".venv");
const PACKAGE = join(libraryRoot, "python-host");
const STAMP = join(ENVIRONMENT, "f2c-host.stamp");
const LOCK = join(libraryRoot, ".venv.lock");

const interpreter = join(ENVIRONMENT, "bin", "python");

/** What the environment was made from. The host is installed editable, so that its sources are always current. */
function fingerprint(): string {
  const hash = createHash("sha256");
  const add = (path: string): void => {
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort())
        if (name !== "__pycache__" && !name.endsWith(".egg-info")) add(join(path, name));
    } else hash.update(path.slice(PACKAGE.length)).update(readFileSync(path));
  };
  for (const part of ["pyproject.toml", "constraints.txt"]) add(join(PACKAGE, part));
  return hash.digest("hex");
}

/** The Python of the host: `F2C_PYTHON`, or the environment that `setup` made. Undefined if there is none. */
export function findPython(): string | undefined {
  const chosen = process.env.F2C_PYTHON;
  if (chosen) return chosen;
  return existsSync(interpreter) && existsSync(STAMP) ? interpreter : undefined;
}

/** The Python of the host. Throws F2C6001 where there is none. */
export function requirePython(): string {
  const python = findPython();
  if (python !== undefined) return python;
  throw new BridgeError(
    "F2C6001",
    "host",
    "the PyTorch host is not set up",
    "f2c-dsl setup makes a virtual environment for it; or set F2C_PYTHON to a Python with f2c-dsl-host",
  );
}

/** Whether the environment was made from the host's sources as they are. */
export const isCurrent = (): boolean =>
  process.env.F2C_PYTHON !== undefined ||
  (existsSync(interpreter) && existsSync(STAMP) && readFileSync(STAMP, "utf8") === fingerprint());

/** Makes the environment, or brings it up to date; nothing happens if it is current. */
export async function setUp(say: (line: string) => void, extras: readonly string[] = []): Promise<string> {
  const done = () => isCurrent() && extras.every((extra) => existsSync(`${STAMP}.${extra}`));
  if (done()) return findPython()!;
  await locked(async () => {
    if (done()) return;
    const base = basePython();
    if (!existsSync(interpreter)) {
      say(`making a virtual environment in ${ENVIRONMENT}`);
      await run(base, ["-m", "venv", "--clear", ENVIRONMENT], say);
    }
    rmSync(STAMP, { force: true });
    say("installing PyTorch and the host (once; a few minutes at most)");
    const target = extras.length ? `${PACKAGE}[${extras.join(",")}]` : PACKAGE;
    await run(
      interpreter,
      [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-c",
        join(PACKAGE, "constraints.txt"),
        "setuptools>=68",
      ],
      say,
    );
    await run(
      interpreter,
      [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-build-isolation",
        "-c",
        join(PACKAGE, "constraints.txt"),
        "--editable",
        target,
      ],
      say,
    );
    for (const extra of extras) writeFileSync(`${STAMP}.${extra}`, "");
    writeFileSync(STAMP, fingerprint());
  });
  return interpreter;
}

function basePython(): string {
  const candidates = process.env.F2C_BASE_PYTHON
    ? [process.env.F2C_BASE_PYTHON]
    : ["python3", "python3.13", "python3.12", "python3.11", "python"];
  for (const candidate of candidates) {
    const { stdout, status } = spawnSync(candidate, ["-c", "import sys; print(*sys.version_info[:2])"], {
      encoding: "utf8",
    });
    const [major, minor] = (stdout ?? "").trim().split(" ").map(Number);
    if (status === 0 && major === 3 && minor! >= 11 && minor! <= 13) return candidate;
  }
  throw new BridgeError(
    "F2C6001",
    "host",
    "there is no Python 3.11 to 3.13 on the path",
    "install one, or set F2C_BASE_PYTHON to its interpreter",
  );
}

function run(command: string, args: readonly string[], say: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let tail = "";
    const hear = (data: Buffer) => {
      tail = (tail + data.toString()).slice(-2000);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) return resolve();
      say(tail);
      reject(
        new BridgeError(
          "F2C6007",
          "host",
          `setting up the host failed: ${command} ${args.slice(0, 3).join(" ")} … ended with ${code}`,
          "its output is above; check the network and the disk, then run f2c-dsl setup again",
        ),
      );
    });
  });
}

/** One set-up at a time; a lock older than half an hour was left by one that died. */
async function locked(work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      mkdirSync(LOCK);
      break;
    } catch {
      if (Date.now() - (statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs ?? 0) > 30 * 60_000)
        rmSync(LOCK, { recursive: true, force: true });
      else await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  try {
    await work();
  } finally {
    rmdirSync(LOCK);
  }
}
