/**
 * @file Classification with any bank and any margin: the methods that differ in what stands where the classifier stood are this one
 * with another bank.
 */
import { described, descriptionOf } from "../core/description.js";
import { normalize } from "../core/functions.js";
import type { Features, Images } from "../core/tensor.js";
import { marginLoss, ownClass } from "../margins/head.js";
import { type Margin, marginNumbers } from "../margins/margin.js";
import type { Bank, BankBuilder } from "../method/bank.js";
import type { Classes, Column } from "../method/classes.js";
import { type MethodBuilder, method, type Setting } from "../method/method.js";
import type { Net } from "../method/net.js";
import type { Policy } from "../method/plan.js";
import { follow, type TwinOptions, twin } from "../method/twin.js";
import { policyOf } from "../schedules/always.js";

export interface ClassificationOptions {
  net: Net;
  /** What gives the classes: `full()`, `fifoQueue({ … })`, `virtual({ … })`, or a bank of your own. */
  bank: BankBuilder;
  margin: Margin;
}

/** What a step is planned with, whatever the bank and the margin plan. */
interface HeadPlan {
  // biome-ignore lint/suspicious/noExplicitAny: the bank's own
  readonly bank: any;
  readonly margin: Readonly<Record<string, number>>;
}

/** A step's loss and accuracy, of features that are not normalised yet, with classes that the bank makes with `keys`. Compiled. */
const classify = (
  { classes, absorb }: Bank["parts"],
  // biome-ignore lint/suspicious/noExplicitAny: the bank's own
  { bank, margin }: { readonly bank: any; readonly margin: Margin["module"] },
  features: Features,
  keys: Features,
  planned: HeadPlan,
) => {
  const seen: Classes = classes(bank, keys, planned.bank);
  const inside = features.size(0);
  const unit = normalize(features);
  const own = ownClass(features, unit, seen);
  const { loss, nearest } = marginLoss(margin(own, planned.margin, true), unit, seen);
  const found: Column = own.cosine.gt(nearest).logical_and(own.hasClass).to("f32");
  const result = {
    loss: loss.sum().div(inside),
    accuracy: found.sum().div(inside),
    features: { x: features },
  };
  if (absorb !== undefined) absorb(bank, keys, planned.bank);
  return result;
};

/** The bank for a net's features of a stream. */
const opened = (
  { net, bank }: ClassificationOptions,
  { identities, streams, seed }: Setting,
  stream: "x" | "y",
) => bank({ identities, dim: net.embedding, rows: streams[stream]!, seed });

/**
 * Classification of the images of one stream, `x`. The loss is the mean over the rows that have a class.
 *
 *     classification({ net, bank: full(), margin: arcFace() })
 */
export const classification = (options: ClassificationOptions): MethodBuilder => {
  const { net, bank, margin } = options;
  return described(
    (setting) => {
      const { state, parts } = opened(options, setting, "x");
      return method(
        { net: net(setting.shape), bank: state, margin: margin.module },
        {
          plan: ({ bank: book }, { x }: { readonly x: { readonly labels: Int32Array } }, at) => ({
            bank: parts.plan(book, x.labels, at),
            margin: marginNumbers(margin, at),
          }),
          step({ net, bank, margin }, { x }: { readonly x: Images }, planned) {
            const features = net(x);
            return classify(parts, { bank, margin }, features, normalize(features).detach(), planned);
          },
          embed: ({ net }, images) => normalize(net(images)),
          policies: margin.policies,
          net: "net",
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
};

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
export const contrast = (options: ContrastOptions): MethodBuilder => {
  const { net, bank, margin, ema = 0.999, twin: twinOptions = {}, embed = "twin" } = options;
  const momentum = policyOf(ema);
  return described(
    (setting) => {
      const { state, parts } = opened(options, setting, "y");
      const query = net(setting.shape);
      return method(
        { net: query, twin: twin(query, twinOptions), bank: state, margin: margin.module },
        {
          plan: ({ bank: book }, { y }, at) => ({
            ema: momentum(at),
            bank: parts.plan(book, y.labels, at),
            margin: marginNumbers(margin, at),
          }),
          step({ net, twin, bank, margin }, { x, y }, planned) {
            follow(twin, net, planned.ema, twinOptions.buffers ?? "own");
            const features = net(x);
            return classify(parts, { bank, margin }, features, normalize(twin(y)), planned);
          },
          embed: (nets, images) => normalize(nets[embed](images)),
          policies: { ema: momentum, ...margin.policies },
          net: "net",
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
