import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ProgressLine, progressLine } from "#runtime/observe/progress-line";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  vi.stubEnv("TERM", "xterm");
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

function shown(stream: { isTTY?: boolean; columns?: number }) {
  const written: string[] = [];
  const progress = new ProgressLine({
    ...stream,
    write: (text: string) => written.push(text),
  } as unknown as NodeJS.WriteStream);
  return { progress, written };
}
const LONG = "read ".repeat(40);

test("a log gets a part's line whole, ten seconds after the beginning and every ten seconds", () => {
  const { progress, written } = shown({});
  for (let second = 0; second < 25; second++) {
    progress.part(LONG);
    vi.advanceTimersByTime(1000);
  }
  progress.clear();
  expect(written).toEqual([`${LONG}\n`, `${LONG}\n`]);
});

test("a terminal gets one live line of its own width, which is taken away", () => {
  const { progress, written } = shown({ isTTY: true, columns: 20 });
  vi.advanceTimersByTime(200);
  progress.part(LONG);
  progress.clear();
  progress.clear();
  expect(written).toEqual([`\r\x1b[2K${LONG.slice(0, 19)}`, "\r\x1b[2K"]);
});

const report = (step: number) => ({
  step,
  steps: 24,
  epoch: (step + 1) / 8,
  metrics: { loss: 9.5, accuracy: 0.25 },
  policies: { lr: 0.0005 },
  seconds: 0.2,
  wait: 0,
  elapsed: 1,
  imagesPerSecond: { x: 70, y: 35 },
  secondsLeft: 62,
});

test("a step's line counts from one, the most important first", () => {
  expect(progressLine(report(3))).toBe(
    "step 4/24  epoch 0.50  loss 9.500  accuracy 25 %  1m02s left  x 70/s  y 35/s  lr 5.0e-4",
  );
});

test("the line of the last step stays, whenever it comes; so does the live line of a run that ends before", () => {
  const { progress, written } = shown({ isTTY: true, columns: 200 });
  progress.step(report(23));
  progress.note("done");
  expect(written).toEqual([`\r\x1b[2K${progressLine(report(23))}`, "\n", "done\n"]);
  written.length = 0;
  vi.advanceTimersByTime(200);
  progress.step(report(4));
  progress.ended();
  expect(written.at(-1)).toBe("\n");
});
