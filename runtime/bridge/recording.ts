/** @file A recording of what the driver sent on `work`: replayed by `f2c-host replay`, without Node. */
import { closeSync, openSync, writeSync } from "node:fs";

const u32 = (n: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(n);
  return bytes;
};

/** Appends messages to a file: per message its number of frames, per frame its length and bytes. */
export class Recording {
  private readonly file: number;

  constructor(path: string) {
    this.file = openSync(path, "w");
  }

  append(frames: readonly Buffer[]): void {
    writeSync(
      this.file,
      Buffer.concat([u32(frames.length), ...frames.flatMap((frame) => [u32(frame.byteLength), frame])]),
    );
  }

  close(): void {
    closeSync(this.file);
  }
}
