/**
 * @file Streams over the same classes become one over them, which reads the rows once: F2C has one for each of its two passes.
 *
 *     %a, %i = negatives_logsumexp(%x, %w, %t, %s)     %z = cat(%x, %y)
 *     %b, %j = negatives_logsumexp(%y, %w, %u, %s)     %both, %k = negatives_logsumexp(%z, %w, cat(%t, %u), %s)
 *                                                      %a = narrow(%both, 0, n)
 *                                                      %b = narrow(%both, n, n)
 *
 * The joined one stands where the first stood, so what the others are computed from moves before it: that must be pure, need nothing of the
 * first, and nothing may be written in between. Each stream's rows are groups of their own, with limits and touched classes of their own.
 */
import { sameDim } from "../ir/dim.js";
import type { Op, Region, TensorType, Value } from "../ir/module.js";
import { specOf } from "../registry/index.js";
import { overFunctions } from "./pass.js";
import { type Replay, rewrite } from "./replay.js";

const STREAM = "negatives_logsumexp";
/** Operands that joined streams have in common, and those of which each has its own: a value a row, and a line a group. */
const COMMON = ["rows", "scale", "ids", "square", "slope", "offset"];
const BY_ROW = ["features", "target", "bound"];
const BY_GROUP = ["limit", "touched"];

/** Streams that become one, in their order, and the ops between that must come before the first. */
interface Joined {
  readonly streams: readonly Op[];
  readonly before: readonly Op[];
}

export const joinStreams = overFunctions(
  "join-streams",
  "Streams over the same classes are one.",
  (fn, _, count) => {
    const joined = new Map(found(fn.body).map((j) => [j.streams[0]!, j]));
    if (joined.size === 0) return fn;
    const done = new Set<Op>();
    return rewrite(fn, (op, replay) => {
      if (done.has(op)) return op.results.map((result) => replay.value(result));
      const join = joined.get(op);
      if (!join) return undefined;
      for (const earlier of join.before) {
        replay.op(earlier);
        done.add(earlier);
      }
      count("joined", join.streams.length);
      const results = emitted(join.streams, replay);
      for (const [i, stream] of join.streams.entries()) {
        for (const [j, result] of stream.results.entries()) replay.stand(result, results[i]![j]!);
        done.add(stream);
      }
      return results[0]!;
    });
  },
);

const operand = (op: Op, name: string): Value | undefined =>
  op.operands[specOf(op).operands.findIndex((o) => o.name === name)];
const rowsOf = (op: Op) => (operand(op, "features")!.type as TensorType).dims[0]!;

/** The streams of a region that can be joined. Regions within have none to join: a head stands at the top of a step. */
function found({ ops }: Region): readonly Joined[] {
  const open = new Set(ops.filter((op) => op.op === STREAM));
  const all: Joined[] = [];
  for (const first of open) {
    const streams = [first];
    const before: Op[] = [];
    for (const other of open) {
      if (other === first || !isAlike(first, other)) continue;
      const needed = movable(ops, first, other, streams);
      if (!needed) continue;
      streams.push(other);
      before.push(...needed.filter((op) => !before.includes(op)));
    }
    for (const stream of streams) open.delete(stream);
    if (streams.length > 1) all.push({ streams, before: ops.filter((op) => before.includes(op)) });
  }
  return all;
}

/** Whether two streams are over the same classes, in the same way. */
function isAlike(a: Op, b: Op): boolean {
  const touched = [a, b].map((op) => operand(op, "touched")?.type as TensorType | undefined);
  return (
    COMMON.every((name) => operand(a, name)?.id === operand(b, name)?.id) &&
    [...BY_ROW, ...BY_GROUP].every((name) => !operand(a, name) === !operand(b, name)) &&
    ["centres", "nearest"].every((name) => a.attributes[name] === b.attributes[name]) &&
    typeof rowsOf(a) === "number" &&
    sameDim(rowsOf(a), rowsOf(b)) &&
    [a, b].every((op) => operand(op, "limit")?.type.kind !== "tensor") &&
    touched.every((type) => !type || (type.dims[0] === 1 && sameDim(type.dims[1]!, touched[0]!.dims[1]!)))
  );
}

/** The ops between that `other` needs, if they can move before `first`, with no need of the streams that it is to be joined with. */
function movable(
  ops: readonly Op[],
  first: Op,
  other: Op,
  streams: readonly Op[],
): readonly Op[] | undefined {
  const between = ops.slice(ops.indexOf(first) + 1, ops.indexOf(other));
  if (between.some(acts)) return undefined;
  const makers = new Map(between.flatMap((op) => op.results.map((result) => [result.id, op])));
  const unwanted = new Set(streams.flatMap((op) => op.results.map((result) => result.id)));
  const needed = new Set<Op>();
  const wanted = [...other.operands];
  while (wanted.length > 0) {
    const value = wanted.pop();
    if (!value) continue;
    if (unwanted.has(value.id)) return undefined;
    const maker = makers.get(value.id);
    if (!maker || needed.has(maker)) continue;
    if (maker.regions.length) return undefined;
    needed.add(maker);
    wanted.push(...maker.operands);
  }
  return [...needed];
}

/** Whether an op changes something, or what is recorded. */
function acts(op: Op): boolean {
  const { effect, control, differentiates } = specOf(op);
  if (control) return op.regions.some((region) => region.ops.some(acts));
  return differentiates !== undefined || (effect !== "pure" && effect !== "read");
}

/** The joined stream, and what of its results is each stream's. */
function emitted(streams: readonly Op[], replay: Replay): readonly (readonly Value[])[] {
  const [first] = streams as [Op];
  const at = first.location;
  const now = (op: Op, name: string) => {
    const value = operand(op, name);
    return value && replay.value(value);
  };
  const cat = (name: string) => {
    const values = streams.map((op) => now(op, name));
    return values[0] && replay.emit("cat", values, { dim: 0 }, at)[0];
  };
  const limits = streams.map((op) => {
    const limit = now(op, "limit");
    if (!limit) return undefined;
    return replay.emit("from_scalar", [limit], { dtype: "f64" }, at)[0]!;
  });
  const given: Record<string, Value | undefined> = {
    ...Object.fromEntries(COMMON.map((name) => [name, now(first, name)])),
    ...Object.fromEntries([...BY_ROW, "touched"].map((name) => [name, cat(name)])),
    limit: limits[0] && replay.emit("stack", limits, { dim: 0 }, at)[0],
  };
  const operands = specOf(first).operands.map(({ name }) => given[name]);
  const results = replay.emit(STREAM, operands, first.attributes, at);
  const length = rowsOf(first) as number;
  return streams.map((_, i) => {
    const part = { dim: 0, start: i * length, end: (i + 1) * length };
    return results.map((result) => replay.emit("slice", [result], part, at)[0]!);
  });
}
