/** @file The exit codes. */

/**
 * 1: the experiment or its data. 2: the command line. 3: the host or the set-up. 4: memory, disk, device. 70: our fault. 141: nobody
 * reads on, as of tools that SIGPIPE ends.
 */
export const EXIT = {
  user: 1,
  usage: 2,
  host: 3,
  resource: 4,
  fault: 70,
  interrupted: 130,
  unread: 141,
} as const;
