/**
 * What admission costs a request: `node loadtests/micro/admission.ts`. First the way through the stage with seats free,
 * beside the same handler without it; then a turn of the queue (one comes, one goes) at several lengths, which shows that
 * it does not depend on them. Medians of several rounds on a warm process.
 */
import { Gate } from "../../src/admission/gate.ts";
import { ALGORITHMS, createLimit } from "../../src/admission/limits/choice.ts";
import { Queue } from "../../src/admission/queue.ts";
import { createAdmissionStage } from "../../src/admission/stage.ts";
import type { Waiting } from "../../src/admission/tenant-line.ts";
import { wholeBody } from "../../src/core/body.ts";
import { systemClock, systemRandom } from "../../src/core/clock.ts";
import { createEventBus } from "../../src/core/events.ts";
import type { Exchange } from "../../src/core/exchange.ts";
import type { Outcome } from "../../src/core/outcome.ts";
import type { Handler } from "../../src/core/stage.ts";
import { endedExchange } from "../../test/support/ended-exchange.ts";

const ROUNDS = 15;
const CALLS = 100_000;
const CAPS = [1000, 400, 300, 100, 20];

const median = (figures: number[]): number => figures.toSorted((a, b) => a - b)[figures.length >> 1]!;
const tell = (name: string, ns: number): boolean =>
  process.stdout.write(`${name.padEnd(58)} ${ns.toFixed(0).padStart(6)} ns\n`);

const exchange: Exchange = endedExchange().exchange;
const octets = Buffer.from("answer");
const forward: Handler = () =>
  Promise.resolve({
    kind: "served",
    status: 200,
    headers: ["content-type", "text/plain"],
    body: wholeBody(octets),
    by: "dependency",
    dependencyMs: 1,
  });

/** Nanoseconds a call, its answer taken. */
async function round(handler: Handler): Promise<number> {
  const began = performance.now();
  for (let i = 0; i < CALLS; i++) {
    const outcome: Outcome = await handler(exchange);
    if (outcome.kind === "served") outcome.body.takeWhole();
  }
  return ((performance.now() - began) * 1e6) / CALLS;
}

const hold = { enter() {}, leave() {} };
const stages = new Map<string, Handler>([["without admission", forward]]);
for (const algorithm of ["off", ...ALGORITHMS] as const) {
  const limit = createLimit(
    { algorithm: algorithm === "off" ? "fixed" : algorithm, initial: 10, min: 2, max: 1000 },
    systemRandom,
  );
  const mode = algorithm === "off" ? "off" : "enforce";
  const gate = new Gate(
    limit,
    { mode, caps: CAPS, depth: undefined },
    { clock: systemClock, random: systemRandom, bus: createEventBus("micro") },
  );
  stages.set(algorithm, createAdmissionStage(gate, hold, systemClock)(forward));
}
const rounds = new Map<string, number[]>();
for (let i = 0; i < ROUNDS; i++) {
  // In turns, so that whatever else the machine does falls on all of them.
  for (const [name, handler] of stages) rounds.set(name, [...(rounds.get(name) ?? []), await round(handler)]);
}
const floor = median(rounds.get("without admission")!.slice(3));
for (const [name, figures] of rounds)
  tell(
    `a request with a free seat, limit ${name}`,
    median(figures.slice(3)) - (name === "without admission" ? 0 : floor),
  );

const one = (i: number, deadline: number): Waiting => ({
  rank: i % 5,
  slot: (i * 7) % 64,
  cohort: (i * 13) % 128,
  since: 0,
  until: 1e9,
  deadline,
  order: 0,
  gone: false,
});

for (const dated of [false, true]) {
  for (const length of [100, 1_000, 10_000, 100_000]) {
    const queue = new Queue<Waiting>(CAPS.map(() => 1e9));
    const deadline = (i: number): number => (dated ? 1e6 + ((i * 7919) % 1e6) : Infinity);
    for (let i = 0; i < length; i++) queue.add(one(i, deadline(i)));
    const figures: number[] = [];
    for (let at = 0; at < ROUNDS; at++) {
      const items = Array.from({ length: CALLS }, (_, i) => one(i, deadline(i)));
      const began = performance.now();
      for (const item of items) {
        queue.add(item);
        queue.take(1);
      }
      figures.push(((performance.now() - began) * 1e6) / CALLS);
    }
    tell(`one comes and one goes, ${length} wait${dated ? ", with deadlines" : ""}`, median(figures.slice(3)));
  }
}
for (const length of [100, 1_000, 10_000, 100_000]) {
  const queue = new Queue<Waiting>(CAPS.map(() => 1e9));
  for (let i = 0; i < length; i++) queue.add(one(i, Infinity));
  const figures: number[] = [];
  for (let at = 0; at < ROUNDS; at++) {
    const items = Array.from({ length: CALLS }, (_, i) => one(i, Infinity));
    const began = performance.now();
    for (const item of items) {
      queue.add(item);
      queue.remove(item);
    }
    figures.push(((performance.now() - began) * 1e6) / CALLS);
  }
  tell(`one comes and leaves again, ${length} wait`, median(figures.slice(3)));
}
