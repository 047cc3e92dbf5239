import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestContext } from "node:test";
import { fairClock } from "../../support/fair-clock.ts";
import { until } from "../../support/wait.ts";
import { percentile, type Answer } from "./cache-rig.ts";

/** A gateway in front of an origin of its own. */
export interface Side {
  ask(path: string): Promise<Answer>;
  /** Requests that reached its origin. */
  calls(): number;
}

/** Two gateways that are asked the same at the same time. */
export interface Pair {
  /** Its store gets into trouble. */
  readonly subject: Side;
  /** Its store is well. */
  readonly control: Side;
  /** What the subject's store holds: a number that grows with each answer that is put there. */
  readonly stored: () => Promise<number>;
}

export interface Trouble {
  begin(): unknown;
  end(): unknown;
  /** Milliseconds that it lasts, at least. Default: 1,200. */
  readonly lasts?: number;
  /** Of 4 requests to each side, at least. Default: 150. */
  readonly waves?: number;
}

/** The rows F1 to F3: 0 lost, and by how much it may be worse than it is without the trouble. */
const P99_OVER = 20;
const MOST_SHARE = 1.2;
const BACK_IN = 1000;
/** Milliseconds that no request may take by the fair clock: deadlines and leases, one after the other. */
const LONGEST = 250;

/** One request in a hundred is then more than a wave. */
const WAVES = 150;
/** Requests at once for a URL that is new; one more is for a URL of {@link EARLIER} waves before. */
const AT_ONCE = 3;
const EARLIER = 5;
/** Milliseconds between two waves. */
const PACE = 4;
/** Answered by each of the pair alike. */
export const TEXT = "an answer";

let paths = 0;

/** Milliseconds of all requests. */
async function wave(side: Side, path: string, earlier: string): Promise<number[]> {
  const answers = await Promise.all(
    [...Array.from({ length: AT_ONCE }, () => path), earlier].map((one) => side.ask(one)),
  );
  for (const { status, text } of answers) assert.deepEqual([status, text], [200, TEXT]);
  return answers.map(({ ms }) => ms);
}

async function load({ subject, control }: Pair, waves: number, lasts: number) {
  const startedAt = fairClock.now();
  const [ofSubject, ofControl]: [number[], number[]] = [[], []];
  const calls = [subject.calls(), control.calls()] as const;
  for (let i = 0; i < waves || fairClock.now() - startedAt < lasts; i++) {
    const [path, earlier] = [`/${++paths}`, `/${Math.max(1, paths - EARLIER)}`];
    const both = [
      async () => void ofSubject.push(...(await wave(subject, path, earlier))),
      async () => void ofControl.push(...(await wave(control, path, earlier))),
    ];
    await Promise.all((i % 2 === 0 ? both : both.toReversed()).map((one) => one()));
    await sleep(PACE);
  }
  return {
    p99: [percentile(ofSubject, 0.99), percentile(ofControl, 0.99)] as const,
    slowest: Math.max(...ofSubject),
    calls: [subject.calls() - calls[0], control.calls() - calls[1]] as const,
    requests: ofSubject.length,
  };
}

/** Milliseconds by the fair clock until what is fetched is in the subject's store. */
async function backIn({ subject, stored }: Pick<Pair, "subject" | "stored">): Promise<number> {
  const startedAt = fairClock.now();
  // A server that changes its part may end the connection of who asks it.
  const count = async (): Promise<number> => stored().catch(() => Number.NaN);
  await until(
    async () => {
      const had = await count();
      await subject.ask(`/${++paths}`);
      return (await count()) > had;
    },
    { what: "what is fetched is in the store" },
  );
  return fairClock.now() - startedAt;
}

/**
 * No request is lost in the trouble; the slowest hundredth is no more than 20 ms above what the other gateway has
 * meanwhile, its origin is asked at most 1.2 times as often, and a second after the end the store is in use.
 */
export async function outlives(t: TestContext, what: string, pair: Pair, trouble: Trouble): Promise<void> {
  const { begin, end, lasts = 1200, waves = WAVES } = trouble;
  await backIn(pair);
  await load(pair, 20, 0);
  await begin();
  const { p99, slowest, calls, requests } = await load(pair, waves, lasts);
  await end();
  const ms = await backIn(pair);
  const figures = [
    `${what}: ${requests} requests, p99 ${p99[0].toFixed(1)} ms, healthy ${p99[1].toFixed(1)} ms`,
    `slowest ${slowest.toFixed(0)} ms, origin calls ${calls[0]}, healthy ${calls[1]}, back in ${ms.toFixed(0)} ms`,
  ].join(", ");
  t.diagnostic(figures);
  assert.ok(p99[0] <= p99[1] + P99_OVER, figures);
  assert.ok(slowest <= LONGEST, figures);
  assert.ok(calls[0] <= calls[1] * MOST_SHARE, figures);
  assert.ok(ms <= BACK_IN, figures);
}
