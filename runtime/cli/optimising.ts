/**
 * @file When V8 optimises a function: later than by itself. A short command ends before the code is there that was optimised for it, in
 * threads of their own, and `ir` and `check` spent a third of their processor time on that. What runs for seconds is optimised as ever.
 */
import { setFlagsFromString } from "node:v8";

// How many bytes of its code a function runs through until V8 looks whether it is hot: 66 KB, if nothing is said.
setFlagsFromString("--interrupt-budget=1000000");
