import { setting } from "./setting.js";

const widthOf = (name: string): number => {
  // refused F2C1107 «new Error(`no width for ${name}`)»: the experiment threw while it was being built: no width for huge
  throw new Error(`no width for ${name}`);
};

export default { ...setting, width: widthOf("huge") };
