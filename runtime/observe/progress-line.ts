/** @file A run on a terminal: one live line; plain lines now and then where it is none. */
import type { Observer, StepReport } from "./observer.js";

const number = (value: number): string =>
  Math.abs(value) >= 1000 || (value !== 0 && Math.abs(value) < 0.001)
    ? value.toExponential(1)
    : String(Number(value.toPrecision(3)));

const clock = (seconds: number): string => {
  const s = Math.max(0, Math.round(seconds));
  const [h, m] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60)];
  return h > 0
    ? `${h}h${String(m).padStart(2, "0")}m`
    : m > 0
      ? `${m}m${String(s % 60).padStart(2, "0")}s`
      : `${s}s`;
};

/** The line, the most important first, cut to `width`. */
export function progressLine(state: StepReport, width = 200): string {
  const { loss, accuracy, ...others } = state.metrics;
  const parts = [
    `step ${state.step + 1}/${state.steps}`,
    `epoch ${state.epoch.toFixed(2)}`,
    ...(loss === undefined ? [] : [`loss ${loss.toFixed(3)}`]),
    ...(accuracy === undefined ? [] : [`accuracy ${(100 * accuracy).toFixed(0)} %`]),
    `${clock(state.secondsLeft)} left`,
    ...Object.entries(state.imagesPerSecond).map(([stream, images]) => `${stream} ${images.toFixed(0)}/s`),
    ...Object.entries(state.policies).map(([name, value]) => `${name} ${number(value)}`),
    ...Object.entries(others).map(([name, value]) => `${name} ${number(value)}`),
  ];
  const line = parts.join("  ");
  return line.length > width ? `${line.slice(0, Math.max(0, width - 1))}…` : line;
}

/** Writes to a stream: redrawn in place on a terminal, a line every `interval` seconds otherwise. */
export class ProgressLine implements Observer {
  readonly name = "the progress line";
  private last = performance.now();
  private live = false;

  constructor(
    private readonly stream: NodeJS.WriteStream,
    private readonly interval = 10,
  ) {}

  private get terminal(): boolean {
    return this.stream.isTTY === true && process.env.TERM !== "dumb";
  }

  /** The line of the last step stays. */
  step(done: StepReport): void {
    const { terminal } = this;
    const last = done.step + 1 === done.steps;
    if (!this.due() && !last) return;
    this.draw(terminal ? progressLine(done, (this.stream.columns ?? 80) - 1) : progressLine(done));
    if (last) this.ended();
  }

  part(text: string): void {
    if (this.due()) this.draw(this.terminal ? text.slice(0, (this.stream.columns ?? 80) - 1) : text);
  }

  private due(): boolean {
    return performance.now() - this.last >= (this.terminal ? 100 : this.interval * 1000);
  }

  private draw(line: string): void {
    this.last = performance.now();
    this.live = this.terminal;
    this.stream.write(this.live ? `\r\x1b[2K${line}` : `${line}\n`);
  }

  /** A line that stays; the live line moves below it. */
  note(text: string): void {
    this.clear();
    this.stream.write(`${text}\n`);
  }

  /** Takes the live line away. */
  clear(): void {
    if (this.live) this.stream.write("\r\x1b[2K");
    this.live = false;
  }

  /** Leaves the live line where it is. */
  ended(): void {
    if (this.live) this.stream.write("\n");
    this.live = false;
  }
}
