import type { Departure, Exchange } from "../../core/exchange.ts";
import { withoutHeaders } from "../../core/headers.ts";

/** Tells the dependency which try of a request it has: 2 for the second. The first one has no such field. */
const FIELD = "spillway-attempt";
const OWN: ReadonlySet<string> = new Set([FIELD]);

/** The same exchange as another of its tries. `number`: 2 for the second; `deadline` in monotonic milliseconds. */
export function attempt(
  exchange: Exchange,
  number: number,
  { deadline, departure }: { readonly deadline: number; readonly departure: Departure },
): Exchange {
  const { id, startedAt, method, target, path, query, scheme, authority, client, route, params } = exchange;
  const { tenant, cohort, deadlineFields, body, trace, upgrade, warms, handOn } = exchange;
  const headers = [...withoutHeaders(exchange.headers, OWN), FIELD, String(number)];
  const asked = { id, startedAt, method, target, path, query, scheme, authority, headers, body };
  return {
    ...asked,
    class: exchange.class,
    client,
    route,
    params,
    tenant,
    cohort,
    deadline,
    deadlineFields,
    trace,
    departure,
    upgrade,
    handOn,
    ...(warms && { warms }),
    interim: (status, fields) => exchange.interim(status, fields),
  };
}
