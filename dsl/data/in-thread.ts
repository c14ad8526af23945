/** @file Work in a thread of its own, while this one waits: what takes memory goes with the thread, and what is asynchronous can be waited for. */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";

/** A thread tells so how far it is, at most once in this time. */
export const TELL_MS = 2000;
/** The thread says so when it begins; one that cannot begin is not waited for. */
const BEGIN_MS = 20_000;

/** What a thread is given, beside its data, to speak with. */
export interface Speaker {
  readonly signal: Int32Array;
  readonly port: MessagePort;
}

const BEGUN = "begun";

/** In the thread: how it speaks. It says that it has begun. */
export function speaking<Message>({ signal, port }: Speaker): (message: Message) => void {
  const say = (message: unknown): void => {
    port.postMessage(message);
    Atomics.store(signal, 0, 1);
    Atomics.notify(signal, 0);
  };
  say(BEGUN);
  return say;
}

/**
 * Starts the thread whose file is `url` with `data`, and waits. `hear` gets what it says and returns its result when that was the
 * last; `undefined` comes back where no thread could be started.
 */
export function inThread<Message, Result>(
  url: URL,
  data: Readonly<Record<string, unknown>>,
  hear: (message: Message) => Result | undefined,
): Result | undefined {
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(url, {
    workerData: { ...data, signal, port: port2 },
    transferList: [port2],
    execArgv: [],
  });
  worker.on("error", () => {});
  try {
    for (let begun = false; ; ) {
      const waited = Atomics.wait(signal, 0, 0, begun ? TELL_MS : BEGIN_MS);
      Atomics.store(signal, 0, 0);
      for (let got = receiveMessageOnPort(port1); got; got = receiveMessageOnPort(port1)) {
        if (got.message === BEGUN) begun = true;
        else {
          const result = hear(got.message as Message);
          if (result !== undefined) return result;
        }
      }
      if (!begun && waited === "timed-out") return undefined;
    }
  } finally {
    port1.close();
    void worker.terminate();
  }
}
