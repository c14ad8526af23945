import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { findPython, isCurrent, setUp } from "#runtime/bridge/python-environment";
import { takeSetUpLock } from "#runtime/bridge/set-up-lock";
import { isAllowedTorch } from "#runtime/bridge/torch-release";
import { restoreEnvironment } from "../environment.js";

const dist = new URL("../../dist/", import.meta.url).href;
const environment = { ...process.env };
let folder: string;
let said: string[];
let children: ChildProcess[];
const say = (line: string) => void said.push(line);

/** A Python that writes down what it is asked for, and does only what a set-up needs: a version, an environment, FAKE_PIP. */
const FAKE = `#!/bin/sh
echo "$PYTHONSAFEPATH $*" >> "$FAKE_LOG"
case "$*" in
  *"-c import sys"*) echo "\${FAKE_VERSION:-3 12}" ;;
  "-m venv "*)
    for last; do :; done
    rm -rf "$last" && mkdir -p "$last/bin" && cp "$0" "$last/bin/python" ;;
  "-m pip "*setuptools*) ;;
  "-m pip "*) eval "$FAKE_PIP" ;;
esac
`;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "f2c-environment-"));
  said = [];
  children = [];
  delete process.env.F2C_PYTHON;
  process.env.XDG_CACHE_HOME = join(folder, "cache");
  process.env.F2C_BASE_PYTHON = join(folder, "python3");
  process.env.FAKE_LOG = join(folder, "log");
  process.env.FAKE_PIP = "";
  writeFileSync(process.env.F2C_BASE_PYTHON, FAKE);
  chmodSync(process.env.F2C_BASE_PYTHON, 0o755);
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
  restoreEnvironment(environment);
  vi.restoreAllMocks();
});

/** A package as npm installs it, or a checkout. */
function packageAt(path: string, version = "1.2.3"): string {
  const root = join(folder, path);
  const host = join(root, "python-host");
  mkdirSync(join(host, "src", "f2c_host"), { recursive: true });
  writeFileSync(join(root, "package.json"), JSON.stringify({ name: "f2c-dsl", version }));
  for (const name of ["pyproject.toml", "constraints.txt", "src/f2c_host/__init__.py"])
    writeFileSync(join(host, name), `# ${name}\n`);
  return root;
}

/** What Pythons were asked for, without the question for the version. */
const asked = () =>
  readFileSync(process.env.FAKE_LOG!, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.includes("import sys"));
const listed = (root: string) => readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
const environments = () => join(folder, "cache", "f2c-dsl", "environments");

/** Another process that does this; resolves when it has said `ready`. */
async function another(script: string, ready: RegExp): Promise<{ child: ChildProcess; err: () => string }> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { env: { ...process.env } });
  children.push(child);
  let err = "";
  await new Promise<void>((resolve, reject) => {
    const hear = (data: Buffer) => {
      err += data.toString();
      if (ready.test(err)) resolve();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("close", () => reject(new Error(`ended before it said ${ready}: ${err}`)));
  });
  return { child, err: () => err };
}

describe("a checkout", () => {
  test("keeps its environment beside package.json, with the host editable", async () => {
    const root = packageAt("checkout");
    expect(await setUp(say, { root })).toBe(join(root, ".venv", "bin", "python"));
    expect(asked().at(-1)).toMatch(new RegExp(`--editable ${join(root, "python-host")}$`));
    expect(isCurrent(root)).toBe(true);
    expect(readdirSync(root).sort()).toEqual([".venv", "package.json", "python-host"]);
  });

  test("is one below node_modules too, if it has .git", async () => {
    const root = packageAt("node_modules/f2c-dsl");
    mkdirSync(join(root, ".git"));
    expect(await setUp(say, { root })).toBe(join(root, ".venv", "bin", "python"));
  });

  test.runIf(process.getuid?.() !== 0)("that cannot be written uses the cache", async () => {
    const root = packageAt("checkout");
    chmodSync(root, 0o555);
    expect(await setUp(say, { root })).toContain(environments());
    chmodSync(root, 0o755);
  });
});

