import {
  constant,
  cosine,
  dual,
  experiment,
  type Features,
  fixed,
  follow,
  type MethodBuilder,
  method,
  mobileFaceNet,
  type Net,
  normalize,
  ops,
  sgd,
  state,
  steps,
  syntheticFaces,
  twin,
  unitRows,
  verification,
} from "f2c-dsl";

// DCQ, Dynamic Class Queue (Li et al. 2021, arXiv 2105.11113): the classifier is a queue of the newest features of a momentum
// encoder. A query's positive is the key of another image of its identity; the queue holds the negatives, and rows of the same
// identity do not count. The library has it as `dcq`; here it is written out: a method is a plan and a step.
const dcq =
  (options: { net: Net; queue: number; momentum: number; scale: number; margin: number }): MethodBuilder =>
  (setting) => {
    const { scale, margin, momentum, queue } = options;
    const rows = setting.streams.x!;
    if (queue % rows !== 0)
      throw new Error(`a queue of ${queue} is not filled evenly by ${rows} keys a step`);
    const query = options.net(setting.shape);
    return method(
      {
        query,
        key: twin(query),
        features: state([queue, options.net.embedding], unitRows("normal")),
        labels: state([queue], constant(-1), "i64"),
      },
      {
        // First in, first out: where a step writes is a matter of its number.
        plan: (_books, { x }, at) => ({
          labels: x.labels,
          slots: Int32Array.from({ length: rows }, (_, i) => (at.step * rows + i) % queue),
          filled: at.step * rows,
        }),

        step({ query, key, features, labels }, { x, y }, plan) {
          follow(key, query, momentum, "own");
          const q = normalize(query(x));
          const k = normalize(key(y));
          const own = q.mul(k).sum(1).unsqueeze(1);
          const same = labels.unsqueeze(0).eq(plan.labels.unsqueeze(1));
          const empty = ops.arange(queue).ge(plan.filled).unsqueeze(0);
          const others = q
            .matmul(features.transpose(0, 1))
            .masked_fill(same.logical_or(empty), Number.NEGATIVE_INFINITY);
          const logits = ops.cat([own.sub(margin), others], 1).mul(scale);
          const loss = ops.cross_entropy(logits, ops.full([rows], 0, "i64")).mean();
          const accuracy = own
            .gt(others.amax(1, { keepdim: true }))
            .to("f32")
            .mean();

          features.index_copy_(plan.slots, k);
          labels.index_copy_(plan.slots, plan.labels);
          return { loss, accuracy };
        },

        // As in the paper, the momentum encoder is the one to keep.
        embed: ({ key }, images): Features => key(images),
      },
    );
  };

export default experiment({
  name: "dcq",
  data: syntheticFaces({ identities: 300, imagesPerIdentity: fixed(6), size: 48, seed: 21 }),
  method: dcq({
    net: mobileFaceNet({ embedding: 64, width: 0.5 }),
    queue: 512,
    momentum: 0.97,
    scale: 24,
    margin: 0.2,
  }),
  loader: dual({ identities: 32, instances: 0 }),
  optimizer: sgd({ momentum: 0.9, weightDecay: 1e-4 }),
  lr: cosine({ base: 0.05, warmup: 1 }),
  layout: "channels_last",
  steps: 300,
  evaluate: verification({ pairs: "held-out", every: steps(100) }),
});
