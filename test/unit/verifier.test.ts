/** The compiler's verifier on the programs of test/fixtures/constraints.json, which the host's reads too (python-host/tests/test_verify.py). */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { DecodeError, decodeModule, verified, verify } from "#compiler/index";
import { CONSTRAINTS } from "#compiler/registry/constraints";

// biome-ignore lint/suspicious/noExplicitAny: JSON that tests damage
type Json = any;
interface Change {
  readonly op: "replace" | "add" | "remove" | "copy";
  readonly path: string;
  readonly from?: string;
  readonly value?: Json;
}
interface Case {
  readonly what: string;
  readonly patch: readonly Change[];
  readonly constraint: string;
  /** What the reader says already, of what its form cannot hold. */
  readonly unread?: string;
}

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const fixture: { program: Json; valid: readonly Case[]; broken: readonly Case[] } = JSON.parse(
  read("test/fixtures/constraints.json"),
);

/** The first op of a name, in program order. */
function firstOp(region: Json, name: string): Json {
  for (const op of region.ops) {
    const found = op.op === name ? op : op.regions.map((r: Json) => firstOp(r, name)).find(Boolean);
    if (found) return found;
  }
  return undefined;
}

/** What holds the value at a path, and under which key; `@sum` is the first op called so. */
function spot(program: Json, path: string): [holder: Json, key: string] {
  const keys = path.slice(1).split("/");
  const key = keys.pop()!;
  const step = (holder: Json, k: string) =>
    k.startsWith("@") ? firstOp(program.functions[0].body, k.slice(1)) : holder[k];
  return [keys.reduce(step, program), key];
}

function patched({ patch }: Case): Json {
  const program = structuredClone(fixture.program);
  for (const { op, path, from, value } of patch) {
    const [source, name] = from === undefined ? [{ value }, "value"] : spot(program, from);
    const given = structuredClone(source[name]);
    const [holder, key] = spot(program, path);
    if (op === "remove") holder.splice(Number(key), 1);
    else if (key === "-") holder.push(given);
    else if (op === "add" && Array.isArray(holder)) holder.splice(Number(key), 0, given);
    else holder[key] = given;
  }
  return program;
}

test.each(fixture.valid.map((entry) => [entry.what, entry] as const))("breaks nothing: %s", (_, entry) => {
  expect(verify(decodeModule(patched(entry)))).toEqual([]);
});

test.each(fixture.broken.map((entry) => [entry.constraint, entry.what, entry] as const))(
  "breaks %s: %s",
  (constraint, _, entry) => {
    const json = patched(entry);
    if (entry.unread === undefined) {
      const module = decodeModule(json);
      expect(verify(module)[0]?.constraint).toBe(constraint);
      expect(() => verified(module)).toThrow(`internal: the program breaks ${constraint}`);
      return;
    }
    expect(() => decodeModule(json)).toThrow(DecodeError);
    expect(() => decodeModule(json)).toThrow(entry.unread);
  },
);

test("breaks V1: two groups of one name, which the host does not read", () => {
  const program = structuredClone(fixture.program);
  program.groups.push(program.groups[0]);
  expect(verify(decodeModule(program))[0]?.constraint).toBe("V1");
});

test("every constraint is broken, and by a module that is read", () => {
  const read = fixture.broken.filter((entry) => entry.unread === undefined);
  expect([...new Set(read.map((entry) => entry.constraint))].sort()).toEqual(Object.keys(CONSTRAINTS).sort());
});

test("docs/ir.md lists the constraints", () => {
  const docs = read("docs/ir.md");
  for (const [name, text] of Object.entries(CONSTRAINTS)) expect(docs).toContain(`- ${name}: ${text}\n`);
});
