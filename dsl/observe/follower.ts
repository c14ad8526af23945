/** @file A tool in which a run can be watched, and what it is told. */

/** Follows a run in a process of its own. */
export interface Follower {
  readonly tool: string;
  /** Plain JSON; what is undefined is the tool's own choice. */
  readonly options: Readonly<Record<string, unknown>>;
}
