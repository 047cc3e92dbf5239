import type { WeightOrder } from "../../src/core/dependency-reading.ts";
import type { Decision } from "../../src/core/decisions.ts";
import type { Fork, WorkerEvents } from "../../src/cluster/fork.ts";
import type { Answer, FromWorker, Question, ToWorker } from "../../src/cluster/messages.ts";

/** A worker process that is none: does what a real one would, unless a test says otherwise. */
export class FakeWorker {
  readonly events: WorkerEvents;
  readonly pid: number;
  readonly heard: ToWorker[] = [];
  hash = "";
  prepared = "";
  /** What it remembers. */
  decisions: readonly Decision[] = [];
  /** Answers questions and pings. */
  awake = true;
  objects: string | undefined;
  /** Those it was told. */
  readonly weights: WeightOrder[] = [];
  alive = true;
  counted = 0;

  constructor(events: WorkerEvents, pid: number) {
    this.events = events;
    this.pid = pid;
  }

  say(message: FromWorker): void {
    if (this.alive) queueMicrotask(() => this.events.message(message));
  }

  serve(): void {
    this.say({ kind: "serving", hash: this.hash, port: 1 });
  }

  die(code: number | null = 1, signal: string | null = null): void {
    if (!this.alive) return;
    this.alive = false;
    queueMicrotask(() => this.events.gone(code, signal));
  }

  receive(message: ToWorker): void {
    this.heard.push(message);
    if (message.kind === "start") this.hash = message.config.hash;
    if (!this.awake) return;
    if (message.kind === "ping") this.say({ kind: "pong", open: 1, leftOut: [] });
    if (message.kind === "ask") this.say({ kind: "answer", id: message.id, answer: this.#answer(message.question) });
    if (message.kind === "drain") this.die(0);
  }

  #answer(question: Question): Answer {
    switch (question.kind) {
      case "metrics":
        return {
          kind: "metrics",
          metrics: [
            { name: "c", help: "", type: "counter", aggregator: "sum", values: [{ labels: {}, value: this.counted }] },
          ],
        };
      case "cache":
        return { kind: "cache", answer: { did: "entries", entries: [] } };
      case "decisions":
        return { kind: "decisions", decisions: this.decisions };
      case "limits":
        return { kind: "limits", reading: { limits: [], processes: 1, store: "memory" } };
      case "breaker":
        return { kind: "breaker", answer: { changed: undefined } };
      case "dependencies":
        return { kind: "dependencies", readings: [] };
      case "weight":
        this.weights.push(question.order);
        return { kind: "weight", found: true };
      case "prepare":
        if (this.objects !== undefined) return { kind: "failed", message: this.objects };
        this.prepared = question.config.hash;
        return { kind: "done" };
      case "commit":
        if (this.prepared === question.hash) this.hash = question.hash;
        return this.hash === question.hash ? { kind: "done" } : { kind: "failed", message: "nothing prepared" };
      case "abort":
        this.prepared = "";
        return { kind: "done" };
    }
  }
}

/** Forks workers that are none, and keeps them all in `workers`. */
export const fakeFork =
  (workers: FakeWorker[]): Fork =>
  (events) => {
    const worker = new FakeWorker(events, 100 + workers.length);
    workers.push(worker);
    return {
      pid: worker.pid,
      send: (message) => worker.receive(message),
      kill: () => worker.die(null, "SIGKILL"),
    };
  };
