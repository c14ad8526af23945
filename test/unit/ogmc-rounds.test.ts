import { describe, expect, test } from "vitest";
import { fixed, ogmc, syntheticFaces } from "#dsl/index";
import { lowest, OgmcBook, type OgmcRules } from "#dsl/plan/ogmc-book";
import { OgmcRounds, type Round } from "#dsl/stages/ogmc-rounds";
import { cosineOf, OgmcOracle, type Vector } from "./ogmc-oracle.js";
import { blobs } from "./ogmc-streams.js";
import { thrownBy } from "./thrown.js";

const RULES: OgmcRules = {
  fuse: 0.8,
  connectMixed: 0.6,
  connectRobust: 0.7,
  robust: 3,
  most: 2,
  compared: 32,
};

const CHUNK = 8;

interface Given {
  readonly name: "look" | "add";
  readonly rows: Int32Array;
  // biome-ignore lint/suspicious/noExplicitAny: what the functions are given is theirs to say
  readonly plan: any;
  // biome-ignore lint/suspicious/noExplicitAny: likewise what they give
  readonly answer: (results: any) => void;
}

/** The device in f64, one number after the other. What a call says of itself is compared with what the functions are for. */
class Device {
  readonly sums: number[][];
  readonly looks: number[] = [];

  constructor(
    private readonly stream: readonly Vector[],
    private readonly rules: OgmcRules,
  ) {
    this.sums = Array.from({ length: stream.length + 1 }, () => stream[0]!.map(() => 0));
  }

  rounds(sizes: readonly number[]): Round[] {
    const named = (name: Given["name"]) => (given: object, answer: unknown) => ({ name, ...given, answer });
    return sizes.map((size) => ({ size, look: named("look"), add: named("add") }) as never);
  }

  private near(vector: Vector, chunks: number) {
    return this.sums
      .slice(0, chunks * CHUNK)
      .map((sum, cluster) => ({ cluster, cosine: sum.every((x) => x === 0) ? 0 : cosineOf(sum, vector) }))
      .sort((a, b) => b.cosine - a.cosine || a.cluster - b.cluster);
  }

  run({ name, rows, plan, answer }: Given): void {
    if (name === "add") {
      const enter = (into: number, vector: Vector) => {
        this.sums[into] = this.sums[into]!.map((x, i) => x + vector[i]!);
      };
      for (const [i, into] of plan.into.entries()) if (plan.counts[i]) enter(into, this.stream[rows[i]!]!);
      enter(plan.fused[0], this.sums[plan.gone[0]]!);
      this.sums[plan.gone[0]] = this.sums[plan.gone[0]]!.map(() => 0);
      answer({});
      return;
    }
    const k = this.rules.compared + 1;
    const zero = this.stream[0]!.map(() => 0);
    this.looks.push(rows.length);
    const xs = Array.from(rows, (row, i) => (plan.arrives[i] ? this.stream[row]! : zero));
    const best = xs.map((x, i) => (plan.arrives[i] ? this.near(x, plan.chunks)[0] : undefined));
    const joins = best.map((b) => (b && b.cosine >= this.rules.fuse ? b.cluster : -1));
    const made = xs.map((x, i) =>
      this.sums[joins[i]! < 0 ? plan.changed[i] : joins[i]!]!.map((s, d) => s + x[d]!),
    );
    const isVector = (x: Vector) => x.some((d) => d !== 0);
    const near = made.map((m) =>
      [...(isVector(m) ? this.near(m, plan.chunks) : []), ...Array(k).fill({ cluster: 0, cosine: -1 })].slice(
        0,
        k,
      ),
    );
    const free = xs.map((x, j) =>
      Number(
        !made
          .slice(0, j)
          .some(
            (earlier) =>
              (isVector(x) && cosineOf(x, earlier) >= Math.max(this.rules.fuse, best[j]?.cosine ?? 0)) ||
              (isVector(made[j]!) && cosineOf(made[j]!, earlier) >= lowest(this.rules)),
          ),
      ),
    );
    answer({
      joins: Int32Array.from(joins),
      near: Int32Array.from(near.flat(), ({ cluster }) => cluster),
      cosines: Float64Array.from(near.flat(), ({ cosine }) => cosine),
      free: Uint8Array.from(free),
    });
  }
}

