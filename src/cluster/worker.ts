/** One of several processes that serve: does what the primary says, and ends when it is without one. */
import { availableParallelism } from "node:os";
import type { Cancel } from "../core/clock.ts";
import { toError } from "../core/errors.ts";
import type { DrainPace } from "../gateway.ts";
import type { Prepared } from "../graph.ts";
import { fitText, readToWorker, type Answer, type FromWorker, type Question, type ToWorker } from "./messages.ts";
import { ROUND } from "./seat-exchange.ts";
import { workerCount } from "./size.ts";
import { createServing, type ProcessParts, type Serving } from "./serving.ts";

/**
 * Of a worker whose primary is gone or that broke down: no load balancer is told, and a gateway that is started anew
 * waits for the port.
 */
const HASTE: DrainPace = { delay: 0, timeout: 3_000 };

/** The way to the primary, and out of the process. */
interface Link {
  /** Never throws. */
  send(message: FromWorker): void;
  /** Ends the process. */
  exit(code: number): void;
}

/** The version comes from the primary. */
export interface WorkerParts extends Omit<ProcessParts, "version"> {
  readonly link: Link;
}

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "starting" }
  | { readonly kind: "serving"; readonly serving: Serving }
  /** `serving`: what it finishes; undefined when it never served. */
  | { readonly kind: "leaving"; readonly serving: Serving | undefined };

/** The worker's side. What happens to the process is told to it by its entry file. */
export class Worker {
  readonly #parts: WorkerParts;
  #state: State = { kind: "idle" };
  #prepared: { readonly hash: string; readonly ready: Prepared } | undefined;
  #hash = "";
  #tellDesks: Cancel = () => {};

  constructor(parts: WorkerParts) {
    this.#parts = parts;
  }

  receive(raw: unknown): void {
    const message = readToWorker(raw);
    switch (message?.kind) {
      case undefined:
        return;
      case "start":
        if (this.#state.kind === "idle") void this.#start(message);
        return;
      case "ping":
        this.#parts.link.send({
          kind: "pong",
          open: this.#serving()?.gateway.open() ?? 0,
          leftOut: this.#serving()?.leftOut.tiers() ?? [],
        });
        return;
      case "ask":
        void this.#answer(message.id, message.question);
        return;
      case "purged":
        this.#serving()?.gateway.cache.hear(message.purge);
        return;
      case "lent":
        this.#serving()?.gateway.seats.borrow(message.lent);
        return;
      case "drain":
        void this.#leave(0);
        return;
    }
  }

  /** Somebody wants this one process to go: the primary starts another. */
  retire(): void {
    if (this.#state.kind === "leaving") return;
    this.#parts.link.send({ kind: "leaving" });
    void this.#leave(0);
  }

  /** The primary is gone. */
  orphaned(): void {
    void this.#leave(1, HASTE);
  }

  /** Something went wrong that nothing caught: whatever state that left behind, no new request is to meet it. */
  broken(where: string, thrown: unknown): void {
    const { link } = this.#parts;
    const error = toError(thrown);
    if (this.#state.kind === "idle" || this.#state.kind === "starting") {
      link.send({ kind: "failed", message: fitText(`${where}: ${error.message}`) });
      return link.exit(1);
    }
    this.#state.serving?.gateway.bus.publish("spillway:fault", { where, error });
    if (this.#state.kind === "leaving") return;
    link.send({ kind: "leaving" });
    void this.#leave(1, HASTE);
  }

  /** What runs here, to its end. */
  #serving(): Serving | undefined {
    return "serving" in this.#state ? this.#state.serving : undefined;
  }

  async #start({ config, name, port, process, sharing, version }: Extract<ToWorker, { kind: "start" }>): Promise<void> {
    const { link } = this.#parts;
    this.#state = { kind: "starting" };
    try {
      const { listen } = config.config;
      const settled = { ...config, config: { ...config.config, listen: { ...listen, port } } };
      const sharedPort = sharing === "reuse-port";
      const processes = workerCount(listen.workers, availableParallelism());
      const serving = await createServing({
        ...this.#parts,
        version,
        config: settled,
        name,
        sharedPort,
        process,
        processes,
      });
      serving.gateway.bus.subscribe("spillway:purged", ({ purge }) => link.send({ kind: "purged", purge }));
      const listening = await serving.gateway.listen();
      await serving.gateway.warmed();
      this.#hash = config.hash;
      if (this.#isLeaving()) {
        await serving.gateway.close();
        await serving.close();
        return;
      }
      this.#state = { kind: "serving", serving };
      this.#tellDesks = this.#parts.clock.every(ROUND, () =>
        link.send({ kind: "desks", desks: serving.gateway.seats.desks() }),
      );
      link.send({ kind: "serving", hash: config.hash, port: listening });
    } catch (thrown) {
      link.send({ kind: "failed", message: fitText(toError(thrown).message) });
      link.exit(1);
    }
  }

  #isLeaving(): boolean {
    return this.#state.kind === "leaving";
  }

  async #answer(id: number, question: Question): Promise<void> {
    let answer: Answer;
    try {
      answer = await this.#attend(question);
    } catch (thrown) {
      answer = { kind: "failed", message: fitText(toError(thrown).message) };
    }
    this.#parts.link.send({ kind: "answer", id, answer });
  }

  async #attend(question: Question): Promise<Answer> {
    const serving = this.#serving();
    if (!serving) return { kind: "failed", message: "does not serve" };
    if (question.kind === "metrics") return { kind: "metrics", metrics: await serving.metrics.json() };
    if (question.kind === "decisions") {
      return { kind: "decisions", decisions: serving.recorder.find(question.ask) };
    }
    if (question.kind === "limits") return { kind: "limits", reading: serving.gateway.limits() };
    if (question.kind === "dependencies") return { kind: "dependencies", readings: serving.gateway.dependencies() };
    if (question.kind === "breaker") return { kind: "breaker", answer: serving.gateway.breaker(question.ask) };
    if (question.kind === "weight") return { kind: "weight", found: serving.gateway.reweigh(question.order) };
    if (question.kind === "cache") return { kind: "cache", answer: await serving.gateway.cache.ask(question.ask) };
    if (this.#isLeaving()) return { kind: "failed", message: "is leaving" };
    switch (question.kind) {
      case "prepare":
        this.#abort();
        this.#prepared = { hash: question.config.hash, ready: serving.prepare(question.config) };
        return { kind: "done" };
      case "commit":
        return this.#commit(question.hash);
      case "abort":
        this.#abort();
        return { kind: "done" };
    }
  }

  #commit(hash: string): Answer {
    if (this.#prepared?.hash === hash) {
      const { ready } = this.#prepared;
      this.#prepared = undefined;
      ready.commit();
      this.#hash = hash;
    }
    return this.#hash === hash ? { kind: "done" } : { kind: "failed", message: "nothing prepared" };
  }

  #abort(): void {
    this.#prepared?.ready.abort();
    this.#prepared = undefined;
  }

  /** Ends the process once what is open has finished. */
  async #leave(code: number, pace?: DrainPace): Promise<void> {
    if (this.#isLeaving()) return;
    const serving = this.#serving();
    this.#state = { kind: "leaving", serving };
    this.#tellDesks();
    await serving?.gateway.drain(pace);
    await serving?.close();
    this.#parts.link.exit(code);
  }
}
