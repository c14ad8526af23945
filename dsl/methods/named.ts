/** @file The field's names for classification with one bank or another. */
import { fifoQueue } from "../banks/fifo-queue.js";
import { full } from "../banks/full.js";
import { type SampledOptions, sampled } from "../banks/sampled.js";
import { virtual } from "../banks/virtual.js";
import { described, descriptionOf } from "../core/description.js";
import type { MethodBuilder } from "../method/method.js";
import {
  type ClassificationOptions,
  type ContrastOptions,
  classification,
  contrast,
} from "./classification.js";

/** `made` under another name. */
const named = (kind: string, made: MethodBuilder): MethodBuilder =>
  described((setting) => made(setting), { ...descriptionOf(made), kind });

/** Normalised softmax over all identities, each with a trained centre: the classification that the others do without. */
export const softmax = (options: Omit<ClassificationOptions, "bank">): MethodBuilder =>
  named("softmax", classification({ ...options, bank: full() }));

/**
 * Partial FC (An et al. 2021 and 2022): a trained centre for every identity, of which each step compares with a sample. With
 * `withoutConflicts` around the margin it is their robust form.
 */
export const partialFc = ({
  share,
  most,
  std,
  ...options
}: Omit<ClassificationOptions, "bank"> & SampledOptions): MethodBuilder =>
  named("partialFc", classification({ ...options, bank: sampled({ share, most, std }) }));

/** VFC, the virtual fully-connected layer (Li et al. 2021): identities share `columns` classes, made of each step's features. */
export const vfc = ({
  columns,
  ...options
}: Omit<ClassificationOptions, "bank"> & { columns: number }): MethodBuilder =>
  named("vfc", classification({ ...options, bank: virtual({ columns }) }));

/**
 * DCQ, the dynamic class queue (Li et al. 2021, arXiv 2105.11113): the negatives are the `queue` newest keys of a momentum encoder, a
 * query's positive is the key of another image of its identity. The momentum encoder is the net to keep.
 */
export const dcq = ({
  queue,
  ...options
}: Omit<ContrastOptions, "bank"> & { queue: number }): MethodBuilder =>
  named("dcq", contrast({ ...options, bank: fifoQueue({ size: queue }) }));
