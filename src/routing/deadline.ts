/** Until when a client says that it waits. */

/** Monotonic milliseconds, and the lower-case names of the fields that told it. */
export interface ToldDeadline {
  readonly at: number;
  readonly fields: readonly string[];
}

/**
 * A point in time that lies further back than this comes from a clock that is set wrong, or is written in seconds: it says
 * nothing. Milliseconds.
 */
const MOST_SKEW = 60_000;

/** Milliseconds of the units of gRPC: hour, minute, second, milli-, micro- and nanosecond. */
const GRPC_UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Whole milliseconds of up to 13 digits: no sign, no fraction. */
function milliseconds(text: string): number | undefined {
  const plain = text.trim();
  return /^\d{1,13}$/.test(plain) ? Number(plain) : undefined;
}

/** `100m`, `2S`: up to 8 digits and a unit (gRPC over HTTP/2, "Requests"). */
function grpcTimeout(text: string): number | undefined {
  const found = /^(\d{1,8})([HMSmun])$/.exec(text.trim());
  return found ? Number(found[1]) * GRPC_UNITS[found[2]!]! : undefined;
}

/** Milliseconds that are left by one field; undefined when it says nothing or cannot be read. */
function leftBy(name: string, value: string, wall: number): number | undefined {
  switch (name) {
    case "x-request-timeout-ms":
      return milliseconds(value);
    case "grpc-timeout":
      return grpcTimeout(value);
    case "x-envoy-expected-rq-timeout-ms":
      // Envoy writes 0 for "without limit".
      return milliseconds(value) || undefined;
    case "x-request-deadline": {
      const at = milliseconds(value);
      return at === undefined || at < wall - MOST_SKEW ? undefined : at - wall;
    }
    default:
      return undefined;
  }
}

/**
 * The earliest of what the fields say, names in lower case: `X-Request-Timeout-Ms` (milliseconds), `X-Request-Deadline`
 * (milliseconds since 1970), `grpc-timeout` and `X-Envoy-Expected-Rq-Timeout-Ms`. One that cannot be read is passed over,
 * as a point in time more than a minute ago is. `now` is monotonic, `wall` since 1970.
 */
export function readDeadline(fields: readonly string[], now: number, wall: number): ToldDeadline | undefined {
  let least: number | undefined;
  const names: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i]!;
    const left = leftBy(name, fields[i + 1]!, wall);
    if (left === undefined) continue;
    if (least === undefined || left < least) least = left;
    if (!names.includes(name)) names.push(name);
  }
  return least === undefined ? undefined : { at: now + least, fields: names };
}
