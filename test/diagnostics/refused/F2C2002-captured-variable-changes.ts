import { experiment, linear, method, ops } from "f2c-dsl";
import { counter, table } from "./counter.js";
import { net, setting } from "./setting.js";

let scale = 2;
export const rescale = () => {
  scale = 3;
};
let [power, offset] = [1, 0];
[power, offset] = [offset, power];
const factor = () => 2 ** power;
const seen: number[] = [];
const kept: number[] = [];
const remember = () => kept.push(1);
const scaled = (v: number) => v * scale;
const counted: number[] = [];
const held: number[] = [];
const grow = (list: number[]) => list.push(1);
const count = () => counted.push(1);

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }, at) => ({
          labels: x.labels,
          turns: at.step + 2,
          late: at.step > 3,
          weight: at.step / 2,
          seen: seen.push(at.step),
          counted: count(),
          tabled: table.push(1),
          grown: grow(held),
        }),
        step({ net, head }, { x }, plan) {
          const features = net(x);
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          // refused F2C2002 «scale»: `scale` is assigned more than once, so a compiled function cannot use it: it would see one moment of it only | copy its last value into a const and use that, or make it a value of the plan
          loss = loss.mul(scale);
          // refused F2C2002 «factor»: `power` is assigned more than once, so a compiled function cannot use it: it would see one moment of it only | copy its last value into a const and use that, or make it a value of the plan
          loss = loss.mul(factor());
          // refused F2C2002 «remember»: `kept` is changed in place, so a compiled function cannot use it: it would see one moment of it only | read it in the plan, and return what the step needs of it as a value of the plan
          loss = loss.mul(remember());
          // refused F2C2002 «seen»: `seen` is changed in place, so a compiled function cannot use it: it would see one moment of it only | read it in the plan, and return what the step needs of it as a value of the plan
          loss = loss.mul(seen.length);
          // refused F2C2002 «[1, 2].map»: `scale` is assigned more than once, so a compiled function cannot use it: it would see one moment of it only | copy its last value into a const and use that, or make it a value of the plan
          for (const v of [1, 2].map(scaled)) loss = loss.mul(v);
          // refused F2C2002 «counted»: `counted` is changed in place, so a compiled function cannot use it: it would see one moment of it only | read it in the plan, and return what the step needs of it as a value of the plan
          loss = loss.mul(counted.length);
          // refused F2C2002 «counter»: `counter` is assigned more than once, so a compiled function cannot use it: it would see one moment of it only | copy its last value into a const and use that, or make it a value of the plan
          loss = loss.mul(counter);
          // refused F2C2002 «table»: `table` is changed in place, so a compiled function cannot use it: it would see one moment of it only | read it in the plan, and return what the step needs of it as a value of the plan
          loss = loss.mul(table.length);
          // refused F2C2002 «held»: `held` is changed in place, so a compiled function cannot use it: it would see one moment of it only | read it in the plan, and return what the step needs of it as a value of the plan
          loss = loss.mul(held.length);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
