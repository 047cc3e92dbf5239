import type { Cancel, Clock } from "../core/clock.ts";
import type { Fork, WorkerProcess } from "./fork.ts";
import { readFromWorker, type Answer, type FromWorker, type Question, type ToWorker } from "./messages.ts";

/** How a question ended: `gone`, the process is no more; `late`, it did not answer in time. */
export type Reply = Answer | { readonly kind: "gone" } | { readonly kind: "late" };

/** One worker process, from its fork to its end. */
export interface Hand {
  readonly pid: number;
  tell(message: ToWorker): void;
  /** Never rejects. `patience` in milliseconds. */
  ask(question: Question, patience: number): Promise<Reply>;
  kill(): void;
  /** Resolves when the process is no more. */
  readonly ended: Promise<HandEnd>;
}

export interface HandEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** Everything a worker says except answers, which go to who asked. */
export type Said = Exclude<FromWorker, { kind: "answer" }>;

interface HandParts {
  readonly fork: Fork;
  readonly clock: Clock;
  readonly said: (message: Said) => void;
}

export function takeOn({ fork, clock, said }: HandParts): Hand {
  const asked = new Map<number, { readonly settle: (reply: Reply) => void; readonly cancel: Cancel }>();
  const ended = Promise.withResolvers<HandEnd>();
  let nextId = 0;
  let alive = true;
  const settle = (id: number, reply: Reply): void => {
    const question = asked.get(id);
    asked.delete(id);
    question?.cancel();
    question?.settle(reply);
  };
  const process: WorkerProcess = fork({
    message(raw) {
      const message = readFromWorker(raw);
      if (message?.kind === "answer") settle(message.id, message.answer);
      else if (message) said(message);
    },
    gone(code, signal) {
      alive = false;
      for (const id of asked.keys()) settle(id, { kind: "gone" });
      ended.resolve({ code, signal });
    },
  });
  return {
    pid: process.pid,
    tell: (message) => process.send(message),
    kill: () => process.kill(),
    ended: ended.promise,
    ask(question, patience) {
      if (!alive) return Promise.resolve({ kind: "gone" });
      return new Promise((resolve) => {
        const id = nextId++;
        const cancel = clock.after(patience, () => settle(id, { kind: "late" }), "background");
        asked.set(id, { settle: resolve, cancel });
        process.send({ kind: "ask", id, question });
      });
    },
  };
}
