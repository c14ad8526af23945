/**
 * @file Alias analysis: which storages a value may share memory with, for passes that must not move a read across a write.
 */
import { type IrModule, type Op, type Value, walkOps } from "../ir/module.js";
import { aliased, type Members, membersOf, namesStorage, storagesOf, written } from "../registry/storages.js";

const changes = (op: Op): boolean => written(op).length > 0;

/** The storages that each value may share memory with, and how often each storage was written. */
export class Aliases {
  /** A root is a storage's name; `undefined`: it may be any storage. */
  private readonly roots = new Map<number, readonly (string | undefined)[]>();
  private readonly writes = new Map<string, number>();
  private total = 0;
  private epoch = 0;
  private readonly members: Members;

  constructor(module: IrModule) {
    this.members = membersOf(module.groups);
  }

  /** Follows an op; `make` emits it, with the ops of its regions, and returns its results. */
  through(op: Op, operands: readonly (Value | undefined)[], make: () => readonly Value[]): readonly Value[] {
    // A loop's second turn reads what its first wrote.
    const inside = op.regions.some((region) => [...walkOps(region)].some(changes));
    if (inside) this.changeAll();
    const results = make();
    if (inside) this.changeAll();
    if (changes(op)) this.change(op, operands);
    if (op.regions.length) this.mayBeAny(results);
    else this.follow(op, operands, results);
    return results;
  }

  /**
   * Follows a pure op, or one that names a storage: its results may share the memory of its operands, or of that storage.
   */
  follow(op: Op, operands: readonly (Value | undefined)[], results: readonly Value[]): void {
    const through = aliased(op, operands).flatMap((value) => (value && this.roots.get(value.id)) ?? []);
    const roots = namesStorage(op) ? storagesOf(op, this.members) : through;
    if (roots.length > 0) for (const result of results) this.roots.set(result.id, roots);
  }

  /** Values that are not followed: results of regions, arguments of loops. They may share memory with any storage. */
  mayBeAny(values: readonly Value[]): void {
    for (const value of values) if (value.type.kind !== "scalar") this.roots.set(value.id, [undefined]);
  }

  /** Whether a value may share memory with a storage. */
  isShared(value: Value): boolean {
    return this.roots.has(value.id);
  }

  /** A suffix for keys that changes with every write that may change the value; empty if no write can. */
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

  /** Something was written, and it is not known what. */
  private changeAll(): void {
    this.epoch++;
  }
}
