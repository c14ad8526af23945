/** @file How names and texts are written in the text form: without quotes where that is unambiguous, quoted otherwise. */

/** A name that stands without quotes: an identifier, with dots and dashes inside. */
export const BARE_NAME = /[\p{ID_Start}$_][\p{ID_Continue}$.-]*/u;

/** A path that stands without quotes. */
export const BARE_PATH = /[\p{ID_Continue}$@.][\p{ID_Continue}$@./-]*/u;

const whole = (pattern: RegExp) => new RegExp(`^(?:${pattern.source})$`, "u");
const [NAME, PATH] = [whole(BARE_NAME), whole(BARE_PATH)];

/** A JSON string on one line. JSON does not escape U+2028 and U+2029, which JavaScript takes for line ends. */
export const printText = (text: string): string =>
  JSON.stringify(text).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");

/** `net.blocks.0.conv`, `"0"`, `"two words"`. */
export const printName = (name: string): string => (NAME.test(name) ? name : printText(name));

/** `f2c-dsl/dsl/core/functions.ts`, `"a (copy).ts"`. */
export const printPath = (path: string): string => (PATH.test(path) ? path : printText(path));
