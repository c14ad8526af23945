/** @file Commands that open an experiment's data can have the host read files of many images into an index. */
import { scanWith } from "../../compiler/index.js";
import { scanInHost } from "../bridge/host-scan.js";

scanWith(scanInHost);
