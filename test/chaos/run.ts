/**
 * @file `npm run chaos`: strikes real runs with real faults at chosen moments, resumes them, and compares each with an
 * uninterrupted one. Prints a table; exit code 1 if anything was lost, hung or unexplained. docs/house.md says how to use it.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Case, caseOf, draw, nameOf } from "./cases.js";
import { FAULTS } from "./faults.js";
import { reference } from "./reference.js";
import { type Row, table, total } from "./table.js";
import { trial, type Verdict } from "./trial.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string", default: "1" },
    faults: { type: "string", default: "200" },
    jobs: { type: "string", default: "2" },
    only: { type: "string" },
    case: { type: "string" },
    bound: { type: "string", default: "120" },
    keep: { type: "boolean", default: false },
  },
});

interface Numbered {
  readonly which: Case;
  /** How to repeat it. */
  readonly again: string;
}

function chosen(passes: Parameters<typeof draw>[3]): Numbered[] {
  if (positionals.length)
    return positionals.map((name) => ({ which: caseOf(name), again: `npm run chaos -- ${name}` }));
  const only = values.only?.split(",") ?? Object.keys(FAULTS);
  const unknown = only.find((fault) => !(fault in FAULTS));
  if (unknown !== undefined)
    throw new Error(`there is no fault ${unknown}; there are ${Object.keys(FAULTS).join(", ")}`);
  const seed = Number(values.seed);
  const numbers =
    values.case?.split(",").map(Number) ?? Array.from({ length: Number(values.faults) }, (_, i) => i);
  const narrowed = values.only === undefined ? "" : ` --only ${values.only}`;
  return numbers.map((number) => ({
    which: draw(seed, number, only, passes),
    again: `npm run chaos -- --seed ${seed}${narrowed} --case ${number}`,
  }));
}

const folder = mkdtempSync(join(tmpdir(), "f2c-chaos-"));
const rows: Row[] = [];

/** Strikes; a clock that struck after the end is set to half of that. */
async function tried(
  which: Case,
  place: string,
  known: Awaited<ReturnType<typeof reference>>,
): Promise<Verdict> {
  const bound = Math.ceil(Math.max(Number(values.bound), 6 * known.seconds));
  for (let again = which, attempt = 0; ; attempt++) {
    rmSync(place, { recursive: true, force: true });
    mkdirSync(place, { recursive: true });
    const verdict = await trial(again, place, known, bound);
    if (verdict.struck || verdict.problems.length || which.place !== "clock" || attempt === 3) return verdict;
    again = { ...again, count: again.count / 2 };
  }
}

async function one({ which, again }: Numbered, number: number, known: Awaited<ReturnType<typeof reference>>) {
  const place = join(folder, `${number}`);
  const { struck, problems, said } = await tried(which, place, known);
  rows.push({ fault: which.fault, moment: which.moment, struck, problems });
  const how = problems.length ? "FAILED" : struck ? "ok" : "missed: the run was over";
  console.log(`${String(rows.length).padStart(4)}  ${nameOf(which)}  ${how}`);
  const kept = problems.length > 0 || values.keep;
  if (kept) writeFileSync(join(place, "said.txt"), said);
  else rmSync(place, { recursive: true, force: true });
  if (problems.length) {
    for (const { kind, what } of problems) console.log(`      ${kind}: ${what}`);
    console.log(`      it said:\n${said.trimEnd().replace(/^/gm, "        | ")}`);
    console.log(
      `      kept in ${place}; repeat it with: ${again}\n      or: npm run chaos -- ${nameOf(which)}`,
    );
  }
}

const known = await reference(join(folder, "uninterrupted"));
console.log(
  `an uninterrupted run took ${known.seconds.toFixed(1)} s and passed ${known.passes.size} places; seed ${values.seed}`,
);
const waiting = chosen(known.passes).entries();
await Promise.all(
  Array.from({ length: Number(values.jobs) }, async () => {
    for (const [number, which] of waiting) await one(which, number, known);
  }),
);
const bad = rows.some((row) => row.problems.length > 0);
if (!bad && !values.keep) rmSync(folder, { recursive: true, force: true });
console.log(`\n${table(rows)}\n\n${total(rows)}`);
process.exitCode = bad ? 1 : 0;
