import type { Body } from "./core/body.ts";
import { createHexSource, type Clock } from "./core/clock.ts";
import type { Exchange } from "./core/exchange.ts";
import type { HttpDependency } from "./dependency/port.ts";

interface Wanted {
  /** Path and query. */
  readonly target: string;
  /** Milliseconds until it is here, whole. */
  readonly timeout: number;
  /** Octets. */
  readonly most: number;
}

const NOBODY_LEAVES = { gone: false, onGone: () => () => {} };

/** A text that the gateway itself needs of a dependency: past routes, caches and gates. Rejects when it is not had in time. */
export async function fetchText(dependency: HttpDependency, wanted: Wanted, clock: Clock): Promise<string> {
  const { target, timeout, most } = wanted;
  const url = new URL(dependency.settings.http.targets[0]!.url);
  const forward = dependency.forward({
    target: () => target,
    requestHeaders: undefined,
    responseHeaders: undefined,
    timeout: undefined,
    trailers: false,
  });
  const startedAt = clock.now();
  const traceId = createHexSource(16, 16)();
  const exchange: Exchange = {
    id: traceId,
    startedAt,
    method: "GET",
    target,
    path: target,
    query: "",
    scheme: "http",
    authority: url.host,
    headers: ["accept", "application/json"],
    client: { address: "127.0.0.1", trusted: false },
    route: { name: "_own", dependency: dependency.name },
    params: {},
    class: "system",
    tenant: "127.0.0.1",
    cohort: 127,
    deadline: startedAt + timeout,
    body: undefined,
    trace: { traceId, parentId: undefined, spanId: createHexSource(8, 8)(), sampled: false },
    departure: NOBODY_LEAVES,
    interim() {},
    upgrade: undefined,
    handOn: undefined,
  };
  const outcome = await forward(exchange);
  if (outcome.kind !== "served") {
    throw new Error(`${dependency.name} gave no ${target}: ${"detail" in outcome ? outcome.detail : outcome.kind}`);
  }
  if (outcome.status !== 200) {
    outcome.body.cancel(new Error("this is not what was asked for"));
    throw new Error(`${dependency.name} answered ${outcome.status} to ${target}`);
  }
  return await wholeText(outcome.body, most, startedAt + timeout - clock.now(), clock);
}

function wholeText(body: Body, most: number, ms: number, clock: Clock): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let length = 0;
  const give = (error: Error): void => {
    reject(error);
    body.cancel(error);
  };
  const late = clock.after(ms, () => give(new Error(`it was not whole in time`)), "background");
  body.whenDone(late);
  const here = body.takeWhole();
  if (here) return Promise.resolve(textOf(here, most));
  body.pipe({
    write(chunk) {
      length += chunk.length;
      if (length > most) give(new Error(`it is longer than ${most / 1024} KiB`));
      else chunks.push(chunk);
      return true;
    },
    end: () => resolve(textOf(chunks, most)),
    fail: reject,
  });
  return promise;
}

function textOf(chunks: readonly Buffer[], most: number): string {
  const whole = Buffer.concat(chunks);
  if (whole.length > most) throw new Error(`it is longer than ${most / 1024} KiB`);
  return whole.toString("utf8");
}
