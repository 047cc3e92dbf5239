/** W3C Trace Context, level 1 and 2: https://www.w3.org/TR/trace-context/ */
import type { TraceContext } from "./exchange.ts";

/** What a valid `traceparent` says. */
export interface TraceParent {
  readonly traceId: string;
  readonly parentId: string;
  readonly sampled: boolean;
}

const shape = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const noTrace = "0".repeat(32);
const noSpan = "0".repeat(16);

/** Longest `tracestate` that is sent on, in characters: what the standard asks every hop to carry at least. */
const MAX_TRACESTATE = 512;

/** Undefined when the value is invalid. A version after 00 may have further members, which are not looked at. */
export function parseTraceparent(value: string): TraceParent | undefined {
  // Nothing valid is longer in version 00, and later ones get room to grow; more is not worth a regular expression.
  if (value.length < 55 || value.length > 256) return undefined;
  const found = shape.exec(value);
  if (!found) return undefined;
  const [, version, traceId, parentId, flags, rest] = found;
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (traceId === noTrace || parentId === noSpan) return undefined;
  return { traceId: traceId!, parentId: parentId!, sampled: (Number.parseInt(flags!, 16) & 1) === 1 };
}

/** What a dependency is sent: our own span is the parent of its span. Always version 00. */
export function formatTraceparent(trace: TraceContext): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? "01" : "00"}`;
}

/**
 * The trace of one exchange: the caller's when its `traceparent` is valid, else a new one, which is sampled so that
 * dependencies with the usual parent-based sampler go on recording. `hex16` and `hex8` draw random ids of 16 and 8
 * octets, lower-case hexadecimal.
 */
export function continueTrace(traceparent: string | undefined, hex16: () => string, hex8: () => string): TraceContext {
  const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
  const spanId = notZero(hex8(), noSpan);
  return parent
    ? { traceId: parent.traceId, parentId: parent.parentId, spanId, sampled: parent.sampled }
    : { traceId: notZero(hex16(), noTrace), parentId: undefined, spanId, sampled: true };
}

/** The `tracestate` to send on, untouched; undefined without a parent, which it would belong to, or when too long. */
export function passTracestate(
  trace: Pick<TraceContext, "parentId">,
  tracestate: string | undefined,
): string | undefined {
  if (trace.parentId === undefined || !tracestate || tracestate.length > MAX_TRACESTATE) return undefined;
  return tracestate;
}

/** All zeros is the one id that the standard forbids. */
const notZero = (id: string, zero: string): string => (id === zero ? `${id.slice(0, -1)}1` : id);
