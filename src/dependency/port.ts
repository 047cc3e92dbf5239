import type { Client } from "undici";
import type { Clock } from "../core/clock.ts";
import type { Exchange } from "../core/exchange.ts";
import type { Handler } from "../core/stage.ts";
import type { Timeouts } from "../core/timeouts.ts";
import type { HeadReader } from "./answer.ts";
import type { Balancer } from "./balance/balancer.ts";
import type { Member } from "./balance/member.ts";
import type { Connections } from "./connections.ts";
import type { HeaderEdits } from "./fields.ts";
import type { InUse } from "./in-use.ts";
import type { ResendBudget } from "./resend.ts";
import type { DependencySettings } from "./settings.ts";
import type { Wire } from "./wire.ts";

/** How a route uses its dependency. */
export interface ForwardPolicy {
  /** The target to send: path and query in origin-form, already judged. */
  readonly target: (exchange: Exchange) => string;
  readonly requestHeaders: HeaderEdits | undefined;
  readonly responseHeaders: HeaderEdits | undefined;
  /** Milliseconds until the head; undefined: the dependency's own. */
  readonly timeout: number | undefined;
  readonly trailers: boolean;
}

/** One origin of a dependency and its connections. */
export interface Target {
  readonly connections: Connections;
  /** A connection outside the line, for a tunnel. */
  readonly open: (wire: Wire) => Client;
  /** Host field when the target's own is wanted. */
  readonly host: string;
  /** Name to ask for in TLS; undefined for plain HTTP and bare addresses. */
  readonly servername: string | undefined;
  /** Among the targets of its dependency. */
  readonly member: Member;
}

/** What a forward needs of its dependency. */
export interface HttpDependency {
  readonly name: string;
  readonly settings: DependencySettings;
  /** Its own certificate authorities, PEM. */
  readonly ca: string | undefined;
  readonly clock: Clock;
  readonly balancer: Balancer;
  /** The target for a request. `except`: has just failed to take it. */
  readonly pick: (exchange: Exchange, except: Target | undefined, now: number) => Target;
  readonly heads: Timeouts;
  readonly bodies: Timeouts;
  readonly resends: ResendBudget;
  readonly inUse: InUse;
  readonly readHead: HeadReader;
  /** The innermost handler of a route. */
  forward(policy: ForwardPolicy): Handler;
  /** Lets what is under way finish, then closes every connection. */
  close(): Promise<void>;
  /** Closes every connection now. */
  destroy(): Promise<void>;
}

/** What every call of one route to its dependency shares. */
export interface DependencyUse {
  readonly dependency: HttpDependency;
  readonly policy: ForwardPolicy;
  /** Waits for heads: the route's own, or the dependency's. */
  readonly heads: Timeouts;
}
