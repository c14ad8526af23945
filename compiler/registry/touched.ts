/** @file Which storages an op touches, and which it writes, itself or in its regions. For programs that hold the constraint V8. */
import { type IrFunction, type Op, type Region, usedBy, type Value, withNested } from "../ir/module.js";
import { carriedArgs, controlOf, initial, regionsOf, sourcesOf, yielded } from "./regions.js";
import { aliased, type Members, namesStorage, storagesOf, written } from "./storages.js";

/** Follows the memory of a function's values back to the storages that it may be of. To name a storage is not to touch it. */
export class Touched {
  /** The values whose memory a value may share; of one that names storage, the op that does. */
  private readonly from = new Map<number, readonly (Value | undefined)[] | Op>();
  private readonly roots = new Map<number, ReadonlySet<string>>();
  private readonly touched = new Map<Op, ReadonlySet<string>>();

  constructor(
    fn: Pick<IrFunction, "body">,
    private readonly members: Members,
  ) {
    this.survey(fn.body);
  }

  /** The storages whose memory an op reads or writes. */
  by(op: Op): ReadonlySet<string> {
    const known = this.touched.get(op) ?? this.union(usedBy(op));
    this.touched.set(op, known);
    return known;
  }

  /** The storages that an op changes. */
  writtenBy(op: Op): ReadonlySet<string> {
    return this.union(withNested(op).flatMap((o) => written(o)));
  }

  private survey(region: Region): void {
    for (const op of region.ops) {
      for (const [i, result] of op.results.entries()) {
        const sources = namesStorage(op) ? op : controlOf(op) ? sourcesOf(op, i) : aliased(op);
        this.from.set(result.id, sources);
      }
      for (const { region: inner, yields } of regionsOf(op)) {
        for (const [i, arg] of carriedArgs(op, inner).entries())
          this.from.set(arg.id, [initial(op)[i], yields === "results" ? yielded(inner)[i] : undefined]);
        this.survey(inner);
      }
    }
  }

  private union(values: readonly Value[]): ReadonlySet<string> {
    return new Set(values.flatMap((value) => [...this.storagesOf(value)]));
  }

  /** The storages whose memory a value may share. */
  private storagesOf(value: Value): ReadonlySet<string> {
    const known = this.roots.get(value.id);
    if (known) return known;
    const found = new Set<string>();
    const seen = new Set<number>();
    const open: (Value | undefined)[] = [value];
    for (let next = open.pop(); next || open.length > 0; next = open.pop()) {
      if (!next || seen.has(next.id)) continue;
      seen.add(next.id);
      const from = this.from.get(next.id) ?? [];
      if ("op" in from) for (const name of storagesOf(from, this.members)) found.add(name);
      else open.push(...from);
    }
    this.roots.set(value.id, found);
    return found;
  }
}
