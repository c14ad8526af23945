/** Functions of run-time numbers with loops and jumps in them, run by Node and as the program that they become. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Compiled, compileBodies, INPUTS, inNode } from "./run-scalars.js";

/** Each is the body of a function of the numbers `a` and `b` and the boolean `yes`. */
const FUNCTIONS: Record<string, string> = {
  "break out of a counted loop": `
    let sum = 0;
    for (let i = 0; i < a; i++) { if (sum > b) break; sum += i; }
    return sum;`,
  "break in the else": `
    let sum = 0;
    for (let i = 0; i < a; i++) { if (sum <= b) { sum += i + 1; } else { break; } sum += 0.5; }
    return sum;`,
  "the counter after a break": `
    let i = 0;
    for (; i < a; i++) { if (i > b) break; }
    return i;`,
  "continue skips the rest of a turn": `
    let sum = 0;
    for (let i = 0; i < a; i++) { if (i % 2 > 0) continue; sum += i; }
    return sum;`,
  "continue and break together": `
    let sum = 0;
    for (let i = 0; i < a; i++) { if (i % 3 < 1) continue; if (sum > b) break; sum += i; }
    return sum + 100;`,
  "continue deep in blocks": `
    let sum = 0;
    for (let i = 0; i < a; i++) { { if (i > b) { if (yes) { continue; } sum += 10; } } sum += 1; }
    return sum;`,
  "return out of a run-time loop": `
    for (let i = 0; i < a; i++) { if (i > b) return i * 10; }
    return -1;`,
  "return out of a loop, with more after it": `
    let sum = 1;
    for (let i = 0; i < a; i++) { sum += i; if (sum > b) return sum; }
    sum *= 2;
    return sum + 0.25;`,
  "return out of two loops": `
    for (let i = 0; i < a; i++) for (let j = 0; j < 4; j++) { if (i * j > b) return i * 100 + j; }
    return -1;`,
  "return out of a run-time loop in a run-time loop": `
    let turns = 0;
    for (let i = 0; i < a; i++) { for (let j = 0; j < b; j++) { turns += 1; if (turns > 7) return turns * 10 + i; } turns += 0.5; }
    return turns;`,
  "break of the inner loop only": `
    let sum = 0;
    for (let i = 0; i < a; i++) { for (let j = 0; j < 5; j++) { if (j > b) break; sum += 1; } sum += 0.5; }
    return sum;`,
  "while with break": `
    let x = a;
    while (x > 0) { x -= 1; if (x < b) break; x -= 0.5; }
    return x;`,
  "while true": `
    let x = 0;
    while (true) { x += 1; if (x > a || x > 9) break; }
    return x;`,
  "a loop that is written out, with break": `
    let sum = 0;
    for (const x of [1, 2, 3, 4]) { if (sum > b) break; sum += x * a; }
    return sum;`,
  "a loop that is written out, with continue and return": `
    let sum = 0;
    for (const x of [1, 2, 3, 4]) { if (x > a) continue; sum += x; if (sum > b) return sum * 2; }
    return sum;`,
  "break always": `
    let sum = 0;
    for (let i = 0; i < a; i++) { sum += 5; break; }
    return sum;`,
  "early returns without a loop": `
    if (a > b) { if (yes) return 1; }
    if (a < 2) return 2;
    return yes ? 3 : 4;`,
  "what an arm assigns before it jumps": `
    let last = 0;
    for (let i = 0; i < a; i++) { if (i > b) { last = i * 7; break; } last = i; }
    return last;`,
  "an operator for its effect": `
    let x = a;
    yes && (x += 1);
    x > b || (x = 50);
    return x;`,
  "a function with loops called in a loop": `
    const first = (from: number) => { for (let j = 0; j < 5; j++) { if (from + j > b) return from + j; } return -5; };
    let sum = 0;
    for (let i = 0; i < a; i++) { const f = first(i); if (f < 0) continue; sum += f; }
    return sum;`,
  "a function that is declared before what it reads, with a jump between": `
    const later = 50; const f = (): number => { const g = (): number => later + 1; if (a > b) return 0; const later = a; return g(); }; return f() + later;`,
  "functions made in the turns of a loop keep the turn's counter": `
    let fs: (() => number)[] = []; for (let i = 0; i < 3; i++) fs = [...fs, () => i * a]; return fs[0]!() + 10 * fs[1]!();`,
  "a counter that a turn moves": `
    let s = 0; for (let i = 0; i < a; i++) { s += 1; i++; } return s;`,
  "a counter that a function moves": `
    let s = 0; for (let i = 0; i < a; i++) { const f = (): number => { i += 1; return i; }; s += f(); } return s;`,
  "a limit that a turn moves": `
    let s = 0; let n = a; for (let i = 0; i < n; i++) { s += 1; n -= 1; } return s;`,
  "a limit that a function declared before moves": `
    let s = 0; let n = a; const less = () => { n -= 1; }; for (let i = 0; i < n; i++) { s += 1; less(); } return s;`,
  "a limit that is an assignment": `
    let n = 0; for (let i = 0; i < (n = n + a); i++) { if (i > 3) break; } return n;`,
  "the counter after the last turn": `
    let i = 0; let s = 0; for (i = 0; i < a; i++) { s += i; } return i * 100 + s;`,
  "a function called in a counted loop assigns": `
    let s = 0; const add = (x: number) => { s += x; }; for (let i = 0; i < a; i++) add(i); return s;`,
  "a function called in a while loop assigns": `
    let s = 0; const add = (x: number) => { s += x; }; let k = 0; while (k < a) { k += 1; add(k); } return s;`,
  "a function called in a loop assigns what a return waits for": `
    let s = 0; const bump = () => { s += 1; }; for (let i = 0; i < a; i++) { if (s > 2) return s * 10 + i; bump(); } return -s;`,
  "a condition that counts down": `
    let x = a; let s = 0; while (x-- > 0) { s += x; } return s + x * 100;`,
  "a condition that assigns, and a break": `
    let x = a; let s = 0; while ((x -= 1) > 0) { if (x < b) break; s += x; } return s + x * 100;`,
  "a condition that calls what assigns": `
    let s = 0; const f = (): boolean => { s += 1; return s < a; }; while (f()) { if (s > 5) break; } return s;`,
  "records with fields in another order are joined by name": `
    let r: { p: number; q: number } = { p: a, q: b }; if (yes) r = { q: a, p: b }; return r.p * 10 + r.q;`,
  "records with fields in another order are carried by name": `
    let r: { p: number; q: number } = { p: a, q: b }; for (let i = 0; i < a; i++) r = { q: r.p, p: r.q + 1 }; return r.p * 10 + r.q;`,
  "lists and records of literals are joined": `
    let p: readonly number[] = [1, 2]; let r = { u: 1, v: [2, 3] }; if (a > 1) { p = [3, 4]; r = { v: [a, 3], u: 2 }; } return p[0]! + p[1]! * 2 + r.u * 5 + r.v[0]! * 7;`,
  "a pair of literals is carried": `
    let p: readonly [number, number] = [0, 1]; for (let i = 0; i < a; i++) p = [p[1], p[0] + p[1]]; return p[0] * 100 + p[1];`,
  "a pair that a loop returns": `
    const f = (u: number): [number, number] => { for (let i = 0; i < u; i++) if (i > b) return [1, 1]; return [0, 0]; }; const [x, y] = f(a); return x * 10 + y;`,
  "a turn's number becomes a real one": `
    let last = 0; for (let i = 0; i < a; i++) { let x: number = i; for (let j = 0; j < b; j++) x += 0.5; last = x; } return last;`,
  "a turn's number or another": `
    let s = 0; for (let i = 0; i < a; i++) { s += (yes ? i : 0.5) + (yes ? b : i) + (i > 1 ? i : b); } return s;`,
  "a condition that is known and assigns": `
    let n = 0;
    for (const k of [1, 2, 3]) { if (n++ > 0) { if (a > k) continue; return n * 10; } }
    return n;`,
  "a dozen early returns": `
    let s = 0;
    ${Array.from({ length: 12 }, (_, i) => `if (a > ${i - 3}) { if (b > ${i}) return ${i} + s; s += 1; }`).join(" ")}
    return s;`,
  "NaN is no yes": `
    const z = a - a; const nan = z / z; return (nan ? 1 : 2) + (!nan ? 10 : 20) + (!a ? 100 : 200);`,
  "the index of reduce without a first value": `
    return [a, b, 3].reduce((s, x, i) => s + x * i);`,
  "a list is itself": `
    const p = [a, b]; return p === p ? 1 : 2;`,
  "a name in a loop that hides another kind of value": `
    const t = 'x'; let s = 0; for (let i = 0; i < a; i++) { let t = 0; t += i; s += t; } return s + t.length;`,
  "a bound that reads the counter": `
    let s = 0; for (let i = 0; i < a - i; i++) s += 1; return s;`,
  "a condition that assigns is asked as often as it is in Node": `
    let i = 0; let asked = 0; const ask = () => { asked += 1; i += 1; return i; };
    while (ask() < a) { if (i > b + 3) break; } return asked * 10 + i;`,
  "a loop without end that a return leaves": `
    let k = 1; while (true) { if (k > a) return k; k = k * 2; }`,
  "a loop without end that a break leaves": `
    let k = 1; for (;;) { if (k > a + b) break; k = k * 2; } return k + 0.5;`,
  "two hundred known turns that a run-time break may leave": `
    let s = 0; for (let i = 0; i < 200; i++) { if (s > a * 10) break; s += i; } return s;`,
  "a counter of a loop that is left stays known": `
    const list = [a, b, 3, 4]; let s = 0;
    for (let i = 0; i < 4; i++) { if (s > b) break; s += list[i]!; } return s;`,
  "a known loop in a run-time loop, both left": `
    let s = 0; for (let i = 0; i < a; i++) { for (let j = 0; j < 4; j++) { if (j > b) break; s += j; } if (s > 9) break; s += 0.5; } return s;`,
  "== of null and undefined": `
    const o: { k?: number | null } = {}; return (o.k == null ? 1 : 2) * a + (a != null ? 10 : 20);`,
  "booleans compared": `
    return ((yes === a > 1) ? 1 : 2) + (yes !== true ? 10 : 20) + ((a > 1) !== (b > 1) ? 100 : 200);`,
  "a function and a record are themselves": `
    const f = (u: number) => u + a; const g = f; const p = { k: a }; let q = p; if (yes) q = p;
    return (f === g ? 1 : 2) + (p === q ? 10 : 20);`,
  "a default does not see the body": `
    const y = 10; const f = (v: number, g = () => y) => { const y = 2; return v * g() + y; }; return f(a);`,
  "fields with numbers for names come by size": `
    const [x, y] = Object.values({ 2: a, 1: b }); return x! * 10 + y!;`,
  "a variable that hides another leaves it known": `
    const list = [a, b]; let k = 0; for (let i = 0; i < a; i++) { let k = 1; k += i; } return list[k]!;`,
  "a record with a constant field is carried": `
    let o = { name: "abc", k: 1, f: (u: number) => u + 1 }; for (let i = 0; i < a; i++) o = { ...o, k: o.f(o.k) }; return o.k + o.name.length;`,
  "patterns that assign, with defaults, rests and holes": `
    let p = 0; let q = 0; let r: number[] = []; [p, q = 7] = [a]; [, ...r] = [a, b, 3]; return p + q * 10 + r[0]! * 100 + r.length * 1000;`,
  "spread of what is no object": `
    const late = Object.keys({}).length > 0; const o = { k: a, ...(late && { k: b }) }; return o.k;`,
  "methods of lists": `
    const list = [a, b, 3];
    const kept = list.filter((_, i) => i !== 1).map((x, i, all) => x + i + all.length);
    return kept.at(-1)! * 100 + kept[0]! + (list.some((_, i) => i > 1) ? 1000 : 0) + Array.from({ length: 3 }, (_, i) => i).findIndex((i) => i > 0);`,
  "functions of Math as values": `
    const { max } = Math; return [a, b].map(Math.abs).reduce((s, x) => s + x, 0) + max(a, b);`,
  "a condition that holds for ever, in other words": `
    const go = true; let k = 1; while (go) { if (k > a) break; k = k * 2; } while (1) { if (k > 20 + b) break; k = k + 7; } return k;`,
  "lists in another order": `
    const list = [3, 1, 2]; const up = [...list].sort((x, y) => x - y); const back = [a, b].map((x) => x + 1).reverse();
    return up[0]! * 100 + up[2]! * 10 + back[0]! + Object.assign({}, { k: a }, { k: b }).k;`,
  "one list is one list in calls that are made now": `
    const same = (p: unknown, q: unknown) => p === q; const xs = [1, 2].map((x) => x + 1); return (same(xs, xs) ? 1 : 2) + ([xs].includes(xs) ? 10 : 20) + a;`,
  "strings are not taken apart": `
    const xs = ["ab", "cd"].flatMap((n) => n === "ab" ? n : []); return xs.length + a;`,
  "a variable that is set once": `
    let width: number; width = 3; const f = (u: number) => u * width; return f(a);`,
  "keys of a known list": `
    let s = 0; for (const i of Array.from(Array(4).keys())) { if (s > b) break; s += i * a; } return s;`,
  "choices whose value nobody asks for": `
    let s = 0; yes ? (s = a) : (s = b + 1); [1, 2].forEach((t) => a > t && (s += t)); return s;`,
  "an assignment that is made only where it counts": `
    let u: number | undefined; let v = a > 1; u ??= b; v &&= yes; return u + (v ? 10 : 20);`,
  "a method that is not there": `
    const o: { k: number; hook?: (u: number) => number } = { k: a }; return o.hook?.(1) ?? o.k;`,
  "a named function expression": `
    const f = function g(u: number, n: number): number { return n === 0 ? u : g(u + a, n - 1); }; return f(b, 3);`,
  "the least so far, from infinity": `
    let best = -Infinity; for (let i = 0; i < a; i++) best = Math.max(best, i * b); return best;`,
};

const root = mkdtempSync(join(tmpdir(), "f2c-jumps-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let compiled: Compiled;
beforeAll(() => {
  compiled = compileBodies(join(root, "jumps.ts"), Object.values(FUNCTIONS));
});

describe("loops and jumps that run-time numbers decide do what they do in JavaScript", () => {
  test.each(Object.entries(FUNCTIONS).map(([name, body], i) => [name, body, i] as const))(
    "%s",
    (_name, body, i) => {
      expect(compiled.refused.get(i)).toBeUndefined();
      const expected = inNode(body);
      for (const inputs of INPUTS)
        expect({ inputs, gives: compiled.run(i, inputs) }).toEqual({ inputs, gives: expected(inputs) });
    },
  );
});
