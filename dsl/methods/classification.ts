/**
 * @file Classification with any bank and any margin: the methods that differ in what stands where the classifier stood are this one
 * with another bank.
 */
import { described, descriptionOf } from "../core/description.js";
import { normalize } from "../core/functions.js";
import type { Features, Images } from "../core/tensor.js";
import { marginLoss, ownClass } from "../margins/head.js";
import { type Margin, marginNumbers } from "../margins/margin.js";
import type { BankBuilder } from "../method/bank.js";
import type { Classes, Column } from "../method/classes.js";
import { type MethodBuilder, method } from "../method/method.js";
import type { Net } from "../method/net.js";
import type { Policy } from "../method/plan.js";
import { follow, type TwinOptions, twin } from "../method/twin.js";
import { always } from "../schedules/always.js";

export interface ClassificationOptions {
  net: Net;
  /** What gives the classes: `full()`, `fifoQueue({ … })`, `virtual({ … })`, or a bank of your own. */
  bank: BankBuilder;
  margin: Margin;
}

/** A step's loss and accuracy, of features that are not normalised yet. Compiled. */
const classify = (
  margin: Margin["module"],
  features: Features,
  classes: Classes,
  { numbers, inside }: { readonly numbers: Readonly<Record<string, number>>; readonly inside: number },
) => {
  const unit = normalize(features);
  const own = ownClass(features, unit, classes);
  const { loss, nearest } = marginLoss(margin(own, numbers, true), unit, classes);
  const found: Column = own.cosine.gt(nearest).logical_and(own.hasClass).to("f32");
  return { loss: loss.sum().div(inside), accuracy: found.sum().div(inside) };
};

/**
 * Classification of the images of one stream, `x`. The loss is the mean over the rows that have a class.
 *
 *     classification({ net, bank: full(), margin: arcFace() })
 */
export const classification = ({ net, bank, margin }: ClassificationOptions): MethodBuilder =>
  described(
    (setting) => {
      const made = bank({
        identities: setting.identities,
        dim: net.embedding,
        rows: setting.streams.x!,
        seed: setting.seed,
      });
      const { plan, classes, absorb } = made.parts;
      return method(
        { net: net(setting.shape), bank: made.state, margin: margin.module },
        {
          plan: ({ bank: book }, { x }: { readonly x: { readonly labels: Int32Array } }, at) => ({
            bank: plan(book, x.labels, at),
            margin: marginNumbers(margin, at),
          }),
          step({ net, bank, margin }, { x }: { readonly x: Images }, planned) {
            const features = net(x);
            const keys = normalize(features).detach();
            const seen = classes(bank, keys, planned.bank);
            const inside = x.size(0);
            const result = classify(margin, features, seen, { numbers: planned.margin, inside });
            if (absorb !== undefined) absorb(bank, keys, planned.bank);
            return result;
          },
          embed: ({ net }, images) => normalize(net(images)),
          policies: margin.policies,
        },
      );
    },
    {
      kind: "classification",
      embedding: net.embedding,
      bank: descriptionOf(bank),
      margin: descriptionOf(margin),
    },
  );

export interface ContrastOptions extends ClassificationOptions {
  /** Momentum of the twin that makes the keys: how much of itself it keeps each step. */
  ema?: Policy | number;
  twin?: TwinOptions;
  /** The net that is evaluated and exported. */
  embed?: "net" | "twin";
}

/**
 * Classification of the images of stream `x` against classes that a twin of the net makes of those of stream `y`, other images of
 * the same identities in the same order, as `dual` gives them.
 */
export const contrast = ({
  net,
  bank,
  margin,
  ema = 0.999,
  twin: twinOptions = {},
  embed = "twin",
}: ContrastOptions): MethodBuilder => {
  const momentum = typeof ema === "function" ? ema : always(ema);
  return described(
    (setting) => {
      const made = bank({
        identities: setting.identities,
        dim: net.embedding,
        rows: setting.streams.y!,
        seed: setting.seed,
      });
      const { plan, classes, absorb } = made.parts;
      const query = net(setting.shape);
      return method(
        { net: query, twin: twin(query, twinOptions), bank: made.state, margin: margin.module },
        {
          plan: ({ bank: book }, { y }, at) => ({
            ema: momentum(at),
            bank: plan(book, y.labels, at),
            margin: marginNumbers(margin, at),
          }),
          step({ net, twin, bank, margin }, { x, y }, planned) {
            follow(twin, net, planned.ema, twinOptions.buffers ?? "own");
            const features = net(x);
            const keys = normalize(twin(y));
            const seen = classes(bank, keys, planned.bank);
            const result = classify(margin, features, seen, { numbers: planned.margin, inside: x.size(0) });
            if (absorb !== undefined) absorb(bank, keys, planned.bank);
            return result;
          },
          embed: (nets, images) => normalize(nets[embed](images)),
          policies: { ema: momentum, ...margin.policies },
        },
      );
    },
    {
      kind: "contrast",
      embedding: net.embedding,
      bank: descriptionOf(bank),
      margin: descriptionOf(margin),
      ema: descriptionOf(momentum) ?? momentum,
      embed,
    },
  );
};