const made = (stream: readonly Vector[], rules: OgmcRules, sizes: readonly number[], order?: Int32Array) => {
  const device = new Device(stream, rules);
  const rounds = () =>
    new OgmcRounds(new OgmcBook(rules, stream.length), {
      rounds: device.rounds(sizes),
      order: order ?? Int32Array.from(stream.keys()),
      chunk: CHUNK,
      nobody: stream.length,
      left: (clusters, identities) => ({ arrays: { clusters, identities } }),
    });
  return { device, rounds };
};

/** Makes the calls until there are no more, or so many. Returns how many. */
function drive(rounds: OgmcRounds, device: Device, calls = Number.POSITIVE_INFINITY): number {
  const flight: Given[] = [];
  let done = 0;
  for (; done < calls; ) {
    const call = rounds.next();
    if (call === "done") break;
    if (call === "wait") device.run(flight.shift()!);
    else {
      done++;
      flight.push(call as never);
    }
  }
  for (const call of flight) device.run(call);
  return done;
}

const byFirst = (groups: ArrayLike<number>): number[] =>
  Array.from(groups, (group) => Array.from(groups).indexOf(group));
const arraysOf = (rounds: OgmcRounds) =>
  rounds.result().arrays as { clusters: Int32Array; identities: Int32Array };

const STREAMS = [
  ["groups that touch", RULES, { spread: 0.6, noise: 0.5, dims: 4 }],
  ["groups far apart", RULES, { spread: 3, noise: 0.4, dims: 8 }],
  ["no groups at all", { ...RULES, fuse: 0.7, connectMixed: 0.5 }, { spread: 0, noise: 1, dims: 3 }],
  [
    "robust clusters connect from afar",
    { ...RULES, connectRobust: 0.2, most: 3 },
    { spread: 1, noise: 0.6, dims: 4 },
  ],
  ["few are compared", { ...RULES, compared: 2, connectRobust: 0.3 }, { spread: 0.4, noise: 0.7, dims: 3 }],
] as const;

describe.each(STREAMS)("%s", (_, rules, shape) => {
  test.each([[[1]], [[2, 5]], [[4, 16, 64]], [[100]]])(
    "looked up %j at once give what one by one gives",
    (sizes) => {
      for (let seed = 1; seed <= 3; seed++) {
        const stream = blobs({ ...shape, groups: 12, vectors: 90, seed });
        const oracle = new OgmcOracle(rules);
        for (const vector of stream) oracle.insert(vector);
        const { device, rounds } = made(stream, rules, sizes);
        const driver = rounds();
        drive(driver, device);
        const { clusters, identities } = arraysOf(driver);
        expect({ clusters: byFirst(clusters), identities: byFirst(identities) }).toEqual(oracle.firsts());
        // The sums on the device are those of the clusters.
        const numbers = new Set(oracle.placed().map(({ number }) => number));
        for (const { number, vectors } of oracle.placed())
          expect(
            cosineOf(
              device.sums[number]!,
              vectors.reduce(
                (sum: number[], v) => sum.map((x, i) => x + stream[v]![i]!),
                stream[0]!.map(() => 0),
              ),
            ),
          ).toBeCloseTo(1, 12);
        for (const [number, sum] of device.sums.entries())
          if (!numbers.has(number)) expect(Math.hypot(...sum)).toBe(0);
      }
    },
  );
});

test("a stream of many groups is looked up in large rounds, one sorted by group in small ones", () => {
  const stream = blobs({ groups: 60, vectors: 600, spread: 3, noise: 0.15, dims: 16, seed: 3 });
  const rounds = (vectors: readonly Vector[]) => {
    const { device, rounds } = made(vectors, RULES, [1, 4, 16, 64]);
    drive(rounds(), device);
    return device.looks.length;
  };
  expect(rounds(stream)).toBeLessThan(600 / 5);
  const oracle = new OgmcOracle(RULES);
  for (const vector of stream) oracle.insert(vector);
  const { clusters } = oracle.firsts();
  const sorted = [...stream.keys()].sort((a, b) => clusters[a]! - clusters[b]!).map((i) => stream[i]!);
  expect(rounds(sorted)).toBeGreaterThan(600 / 3);
});

