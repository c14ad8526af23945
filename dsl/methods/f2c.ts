/**
 * @file F2C, Faster Face Classification (CVPR 2022, arXiv 2105.10375), with nothing but the public DSL.
 *
 * A step has two passes over two streams of images, x and y; each identity of the identity loader is once in x and once in
 * y. The tentative pass classifies P(x) against the pool as G(y) would leave it; the committed pass classifies P(y) against
 * the pool as G(x) leaves it, and that stays. The paper's code writes the pool and takes it back; here the plan already
 * knows every slot, so both passes patch the columns they touch of one product with the pool, and one write ends the step.
 */

import {
  type ClassPoolOptions,
  classPool,
  type PassTensors,
  passClasses,
  passPlan,
  touchedRows,
  writeRows,
} from "../banks/class-pool.js";
import { described, descriptionOf } from "../core/description.js";
import { normalize } from "../core/functions.js";
import type { Layer } from "../core/module.js";
import * as ops from "../core/ops.generated.js";
import type { Features, Images } from "../core/tensor.js";
import { marginLoss, ownClass } from "../margins/head.js";
import { type Margin, marginNumbers } from "../margins/margin.js";
import type { Classes, Column } from "../method/classes.js";
import { type MethodBuilder, method } from "../method/method.js";
import type { Net } from "../method/net.js";
import type { Policy } from "../method/plan.js";
import { follow, type TwinOptions, twin } from "../method/twin.js";
import { policyOf } from "../schedules/always.js";

/** The loss of probe rows whose identity is not in the pool: push them from their `k` nearest centres. */
export interface Negatives {
  readonly k: number | "auto";
  /** Weight beside the classification loss. The paper's code has 1, although the cosines there are not scaled. */
  readonly scale: number;
}
/** The mean of the `k` largest cosines, those below 0 counting as 0. `auto`: 0.0002 of the capacity, from 3 to 10. */
export const hardest = ({
  k = "auto",
  scale = 1,
}: {
  k?: number | "auto";
  scale?: number;
} = {}): Negatives => ({ k, scale });

export interface F2cOptions {
  net: Net;
  /** Momentum of the Gallery Net: how much of itself it keeps each step. */
  ema?: Policy | number;
  pool: ClassPoolOptions;
  margin: Margin;
  negatives?: Negatives;
  /** BatchNorm of the Gallery Net. */
  gallery?: TwinOptions;
  /**
   * How the two streams go through the nets: each by itself, as in the paper's code, or as one batch, which takes half as many calls of
   * the device. Batch normalisation in training then takes its statistics of all images of a step, and moves its running ones once a
   * step and not twice; nets without it compute the same.
   */
  streams?: "apart" | "together";
  /** The net that is evaluated and exported. The paper's is the Probe Net; the Gallery Net is its average over the last steps. */
  embed?: "probe" | "gallery";
}

/** F2C for a net, a pool and a margin. */
export const f2c = (options: F2cOptions): MethodBuilder => {
  const { net, margin, negatives = hardest(), embed = "probe", streams = "apart" } = options;
  const ema = policyOf(options.ema ?? 0.99);
  return described(built({ ...options, ema, negatives, embed, streams }), {
    kind: "f2c",
    embedding: net.embedding,
    ema: descriptionOf(ema) ?? ema,
    margin: descriptionOf(margin),
    negatives,
    embed,
    streams,
  });
};

/** What the options are where they were not given. */
interface Built {
  ema: Policy;
  negatives: Negatives;
  embed: "probe" | "gallery";
  streams: "apart" | "together";
}

/** What a net makes of two streams that are as long, each by itself or both as one batch. */
const both = (net: Layer<Images, Features>, x: Images, y: Images, together: boolean) => {
  if (!together) return [net(x), net(y)] as const;
  const rows = x.shape[0];
  const features = net(ops.cat([x, y], 0) as Images);
  return [features.slice(0, 0, rows), features.slice(0, rows, 2 * rows)] as const;
};

const built =
  (options: F2cOptions & Built): MethodBuilder =>
  (setting) => {
    const { margin, ema, embed, gallery: twinOptions = {} } = options;
    const together = options.streams === "together";
    const probe = options.net(setting.shape);
    const pool = classPool({ ...options.pool, dim: options.net.embedding, identities: setting.identities });
    const { dtype } = pool;
    const { k, scale } = options.negatives;
    const negatives = {
      k: Math.min(
        k === "auto" ? Math.min(Math.max(Math.floor(pool.capacity * 0.0002), 3), 10) : k,
        pool.capacity,
      ),
      scale,
    };

    /** The loss of a pass under one view of its classes, and the rows that are nearest to their own. */
    const passLoss = (
      apply: Margin["module"],
      features: Features,
      classes: Classes,
      {
        pass,
        numbers,
        moves,
      }: { pass: PassTensors; numbers: Readonly<Record<string, number>>; moves: boolean },
    ) => {
      const unit = normalize(features);
      const own = ownClass(features, unit, classes);
      const { loss, nearest, hardest } = marginLoss(apply(own, numbers, moves), unit, classes, negatives.k);
      const outside: Column = hardest.mul(pass.target.lt(0).to("f32"));
      const pushed = outside.sum().mul(negatives.scale).div(Math.max(pass.outside, 1));
      return {
        loss: loss.sum().div(Math.max(pass.inside, 1)).add(pushed),
        found: own.cosine.gt(nearest).logical_and(own.hasClass),
      };
    };

    return method(
      { probe, gallery: twin(probe, twinOptions), pool, margin: margin.module },
      {
        plan({ pool: book }, { x, y }, at) {
          const tentative = passPlan(pool, book.peek(y.labels, x.labels));
          const committed = passPlan(pool, book.commit(x.labels, y.labels));
          return { ema: ema(at), margin: marginNumbers(margin, at), tentative, committed };
        },

        step({ probe, gallery, pool, margin }, { x, y }, plan) {
          follow(gallery, probe, plan.ema, twinOptions.buffers ?? "own");
          const [px, py] = both(probe, x, y, together);
          const [ofY, ofX] = both(gallery, y, x, together);
          const [gy, gx] = [normalize(ofY), normalize(ofX)];

          const stored = touchedRows(pool, gx, plan.committed);
          const committed = passClasses(pool, stored, plan.committed);
          const tentative = passClasses(pool, touchedRows(pool, gy, plan.tentative), plan.tentative);
          const of = (pass: PassTensors, moves = false) => ({ pass, numbers: plan.margin, moves });
          // What a margin keeps moves once, with the pass that stays.
          const ends = passLoss(margin, py, committed.first, of(plan.committed, true));
          const loss = passLoss(margin, px, tentative.first, of(plan.tentative))
            .loss.add(passLoss(margin, px, tentative.second, of(plan.tentative)).loss)
            .add(ends.loss.add(passLoss(margin, py, committed.second, of(plan.committed)).loss));
          const found = ends.found.to("f32").sum();

          writeRows(pool, stored, plan.committed, dtype);
          const accuracy = found.div(Math.max(plan.committed.inside, 1));
          return { loss, accuracy, features: { x: px, y: py } };
        },

        embed: (nets, images) => normalize(nets[embed](images)),
        policies: { ema, ...margin.policies },
        net: "probe",
      },
    );
  };
