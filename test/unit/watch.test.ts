import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Vitals, Watch } from "#runtime/stages/watch";

const SECOND = 1000;
let said: string[];
let vitals: Vitals;
beforeEach(() => {
  vi.useFakeTimers();
  said = [];
  vitals = { heartbeat: { program: "train", number: 6, busy: "plan", progress: 1 }, silentFor: 0 };
});
afterEach(() => vi.useRealTimers());
const watch = () =>
  new Watch(
    (text) => said.push(text),
    () => vitals,
  );
const never = new Promise<never>(() => {});

describe("a wait", () => {
  test("is not mentioned while it is short, nor after its end", async () => {
    const work = new Promise<number>((resolve) => setTimeout(() => resolve(7), 29 * SECOND));
    const result = watch().during(() => "step 7", work);
    await vi.advanceTimersByTimeAsync(100 * SECOND);
    expect(await result).toBe(7);
    expect(said).toEqual([]);
  });

  test("is said after half a minute, then ever more rarely, with what the host does", () => {
    void watch().during(() => "step 7", never);
    vitals = { heartbeat: { program: "train", number: 6, busy: "images", progress: 31.4 }, silentFor: 1 };
    vi.advanceTimersByTime(250 * SECOND);
    expect(said).toEqual(
      [30, 60, 120, 240].map(
        (s) => `waiting for step 7 for ${s} s: the host waits for its images; it finished something 31 s ago`,
      ),
    );
  });

  test("is measured by what is usual", () => {
    void watch().during(() => "step 7", never, 20);
    vi.advanceTimersByTime(199 * SECOND);
    expect(said).toEqual([]);
    vi.advanceTimersByTime(2 * SECOND);
    expect(said[0]).toMatch(/^waiting for step 7 for 200 s \(20 s is usual\): the host computes/);
  });

  test("begins anew whenever something is finished", () => {
    const observed = watch();
    void observed.during(() => "the evaluation", never);
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(25 * SECOND);
      observed.progressed();
    }
    expect(said).toEqual([]);
  });
});

test.each([
  [{ heartbeat: undefined, silentFor: 3 }, "the host gave no sign of life yet"],
  [
    { heartbeat: { program: "train", number: 6, busy: "plan", progress: 40 }, silentFor: 29 },
    "the host gave no sign of life for 29 s",
  ],
  [
    { heartbeat: { program: "train", number: 6, busy: "idle", progress: 30 }, silentFor: 1 },
    "the host is idle, as if the message had been lost",
  ],
  [
    { heartbeat: { program: "train", number: 6, busy: "save", progress: 30 }, silentFor: 1 },
    "the host is at `save`; it finished something 30 s ago",
  ],
] as const)("what is known of the host is said: %j", (known, words) => {
  vitals = known;
  void watch().during(() => "x", never);
  vi.advanceTimersByTime(31 * SECOND);
  expect(said[0]).toContain(words);
});