test("a neighbour that one before it in the round has moved away is none", () => {
  const at = (degrees: number): Vector => [
    Math.cos((degrees * Math.PI) / 180),
    Math.sin((degrees * Math.PI) / 180),
  ];
  // The cluster at 0 degrees is a neighbour of what comes at -50, until what comes at 36 moves it to 18.
  const { device, rounds } = made(
    [at(0), at(36), at(-50)],
    { ...RULES, robust: 1, connectRobust: 0.6 },
    [1, 2],
  );
  const driver = rounds();
  drive(driver, device);
  expect(arraysOf(driver)).toEqual({ clusters: Int32Array.of(0, 0, 1), identities: Int32Array.of(0, 0, 1) });
});

test("no cluster is joined twice in a round, even where the device calls both free", () => {
  const { device, rounds } = made(
    [
      [1, 0],
      [1, 0],
      [1, 0],
    ],
    RULES,
    [1, 2],
  );
  const run = device.run.bind(device);
  const entered: number[][] = [];
  device.run = (call) => {
    if (call.name === "add") entered.push([...call.plan.into].filter((_, i) => call.plan.counts[i]));
    const answer = (results: { free?: Uint8Array }) =>
      call.answer({ ...results, free: results.free?.fill(1) });
    run({ ...call, answer });
  };
  drive(rounds(), device);
  expect(entered).toEqual([[0], [0], [0]]);
});

test("vectors arrive in the order given, and results are by row", () => {
  const stream = blobs({ groups: 6, vectors: 60, spread: 0.7, noise: 0.5, dims: 4, seed: 4 });
  const order = Int32Array.from(stream.keys()).map((i) => (i * 7) % 60);
  const oracle = new OgmcOracle(RULES);
  for (const row of order) oracle.insert(stream[row]!);
  const { device, rounds } = made(stream, RULES, [4, 16], order);
  const driver = rounds();
  drive(driver, device);
  const expected = oracle.firsts().clusters;
  expect(byFirst(Array.from(order, (row) => arraysOf(driver).clusters[row]!))).toEqual(expected);
});

test.each([1, 2, 3, 7, 12, 20, 41])(
  "saved after %i calls and restored, it goes on as if nothing had been",
  (calls) => {
    const stream = blobs({ groups: 6, vectors: 110, spread: 0.6, noise: 0.5, dims: 4, seed: 2 });
    const whole = made(stream, RULES, [1, 4, 16]);
    const reference = whole.rounds();
    const total = drive(reference, whole.device);
    const { device, rounds } = made(stream, RULES, [1, 4, 16]);
    const first = rounds();
    drive(first, device, calls);
    const second = rounds();
    second.restore(structuredClone(first.state()));
    expect(second.state()).toEqual(first.state());
    expect(calls + drive(second, device)).toBe(total);
    expect(second.result()).toEqual(reference.result());
    expect(device.sums).toEqual(whole.device.sums);
  },
);

test.each([
  [{ fuse: 0 }, /`fuse` is 0, not a cosine above 0/],
  [{ connectRobust: 1.2 }, /`connectRobust` is 1.2/],
  [{ connectMixed: 0.9 }, /`connectMixed` is 0.9, not at most `fuse`, 0.8/],
  [{ robust: 1.5 }, /`robust` is 1.5/],
  [{ most: 0 }, /`most` is 0/],
  [{ atOnce: 0 }, /`atOnce` is 0/],
])("%j is refused", (options, says) => {
  const features = syntheticFaces({ identities: 2, imagesPerIdentity: fixed(2), size: 16 });
  const error = thrownBy(() =>
    ogmc({ features, fuse: 0.8, connectMixed: 0.6, connectRobust: 0.7, ...options }),
  );
  expect(error).toMatchObject({ code: "F2C2113", message: expect.stringMatching(says) });
});
