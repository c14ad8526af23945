import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Progress } from "#runtime/run/progress";

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
  const progress = new Progress({
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
