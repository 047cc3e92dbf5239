import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { systemClock, type Clock } from "../../../src/core/clock.ts";
import { fairClock } from "../../support/fair-clock.ts";
import { startGateway, type TestConfig, type TestGateway } from "../../support/gateway.ts";
import { connectRaw, type RawResponse } from "../../support/raw-client.ts";
import { startOrigin } from "../../support/raw-origin.ts";

/** How the origin of a rig answers; `call` counts from 1. */
export type Behaviour = (request: IncomingMessage, response: ServerResponse, call: number) => void;

export interface Rig extends AsyncDisposable {
  readonly gateway: TestGateway;
  /** The origin, as a dependency names it. */
  readonly target: string;
  /** Requests that reached the origin. */
  calls(): number;
  /** Another behaviour from now on. */
  behave(behaviour: Behaviour): void;
  /** One request on a connection of its own. `fields` is raw: `"Cookie: a=1\r\n"`. */
  ask(path?: string, fields?: string, method?: string): Promise<Answer>;
  /** So many at once. */
  herd(count: number, fields?: (index: number) => string, path?: string): Promise<Answer[]>;
  /** The origin refuses connections from now on. */
  stopOrigin(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** `Cache-Status`; "" without one. */
  readonly cache: string;
  /** By the fair clock. */
  readonly ms: number;
  readonly raw: RawResponse;
}

/** A gateway with one cached route in front of an origin that behaves as told. */
export async function startRig(
  cache: object | string,
  first: Behaviour,
  config: TestConfig = {},
  clock: Clock = systemClock,
): Promise<Rig> {
  let behaviour = first;
  let calls = 0;
  const origin = await startOrigin((request, response) => behaviour(request, response, ++calls));
  const gateway = await startGateway({ target: origin.url, route: { cache }, ...config }, clock);
  const ask = async (path = "/x", fields = "", method = "GET"): Promise<Answer> => {
    using client = await connectRaw(gateway.port);
    const startedAt = fairClock.now();
    await client.send(`${method} ${path} HTTP/1.1\r\nHost: shop.example\r\n${fields}\r\n`);
    const raw = await client.readResponse({ method, timeoutMs: 30_000 });
    const ms = fairClock.now() - startedAt;
    return { status: raw.status, text: raw.text(), cache: raw.header("cache-status") ?? "", ms, raw };
  };
  return {
    gateway,
    target: origin.url,
    calls: () => calls,
    behave: (next) => void (behaviour = next),
    ask,
    herd: (count, fields = () => "", path = "/x") =>
      Promise.all(Array.from({ length: count }, (_, index) => ask(path, fields(index)))),
    stopOrigin: () => origin.close(),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await origin.close().catch(() => {});
    },
  };
}

/** Answers 200 with a text and these fields, after `ms`. */
export const sends =
  (
    text: string | ((request: IncomingMessage, call: number) => string),
    fields: Record<string, string> = {},
    ms = 0,
  ): Behaviour =>
  (request, response, call) => {
    const send = (): void => {
      response.writeHead(200, fields);
      response.end(typeof text === "string" ? text : text(request, call));
    };
    if (ms > 0) setTimeout(send, ms);
    else send();
  };

export const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1]!;

export function allServed(answers: readonly Answer[], text: string): void {
  for (const answer of answers) assert.deepEqual([answer.status, answer.text], [200, text]);
}