describe("an installed package", () => {
  test("has its environment in the cache, and its own folder stays as it was", async () => {
    const root = packageAt("node_modules/f2c-dsl");
    const before = listed(root);
    const python = await setUp(say, { root });
    expect(python).toMatch(/cache\/f2c-dsl\/environments\/1\.2\.3-py3\.12-[0-9a-f]{16}\/bin\/python$/);
    expect(asked().join("\n")).not.toContain("--editable");
    expect(asked().at(-1)).toMatch(/ --no-build-isolation \S+\/environments\/\S+\/host-source$/);
    expect(listed(root)).toEqual(before);
    expect(listed(dirname(dirname(python))).filter((name) => name.startsWith("host-source"))).toEqual([]);
  });

  test("finds it again after it was deleted and installed anew", async () => {
    const root = packageAt("node_modules/f2c-dsl");
    const python = await setUp(say, { root });
    const count = asked().length;
    rmSync(root, { recursive: true });
    packageAt("node_modules/f2c-dsl");
    expect(findPython(root)).toBe(python);
    expect(await setUp(say, { root })).toBe(python);
    expect(asked()).toHaveLength(count);
  });

  test("brings it up to date when the host's sources are others", async () => {
    const root = packageAt("node_modules/f2c-dsl");
    await setUp(say, { root });
    writeFileSync(join(root, "python-host", "src", "f2c_host", "new.py"), "");
    expect(isCurrent(root)).toBe(false);
    const count = asked().length;
    await setUp(say, { root });
    expect(asked().length).toBeGreaterThan(count);
    expect(isCurrent(root)).toBe(true);
  });

  test("makes another where its Python was replaced by the next version", async () => {
    const root = packageAt("node_modules/f2c-dsl");
    const python = await setUp(say, { root });
    rmSync(python);
    symlinkSync(join(folder, "python3.12"), python); // as a venv has it, and the system no longer
    process.env.FAKE_VERSION = "3 13";
    const other = await setUp(say, { root });
    expect(other).toContain("-py3.13-");
    expect(existsSync(dirname(dirname(python)))).toBe(false);
  });

  test("removes what a set-up left of other versions at its place, and what nobody used for sixty days", async () => {
    const root = packageAt("node_modules/f2c-dsl");
    const first = dirname(dirname(await setUp(say, { root })));
    const place = first.slice(-16);
    const others = {
      used: `1.0.0-py3.11-${"a".repeat(16)}`,
      unused: `1.0.0-py3.11-${"b".repeat(16)}`,
      running: `1.2.2-py3.12-${place}`,
      notOurs: "something-else",
    };
    for (const name of Object.values(others))
      mkdirSync(join(environments(), name, "bin"), { recursive: true });
    const long = new Date(Date.now() - 61 * 24 * 3_600_000);
    utimesSync(join(environments(), others.unused), long, long);
    utimesSync(join(environments(), others.notOurs), long, long);
    const python = join(environments(), others.running, "bin", "python");
    symlinkSync(process.execPath, python);
    const host = spawn(python, ["-e", "console.log(1); setInterval(() => {}, 1000)"]);
    children.push(host);
    await once(host.stdout, "data");

    packageAt("node_modules/f2c-dsl", "1.2.4");
    const second = dirname(dirname(await setUp(say, { root })));
    const kept = [others.used, others.running, others.notOurs, second.split("/").at(-1)!];
    expect(readdirSync(environments()).sort()).toEqual(kept.sort());
  });

  test("takes none from a folder of somebody else, who could have put anything there", async () => {
    const root = packageAt("node_modules/f2c-dsl");
    await setUp(say, { root });
    const uid = process.getuid!();
    vi.spyOn(process, "getuid").mockReturnValue(uid + 1);
    expect(() => findPython(root)).toThrow(/environment is not taken from the cache: .* belongs to user/);
    await expect(setUp(say, { root })).rejects.toMatchObject({ code: "F2C6014", kind: "host" });
  });

  test("says at once where its environment cannot be", async () => {
    const root = packageAt("node_modules/f2c-dsl");
    writeFileSync(join(folder, "file"), "");
    process.env.XDG_CACHE_HOME = join(folder, "file");
    await expect(setUp(say, { root })).rejects.toMatchObject({
      code: "F2C6013",
      message: expect.stringContaining(join(folder, "file")),
      hint: expect.stringContaining("XDG_CACHE_HOME"),
    });
  });
});

