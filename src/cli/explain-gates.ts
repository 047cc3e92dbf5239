/** Who may refuse a request on its way to a dependency: quotas, the client's deadline, the limit of the dependency. */
import type { Config, NamedRoute } from "../config/schema.ts";
import type { PriorityClass } from "../core/exchange.ts";
import { formatDuration } from "../core/units.ts";
import { rulesOf, type Rule } from "../limits/settings.ts";

export interface GatesExplained {
  /** Rules that count the request, in their order. */
  readonly quotas: readonly QuotaExplained[];
  /** Milliseconds for which the client would wait, as the request's fields say; undefined: they say nothing. */
  readonly deadline: number | undefined;
  readonly seats: SeatsExplained | "off" | undefined;
  readonly breaker: Breaker | undefined;
}

interface QuotaExplained extends Pick<Rule, "name" | "limit" | "window" | "concurrent" | "mode"> {
  /** `client`, `tenant+header x-app`. */
  readonly by: string;
}

interface SeatsExplained {
  readonly algorithm: string;
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  /** Milliseconds that a request of this class may wait for one. */
  readonly longestWait: number;
  readonly mode: string;
}

/** `left`: milliseconds until the client's deadline. */
export function explainGates(
  route: NamedRoute,
  cls: PriorityClass,
  left: number | undefined,
  config: Pick<Config, "rateLimits" | "dependencies">,
): GatesExplained {
  const { limit, breaker } = config.dependencies[route.dependency ?? ""] ?? {};
  return {
    quotas: rulesOf(route, config.rateLimits).map(quota),
    deadline: left,
    seats: limit && seats(limit, cls),
    breaker,
  };
}

function quota({ name, by, limit, window, concurrent, mode }: Rule): QuotaExplained {
  const parts = [by].flat().map((part) => (typeof part === "string" ? part : `header ${part.header}`));
  return { name, by: parts.join("+"), limit, window, concurrent, mode };
}

type Breaker = Config["dependencies"][string]["breaker"];
type Limit = Config["dependencies"][string]["limit"];

function seats(limit: Limit, cls: PriorityClass): GatesExplained["seats"] {
  if (limit === "off") return "off";
  const { algorithm, initial, min, max, mode, queue } = limit;
  return { algorithm, initial, min, max, longestWait: queue[cls], mode };
}

/** Lines of a table: name and value. */
export function gateRows({ quotas, deadline, seats, breaker }: GatesExplained): readonly (readonly [string, string])[] {
  return [
    ...quotas.map((rule) => ["quota", quotaText(rule)] as const),
    ...(deadline === undefined
      ? []
      : [["deadline", `the client waits ${formatDuration(Math.round(deadline))}`] as const]),
    ...(seats === undefined ? [] : [["seats", seats === "off" ? "as many as come" : seatsText(seats)] as const]),
    ...(breaker === undefined ? [] : [["breaker", breakerText(breaker)] as const]),
  ];
}

function quotaText({ name, by, limit, window, concurrent, mode }: QuotaExplained): string {
  const said = [
    ...(limit === undefined || window === undefined ? [] : [`${limit} in ${formatDuration(window)}`]),
    ...(concurrent === undefined ? [] : [`${concurrent} at a time`]),
  ];
  return `${name}: ${said.join(" and ")} by ${by}${modeText(mode)}`;
}

function seatsText({ algorithm, initial, min, max, longestWait, mode }: SeatsExplained): string {
  const found = algorithm === "fixed" ? `${initial}` : `${algorithm}, from ${initial}, ${min} to ${max}`;
  const wait = longestWait === 0 ? "no wait for one" : `a wait of ${formatDuration(longestWait)} at most`;
  return `${found}; ${wait}${modeText(mode)}`;
}

function breakerText(breaker: Breaker): string {
  if (breaker === "off") return "opens by hand only";
  const { errorRate, slowCallRate, slowCallDuration, window, minimumCalls, mode } = breaker;
  const percent = (rate: number): string => `${Math.round(rate * 100)} %`;
  const slow = `${percent(slowCallRate)} take ${formatDuration(slowCallDuration)} or longer`;
  const of = `of ${minimumCalls} calls or more in ${formatDuration(window)}`;
  return `opens when ${percent(errorRate)} fail or ${slow}, ${of}${modeText(mode)}`;
}

const modeText = (mode: string): string => (mode === "enforce" ? "" : ` (${mode}: refuses nobody)`);
