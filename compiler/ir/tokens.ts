/** @file The tokens of the text form. */
import { JSON_FORM } from "./json-form.js";
import { type AttributeValue, DTYPES, ROLES } from "./module.js";
import { BARE_NAME, BARE_PATH } from "./print-name.js";
import { type Token, token } from "./text-cursor.js";

const NAME = BARE_NAME.source;
const QUOTED = String.raw`"(?:[^"\\\0-\x1f]|\\.)*"`;
const END_OF_WORD = String.raw`(?![\p{ID_Continue}$.-])`;
const mark = (spelled: string): Token =>
  token(JSON.stringify(spelled), spelled.replace(/[()[\]{}]/, String.raw`\$&`));
const oneOf = (name: string, words: readonly string[]): Token =>
  token(name, `(?:${words.join("|")})${END_OF_WORD}`);
/** A word that stands for itself. */
export const word = (spelled: string): Token => oneOf(JSON.stringify(spelled), [spelled]);

/** Every token that is always spelled the same way. */
export const T = {
  open: mark("("),
  close: mark(")"),
  openBrace: mark("{"),
  closeBrace: mark("}"),
  openBracket: mark("["),
  closeBracket: mark("]"),
  less: mark("<"),
  more: mark(">"),
  colon: mark(":"),
  comma: mark(","),
  equals: mark("="),
  at: mark("@"),
  dash: mark("-"),
  arrow: mark("->"),
  caller: mark("<-"),
  module: word("module"),
  versionWord: word("version"),
  role: oneOf("a parameter, state, optimizer or scratch", ROLES),
  slot: word("slot"),
  twin: word("twin"),
  rows: word("rows"),
  of: word("of"),
  frozen: word("frozen"),
  rowwise: word("rowwise"),
  group: word("group"),
  func: word("func"),
  from: word("from"),
  plan: word("plan"),
  images: oneOf('"plan" or "images"', ["images"]),
  loc: word("loc"),
  none: word("none"),
  name: token("a name", NAME),
  op: token('an op or "}"', NAME),
  path: token("a path", BARE_PATH.source),
  text: token("a text in quotes", QUOTED),
  version: token("a version such as 1.0", String.raw`\d{1,6}\.\d{1,6}`),
  digits: token("a whole number", String.raw`\d{1,15}`),
  number: token("a number", String.raw`-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])`),
  value: token("a value such as %x", String.raw`%(?:\d+|(?:${NAME}|${QUOTED})(?:#\d+)?)`),
  dim: token("a dimension", String.raw`[\w+*-]+`),
  attributeName: token("the name of an attribute", String.raw`(?=(?:${NAME}|${QUOTED})\s*=)`),
  dtype: token("a dtype", String.raw`(?:${DTYPES.join("|")})(?=\s*\[)`),
  scalar: oneOf("a type", JSON_FORM.Scalar.members),
} as const;

/** Words that stand for a value: numbers that have no digits (texts, save as JavaScript's own), booleans. */
export const VALUES: Readonly<Record<string, AttributeValue>> = {
  true: true,
  false: false,
  inf: "inf",
  "-inf": "-inf",
  nan: "nan",
  "-nan": "-nan",
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
  NaN: Number.NaN,
};
export const VALUE_WORD = oneOf("a value", Object.keys(VALUES));
export const INIT_KIND = oneOf("an initialiser", Object.keys(JSON_FORM.Init.members));
export const LAYOUT = oneOf("a layout", ["channels_last"]);
