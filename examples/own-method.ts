import {
  adaptiveAvgPool2d,
  batchNorm1d,
  batchNorm2d,
  conv2d,
  cosine,
  dual,
  experiment,
  type Features,
  fixed,
  flatten,
  type Images,
  linear,
  type MethodBuilder,
  method,
  module,
  normal,
  normalize,
  ops,
  parameter,
  prelu,
  sgd,
  stack,
  steps,
  syntheticFaces,
  verification,
} from "f2c-dsl";

// Nothing from the shelf: a net, a margin and a method of one's own. The classifier is the plain one, a row of weights for
// every identity, which is what F2C replaces.

const block = (inputs: number, outputs: number, stride: number) =>
  module(
    {
      conv: conv2d(inputs, outputs, { kernel: 3, stride, padding: 1 }),
      bn: batchNorm2d(outputs),
      act: prelu(outputs),
    },
    ({ conv, bn, act }, x: Images): Images => act(bn(conv(x))),
  );

const small = (channels: number, width: number, embedding: number) =>
  module(
    {
      stem: block(channels, width, 2),
      blocks: stack([block(width, width, 1), block(width, width, 1)]),
      deep: stack([2, 4].map((factor) => block((factor / 2) * width, factor * width, 2))),
      pool: adaptiveAvgPool2d(1),
      flatten: flatten(),
      project: linear(4 * width, embedding, { bias: false }),
      bn: batchNorm1d(embedding),
    },
    ({ stem, blocks, deep, pool, flatten, project, bn }, x: Images): Features =>
      bn(project(flatten(pool(deep(blocks(stem(x))))))),
  );

// A margin that changes its form as training goes: none, then CosFace, with every row's share sharpened a few times.
const logits = (
  cosine: Features,
  own: Features,
  margin: number,
  rounds: number,
): { all: Features; own: Features } => {
  let target = own;
  if (margin > 0.05) {
    target = own.sub(margin);
  } else {
    target = own.mul(1 - margin);
  }
  // A loop with a run-time bound, carrying a tensor.
  let all = cosine;
  for (let i = 0; i < rounds; i++) all = all.mul(0.99);
  return { all, own: target };
};

const classifier =
  (width: number, embedding: number): MethodBuilder =>
  ({ shape, identities }) =>
    method(
      { net: small(shape[0], width, embedding), classes: parameter([identities, embedding], normal(0.01)) },
      {
        plan: (_books, { x, y }, at) => ({
          labels: Int32Array.from([...x.labels, ...y.labels]),
          margin: Math.min(0.2, at.step / 500),
          rounds: at.step % 3,
        }),
        step({ net, classes }, { x, y }, plan) {
          const features = normalize(net(ops.cat([x, y])));
          const cosine = features.matmul(normalize(classes).transpose(0, 1));
          const column = plan.labels.unsqueeze(1);
          const changed = logits(cosine, cosine.gather(column, 1), plan.margin, plan.rounds);
          const scores = changed.all.scatter(column, changed.own, 1).mul(24);
          const accuracy = cosine.argmax(1).eq(plan.labels).to("f32").mean();
          return { loss: ops.cross_entropy(scores, plan.labels).mean(), accuracy };
        },
        embed: ({ net }, images) => net(images),
      },
    );

export default experiment({
  name: "own-method",
  data: syntheticFaces({ identities: 200, imagesPerIdentity: fixed(8), size: 48, seed: 11 }),
  method: classifier(16, 64),
  loader: dual({ identities: 16, instances: 32 }),
  optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4, clip: 5 }),
  lr: cosine({ base: 0.1, warmup: 1 }),
  steps: 300,
  evaluate: verification({ pairs: "held-out", every: steps(100) }),
});