describe("another torch than the tested one", () => {
  const tested = "numpy==2.4.6\ntorch==2.13.0\npillow==13.0.0\n";
  const checkout = () => {
    const root = packageAt("checkout");
    writeFileSync(join(root, "python-host", "constraints.txt"), tested);
    return root;
  };
  /** The constraints of pip's last call. */
  const kept = () => readFileSync(/ -c (\S+) /.exec(asked().at(-1)!)![1]!, "utf8");

  test("is what pip keeps to, beside the tested versions of all else", async () => {
    const root = checkout();
    await setUp(say, { root, torch: "2.14.1" });
    expect(kept()).toBe(tested.replace("2.13.0", "2.14.1"));
    await setUp(say, { root, torch: "2.11" });
    expect(kept()).toBe(tested.replace("2.13.0", "2.11.*"));
  });

  test("brings the Triton that it needs", async () => {
    const root = checkout();
    const marked = 'triton==3.7.1; platform_system == "Linux"\n';
    writeFileSync(join(root, "python-host", "constraints.txt"), tested + marked);
    await setUp(say, { root, torch: "2.14.1" });
    expect(kept()).toBe(tested.replace("2.13.0", "2.14.1"));
    await setUp(say, { root, torch: "2.13.0" });
    expect(kept()).toBe(tested);
  });

  test("stays when the environment is brought up to date, until a third is named", async () => {
    const root = checkout();
    await setUp(say, { root, torch: "2.14.1" });
    const count = asked().length;
    await setUp(say, { root });
    await setUp(say, { root, torch: "2.14.1" });
    expect(asked()).toHaveLength(count);
    expect(isCurrent(root)).toBe(true);
    writeFileSync(join(root, "python-host", "pyproject.toml"), "# other\n");
    await setUp(say, { root });
    expect(kept()).toContain("torch==2.14.1\n");
    await setUp(say, { root, torch: "2.13.0" });
    expect(kept()).toBe(tested);
  });

  test("goes along to the environment that another Python of the system needs", async () => {
    const root = packageAt("node_modules/f2c-dsl");
    writeFileSync(join(root, "python-host", "constraints.txt"), tested);
    rmSync(await setUp(say, { root, torch: "2.14.1" }));
    process.env.FAKE_VERSION = "3 13";
    expect(await setUp(say, { root })).toContain("-py3.13-");
    expect(kept()).toContain("torch==2.14.1\n");
  });

  test("is not remembered where it cannot be installed", async () => {
    const root = checkout();
    process.env.FAKE_PIP = "exit 1";
    await expect(setUp(say, { root, torch: "2.14.99" })).rejects.toMatchObject({ code: "F2C6007" });
    process.env.FAKE_PIP = "";
    await setUp(say, { root });
    expect(kept()).toBe(tested);
  });

  test("is one that pyproject.toml allows", () => {
    const allowed = ["2.11", "2.11.0", "2.14.1", "2.15.0"];
    const refused = [
      "2.10",
      "2.10.9",
      "2.9.1",
      "2.16",
      "2.100",
      "3.0",
      "1.13.1",
      "2",
      "2.x",
      "",
      "2.14.1 numpy",
    ];
    expect([...allowed, ...refused].filter((release) => isAllowedTorch(release))).toEqual(allowed);
  });
});

test("no Python of the set-up takes modules from the current folder", async () => {
  await setUp(say, { root: packageAt("checkout") });
  const lines = readFileSync(process.env.FAKE_LOG!, "utf8").trim().split("\n");
  expect(lines.length).toBeGreaterThan(3);
  expect(lines.filter((line) => !line.startsWith("1 "))).toEqual([]);
});

describe("a set-up says what it is at", () => {
  test("large downloads, and how long it has taken", async () => {
    const seen = join(folder, "seen");
    process.env.FAKE_PIP = `
      echo "Collecting torch"
      echo "Downloading https://example.org/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl (871.5 MB)"
      echo "Downloading zmq-27.0-cp311.whl (900 kB)"
      while [ ! -e ${seen} ]; do sleep 0.05; done
      echo "Installing collected packages: numpy, torch"`;
    const sayAndSee = (line: string) => {
      say(line);
      if (/downloading torch.*: \d+ s so far/.test(line)) writeFileSync(seen, "");
    };
    await setUp(sayAndSee, { root: packageAt("checkout"), everyMs: 20 });
    const text = said.join("\n");
    expect(text).toContain("  downloading torch 2.13.0+cpu (871.5 MB)\n");
    expect(text).toContain("  installing 2 packages, torch last");
    expect(text).not.toMatch(/zmq|Collecting/);
  });

  test("its last lines where it fails, and the next one begins anew", async () => {
    const root = packageAt("checkout");
    process.env.FAKE_PIP = "echo 'ERROR: No space left on device' >&2; exit 2";
    await expect(setUp(say, { root })).rejects.toMatchObject({
      code: "F2C6007",
      message: expect.stringContaining("ended with 2"),
    });
    expect(said.join("\n")).toContain("No space left on device");
    expect(findPython(root)).toBeUndefined();
    process.env.FAKE_PIP = "";
    await setUp(say, { root });
    expect(asked().filter((line) => line.includes("-m venv"))).toHaveLength(2);
  });
});

