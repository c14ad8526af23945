/** @file Passes on functions written in the IR's text form: before and after, both as text. */
import { type IrModule, optimise, parseModule, printModule, verified } from "#compiler/index";
import type { Pass, Statistics } from "#compiler/passes/pass";

/** Storages that the functions of these tests may name. */
const TABLES = `
  parameter @w : f32[4, 4] = zeros
  parameter @head : f32[5, 4] = zeros
  parameter @conv : f32[8, 3, 3, 3] = zeros
  parameter @depth : f32[8, 1, 3, 3] = zeros
  state @pool : f32[8, 4] = zeros
  state @average : f32[4, 4] = zeros
  state @targets : i64[8] = zeros
  state @mean : f32[8] = zeros
  state @variance : f32[8] = constant(value = 1)
  state @slope : f32[8] = constant(value = 0.25)
  state @grouped : f32[8, 2, 3, 3] = zeros
  state @twin : f32[8, 3, 3, 3] = zeros
  optimizer @optimizer.velocity.w : f32[4, 4] = zeros slot of @w
  optimizer @optimizer.velocity.head : f32[5, 4] = zeros slot of @head
  optimizer @optimizer.velocity.conv : f32[8, 3, 3, 3] = zeros slot of @conv
  optimizer @optimizer.velocity.depth : f32[8, 1, 3, 3] = zeros slot of @depth
  group @parameters = [@w, @head, @conv, @depth]
  group @first = [@w]
  group @second = [@head]
  group @optimizer.velocity = [@optimizer.velocity.w, @optimizer.velocity.head, @optimizer.velocity.conv, @optimizer.velocity.depth]
`;

export const moduleOf = (fn: string) =>
  parseModule(`module @test version 1.2 {${TABLES}${fn}\n}\n`, {
    path: "test.ir",
    sources: [{ path: "exp.ts", text: "" }],
  });

const dedented = (text: string) => {
  const lines = text.replace(/^\n+|\s+$/g, "").split("\n");
  const indent = Math.min(...lines.filter((l) => l.trim()).map((l) => l.length - l.trimStart().length));
  return lines.map((line) => line.slice(indent)).join("\n");
};

export interface Outcome {
  /** The ops of the function after the passes. */
  readonly body: string;
  readonly statistics: Statistics;
  /** The whole module after the passes. */
  readonly module: IrModule;
  readonly text: string;
}

/** What passes make of a function that is given by its inputs and its ops. */
export function run(
  passes: Pass | readonly Pass[],
  inputs: string,
  ops: string,
  results = "y: f32[]",
): Outcome {
  const module = verified(moduleOf(`func @step(${inputs}) -> (${results}) {\n${ops}\n}`));
  let statistics: Statistics = {};
  const list = Array.isArray(passes) ? (passes as readonly Pass[]) : [passes as Pass];
  const done = optimise(module, list, (record) => {
    statistics = record.statistics;
    verified(record.module);
  });
  const text = printModule(done);
  const [, body] = /\{\n([\s\S]*)\n\}\s*$/.exec(printModule(done, { function: "step" }))!;
  return { body: dedented(body), statistics, module: done, text };
}

/** A text without the indentation of the test around it. */
export const ir = ([text]: TemplateStringsArray): string => dedented(text);
