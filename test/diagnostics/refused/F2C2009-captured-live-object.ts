import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

class Schedule {
  private at = 0;
  next() {
    return this.at++;
  }
}
const schedule = new Schedule();
const widths = new Map([["small", 3]]);
const started = new Date(2020, 1);
const milliseconds = () => started.getTime();
const seconds = () => milliseconds() / 1000;
const options = { since: new Date(2020, 1) };
const holder = { small: widths, large: widths };
const sizeOf = (from: { large: typeof widths }) => from.large.size;
const days = [new Date(2020, 1)];

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
        }),
        step({ net, head }, { x }, plan) {
          const features = net(x);
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          // refused F2C2009 «schedule»: `schedule` is a Schedule, which a compiled function cannot use: it lives in Node, and may change there | read what you need from it outside the compiled function, into a const, and use the const; what changes is a value of the plan
          loss = loss.mul(schedule.next());
          // refused F2C2009 «widths»: `widths` is a Map, which a compiled function cannot use: it lives in Node, and may change there | read what you need from it outside the compiled function, into a const, and use the const; what changes is a value of the plan
          loss = loss.mul(widths.get("small")!);
          // refused F2C2009 «days»: `days[0]` is a Date, which a compiled function cannot use: it lives in Node, and may change there | read what you need from it outside the compiled function, into a const, and use the const; what changes is a value of the plan
          loss = loss.mul(days.length);
          // refused F2C2009 «seconds»: `started` is a Date, which a compiled function cannot use: it lives in Node, and may change there | read what you need from it outside the compiled function, into a const, and use the const; what changes is a value of the plan
          loss = loss.mul(seconds());
          // refused F2C2009 «options.since»: `options.since` is a Date, which a compiled function cannot use: it lives in Node, and may change there | read what you need from it outside the compiled function, into a const, and use the const; what changes is a value of the plan
          loss = loss.mul(options.since.getTime());
          // refused F2C2009 «item»: `item` is a Map, which a compiled function cannot use: it lives in Node, and may change there | read what you need from it outside the compiled function, into a const, and use the const; what changes is a value of the plan
          for (const item of Object.values(holder)) loss = loss.mul(item.size);
          // refused F2C2009 «small»: `small` is a Map, which a compiled function cannot use: it lives in Node, and may change there | read what you need from it outside the compiled function, into a const, and use the const; what changes is a value of the plan
          const { small, ...rest } = holder;
          loss = loss.mul(sizeOf(rest));
          // refused F2C2009 «keys»: `keys` is an iterator, which a compiled function cannot use: it lives in Node, and may change there | one loop uses it up: make a list of it, [...list.keys()]
          const keys = [1, 2].keys();
          for (const key of keys) loss = loss.mul(key);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
