/** @file The method of a net that is only used: its weights are given, and nothing trains it. */

import type { Module } from "../core/module.js";
import type { Features, Images } from "../core/tensor.js";
import { type Method, method } from "../method/method.js";

/** `net` as the state of a method whose `embed` is the net itself. */
export const netAlone = (net: Module<[x: Images], Features>): Method =>
  method(
    { net },
    {
      plan: () => ({}),
      step: () => {
        throw new Error("internal: nothing trains a net whose weights are given");
      },
      embed: ({ net }, images) => net(images),
    },
  );
