import { angular, distil, experiment, type Images, method, weights } from "f2c-dsl";
import { net, setting } from "./setting.js";

const own = () =>
  method(
    { net: net() },
    {
      plan: () => ({}),
      step: ({ net }, { x }: { x: Images }) => ({ loss: net(x).mean() }),
      embed: ({ net }, images) => net(images),
      net: "net",
    },
  );
const teacher = Object.assign(() => weights(net(), "taught.safetensors", { strict: false }), {
  embedding: 8,
});

export default experiment({
  ...setting,
  // refused F2C2143 «method»: distil: the step of the method that it is given does not return its features | return them beside the loss
  method: distil(own, { teacher, loss: angular() }),
});
