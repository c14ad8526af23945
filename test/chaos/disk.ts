/** @file A disk that can be filled: a small file system in memory where this user may mount one, else a sign that the hooks heed. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

const SIZE = "16m";

export class Disk {
  /** Where the run folder belongs. */
  readonly path: string;
  private readonly mounted: boolean;
  private readonly ballast: string;
  private readonly sign: string;

  constructor(folder: string, control: string) {
    this.path = join(folder, "disk");
    this.ballast = join(this.path, "ballast");
    this.sign = join(control, "full");
    mkdirSync(this.path, { recursive: true });
    mkdirSync(control, { recursive: true });
    this.mounted =
      process.getuid?.() === 0 &&
      spawnSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE}`, "f2c-chaos", this.path]).status === 0;
  }

  /** Fills it but for so many KiB. */
  fill(left: number): void {
    if (!this.mounted) {
      writeFileSync(this.sign, "");
      return;
    }
    const block = Buffer.alloc(4096);
    const file = openSync(this.ballast, "w");
    let size = 0;
    try {
      for (;;) size += writeSync(file, block);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    } finally {
      closeSync(file);
    }
    truncateSync(this.ballast, Math.max(0, size - 1024 * left));
  }

  /** Makes room again. */
  free(): void {
    rmSync(this.mounted ? this.ballast : this.sign, { force: true });
  }

  remove(): void {
    if (this.mounted) spawnSync("umount", ["-l", this.path]);
  }
}
