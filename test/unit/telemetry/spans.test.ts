import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import {
  context,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
  type SpanOptions,
  type SpanStatus,
} from "@opentelemetry/api";
import { createEventBus } from "../../../src/core/events.ts";
import { failed } from "../../../src/core/outcome.ts";
import { createSpans } from "../../../src/telemetry/spans.ts";
import { endedExchange } from "../../support/ended-exchange.ts";
import { ManualClock } from "../../support/manual-clock.ts";

interface Recorded {
  readonly name: string;
  readonly options: SpanOptions;
  readonly parent: SpanContext | undefined;
  attributes: Attributes;
  status: SpanStatus | undefined;
  end: unknown;
}

function fakeProvider(t: TestContext): Recorded[] {
  const spans: Recorded[] = [];
  const startSpan = (name: string, options: SpanOptions = {}, parentContext: Context = context.active()): Span => {
    const record: Recorded = {
      name,
      options,
      parent: trace.getSpanContext(parentContext),
      attributes: {},
      status: undefined,
      end: undefined,
    };
    spans.push(record);
    return {
      isRecording: () => true,
      setAttributes: (attributes: Attributes) => void (record.attributes = attributes),
      setStatus: (status: SpanStatus) => void (record.status = status),
      end: (at: unknown) => void (record.end = at),
    } as unknown as Span;
  };
  trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan, startActiveSpan: () => undefined as never }) });
  t.after(() => trace.disable());
  return spans;
}

test("an exchange becomes a SERVER span under the caller's, with the names of the conventions", async (t) => {
  const spans = fakeProvider(t);
  const clock = new ManualClock();
  const bus = createEventBus("spans-test");
  const running = await createSpans({ bus, clock, version: "1" });
  bus.publish("spillway:exchange", endedExchange());
  running.close();
  bus.publish("spillway:exchange", endedExchange());
  assert.equal(spans.length, 1);
  const [span] = spans;
  assert.equal(span!.name, "GET products");
  assert.equal(span!.options.kind, SpanKind.SERVER);
  assert.equal(span!.options.startTime, clock.wall() - 7);
  assert.equal(span!.end, clock.wall());
  assert.deepEqual(span!.parent, {
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    spanId: "00f067aa0ba902b7",
    traceFlags: 1,
    isRemote: true,
  });
  assert.deepEqual(span!.attributes, {
    "http.request.method": "GET",
    "http.route": "products",
    "http.response.status_code": 200,
    "url.path": "/api/products/7",
    "url.scheme": "http",
    "server.address": "shop.example",
    "server.port": 8080,
    "client.address": "192.0.2.7",
  });
  assert.equal(span!.status, undefined);
});

test("a failure has an error type and, from 500 on, the status of an error", async (t) => {
  const spans = fakeProvider(t);
  const bus = createEventBus("spans-test");
  const running = await createSpans({ bus, clock: new ManualClock(), version: "1" });
  t.after(() => running.close());
  bus.publish("spillway:exchange", endedExchange({ status: 504, outcome: failed("timeout", "late") }));
  bus.publish("spillway:exchange", endedExchange({ status: 500 }));
  assert.deepEqual(
    spans.map(({ attributes, status }) => [attributes["error.type"], status?.code]),
    [
      ["timeout", SpanStatusCode.ERROR],
      ["500", SpanStatusCode.ERROR],
    ],
  );
});

test("without a tracer provider nothing happens", async (t) => {
  const bus = createEventBus("spans-test");
  const running = await createSpans({ bus, clock: new ManualClock(), version: "1" });
  t.after(() => running.close());
  bus.publish("spillway:exchange", endedExchange());
});
