/** @file Cuts what a child process writes into lines, in bounded memory. */
import { StringDecoder } from "node:string_decoder";

const LONGEST = 8 * 1024;

/**
 * Hands over lines as they end: at "\n", "\r\n", or a "\r" alone, with which progress bars begin anew. Of a line longer than
 * `longest` characters the rest is dropped as it comes, and how much that was is said at its end.
 */
export class LineSplitter {
  private readonly decoder = new StringDecoder("utf8");
  private line = "";
  private leftOut = 0;
  private afterReturn = false;

  constructor(
    private readonly hear: (line: string) => void,
    private readonly longest = LONGEST,
  ) {}

  write(data: Buffer): void {
    this.take(this.decoder.write(data));
  }

  /** What came last without an end of line is a line too. */
  end(): void {
    this.take(this.decoder.end());
    if (this.line !== "") this.finish();
  }

  private take(text: string): void {
    let from = this.afterReturn && text.startsWith("\n") ? 1 : 0;
    if (text !== "") this.afterReturn = text.endsWith("\r");
    for (const { index, 0: end } of text.matchAll(/\r\n|\r|\n/g)) {
      if (index < from) continue;
      this.add(text, from, index);
      this.finish();
      from = index + end.length;
    }
    this.add(text, from, text.length);
  }

  private add(text: string, from: number, to: number): void {
    const room = Math.max(0, this.longest - this.line.length);
    this.line += text.slice(from, Math.min(to, from + room));
    this.leftOut += Math.max(0, to - from - room);
  }

  private finish(): void {
    const { line, leftOut } = this;
    this.line = "";
    this.leftOut = 0;
    this.hear(leftOut === 0 ? line : `${line} … (${leftOut.toLocaleString("en-US")} characters left out)`);
  }
}

/** Hears a stream of a child process line by line. */
export function hearLines(stream: NodeJS.ReadableStream | null, hear: (line: string) => void): void {
  const splitter = new LineSplitter(hear);
  stream?.on("data", (data: Buffer) => splitter.write(data));
  stream?.on("end", () => splitter.end());
}
