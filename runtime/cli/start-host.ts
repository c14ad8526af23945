/** @file Starts a host for a command. */
import { IR_VERSION, registryHash } from "../../compiler/index.js";
import { HostClient, type HostOptions } from "../bridge/host-client.js";
import { HostSession } from "../stages/host-session.js";

interface StartOptions extends Pick<HostOptions, "patience" | "record" | "onStart"> {
  /** Hears what the host prints, where the user asks for that with F2C_HOST_LOG. */
  readonly say?: (line: string) => void;
}

export async function startHost(
  python: string,
  { say, ...options }: StartOptions = {},
): Promise<HostSession> {
  const loud = process.env.F2C_HOST_LOG !== undefined;
  const onLine = (line: string) => (loud ? say?.(`[host] ${line}`) : undefined);
  const versions = { registryHash: registryHash(), irVersion: IR_VERSION };
  return new HostSession(await HostClient.start({ python, ...versions, onLine, ...options }));
}
