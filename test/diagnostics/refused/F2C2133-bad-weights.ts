import { experiment, type Images, method, weights } from "f2c-dsl";
import { net, setting } from "./setting.js";

const withNet = (given: ReturnType<typeof net>) =>
  method(
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
  // refused F2C2133 «weights(net(), other)»: weights: the experiment "other" is not made by a study before this | name it among the stages of the study
  method: () => withNet(weights(net(), other)),
});
