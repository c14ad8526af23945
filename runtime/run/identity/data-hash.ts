/** @file A hash of what decides which images a set has, but for where they lie. */
import type { Catalogue, DataSource } from "../../../dsl/index.js";
import { dataOptions } from "../identity.js";
import { shortHash } from "./json.js";
import { listingOf } from "./listing.js";

export const dataHash = ({ kind }: DataSource, set: Catalogue): string =>
  shortHash(`${JSON.stringify(dataOptions(kind, set))} ${listingOf(set).hash}`);
