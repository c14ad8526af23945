/** @file What shares memory with storage, for passes that must not look past a write. */
import { type IrModule, type Op, type Value, walkOps } from "../ir/module.js";
import { specOf } from "../registry/index.js";
import { type Members, membersOf, namesStorage, storagesOf, written } from "../registry/storages.js";

const changes = (op: Op): boolean => written(op).length > 0;

/** Which storage a value may share memory with, and how often each was written. */
export class Storage {
  /** `undefined` as a root: any storage at all. */
  private readonly roots = new Map<number, readonly (string | undefined)[]>();
  private readonly writes = new Map<string, number>();
  private total = 0;
  private epoch = 0;
  private readonly members: Members;

  constructor(module: IrModule) {
    this.members = membersOf(module.groups);
  }

  /** Follows an op, and with `make` those of its regions. Returns what `make` gives: the op's results. */
  through(op: Op, operands: readonly (Value | undefined)[], make: () => readonly Value[]): readonly Value[] {
    // A loop's second turn sees what its first wrote.
    const inside = op.regions.some((region) => [...walkOps(region)].some(changes));
    if (inside) this.changeAll();
    const results = make();
    if (inside) this.changeAll();
    if (changes(op)) this.change(op, operands);
    if (op.regions.length) this.mayBeAny(results);
    else this.follow(op, operands, results);
    return results;
  }

  /** Notes what the results of a pure op, or of one that names storage, share memory with. */
  follow(op: Op, operands: readonly (Value | undefined)[], results: readonly Value[]): void {
    const through = specOf(op).alias && operands[0] ? this.roots.get(operands[0].id) : undefined;
    const roots = namesStorage(op) ? storagesOf(op, this.members) : through;
    if (roots) for (const result of results) this.roots.set(result.id, roots);
  }

  /** Values whose way is not followed: out of regions, around loops. */
  mayBeAny(values: readonly Value[]): void {
    for (const value of values) if (value.type.kind !== "scalar") this.roots.set(value.id, [undefined]);
  }

  /** Whether a value may share memory with storage. */
  isShared(value: Value): boolean {
    return this.roots.has(value.id);
  }

  /** A suffix for keys: empty for values that no write can change. */
  version(value: Value): string {
    const roots = this.roots.get(value.id);
    if (!roots) return "";
    const writes = roots.map((root) => (root === undefined ? this.total : (this.writes.get(root) ?? 0)));
    return `@${this.epoch}.${writes.reduce((a, b) => a + b, 0)}`;
  }

  /** An op that writes. */
  private change(op: Op, operands: readonly (Value | undefined)[]): void {
    this.total++;
    for (const root of new Set(written(op, operands).flatMap((target) => this.roots.get(target.id) ?? []))) {
      if (root === undefined) this.changeAll();
      else this.writes.set(root, (this.writes.get(root) ?? 0) + 1);
    }
  }

  /** Something wrote, and what is not known. */
  private changeAll(): void {
    this.epoch++;
  }
}
