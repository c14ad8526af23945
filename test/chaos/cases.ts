/** @file Cases: which fault strikes where. `sigkill-driver@driver.checkpoint.rename:3`, or `…@clock:0.37`. */
import { Chance } from "./chance.js";
import { FAULTS, MOMENTS, type Moment } from "./faults.js";

export interface Case {
  readonly fault: string;
  readonly moment: Moment;
  /** A place and which pass of it, or `clock` and a share of the uninterrupted run's duration. */
  readonly place: string;
  readonly count: number;
}

/** How often an uninterrupted run passes each place. */
export type Passes = ReadonlyMap<string, number>;

/** Threads read ahead as they come to it: the last passes of a place may belong to another moment the next time. */
const SURE = 0.8;

const momentOf = (place: string): Moment =>
  place === "clock" ? "any time" : (place.split(".")[1] as Moment);

export const nameOf = ({ fault, place, count }: Case): string => `${fault}@${place}:${count}`;

/** The case of that name. */
export function caseOf(name: string): Case {
  const match = /^([\w-]+)@([\w.]+):([\d.]+)$/.exec(name);
  const [, fault = "", place = "", count = ""] = match ?? [];
  const moment = momentOf(place);
  if (!(fault in FAULTS) || !MOMENTS.includes(moment)) throw new Error(`there is no case ${name}`);
  return { fault, place, count: Number(count), moment };
}

/** Case `number` of a seed. One after the other the faults come round, and for each the moments, so that few cases are wide already. */
export function draw(seed: number, number: number, only: readonly string[], passes: Passes): Case {
  const fault = only[number % only.length]!;
  const { places: wanted = /^/, moments = MOMENTS } = FAULTS[fault]!;
  const round = Math.floor(number / only.length);
  const lap = Math.floor(round / moments.length);
  const moment = new Chance(`moments ${seed} ${fault} ${lap}`).shuffled(moments)[round % moments.length]!;
  const chance = new Chance(`case ${seed} ${number} ${fault}`);
  if (moment === "any time")
    return { fault, moment, place: "clock", count: Number(chance.share().toFixed(3)) };
  const places = [...passes.keys()]
    .filter((place) => momentOf(place) === moment && wanted.test(place))
    .sort();
  const place = chance.one(places);
  return { fault, moment, place, count: chance.upTo(Math.ceil(SURE * passes.get(place)!)) };
}
