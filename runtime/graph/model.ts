/** @file What a drawing is made of: boxes and edges of each function, the ops behind them, and the places in the sources. */

export interface GraphRow {
  readonly text: string;
  /** The op behind the row: a storage that is read, a constant. */
  readonly op: number;
  readonly title: string;
}

export interface GraphNode {
  readonly kind: "op" | "input" | "argument" | "group" | "region";
  readonly title: string;
  /** The path or the call that a container stands for, in full. */
  readonly about: string;
  /** The colour: an effect, or a family of ops. */
  readonly tone: string;
  readonly rows: readonly GraphRow[];
  /** Of a container: the effects inside, as tones. */
  readonly effects: readonly string[];
  /** The container, -1 for the function itself. Containers come before what they hold. */
  readonly parent: number;
  /** The op, -1 where there is none. */
  readonly op: number;
}

export interface GraphEdge {
  readonly from: number;
  readonly to: number;
  /** Which of the values that leave `from`. */
  readonly output: number;
  /** Empty where no value flows: what is below sees a write that is above. */
  readonly type: string;
}

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

export interface GraphOp {
  readonly op: string;
  /** As `f2c-dsl ir` prints it. */
  readonly text: string;
  readonly attributes: readonly (readonly [name: string, value: string])[];
  readonly operands: readonly GraphValue[];
  readonly results: readonly GraphValue[];
  /** Row of the table of locations. */
  readonly location: number;
  /** The box that shows it, -1 where none does. */
  readonly node: number;
}

export interface GraphValue {
  /** What the operand is to the op: `weight`; empty for results. */
  readonly role: string;
  readonly name: string;
  readonly type: string;
  /** The op that it comes from, -1 for inputs. */
  readonly op: number;
}

export interface GraphFunction extends Graph {
  readonly name: string;
  readonly results: readonly (readonly [name: string, type: string])[];
  /** Every op, in program order. */
  readonly ops: readonly GraphOp[];
  /** The containers that are open at first. */
  readonly view: readonly number[];
}

export interface GraphData {
  readonly name: string;
  readonly sources: readonly { readonly path: string; readonly text: string }[];
  /** Source, start, end, and the row of the call site or -1. */
  readonly locations: readonly (readonly [source: number, start: number, end: number, parent: number])[];
  /** Rows of places where the work of a row is also written. */
  readonly fused: Readonly<Record<number, readonly number[]>>;
  readonly vocabulary: Readonly<Record<string, { readonly doc: string; readonly effect: string }>>;
  readonly functions: readonly GraphFunction[];
}

export const isContainer = (node: GraphNode) => node.kind === "group" || node.kind === "region";
