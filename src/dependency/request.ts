import type { Dispatcher } from "undici";
import type { Exchange } from "../core/exchange.ts";
import { requestFields } from "./fields.ts";
import type { DependencyUse, Target } from "./port.ts";

/** What a request tells undici, beside what its types know. */
export type RequestOptions = Dispatcher.DispatchOptions & { servername?: string };

/** The request that a target gets; a body that is not here whole is for the caller to add. */
export function requestOptions(
  { dependency, policy }: DependencyUse,
  exchange: Exchange,
  target: Target,
): RequestOptions {
  const { method, body } = exchange;
  const host = dependency.settings.http.host === "client" ? exchange.authority : target.host;
  const headers = requestFields(policy, exchange, host, dependency.clock);
  const options: RequestOptions = { path: policy.target(exchange), method, headers };
  if (body?.whole) options.body = body.whole;
  else if (body?.length !== undefined) headers.push("content-length", String(body.length));
  if (target.servername) options.servername = target.servername;
  return options;
}