test("Ctrl-C ends a set-up with all that it started, and leaves no lock and nothing that counts as made", async () => {
  const root = packageAt("checkout");
  const pidFile = join(folder, "pid");
  process.env.FAKE_PIP = `sleep 60 & echo $! > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; echo "Installing collected packages: torch"; wait`;
  const { child, err } = await another(
    `import { setUp } from "${dist}runtime/bridge/python-environment.js";
     await setUp((line) => console.error(line), { root: ${JSON.stringify(root)} });`,
    /installing 1 package/,
  );
  child.kill("SIGINT");
  const [code] = await once(child, "close");
  expect(code).toBe(130);
  expect(err()).toContain("f2c-dsl setup");
  expect(err()).not.toContain("F2C6007");
  expect(existsSync(join(root, ".venv.lock"))).toBe(false);
  expect(findPython(root)).toBeUndefined();
  const pip = Number(readFileSync(pidFile, "utf8"));
  await vi.waitFor(() => expect(() => process.kill(pip, 0)).toThrow(), { timeout: 20_000 });
});

describe("the lock of a set-up", () => {
  const lock = () => join(folder, "lock");
  const holding = `
    import { takeSetUpLock } from "${dist}runtime/bridge/set-up-lock.js";
    await takeSetUpLock(process.env.LOCK, () => {});
    console.log("held");
    setInterval(() => {}, 1000);`;

  test("of one who lives is waited for, said once with who it is; of one who died it is taken over, said too", async () => {
    process.env.LOCK = lock();
    const { child } = await another(holding, /held/);
    let resolve = () => {};
    const waiting = new Promise<void>((done) => {
      resolve = done;
    });
    const taken = takeSetUpLock(lock(), (line) => {
      say(line);
      if (line.startsWith("waiting")) resolve();
    });
    await waiting;
    await new Promise((done) => setTimeout(done, 1100)); // two more looks at it
    expect(said).toEqual([
      expect.stringMatching(
        new RegExp(`^waiting: process ${child.pid} \\(since \\d\\d:\\d\\d:\\d\\d\\) is setting up`),
      ),
    ]);
    child.kill("SIGKILL");
    (await taken).release();
    expect(said[1]).toMatch(new RegExp(`^process ${child.pid} .* is gone: taking over`));
    expect(readdirSync(folder).filter((name) => name.startsWith("lock"))).toEqual([]);
  });

  test("is not waited for where it cannot be made", async () => {
    await expect(takeSetUpLock(join(folder, "none", "lock"), say)).rejects.toMatchObject({ code: "ENOENT" });
    writeFileSync(lock(), "");
    await expect(takeSetUpLock(join(lock(), "lock"), say)).rejects.toMatchObject({ code: "ENOTDIR" });
    expect(said).toEqual([]);
  });

  test("of another process with the number of one who died is taken over", async () => {
    process.env.LOCK = lock();
    const { child } = await another(holding, /held/);
    const holder = JSON.parse(readFileSync(lock(), "utf8"));
    child.kill("SIGKILL");
    await once(child, "close");
    writeFileSync(lock(), JSON.stringify({ ...holder, pid: process.pid }));
    (await takeSetUpLock(lock(), say)).release();
    expect(said).toHaveLength(1);
  });

  test.each([
    ["a file without a word", 6_000, (path: string) => writeFileSync(path, "")],
    ["a folder, as earlier versions made it", 31 * 60_000, (path: string) => mkdirSync(path)],
    [
      "one of another machine",
      6 * 60_000,
      (path: string) => writeFileSync(path, '{"pid":1,"machine":"far","since":0}'),
    ],
    ["a link to nowhere", 0, (path: string) => symlinkSync("nowhere", path)],
  ])("%s is taken over once it was silent for long", async (_, silent, make) => {
    make(lock());
    const then = new Date(Date.now() - silent);
    if (silent) utimesSync(lock(), then, then);
    else vi.spyOn(Date, "now").mockReturnValue(Date.now() + 6_000);
    (await takeSetUpLock(lock(), say)).release();
    expect(said).toEqual([expect.stringMatching(/is gone: taking over$/)]);
  });

  test("given back by one from whom it was taken, stays with the other", async () => {
    const first = await takeSetUpLock(lock(), say);
    rmSync(lock());
    const second = await takeSetUpLock(lock(), say);
    writeFileSync(lock(), `${readFileSync(lock(), "utf8")} `);
    first.release();
    expect(existsSync(lock())).toBe(true);
    second.release();
  });
});
