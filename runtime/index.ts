/** @file The runtime: planner, bridge, evaluation, runs. */
export { BridgeError } from "./bridge/bridge-error.js";
export { type Hello, HostClient, type HostOptions, PROTOCOL } from "./bridge/host-client.js";
export { findPython, requirePython, setUp, trainingEnv } from "./bridge/python-environment.js";
export { HostSession } from "./stages/host-session.js";
export { Planner } from "./stages/planner.js";
export { Trainer } from "./stages/trainer.js";
