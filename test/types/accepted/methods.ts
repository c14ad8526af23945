// Methods of one's own: plans, what the step sees of them, results.
import {
  type Book,
  type Bound,
  bookkept,
  classPool,
  conv2d,
  flatten,
  type Images,
  linear,
  type MethodBuilder,
  method,
  mobileFaceNet,
  module,
  net,
  normal,
  normalize,
  ops,
  type PlanValue,
  parameter,
  passClasses,
  passPlan,
  type Scalar,
  sequential,
  state,
  type Tensor,
  touchedRows,
  twin,
  writeRows,
  zeros,
} from "f2c-dsl";
import { shapeOf, some } from "./shape-of.js";

type Indices = Tensor<readonly [number], "i64">;

const embed = sequential(conv2d(3, 8, { kernel: 3 }), flatten(), linear(200, 64));

export const plans = method(
  { net: embed, classes: parameter([100, 64], normal(0.01)), seen: state([100], zeros(), "i64") },
  {
    plan: (_books, { x, y }, at) => ({
      labels: Int32Array.from([...x.labels, ...y.labels]),
      mask: new Uint8Array(32),
      weight: new Float32Array(32),
      margin: Math.min(0.2, at.step / 500),
      late: at.epoch > 3,
      passes: { first: { target: y.labels, count: 3 } },
    }),
    step({ net, classes, seen }, { x, y }, plan) {
      plan.labels satisfies Indices;
      plan.mask satisfies Tensor<readonly [number], "bool">;
      plan.weight satisfies Tensor<readonly [number], "f32">;
      plan.margin satisfies number;
      plan.late satisfies boolean;
      plan.passes.first.target satisfies Indices;
      plan.passes.first.count satisfies number;
      const cosine = normalize(net(ops.cat([x, y]))).matmul(normalize(classes).transpose(0, 1));
      shapeOf(cosine) satisfies readonly [number, 100];
      const [near, which] = cosine.topk(3);
      shapeOf(near) satisfies readonly [number, 3];
      which satisfies Tensor<readonly [number, 3], "i64">;
      const column = plan.labels.unsqueeze(1);
      const own = cosine.gather(column, 1).sub(plan.margin);
      let scores = cosine.scatter(column, own, 1).mul(24);
      for (let i = 0; i < plan.passes.first.count; i++) scores = scores.mul(0.99);
      const loss = ops.cross_entropy(scores, plan.labels).mul(plan.weight).mean();
      seen.index_copy_(plan.labels, plan.labels);
      return { loss, accuracy: cosine.argmax(1).eq(plan.labels).to("f32").mean(), hits: seen.sum() };
    },
    embed: ({ net }, images) => net(images),
  },
);

// A loss alone; a step without a plan.
export const alone: MethodBuilder = ({ shape }) =>
  method(
    { net: mobileFaceNet({ embedding: 128 })(shape) },
    {
      plan: () => ({}),
      step: ({ net }, { x }) => net(x).mul(net(x)).sum(1).mean(),
      embed: ({ net }, images) => normalize(net(images)),
    },
  );

// A book beside tensors, in a plan of its own type; a twin; streams of other names.
class Count implements Book {
  constructor(private n = 0) {}
  next = () => this.n++;
  state = () => ({ n: this.n });
  restore({ n }: Record<string, unknown>) {
    this.n = Number(n);
  }
}
interface Plan {
  readonly turn: number;
  readonly who: Int32Array;
}
export const booked = method(
  { net: embed, target: twin(embed), memory: bookkept({ rows: state([10, 64]) }, () => new Count()) },
  {
    plan: ({ memory }, { faces }: { readonly faces: { readonly labels: Int32Array } }): Plan => ({
      turn: memory.next(),
      who: faces.labels,
    }),
    step: ({ net, target, memory }, { faces }, { turn, who }) => {
      const distance = net(faces).sub(target(faces)).add(memory.rows.index_select(who));
      return { loss: distance.mul(distance).mean().mul(turn) };
    },
    embed: ({ net }, images) => net(images),
  },
);

// The class pool's parts.
export const pooled: MethodBuilder = ({ identities }) => {
  const pool = classPool({ capacity: 0.5, dim: 64, identities });
  return method(
    { net: embed, pool },
    {
      plan: ({ pool: book }, { x, y }) => ({ pass: passPlan(pool, book.commit(x.labels, y.labels)) }),
      step({ net, pool }, { x, y }, { pass }) {
        const [probe, gallery] = [normalize(net(y)), normalize(net(x))];
        const rows = touchedRows(pool, gallery, pass);
        const { first } = passClasses(pool, rows, pass);
        const { own, target, touched, patch } = first;
        const cosine = probe.mul(own).sum(1);
        const [losses] = ops.margin_softmax(probe, first.rows, target, cosine, 32, { touched, patch });
        const loss: Scalar = losses.sum().div(Math.max(pass.inside, 1));
        writeRows(pool, rows, pass);
        return loss;
      },
      embed: ({ net }, images) => net(images),
    },
  );
};

// Plans of declared types.
interface Turn {
  turn: number;
  rows: { first: Int32Array; mask: Uint8Array };
}
const rest = { embed: ({ net }: { net: typeof embed }, images: Images) => net(images) };
export const declared = method(
  { net: embed },
  {
    plan: (_, { x }, at): Turn => ({
      turn: at.step,
      rows: { first: x.labels, mask: new Uint8Array(2) },
    }),
    step: ({ net }, { x }, { turn, rows }) => net(x).index_select(rows.first).mul(turn).mean(),
    ...rest,
  },
);
export const general = method(
  { net: embed },
  { plan: (_, { x }): PlanValue => ({ labels: x.labels }), step: ({ net }, { x }) => net(x).mean(), ...rest },
);

// What the children of a module become.
type Children = { readonly a: typeof embed; readonly b: null; readonly list: readonly [typeof embed] };
export const bound: Children = some<Bound<Children>>();
export const lengths = net(64, () =>
  module({ body: embed, last: linear(64, 64), extra: null }, ({ body, last }, x) => last(body(x))),
).embedding satisfies number;
