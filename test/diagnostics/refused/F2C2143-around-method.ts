import { averaged, experiment, type Images, method } from "f2c-dsl";
import { net, setting } from "./setting.js";

const own = () =>
  method(
    { net: net() },
    {
      plan: () => ({}),
      step: ({ net }, { x }: { x: Images }) => net(x).mean(),
      embed: ({ net }, images) => net(images),
    },
  );

export default experiment({
  ...setting,
  // refused F2C2143 «method»: averaged: the method that it is given does not say which net it trains | name it beside `step`
  method: averaged(own),
});
