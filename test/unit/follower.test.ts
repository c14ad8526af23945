import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type ExperimentOptions, experiment, mlflow, tensorboard, wandb } from "#dsl/index";
import { pageSvg } from "#runtime/figure/figure";
import { Follower, type FollowerOptions, requireTools } from "#runtime/observe/follower";
import { Observers } from "#runtime/observe/observer";
import { drawPictures } from "#runtime/observe/pictures";

const home = mkdtempSync(join(tmpdir(), "f2c-follower-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
let count = 0;

/** Stands for the host's Python: a program of Node's. Its arguments are those after `-m f2c_host`. */
function python(code: string): string {
  const file = join(home, `python-${count++}`);
  writeFileSync(
    file,
    `#!${process.execPath}\nconst [, , , , ...args] = process.argv;\nconst { writeFileSync } = require("node:fs");\n${code}\n`,
  );
  chmodSync(file, 0o755);
  return file;
}
const say = (word: object) => `console.log(${JSON.stringify(JSON.stringify(word))});`;
const UNTIL_STDIN_ENDS = "process.stdin.resume().on('end', () => {";

function followed(code: string, options: FollowerOptions = {}) {
  const said: string[] = [];
  const follower = new Follower(
    python(code),
    join(home, "run"),
    tensorboard(),
    (text) => said.push(text),
    options,
  );
  const observers = new Observers(follower);
  return { said, follower, observers };
}
const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
};

describe("a tool that follows a run", () => {
  test("is started when the run begins, says where it can be looked at, and has until its stdin ends", async () => {
    const done = join(home, "done");
    const { said, observers, follower } = followed(
      `${say({ where: "look here" })} ${UNTIL_STDIN_ENDS} writeFileSync(${JSON.stringify(done)}, args.join(" ")); });`,
    );
    expect(follower.pid).toBeUndefined();
    observers.tell("begun");
    const { pid } = follower;
    observers.tell("resumed", 3); // it sees that in the file
    expect(follower.pid).toBe(pid);
    await until(() => said.length > 0);
    expect(existsSync(done)).toBe(false);
    await observers.end("complete");
    expect(readFileSync(done, "utf8")).toBe(`follow tensorboard ${join(home, "run")} --options {}`);
    expect(said).toEqual(["tensorboard: look here"]);
  });

  test("that is killed is said, and the run goes on", async () => {
    const { said, observers, follower } = followed(`${say({ where: "look here" })} ${UNTIL_STDIN_ENDS} });`);
    observers.tell("resumed", 8);
    await until(() => said.length > 0);
    process.kill(follower.pid!, "SIGKILL");
    await until(() => said.length > 1);
    await observers.end("complete");
    expect(said[1]).toBe(
      "tensorboard does not follow the run any more: it was ended by SIGKILL; the run goes on without it",
    );
    expect(said).toHaveLength(2);
  });

  test("that cannot begin says why in its own words, one that fails with the last line that it wrote", async () => {
    for (const [code, why] of [
      [`${say({ message: "no API key" })} process.exit(1);`, "no API key"],
      [`console.error("Traceback\\nOSError: disk"); process.exit(1);`, "OSError: disk"],
      ["process.exit(3);", "it ended with exit code 3"],
    ] as const) {
      const { said, observers } = followed(code);
      observers.tell("begun");
      await until(() => said.length > 0);
      expect(said).toEqual([
        `tensorboard does not follow the run any more: ${why}; the run goes on without it`,
      ]);
      await observers.end("failed");
    }
  });

  test("that does not finish does not keep the run from ending", async () => {
    const { said, observers, follower } = followed(`${say({ where: "look" })} setInterval(() => {}, 1000);`, {
      patienceMs: 100,
    });
    observers.tell("begun");
    await until(() => said.length > 0);
    await observers.end("complete");
    expect(said[1]).toBe("tensorboard is not done yet; it finishes by itself");
    process.kill(follower.pid!, "SIGKILL");
  });

  test("finds the curves as pictures before it is told that the run has ended", async () => {
    const folder = join(home, "with-curves");
    mkdirSync(folder);
    writeFileSync(
      join(folder, "roc.svg"),
      await pageSvg({ data: { values: [{ a: 1 }] }, mark: "point", encoding: {} }),
    );
    const found = join(home, "found");
    const picture = join(folder, "follow", "roc.png");
    const { observers } = followed(
      `${UNTIL_STDIN_ENDS} writeFileSync(${JSON.stringify(found)}, require("node:fs").readFileSync(${JSON.stringify(picture)}).subarray(1, 4)); });`,
      { before: () => drawPictures(folder) },
    );
    observers.tell("begun");
    await observers.end("complete");
    expect(readFileSync(found, "utf8")).toBe("PNG");
  });

  test("that was never started, as of a run that failed before it began, is not waited for", async () => {
    const { said, observers } = followed("");
    await observers.end("failed");
    expect(said).toEqual([]);
  });
});

describe("before a run has a folder", () => {
  test("what is not installed is refused, with what installs it", async () => {
    const refusal = { code: "F2C6411", message: "wandb cannot follow", hint: "pip install wandb" };
    await expect(
      requireTools(python(`${say(refusal)} process.exit(3);`), [wandb(), mlflow()]),
    ).rejects.toMatchObject({ ...refusal, kind: "host" });
    await requireTools(python(say({ ok: true })), [wandb()]);
    await requireTools("/nowhere/python", []);
  });

  test("a Python that cannot answer is the set-up's fault", async () => {
    await expect(requireTools("/nowhere/python", [wandb()])).rejects.toMatchObject({ code: "F2C6001" });
  });

  test("a tool that is named twice is refused", () => {
    const options = { name: "a", steps: 1, lr: 1, observe: [tensorboard(), wandb(), tensorboard()] };
    expect(() => experiment(options as unknown as ExperimentOptions)).toThrow(
      expect.objectContaining({
        code: "F2C2104",
        message: expect.stringContaining("`observe` has tensorboard twice"),
      }),
    );
  });
});

test("an observer that the run needs ends it with what it throws; the end waits for everyone, and hears who fails then", async () => {
  const told: string[] = [];
  const disk = new Error("ENOSPC");
  const observers = new Observers(
    { name: "a listener", note: (text) => told.push(text) },
    {
      name: "the record",
      essential: true,
      step: () => {
        throw disk;
      },
    },
    {
      name: "late",
      ended: () => new Promise((resolve) => setTimeout(() => resolve(void told.push("late")), 20)),
    },
    { name: "bad", ended: () => Promise.reject(new Error("no")) },
  );
  expect(() => observers.tell("step", {} as never)).toThrow(disk);
  await observers.end("failed");
  expect(told).toEqual(["bad failed, and hears no more of this run: no", "late"]);
});
