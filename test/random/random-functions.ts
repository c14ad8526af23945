/** @file Random bodies of functions of run-time numbers: whatever the language allows, in any order, and always ending. */
import { type Draws, drawn } from "../unit/draws.js";

type Kind = "number" | "boolean" | "pair" | "record" | "function";
interface Name {
  readonly name: string;
  readonly kind: Kind;
  readonly mutable: boolean;
}

/** A block's names, and those around it that it has used: these it may not declare anew. */
interface Block {
  readonly names: Map<string, Name>;
  readonly used: Set<string>;
}

const TYPES: Readonly<Record<Kind, string>> = {
  number: "number",
  boolean: "boolean",
  pair: "readonly [number, number]",
  record: "{ p: number; q: number }",
  function: "(u: number, w?: number) => number",
};
const LETTERS = ["u", "v", "w", "x", "y", "z"];

/** Bodies of functions of `a`, `b` and `yes`. Values stay multiples of 1/4 and small, so that sums are exact. */
export const bodies = drawn(bodyOf, 3_000);

function bodyOf({ below: whole, pick, maybe }: Draws): string {
  const root: readonly Name[] = [
    { name: "a", kind: "number", mutable: true },
    { name: "b", kind: "number", mutable: true },
    { name: "yes", kind: "boolean", mutable: false },
  ];
  let blocks: Block[] = [{ names: new Map(root.map((n) => [n.name, n])), used: new Set() }];
  let counters = 0;
  let budget = 12;
  let loops = 0;
  let functions = 0;

  const visible = (kind: Kind, mutable = false): Name[] => {
    const seen = new Map<string, Name>();
    for (const block of blocks) for (const [name, n] of block.names) seen.set(name, n);
    return [...seen.values()].filter((n) => n.kind === kind && (n.mutable || !mutable));
  };
  const use = ({ name }: Name): string => {
    for (let i = blocks.length - 1; i >= 0; i--) {
      if (blocks[i]!.names.has(name)) break;
      blocks[i]!.used.add(name);
    }
    return name;
  };
  const declare = (kind: Kind, mutable: boolean): string => {
    const { names, used } = blocks.at(-1)!;
    const free = LETTERS.filter((l) => !names.has(l) && !used.has(l));
    const name = free.length ? pick(free) : `n${counters++}`;
    names.set(name, { name, kind, mutable });
    return name;
  };
  const within = <T>(body: () => T): T => {
    blocks.push({ names: new Map(), used: new Set() });
    const result = body();
    const { names, used } = blocks.pop()!;
    for (const name of used) if (!names.has(name)) use({ name } as Name);
    return result;
  };

  const literal = () => pick(["0", "1", "2", "-1", "0.5", "3", "-2"]);
  const small = (depth: number) => `Math.max(-8, Math.min(8, ${number(depth)}))`;
  function number(depth: number): string {
    const names = visible("number");
    if (depth <= 0) return maybe(0.25) ? literal() : use(pick(names));
    switch (whole(15)) {
      case 0:
      case 1:
        return `(${number(depth - 1)} + ${number(depth - 1)})`;
      case 2:
        return `(${number(depth - 1)} - ${number(depth - 1)})`;
      case 3:
        return `(${number(depth - 1)} * ${pick(["2", "-1", "0.5"])})`;
      case 4:
        return `Math.${pick(["min", "max"])}(${number(depth - 1)}, ${number(depth - 1)})`;
      case 5:
        return `Math.${pick(["floor", "abs"])}(${number(depth - 1)})`;
      case 6:
      case 7:
        return `(${boolean(depth - 1)} ? ${number(depth - 1)} : ${number(depth - 1)})`;
      case 8: {
        const pairs = visible("pair");
        return pairs.length ? `${use(pick(pairs))}[${pick(["0", "1"])}]` : number(depth - 1);
      }
      case 9: {
        const records = visible("record");
        return records.length ? `${use(pick(records))}.${pick(["p", "q"])}` : number(depth - 1);
      }
      case 10:
      case 11: {
        const fs = visible("function");
        if (!fs.length) return number(depth - 1);
        return `${use(pick(fs))}(${small(depth - 1)}${maybe(0.4) ? `, ${small(depth - 1)}` : ""})`;
      }
      case 12: {
        const target = visible("number", true);
        const name = use(pick(target));
        return pick([`(${name} = ${small(depth - 1)})`, `${name}++`, `--${name}`, `(${name} += 1)`]);
      }
      case 13:
        return `[${number(depth - 1)}, ${number(0)}, ${literal()}].reduce((s, e, i) => s + e * i${maybe(0.5) ? ", 0" : ""})`;
      default:
        return number(0);
    }
  }
  function boolean(depth: number): string {
    const names = visible("boolean");
    if (depth <= 0) return maybe(0.4) ? use(pick(names)) : `${use(pick(visible("number")))} > ${literal()}`;
    switch (whole(6)) {
      case 0:
        return `(${boolean(depth - 1)} && ${boolean(depth - 1)})`;
      case 1:
        return `(${boolean(depth - 1)} || ${boolean(depth - 1)})`;
      case 2:
        return `!(${boolean(depth - 1)})`;
      default:
        return `(${number(depth - 1)} ${pick(["<", "<=", ">", ">=", "===", "!=="])} (${number(depth - 1)} as number))`;
    }
  }
  const randomValue = (kind: Kind): string => {
    const plain = () => (maybe(0.4) ? literal() : small(1));
    const others = visible(kind);
    if (others.length && kind !== "number" && maybe(0.2)) return use(pick(others));
    switch (kind) {
      case "boolean":
        return boolean(2);
      case "pair":
        return `[${plain()}, ${plain()}]`;
      case "record": {
        const parts = [`p: ${plain()}`, `q: ${plain()}`];
        if (others.length && maybe(0.3)) return `{ ...${use(pick(others))}, ${pick(parts)} }`;
        return `{ ${(maybe(0.5) ? parts : parts.reverse()).join(", ")} }`;
      }
      default:
        return small(2);
    }
  };

  const block = (statements: number): string =>
    `{ ${within(() => Array.from({ length: 1 + whole(statements) }, statement).join(" "))} }`;
  const inLoop = (body: () => string): string => {
    loops++;
    const text = body();
    loops--;
    return text;
  };
  const jump = (): string => {
    if (loops > 0 && maybe(0.7)) return pick(["break;", "continue;"]);
    return `return ${small(1)};`;
  };

  function loop(): string {
    const fuel = `f${counters++}`;
    switch (whole(6)) {
      case 0:
      case 1:
        return within(() => {
          const limit = maybe(0.3) ? use(pick(visible("number"))) : `Math.min(5, ${number(1)})`;
          const from = pick(["0", "1", "-1", "a", "0.5"]);
          const i = declare("number", maybe(0.3));
          const start = from === "a" && i === "a" ? "0" : from;
          const least = `${fuel} < 40 && `;
          const safe = limit.startsWith("Math") && !blocks.at(-1)!.names.get(i)!.mutable ? "" : least;
          const test = `${safe}${i} ${pick(["<", "<="])} ${limit}`;
          const body = inLoop(() => `{ ${fuel} += 1; ${block(3)} }`);
          return `let ${fuel}: number = 0; for (let ${i}: number = ${start}; ${test}; ${i}++) ${body}`;
        });
      case 2:
        return within(() => {
          const i = declare("number", false);
          return `for (let ${i}: number = 0; ${i} < ${pick(["2", "3"])}; ${i}++) ${inLoop(() => block(3))}`;
        });
      case 3: {
        const items = [small(1), literal(), number(0)].slice(whole(2));
        return within(() => {
          const item = declare("number", false);
          return `for (const ${item} of [${items.join(", ")}]) ${inLoop(() => block(3))}`;
        });
      }
      case 4:
        return `let ${fuel}: number = 5; while (${boolean(1)} && ${fuel} > 0) { ${fuel}--; ${inLoop(() => block(3))} }`;
      default:
        return `let ${fuel}: number = 4; while (${fuel}-- > 0 && ${boolean(1)}) ${inLoop(() => block(3))}`;
    }
  }

  function func(): string {
    const outer = { loops, blocks };
    loops = 0;
    functions++;
    const captured = visible("number").filter((n) => n.name !== "w" && n.name !== "u");
    const defaults = maybe(0.5) ? `u + ${use(pick(captured))}` : literal();
    const body = within(() => {
      for (const name of ["u", "w"]) blocks.at(-1)!.names.set(name, { name, kind: "number", mutable: true });
      return `{ ${Array.from({ length: 1 + whole(3) }, statement).join(" ")} return ${small(1)}; }`;
    });
    functions--;
    loops = outer.loops;
    blocks = outer.blocks;
    const name = declare("function", false);
    const signature = `(u: number, w: number = ${defaults.includes(` ${name}`) ? "1" : defaults}): number`;
    return maybe(0.5) ? `const ${name} = ${signature} => ${body};` : `function ${name}${signature} ${body}`;
  }

  function statement(): string {
    budget--;
    const flat = budget <= 0;
    switch (whole(flat ? 8 : 16)) {
      case 0:
      case 1: {
        const kind = pick(["number", "number", "boolean", "pair", "record"] as const);
        const value = randomValue(kind);
        const mutable = maybe(0.7);
        return `${mutable ? "let" : "const"} ${declare(kind, mutable)}: ${TYPES[kind]} = ${value};`;
      }
      case 2:
      case 3: {
        const kind = pick(["number", "number", "boolean", "pair", "record"] as const);
        const targets = visible(kind, true);
        if (!targets.length) return `${use(pick(visible("number", true)))} = ${small(2)};`;
        const value = randomValue(kind);
        return `${use(pick(targets))} = ${value};`;
      }
      case 4: {
        const name = use(pick(visible("number", true)));
        return pick([
          `${name} += ${number(1)};`,
          `${name} -= ${literal()};`,
          `${name}++;`,
          `${name} = ${small(2)};`,
        ]);
      }
      case 5: {
        const [x, y] = [use(pick(visible("number", true))), use(pick(visible("number", true)))];
        const pairs = visible("pair");
        return `[${x}, ${y}] = ${pairs.length && maybe(0.5) ? use(pick(pairs)) : `[${y}, ${small(1)}]`};`;
      }
      case 6: {
        const records = visible("record");
        const from = records.length ? use(pick(records)) : "{ p: a, q: 2 }";
        if (!records.length) use(root[0]!);
        return `const { p: ${declare("number", false)}, q: ${declare("number", false)} } = ${from};`;
      }
      case 7:
        return `${boolean(1)} ${pick(["&&", "||"])} (${use(pick(visible("number", true)))} = ${small(1)});`;
      case 8:
      case 9:
      case 10: {
        const test = boolean(2);
        const otherwise = maybe(0.5) ? ` else ${maybe(0.3) ? `{ ${jump()} }` : block(3)}` : "";
        return `if (${test}) ${maybe(0.4) ? within(() => `{ ${maybe(0.3) ? statement() : ""} ${jump()} }`) : block(3)}${otherwise}`;
      }
      case 11:
        return block(3);
      case 12:
      case 13:
        return functions > 0 && loops > 0 ? block(2) : loop();
      case 14:
        return functions > 1 ? block(2) : func();
      default:
        return `if (${boolean(1)}) { ${jump()} }`;
    }
  }
  const body = Array.from({ length: 5 + whole(4) }, statement).join("\n  ");
  return `\n  ${body}\n  return ${[...visible("number")].map((n, i) => `${use(n)} * ${[1, 0.5, 2, -1][i % 4]}`).join(" + ")};`;
}
