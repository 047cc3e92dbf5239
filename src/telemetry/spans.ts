/**
 * One SERVER span an exchange, through the OpenTelemetry API of the host process. Without that package, or without a
 * tracer provider in it, nothing happens.
 */
import type { Clock } from "../core/clock.ts";
import type { EventBus, ExchangeEnded } from "../core/events.ts";

export interface Spans {
  close(): void;
}

export interface SpansParts {
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly version: string;
}

type Api = typeof import("@opentelemetry/api");

export async function createSpans({ bus, clock, version }: SpansParts): Promise<Spans> {
  const api = await loadApi();
  if (!api) return { close: () => {} };
  const unset = new api.ProxyTracerProvider().getDelegate();
  const close = bus.subscribe("spillway:exchange", (event) => {
    const provider = api.trace.getTracerProvider();
    if (provider instanceof api.ProxyTracerProvider && provider.getDelegate() === unset) return;
    record(api, version, event, clock.wall());
  });
  return { close };
}

async function loadApi(): Promise<Api | undefined> {
  try {
    return await import("@opentelemetry/api");
  } catch {
    return undefined;
  }
}

function record(api: Api, version: string, event: ExchangeEnded, endedAt: number): void {
  const { exchange } = event;
  const parent = api.trace.setSpanContext(api.ROOT_CONTEXT, {
    traceId: exchange.trace.traceId,
    // The API lets nobody choose a span's id: where the trace began here, our span hangs beside the dependency's.
    spanId: exchange.trace.parentId ?? exchange.trace.spanId,
    traceFlags: exchange.trace.sampled ? api.TraceFlags.SAMPLED : api.TraceFlags.NONE,
    isRemote: true,
  });
  const span = api.trace
    .getTracer("spillway", version)
    .startSpan(
      `${exchange.method} ${exchange.route.name}`,
      { kind: api.SpanKind.SERVER, startTime: endedAt - event.durationMs },
      parent,
    );
  if (!span.isRecording()) return;
  span.setAttributes(attributes(event));
  if (event.status >= 500) span.setStatus({ code: api.SpanStatusCode.ERROR });
  span.end(endedAt);
}

/** Names of the semantic conventions for HTTP servers. The query is left out: it may hold secrets. */
function attributes(event: ExchangeEnded): Record<string, string | number> {
  const { exchange, outcome } = event;
  const { host, port } = splitAuthority(exchange.authority);
  const found: Record<string, string | number> = {
    "http.request.method": exchange.method,
    "http.route": exchange.route.name,
    "http.response.status_code": event.status,
    "url.path": exchange.path,
    "url.scheme": exchange.scheme,
    "server.address": host,
    "client.address": exchange.client.address,
  };
  if (port !== undefined) found["server.port"] = port;
  if (outcome.kind === "failed") found["error.type"] = outcome.reason;
  else if (event.status >= 500)
    found["error.type"] = outcome.kind === "refused" ? outcome.reason : String(event.status);
  return found;
}

function splitAuthority(authority: string): { host: string; port: number | undefined } {
  const found = /^(.*):(\d{1,5})$/.exec(authority);
  return found ? { host: found[1]!, port: Number(found[2]) } : { host: authority, port: undefined };
}
