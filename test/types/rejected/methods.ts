import {
  conv2d,
  type Features,
  flatten,
  type Images,
  linear,
  method,
  normal,
  ops,
  parameter,
  sequential,
  type Tensor,
} from "f2c-dsl";

const embed = sequential(conv2d(3, 8, { kernel: 3 }), flatten(), linear(200, 64));
const state = { net: embed, classes: parameter([100, 64], normal(0.01)) };

export const planField = method(state, {
  plan: (_, { x }) => ({ labels: x.labels, margin: 0.2 }),
  // error: Property 'margins' does not exist on type
  step: ({ net }, { x }, plan) => net(x).mul(plan.margins).mean(),
  embed: ({ net }, images) => net(images),
});

export const stateField = method(state, {
  plan: () => ({}),
  // error: Property 'nets' does not exist on type '{ readonly net:
  step: ({ nets }, { x }) => nets(x).mean(),
  embed: ({ net }, images) => net(images),
});

export const stream = method(state, {
  plan: () => ({}),
  // error: Property 'z' does not exist on type
  step: ({ net }, { z }) => net(z).mean(),
  embed: ({ net }, images) => net(images),
});

export const planArray = method(state, {
  // error: `plan.labels` is an array; a plan holds numbers, booleans, Int32Array, Uint8Array, Float32Array and records
  plan: (_, { x }) => ({ labels: [...x.labels] }),
  step: ({ net }, { x }, plan) => ops.cross_entropy(net(x), plan.labels).mean(),
  embed: ({ net }, images) => net(images),
});

export const planText = method(state, {
  // error: `plan.late` is a string; a plan holds
  plan: () => ({ late: "yes" }),
  step: ({ net }, { x }) => net(x).mean(),
  embed: ({ net }, images) => net(images),
});

export const planReals = method(state, {
  // error: `plan.pool.weights` is a Float64Array; a plan holds
  plan: () => ({ pool: { weights: new Float64Array(3) } }),
  step: ({ net }, { x }) => net(x).mean(),
  embed: ({ net }, images) => net(images),
});

export const planMap = method(state, {
  // error: `plan.seen` is an object of a class; a plan holds
  plan: () => ({ seen: new Map<number, number>() }),
  step: ({ net }, { x }) => net(x).mean(),
  embed: ({ net }, images) => net(images),
});

export const planBigint = method(state, {
  // error: `plan` is a bigint; a plan holds
  plan: () => 3n,
  step: ({ net }, { x }) => net(x).mean(),
  embed: ({ net }, images) => net(images),
});

export const planNothing = method(state, {
  // error: `plan` is undefined; a plan holds
  plan: () => {},
  step: ({ net }, { x }) => net(x).mean(),
  embed: ({ net }, images) => net(images),
});

export const planAsync = method(state, {
  // error: `plan` is a promise; a plan holds
  plan: async (_, { x }) => ({ labels: x.labels }),
  step: ({ net }, { x }) => net(x).mean(),
  embed: ({ net }, images) => net(images),
});

export const planDType = method(state, {
  plan: (_, { x }) => ({ weights: x.labels }),
  step: ({ net }, { x }, plan) => {
    // error: Type '"i64"' is not assignable to type '"f32"'
    const weights: Tensor<readonly [number], "f32"> = plan.weights;
    return net(x).mul(weights.unsqueeze(1)).mean();
  },
  embed: ({ net }, images) => net(images),
});

export const planNumber = method(state, {
  plan: () => ({ margin: 0.2 }),
  // error: Property 'mean' does not exist on type 'number'
  step: (_, __, plan) => plan.margin.mean(),
  embed: ({ net }, images) => net(images),
});

export const lossShape = method(state, {
  plan: () => ({}),
  // error: the step's `loss` must be one number, a tensor of shape [], got f32 [?, 64]
  step: ({ net }, { x }) => net(x),
  embed: ({ net }, images) => net(images),
});

export const metricShape = method(state, {
  plan: () => ({}),
  // error: the step's `hits` must be one number, a tensor of shape [], got bool [?]
  step({ net }, { x, y }) {
    const hits = net(x).argmax(1).eq(net(y).argmax(1));
    return { loss: net(x).mean(), hits };
  },
  embed: ({ net }, images) => net(images),
});

export const noLoss = method(state, {
  plan: () => ({}),
  // error: the step returns no `loss`; return the loss, or { loss, …more numbers to log }
  step: ({ net }, { x }) => ({ accuracy: net(x).mean() }),
  embed: ({ net }, images) => net(images),
});

export const classes = method(state, {
  plan: () => ({}),
  // error: matmul: [?, 64] times [100, 64], the inner dimensions differ
  step: ({ net, classes }, { x }) => net(x).matmul(classes).mean(),
  embed: ({ net }, images) => net(images),
});

export const embedding = method(state, {
  plan: () => ({}),
  step: ({ net }, { x }) => net(x).mean(),
  // error: The types of '[dims].rank' are incompatible
  embed: (_, images) => images,
});

// error: Operator '+' cannot be applied to types
export const plus = (a: Features, b: Features) => a + b;

// error: The right-hand side of an arithmetic operation must be of type
export const times = (a: Features) => 2 * a;

// error: Operator '>' cannot be applied to types
export const greater = (a: Images) => a > 0;

// error: Type 'Tensor<readonly [], "f32">' is not assignable to type 'boolean'
export const condition = (a: Features): boolean => a.mean();

// error: Type 'Features' cannot be used as an index type
export const index = (a: Features, b: number[]) => b[a];
