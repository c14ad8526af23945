/** @file The progress of a run: one live line on a terminal, plain lines now and then elsewhere. */

export interface ProgressState {
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** The plan's policies, such as lr and ema. */
  readonly policies: Readonly<Record<string, number>>;
  readonly probePerSecond: number;
  readonly galleryPerSecond: number;
  readonly secondsLeft: number;
}

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
export function progressLine(state: ProgressState, width = 200): string {
  const { loss, accuracy, ...others } = state.metrics;
  const parts = [
    `step ${state.step}/${state.steps}`,
    `epoch ${state.epoch.toFixed(2)}`,
    ...(loss === undefined ? [] : [`loss ${loss.toFixed(3)}`]),
    ...(accuracy === undefined ? [] : [`accuracy ${(100 * accuracy).toFixed(0)} %`]),
    `${clock(state.secondsLeft)} left`,
    `probe ${state.probePerSecond.toFixed(0)}/s`,
    ...(state.galleryPerSecond > 0 ? [`gallery ${state.galleryPerSecond.toFixed(0)}/s`] : []),
    ...Object.entries(state.policies).map(([name, value]) => `${name} ${number(value)}`),
    ...Object.entries(others).map(([name, value]) => `${name} ${number(value)}`),
  ];
  const line = parts.join("  ");
  return line.length > width ? `${line.slice(0, Math.max(0, width - 1))}…` : line;
}

/** Writes progress to a stream: redrawn in place on a terminal, a line every `interval` seconds otherwise. */
export class Progress {
  private last = performance.now();
  private live = false;
  /** Hears every line that stays. */
  heard: (text: string) => void = () => {};

  constructor(
    private readonly stream: NodeJS.WriteStream,
    private readonly interval = 10,
  ) {}

  private get terminal(): boolean {
    return this.stream.isTTY === true && process.env.TERM !== "dumb";
  }

  show(state: ProgressState): void {
    const { terminal } = this;
    if (!this.due() && state.step !== state.steps) return;
    this.draw(terminal ? progressLine(state, (this.stream.columns ?? 80) - 1) : progressLine(state));
  }

  /** How far something is that is no step. */
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
    this.heard(text);
  }

  /** Takes the live line away. */
  clear(): void {
    if (this.live) this.stream.write("\r\x1b[2K");
    this.live = false;
  }

  /** Ends the live line. */
  end(): void {
    if (this.live) this.stream.write("\n");
    this.live = false;
  }
}
