import { experiment, type Images, method, weights } from "f2c-dsl";
import { net, setting } from "./setting.js";

const withNet = (given: ReturnType<typeof net>) =>
  method(
    // refused F2C2133 «{ net: given }»: weights: the experiment "other" is not made by a study before this | name it in the study
    { net: given },
    {
      plan: () => ({}),
      step: ({ net }, { x }: { x: Images }) => net(x).mean(),
      embed: ({ net }, images) => net(images),
    },
  );

const other = experiment({ ...setting, name: "other", method: () => withNet(net()) });

export default experiment({
  ...setting,
  method: () => withNet(weights(net(), other)),
});
