/**
 * The clients of an overload run: open loop, so that a slow gateway is not asked less, and as impatient as people are.
 * A request falls due when its arrival time has passed at a tick of a millisecond; its time runs from that tick, and a wait
 * for a connection counts. How much later than the arrival time the tick was is recorded beside it, not in it.
 *
 * Argument: a file with a {@link GeneratorOrder}. Writes the attempts to the file named there.
 */
import { readFileSync } from "node:fs";
import { Lines, type Ask } from "./lines.ts";
import { type Attempt, type Kind, writeAttempts } from "./records.ts";
import { type Arrival, arrivals, CLASS_FIELD, CLASSES, type LoadPlan, retryAfter } from "./schedule.ts";
import { type Chance, seeded } from "./seeded.ts";

export interface GeneratorOrder {
  readonly plan: LoadPlan;
  readonly port: number;
  readonly seed: number;
  /** Milliseconds since 1970 at which the first phase begins: what else happens in the run is timed from it too. */
  readonly startAt: number;
  /** Connections opened before that. */
  readonly warm: number;
  readonly output: string;
}

export function kindOf(status: number, head: string): Kind {
  // RFC 9211: an answer from a cache with a negative ttl is past its freshness.
  if (status >= 200 && status < 300) return /\r\ncache-status:[^\r]*; *hit[^\r]*ttl=-/i.test(head) ? "stale" : "ok";
  return status === 503 || status === 429 ? "refused" : "error";
}

/** One that is to be sent, again or for the first time. */
interface Due {
  readonly at: number;
  readonly arrival: Arrival;
  readonly request: number;
  readonly attempt: number;
}

interface Sent extends Ask {
  readonly leavesAt: number;
  over: boolean;
  end(kind: Kind): void;
}

class Clients {
  readonly attempts: Attempt[] = [];
  readonly #order: GeneratorOrder;
  readonly #chance: Chance;
  readonly #tenants: Lines[];
  readonly #coming: Iterator<Arrival>;
  #next: Arrival | undefined;
  #requests = 0;
  #again: Due[] = [];
  /** In the order of being sent, which is that of leaving too: patience is the same for all. */
  #underWay: Sent[] = [];
  #leaving = 0;

  constructor(order: GeneratorOrder) {
    const { plan, port, seed, warm } = order;
    this.#order = order;
    this.#chance = seeded(seed + 1);
    const count = Math.max(...plan.phases.map(({ tenants }) => tenants?.length ?? 1));
    const most = Math.ceil(plan.connections / count);
    this.#tenants = Array.from({ length: count }, (_, tenant) => {
      return new Lines({ port, localAddress: `127.0.1.${tenant + 1}`, most });
    });
    for (const lines of this.#tenants) lines.warm(Math.min(most, Math.ceil(warm / count)));
    this.#coming = arrivals(plan, seeded(seed));
    this.#next = this.#coming.next().value as Arrival | undefined;
  }

  /** False once nothing is to come and nothing is under way. */
  tick(now: number): boolean {
    for (; this.#next !== undefined && this.#next.at <= now; this.#next = this.#coming.next().value as Arrival) {
      this.#send({ at: this.#next.at, arrival: this.#next, request: this.#requests++, attempt: 1 }, now);
    }
    if (this.#again.length > 0) {
      const ready = this.#again.filter(({ at }) => at <= now);
      if (ready.length > 0) this.#again = this.#again.filter(({ at }) => at > now);
      for (const due of ready) this.#send(due, now);
    }
    for (; this.#leaving < this.#underWay.length; this.#leaving++) {
      const sent = this.#underWay[this.#leaving]!;
      if (!sent.over && sent.leavesAt > now) break;
      if (!sent.over) sent.end("timeout");
    }
    if (this.#leaving > 10_000) {
      this.#underWay = this.#underWay.slice(this.#leaving);
      this.#leaving = 0;
    }
    return this.#next !== undefined || this.#again.length > 0 || this.#leaving < this.#underWay.length;
  }

  close(): void {
    for (const lines of this.#tenants) lines.close();
  }

  #send(due: Due, now: number): void {
    const { arrival, request, attempt } = due;
    const { plan } = this.#order;
    const lines = this.#tenants[arrival.tenant]!;
    const started = performance.now();
    const sent: Sent = {
      path: `${plan.paths[arrival.path]!}/${request}`,
      fields: `${CLASS_FIELD}: ${CLASSES[arrival.class]!}\r\n`,
      leavesAt: now + plan.patience,
      over: false,
      answered: (status, head) => sent.end(kindOf(status, head)),
      broken: () => sent.end("error"),
      end: (kind) => {
        if (sent.over) return;
        sent.over = true;
        if (kind === "timeout") lines.leave(sent);
        const last = kind === "ok" || kind === "stale" || attempt > plan.retries;
        const latency = performance.now() - started;
        const { class: rank, path, tenant, phase } = arrival;
        const facts = { request, attempt, last, kind, class: rank, path, tenant, phase };
        this.attempts.push({ due: now, latency, late: now - due.at, ...facts });
        if (!last)
          this.#again.push({ ...due, at: now + latency + retryAfter(attempt, this.#chance), attempt: attempt + 1 });
      },
    };
    this.#underWay.push(sent);
    lines.send(sent);
  }
}

async function generate(order: GeneratorOrder): Promise<void> {
  const clients = new Clients(order);
  const zero = order.startAt - performance.timeOrigin;
  await new Promise<void>((resolve) => {
    const ticker = setInterval(() => {
      const now = performance.now() - zero;
      if (now < 0 || clients.tick(now)) return;
      clearInterval(ticker);
      resolve();
    }, 1);
  });
  clients.close();
  writeAttempts(order.output, clients.attempts);
}

if (import.meta.main) await generate(JSON.parse(readFileSync(process.argv[2]!, "utf8")) as GeneratorOrder);
