import {
  arcFace,
  classPool,
  cosFace,
  dual,
  experiment,
  f2c,
  fixed,
  margin,
  mobileFaceNet,
  multistep,
  type Policy,
  sgd,
  syntheticFaces,
  verification,
} from "f2c-dsl";

const rest = {
  name: "types",
  data: syntheticFaces({ identities: 10, imagesPerIdentity: fixed(4), size: 32, seed: 1 }),
  loader: dual({ identities: 4, instances: 4 }),
  optimizer: sgd(),
  steps: 3,
};
const net = mobileFaceNet();
const pool = { capacity: 0.5 };

// error: 'scales' does not exist in type
cosFace({ scales: 3 });

// error: Type '"lin"' is not assignable to type '"linear" | "none" | undefined'
arcFace({ beyond: "lin" });

// error: Type '"bool"' is not assignable to type '"f32"'
margin({ numbers: { scale: 32 }, apply: ({ cosine }) => cosine.eq(1) });

// error: Property 'apply' is missing in type
margin({ numbers: { scale: 32 } });

// error: Property 'scale' is missing in type
margin({ numbers: { m: 0.2 }, apply: ({ cosine }, { m }) => cosine.sub(m) });

// error: Property 't' does not exist on type
margin({ numbers: { scale: 32 }, apply: ({ cosine }, numbers) => cosine.sub(numbers.t) });

// error: Type 'string' is not assignable to type 'number'
export const policy: Policy = (at) => `${at.step}`;

// error: Property 'iteration' does not exist on type 'StepPoint'
export const point: Policy = (at) => at.iteration;

// error: Type 'string' is not assignable to type 'number | Policy'
experiment({ ...rest, method: f2c({ net, pool, margin: cosFace() }), lr: "0.1" });

// error: Type 'Margin' is not assignable to type 'Net'
f2c({ net: cosFace(), pool, margin: cosFace() });

// error: Property 'margin' is missing in type
f2c({ net, pool });

// error: Type '3' is not assignable to type '1 | 2 | undefined'
f2c({ net, pool: { capacity: 10, rows: 3 }, margin: cosFace() });

// error: Type '"random"' is not assignable to type '"lru" | "fifo" | undefined'
classPool({ capacity: 10, evict: "random", dim: 64, identities: 100 });

// error: 'milestones' does not exist in type
multistep({ base: 0.1, milestones: [1, 2] });

// error: 'weight_decay' does not exist in type 'SgdOptions'. Did you mean to write 'weightDecay'?
sgd({ weight_decay: 0.1 });

// error: Type '"all"' is not assignable to type
verification({ pairs: "all" });
