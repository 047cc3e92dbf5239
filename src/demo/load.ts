import { Agent, type ClientRequest, request } from "node:http";
import { isLoopback } from "../core/address.ts";
import type { Cancel, Clock, Random } from "../core/clock.ts";
import { UsageError } from "../core/errors.ts";
import { nextGapMs, type Planned, planRequest } from "./traffic.ts";

export interface LoadOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Base of what is asked, on this machine: http and a loopback address. */
  readonly url: string;
  /** Requests a second, 0 to 500. Default 20; 0 sends none until `setRate`. */
  readonly rate?: number;
}

export interface Load {
  /** Cuts what is on its way. Resolves when no socket and no timer is left; a second call changes nothing. */
  stop(): Promise<void>;
  /**
   * Requests ended so far by status (`"200"`), and those without a whole answer: `failed` (no connection, reset, cut),
   * `timeout` (10 s), `skipped` (never sent, because 64 were on their way).
   */
  counts(): Record<string, number>;
  /** Requests a second, 0 to 500. */
  setRate(rate: number): void;
}

const DEFAULT_RATE = 20;
const RATE_AT_MOST = 500;
const IN_FLIGHT_AT_MOST = 64;
const TIMEOUT_MS = 10_000;
/** How long an event stream is watched before it is left. */
const WATCH_MS = 3_000;
/** A load that comes this late, after a blocked event loop or a sleeping machine, does not catch up. */
const LATE_AT_MOST_MS = 1_000;

/** Open loop: requests leave at their planned instants whatever becomes of those before them. Refuses other machines. */
export function startLoad(options: LoadOptions): Load {
  const { clock, random } = options;
  const caller = new Caller(clock, loopbackUrl(options.url));
  let rate = checkedRate(options.rate ?? DEFAULT_RATE);
  let cancel: Cancel = () => {};
  let stopped: Promise<void> | undefined;

  const schedule = (planned: number): void => {
    if (rate === 0) return;
    const due = Math.max(planned, clock.now() - LATE_AT_MOST_MS) + nextGapMs(rate, random);
    const arrive = (): void => {
      schedule(due);
      caller.send(planRequest(random));
    };
    cancel = clock.after(Math.max(0, due - clock.now()), arrive, "background");
  };
  schedule(clock.now());

  return {
    stop() {
      cancel();
      rate = 0;
      return (stopped ??= caller.close());
    },
    counts: () => caller.counts(),
    setRate(next) {
      if (stopped) return;
      rate = checkedRate(next);
      cancel();
      schedule(clock.now());
    },
  };
}

function checkedRate(rate: number): number {
  if (rate >= 0 && rate <= RATE_AT_MOST) return rate;
  throw new UsageError(`the rate of the demo load must be from 0 to ${RATE_AT_MOST} requests a second, got ${rate}`);
}

/** The origin of a URL on this machine; a {@link UsageError} for any other, so that nobody is flooded by accident. */
export function loopbackUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" && isLoopback(url.hostname.replace(/^\[|\]$/g, ""))) return url.origin;
  throw new UsageError(
    `the demo load goes to http on this machine only, such as http://127.0.0.1:8080, not to ${text}`,
  );
}

class Caller {
  readonly #clock: Clock;
  readonly #base: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT_AT_MOST });
  readonly #counts = new Map<string, number>();
  readonly #inFlight = new Set<ClientRequest>();
  #whenIdle: (() => void) | undefined;
  #closed = false;

  constructor(clock: Clock, base: string) {
    this.#clock = clock;
    this.#base = base;
  }

  counts(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }

  send(planned: Planned): void {
    if (this.#closed) return;
    if (this.#inFlight.size >= IN_FLIGHT_AT_MOST) return this.#count("skipped");
    const { method, headers, path, body } = planned;
    let ending = "failed";
    const call = request(`${this.#base}${path}`, { method, headers, agent: this.#agent });
    const giveUp = (name: string): void => {
      ending = name;
      call.destroy();
    };
    const cancels = [this.#clock.after(TIMEOUT_MS, () => giveUp("timeout"), "background")];
    this.#inFlight.add(call);
    call.on("error", () => {});
    call.on("response", (response) => {
      const status = String(response.statusCode);
      response.on("error", () => {});
      response.on("end", () => (ending = status));
      response.resume();
      const streams = response.headers["content-type"] === "text/event-stream";
      if (streams) cancels.push(this.#clock.after(WATCH_MS, () => giveUp(status), "background"));
    });
    call.on("close", () => {
      for (const cancel of cancels) cancel();
      this.#ended(call, ending);
    });
    call.end(body);
  }

  close(): Promise<void> {
    this.#closed = true;
    const idle = new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
    });
    for (const call of this.#inFlight) call.destroy();
    this.#agent.destroy();
    if (this.#inFlight.size === 0) this.#whenIdle?.();
    return idle;
  }

  #ended(call: ClientRequest, ending: string): void {
    this.#inFlight.delete(call);
    if (!this.#closed) this.#count(ending);
    else if (this.#inFlight.size === 0) this.#whenIdle?.();
  }

  #count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }
}
