/** @file The types of the file that typescript.ts requires, which its package has under another name only. */
import { ts } from "@ts-morph/common";
export = ts;
