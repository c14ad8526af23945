/** @file Says what a run waits for, since when, and what the host does meanwhile: no wait is silent for ever. */
import type { Heartbeat } from "../bridge/host-events.js";

/** What is known of a host while it is waited for. */
export interface Vitals {
  readonly heartbeat: Heartbeat | undefined;
  /** Seconds since the last heartbeat. */
  readonly silentFor: number;
}

/** Seconds that pass in silence: at least these, and that many times what is usual. */
const PATIENCE = 30;
const UNUSUAL = 10;
const TICK_MS = 1000;

const DOING: Readonly<Record<string, string>> = {
  plan: "the host computes",
  images: "the host waits for its images",
  results: "the host waits until its results are taken",
  idle: "the host is idle, as if the message had been lost; if nothing comes, stop with Ctrl-C and go on with --resume",
};

/** What the host does, in words; `what` it has been asked for. */
export function hostWords({ heartbeat, silentFor }: Vitals): string {
  if (!heartbeat) return "the host gave no sign of life yet";
  if (silentFor > 5) return `the host gave no sign of life for ${silentFor} s`;
  const doing = DOING[heartbeat.busy] ?? `the host is at \`${heartbeat.busy}\``;
  return heartbeat.busy === "idle"
    ? doing
    : `${doing}; it finished something ${Math.round(heartbeat.progress)} s ago`;
}

export class Watch {
  private waited = 0;
  private next = PATIENCE;

  constructor(
    private readonly say: (text: string) => void,
    private readonly vitals: () => Vitals | undefined,
  ) {}

  /** Something was finished: the wait begins anew. */
  progressed(): void {
    this.waited = 0;
    this.next = PATIENCE;
  }

  /** Awaits `work`; says what it is, when it takes longer than `usual` seconds by far. Seconds in which this process did not run do not count. */
  async during<T>(what: () => string, work: Promise<T>, usual = 0): Promise<T> {
    this.progressed();
    const pulse = setInterval(() => {
      if (++this.waited < Math.max(this.next, UNUSUAL * usual)) return;
      this.next = 2 * this.waited;
      const vitals = this.vitals();
      const compared = usual > 0 ? ` (${usual.toPrecision(2)} s is usual)` : "";
      this.say(
        `waiting for ${what()} for ${this.waited} s${compared}${vitals ? `: ${hostWords(vitals)}` : ""}`,
      );
    }, TICK_MS);
    try {
      return await work;
    } finally {
      clearInterval(pulse);
    }
  }
}
