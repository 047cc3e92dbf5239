import type { Body } from "../core/body.ts";
import type { Clock } from "../core/clock.ts";
import { toError } from "../core/errors.ts";
import type { Exchange, RequestBody } from "../core/exchange.ts";
import { headerValue } from "../core/headers.ts";
import { isDropped, type Outcome, type TriesSeen } from "../core/outcome.ts";
import { unreadyBody } from "../core/readiness.ts";
import type { Soon } from "../core/soon.ts";
import { Timeouts, type Wait } from "../core/timeouts.ts";
import type { Handler, Stage } from "../core/stage.ts";
import type { Gate } from "./gate.ts";
import { Permit, type Ending } from "./permit.ts";
import type { Settled } from "./waiter.ts";

/** Keeps a dependency from being closed under an exchange that has not come to it yet. */
export interface Hold {
  enter(): void;
  leave(): void;
}

/**
 * Asks the gate of a dependency for a seat, and holds it until all octets of the answer are here or it was given up. A request
 * with a body asks once that is worth a seat. Tunnels and event streams hold a seat until their head only: they last for
 * hours and cost the dependency little, and the connections bound them. For the same reason a client that takes a long
 * answer too slowly, or streams a long upload, keeps a seat for a second: else a handful of slow clients would keep all
 * others from the dependency.
 */
export const createAdmissionStage = (gate: Gate, inUse: Hold, clock: Clock): Stage => {
  const slow = new Timeouts(clock, SLOW_FOR);
  return (next) => {
    const admit = (exchange: Exchange): Soon<Outcome> => {
      const entry = gate.enter(exchange);
      if (entry instanceof Permit) return use(entry, next, exchange, slow);
      return entry instanceof Promise ? whenSettled(entry, exchange) : entry;
    };
    const whenSettled = async (entry: Promise<Settled>, exchange: Exchange): Promise<Outcome> => {
      inUse.enter();
      try {
        const settled = await entry;
        return settled instanceof Permit ? await use(settled, next, exchange, slow) : settled;
      } finally {
        inUse.leave();
      }
    };
    const whenReady = async (exchange: Exchange, body: RequestBody): Promise<Outcome> => {
      inUse.enter();
      try {
        return (await unreadyBody(body, exchange, clock)) ?? (await admit(exchange));
      } finally {
        inUse.leave();
      }
    };
    return (exchange) => (exchange.body ? whenReady(exchange, exchange.body) : admit(exchange));
  };
};

/** Goes on with a seat, which is given back however that ends. */
function use(permit: Permit, next: Handler, exchange: Exchange, slow: Timeouts): Soon<Outcome> {
  return exchange.body !== undefined && exchange.body.whole === undefined
    ? useForUpload(permit, next, exchange, slow)
    : useWith(permit, next, exchange, slow);
}

/** How long an upload that streams takes is the client's doing: nothing is learnt from it, and its seat is soon free. */
async function useForUpload(permit: Permit, next: Handler, exchange: Exchange, slow: Timeouts): Promise<Outcome> {
  permit.answered("ignore");
  const wait = slow.start(() => permit.free());
  try {
    return await useWith(permit, next, exchange, slow);
  } finally {
    wait.cancel();
  }
}

function useWith(permit: Permit, next: Handler, exchange: Exchange, slow: Timeouts): Soon<Outcome> {
  let outcome: Soon<Outcome>;
  try {
    outcome = next(exchange);
  } catch (thrown) {
    permit.free();
    throw toError(thrown);
  }
  if (!(outcome instanceof Promise)) return settle(permit, outcome, slow);
  return outcome.then(
    (ended) => settle(permit, ended, slow),
    (thrown: unknown) => {
      permit.free();
      throw toError(thrown);
    },
  );
}

/** Tells the gate how the call went, and has the seat given back with the last octet that comes. */
function settle(permit: Permit, outcome: Outcome, slow: Timeouts): Outcome {
  const ending = endingOf(outcome);
  const since = triesOf(outcome)?.lastAt;
  if (outcome.kind !== "served" || outcome.body.arrived || isEventStream(outcome.headers)) permit.over(ending, since);
  else {
    permit.answered(ending, since);
    hold(permit, outcome.body, slow);
  }
  if (outcome.kind === "handed-on" || outcome.kind === "tunnelled") return outcome;
  return { ...outcome, admission: permit.seen };
}

/** Octets of an answer that go out without waiting for anybody. */
const SMALL = 16_384;
/** Milliseconds for which a client keeps a seat of the dependency while it is the client that is waited for. */
const SLOW_FOR = 1000;

/** Has the seat given back with the end of the body. A body that the client holds back is at the client's pace soon. */
function hold(permit: Permit, body: Body, slow: Timeouts): void {
  if (body.length !== undefined && body.length <= SMALL) {
    body.whenDone(() => permit.free());
    return;
  }
  let wait: Wait | undefined;
  body.whenDone(() => {
    wait?.cancel();
    permit.free();
  });
  body.whenHeldBack(() => (wait = slow.start(() => permit.free())));
}

function endingOf(outcome: Outcome): Ending {
  if (triesOf(outcome)?.dropped || isDropped(outcome)) return "dropped";
  return outcome.kind === "served" && outcome.by === "dependency" ? "success" : "ignore";
}

/** What a limit learns from a request that was tried more than once is the time of its last try. */
const triesOf = (outcome: Outcome): TriesSeen | undefined => ("tries" in outcome ? outcome.tries : undefined);

const isEventStream = (headers: readonly string[]): boolean =>
  headerValue(headers, "content-type")?.startsWith("text/event-stream") ?? false;
