import { wholeBody } from "./core/body.ts";
import type { Handler } from "./core/stage.ts";
import { editHeaders, type HeaderEdits } from "./dependency/fields.ts";
import type { ForwardPolicy, HttpDependency } from "./dependency/port.ts";
import { isReplayable } from "./dependency/retry/rules.ts";
import { compileRewrite } from "./routing/rewrite.ts";
import type { FixedAnswer, RouteSettings } from "./routing/settings.ts";

/** What answers a route in the end: a fixed answer, the host application or a dependency. */
export function innermost(route: RouteSettings, dependencies: ReadonlyMap<string, HttpDependency>): Handler {
  const { respond } = route;
  if (respond) return fixedAnswer(respond, compileEdits(route.responseHeaders));
  if (route.dependency === "next") {
    return (exchange) => {
      exchange.handOn?.();
      return { kind: "handed-on" };
    };
  }
  const rewrite = compileRewrite(route.match.path, route.rewrite);
  const dependency = dependencies.get(route.dependency!)!;
  const policy: ForwardPolicy = {
    target: ({ target, path, query, params }) => rewrite(target, path, query, params),
    requestHeaders: compileEdits(route.requestHeaders),
    responseHeaders: compileEdits(route.responseHeaders),
    timeout: route.timeout,
    trailers: route.trailers,
  };
  const whole = dependency.forward(policy);
  const { retry, timeout } = dependency.settings;
  const total = route.timeout ?? timeout;
  if (retry === "off" || (retry.tryTimeout ?? total) >= total) return whole;
  const each = dependency.forward({ ...policy, timeout: retry.tryTimeout });
  return (exchange) => (isReplayable(exchange) && !exchange.upgrade ? each(exchange) : whole(exchange));
}

function fixedAnswer({ status, body, contentType }: FixedAnswer, edits: HeaderEdits | undefined): Handler {
  const octets = Buffer.from(body);
  const framing = status === 204 || status === 304 ? [] : ["Content-Length", String(octets.length)];
  const own = octets.length > 0 ? ["Content-Type", contentType, ...framing] : framing;
  const headers = edits ? editHeaders(own, edits) : own;
  return () => ({ kind: "served", status, headers, body: wholeBody(octets), by: "gateway" });
}

function compileEdits(edits: RouteSettings["requestHeaders"]): HeaderEdits | undefined {
  if (!edits) return undefined;
  const set = Object.entries(edits.set);
  return {
    drop: new Set([...edits.remove, ...set.map(([name]) => name)].map((name) => name.toLowerCase())),
    set: set.flat(),
  };
}
