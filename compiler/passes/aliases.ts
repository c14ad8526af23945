/**
 * @file Alias analysis: which storages a value may share memory with, for passes that must not move a read across a write.
 */
import { type Op, type Value, walkOps } from "../ir/module.js";
import { aliased, type Members, namesStorage, storagesOf, written } from "../registry/storages.js";

const changes = (op: Op): boolean => written(op).length > 0;

/** A storage's name; `undefined`: it may be any storage. */
export type Root = string | undefined;

/** The storages that each value may share memory with, and how often each storage was written. */
export class Aliases {
  private readonly roots = new Map<number, readonly Root[]>();
  private readonly writes = new Map<string, number>();
  private total = 0;
  private epoch = 0;
  /** Of each op that was noted, in which versions it read its operands. */
  private readonly read = new Map<Op, string>();

  /** `members`: those of groups. */
  constructor(private readonly members: Members) {}

  /** Follows ops as they stand, with those of their regions; `visit` sees each before. */
  throughAll(ops: readonly Op[], visit: (op: Op) => void = () => {}): void {
    for (const op of ops) {
      visit(op);
      this.through(op, op.operands, () => {
        for (const region of op.regions) {
          this.mayBeAny(region.args);
          this.throughAll(region.ops, visit);
        }
        return op.results;
      });
    }
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

  /** The storages that a value may share memory with. */
  storagesOf(value: Value): readonly Root[] {
    return this.roots.get(value.id) ?? [];
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

  /** Notes what an op reads where it stands. */
  note(op: Op): void {
    this.read.set(op, this.versions(op));
  }

  isNoted(op: Op): boolean {
    return this.read.has(op);
  }

  /** Whether an op that was noted would give the same here: no storage that it read was written since. */
  isUnchanged(op: Op): boolean {
    return this.read.get(op) === this.versions(op);
  }

  private versions(op: Op): string {
    return op.operands.map((v) => v && this.version(v)).join();
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
