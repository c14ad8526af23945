import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

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
          // refused F2C1002 «8n»: a bigint cannot be compiled | write a number: 8, not 8n
          const wide = 8n;
          // refused F2C1002 «&»: the operator `&` cannot be compiled | compiled functions have + - * / % **, comparisons, && || ?? and !; compute the rest in the plan
          const odd = plan.turns & 1;
          // refused F2C1002 «~plan.turns»: the operator `~` cannot be compiled | compiled functions have + - * / % **, comparisons, && || ?? and !; compute the rest in the plan
          const flipped = ~plan.turns;
          // refused F2C1002 «in»: the operator `in` cannot be compiled | compare the field with undefined: record.name !== undefined
          const weighted = "weight" in plan;
          let scale: number | undefined;
          scale ??= 2;
          loss = loss.mul(scale);
          // refused F2C1002 «enum Side»: an enum cannot be compiled | declare it outside the compiled function; it can be used inside by its name
          enum Side {
            Left,
            Right,
          }
          loss = loss.mul(Side.Right);
          let a = 1;
          // refused F2C1002 «{ a }»: an assignment that takes a record apart cannot be compiled | assign each name by itself, or declare new ones: const { a, b } = …
          ({ a } = { a: 2 });
          // refused F2C1002 «debugger;»: `debugger` cannot be compiled | to see shapes and types, look at the program: f2c-dsl ir experiment.ts
          debugger;
          // refused F2C1002 «import»: `import()` cannot be compiled | import it at the top of the file
          const later = import("./setting.js");
          const one = { scale: loss };
          const other = plan.late ? one : { scale: features.mean() };
          // refused F2C1002 «one === other»: whether `one` and `other` are one cannot be compiled | compare what they hold: which of several it is, is known only when the step runs
          if (one === other) loss = loss.mul(2);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
