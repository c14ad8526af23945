/** @file What `npm test` takes of cases that repeat a property or take long: a share; `F2C_LONG=1` (`npm run test:long`) takes all. */

export const long = Boolean(process.env.F2C_LONG);

/** How many of that many cases, or which of all. */
export const share = <Cases>(few: Cases, all: Cases): Cases => (long ? all : few);
