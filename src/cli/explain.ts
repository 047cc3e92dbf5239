import { loadConfigFile } from "../config/load.ts";
import { createEventBus } from "../core/events.ts";
import type { CachePolicy } from "../cache/rules.ts";
import { cachePolicy } from "../cache/settings.ts";
import type { Config } from "../config/schema.ts";
import { systemClock, systemRandom } from "../core/clock.ts";
import { UsageError } from "../core/errors.ts";
import { headerValue, isToken, type HeaderList } from "../core/headers.ts";
import type { RefusedReason } from "../core/outcome.ts";
import { formatDuration } from "../core/units.ts";
import { createHeadReader } from "../http/fields.ts";
import type { Judgement } from "../http/judge.ts";
import { PROBLEMS } from "../http/problems.ts";
import { compileRewrite } from "../routing/rewrite.ts";
import { type Args, type Command, EXIT, type Io, textOption, wantsJson, writeJson } from "./command.ts";
import { configFile, DEFAULT_CONFIG } from "./config-file.ts";
import { explainGates, gateRows, type GatesExplained } from "./explain-gates.ts";
import { explainRequest } from "./explain-request.ts";
import { opsHelp, opsOptions } from "./ops-client.ts";

/** A request as it was typed. */
interface Asked {
  readonly method: string;
  /** Path and query, not looked at yet. */
  readonly target: string;
  readonly scheme: "http" | "https";
  /** Value of Host. */
  readonly host: string;
  readonly headers: HeaderList;
}

type Explained =
  | {
      readonly kind: "refused";
      readonly reason: RefusedReason;
      readonly status: number;
      readonly title: string;
      readonly detail: string;
    }
  | Taken;

interface Taken {
  readonly kind: "taken";
  readonly route: string;
  readonly class: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  /** Who may refuse it on its way. */
  readonly gates: GatesExplained;
  readonly goes: Destination;
}

type Destination =
  | { readonly to: "fixed answer"; readonly status: number }
  | { readonly to: "host application" }
  | {
      readonly to: "dependency";
      readonly dependency: string;
      readonly targets: readonly string[];
      /** Path and query that the dependency gets. */
      readonly target: string;
      /** Milliseconds until the head of its answer. */
      readonly timeout: number;
      /** Names of the fields that the route puts in place. */
      readonly setsFields: readonly string[];
      readonly removesFields: readonly string[];
      /** Whose word says how long answers are kept; undefined: none is. */
      readonly cache: CachePolicy | undefined;
    };

export const explain: Command = {
  name: "explain",
  summary: "what a configuration would do with a request, without sending it",
  usage: "METHOD URL [-H 'NAME: VALUE']... [--config FILE] [--json] | --request ID [--ops-url URL] [--curl] [--json]",
  help: `  URL            a whole one, or a path
  -H, --header   a field of the request; may be given several times
  --config FILE  default ${DEFAULT_CONFIG}
  --request ID   asks a running gateway why a request got its answer, by its X-Request-Id
${opsHelp}
Exit code 4: the gateway would refuse the request by itself, or did.`,
  options: {
    ...opsOptions,
    request: { type: "string" },
    config: { type: "string", short: "c" },
    header: { type: "string", short: "H", multiple: true },
  },
  async run(args, io) {
    const id = textOption(args, "request");
    if (id !== undefined) return explainRequest(id, args, io);
    const { path, shownAs } = configFile(textOption(args, "config"), io);
    const { config } = await loadConfigFile(path, io.env, { shownAs });
    const asked = readAsked(args, config);
    const explained = await judge(asked, config);
    if (wantsJson(args)) {
      writeJson(io.stdout, { ok: explained.kind === "taken", method: asked.method, host: asked.host, ...explained });
    } else tell(asked, explained, io);
    return explained.kind === "taken" ? EXIT.ok : EXIT.refused;
  },
};

function readAsked(args: Args, { listen }: Config): Asked {
  const [method, url, ...more] = args.positionals;
  if (method === undefined || url === undefined || more.length > 0) {
    throw new UsageError("expected METHOD URL, such as: spillway explain GET /api/products/7");
  }
  if (!isToken(method)) throw new UsageError(`${JSON.stringify(method)} is not a method`);
  const headers = [args.values["header"] ?? []].flat().flatMap((line) => readField(String(line)));
  const found = /^(?:(https?):\/\/([^/?#]+))?(\/[^#]*|\?[^#]*)?(?:#.*)?$/.exec(url);
  if (!found) throw new UsageError(`${url}: expected a URL such as http://api.example.org/items or a path`);
  const [, scheme, host, target = "/"] = found;
  return {
    method,
    target: target.startsWith("?") ? `/${target}` : target,
    scheme: (scheme as "http" | "https" | undefined) ?? (listen.tls ? "https" : "http"),
    host: headerValue(headers, "host") ?? host ?? "localhost",
    headers,
  };
}

function readField(line: string): [string, string] {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(colon, 0)).trim();
  if (!isToken(name)) throw new UsageError(`-H ${JSON.stringify(line)}: expected "Name: value"`);
  return [name, line.slice(colon + 1).trim()];
}

/** Asks the same judgement that a gateway asks. Opens no connection and no file but the configuration. */
async function judge(asked: Asked, config: Config): Promise<Explained> {
  const { buildGraph } = await import("../graph.ts");
  const cache = { ...config.cache, postgres: undefined, identity: undefined };
  const withoutStores = { ...config, redis: undefined, identity: undefined, cache };
  const graph = buildGraph(withoutStores, undefined, {
    clock: systemClock,
    random: systemRandom,
    bus: createEventBus("explain"),
    material: { tls: undefined, authorities: new Map(), fallbacks: new Map() },
  });
  try {
    return await judgeWith(graph.judgement, asked, config);
  } finally {
    await graph.quotas.retire(undefined);
    await Promise.all([graph.store.close(), ...[...graph.dependencies.values()].map((used) => used.destroy())]);
  }
}

async function judgeWith(
  judgement: Judgement,
  { method, target, scheme, host, headers }: Asked,
  config: Config,
): Promise<Explained> {
  if (method === "TRACE" || method === "CONNECT") return refusal("unsupported", `${method} is not carried`);
  const authority = judgement.readHost(host, scheme);
  if (authority.kind === "bad") return refusal("malformed", authority.detail);
  const read = judgement.readTarget(target, method, authority.authority, scheme);
  if (read.kind === "bad") return refusal("malformed", read.detail);
  if (read.kind === "asterisk") return refusal("malformed", "give a path: * is for OPTIONS to the gateway itself");
  const match = judgement.match(authority.authority, read.path, method);
  if (match.kind === "none") return refusal("no-route", "no route matches this host and path");
  if (match.kind === "wrong-method") {
    return refusal("method-not-allowed", `this path takes ${match.allow.join(", ")}`);
  }
  const { facts, stand } = match.value;
  const head = createHeadReader()(headers, "1.1");
  if ("fault" in head) return refusal(head.fault, head.detail);
  const client = { address: "127.0.0.1", trusted: false };
  const standing = await stand({ method, target: read.target, headers: head.endToEnd, client }, head.urgency);
  const route = config.routes.find(({ name }) => name === facts.name)!;
  const now = systemClock.now();
  const deadline = head.urgency && judgement.deadline(head.urgency, now);
  const sent = compileRewrite(route.match.path, route.rewrite)(read.target, read.path, read.query, match.params);
  return {
    kind: "taken",
    route: facts.name,
    class: standing.class,
    path: read.path,
    params: match.params,
    gates: explainGates(route, standing.class, deadline && deadline.at - now, config),
    goes: destination(route, sent, config),
  };
}

function refusal(reason: RefusedReason, detail: string): Explained {
  const { status, title } = PROBLEMS[reason];
  return { kind: "refused", reason, status, title, detail };
}

function destination(route: Config["routes"][number], target: string, { dependencies, cache }: Config): Destination {
  if (route.respond) return { to: "fixed answer", status: route.respond.status };
  const dependency = route.dependency!;
  const settings = dependencies[dependency];
  if (!settings) return { to: "host application" };
  return {
    to: "dependency",
    dependency,
    targets: settings.http.targets.map(({ url }) => url),
    target,
    timeout: route.timeout ?? settings.timeout,
    setsFields: Object.keys(route.requestHeaders?.set ?? {}),
    removesFields: route.requestHeaders?.remove ?? [],
    cache: cachePolicy(route.cache, cache.lifetimes),
  };
}

function tell({ method, target, host }: Asked, explained: Explained, io: Io): void {
  io.stdout.write(`${method} ${host}${target}\n`);
  const rows = explained.kind === "taken" ? takenRows(explained, method) : refusedRows(explained);
  io.stdout.write(rows.map(([name, value]) => `  ${name.padEnd(12)}${value}\n`).join(""));
}

type Rows = readonly (readonly [string, string])[];

const refusedRows = ({ status, title, reason, detail }: Exclude<Explained, Taken>): Rows => [
  ["refused", `${status} ${title} (${reason})`],
  ["because", detail],
];

function takenRows({ route, class: cls, path, params, gates, goes }: Taken, method: string): Rows {
  const captured = Object.entries(params).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [
    ["route", route],
    ["class", cls],
    ["path", path],
    ...(captured.length > 0 ? [["captured", captured.join(" ")] as const] : []),
    ...gateRows(gates),
    ...destinationRows(goes, method),
  ];
}

function destinationRows(goes: Destination, method: string): Rows {
  if (goes.to === "fixed answer") return [["answer", `${goes.status}, fixed, no dependency is asked`]];
  if (goes.to === "host application") return [["goes to", "the host application"]];
  const names = (label: string, fields: readonly string[]): Rows =>
    fields.length > 0 ? [[label, fields.join(", ")]] : [];
  return [
    ["dependency", goes.dependency],
    ["targets", goes.targets.join(", ")],
    ["sends", `${method} ${goes.target}`],
    ...names("sets", goes.setsFields),
    ...names("removes", goes.removesFields),
    ["timeout", `${formatDuration(goes.timeout)} until the head of the answer`],
    ["cache", cacheText(goes.cache)],
  ];
}

function cacheText(policy: CachePolicy | undefined): string {
  if (!policy) return "none";
  if (policy.by === "origin") return "as long as answers say";
  const { ttl, staleWhileRevalidate, staleIfError } = policy;
  return [
    `fresh for ${formatDuration(ttl)}`,
    ...(staleWhileRevalidate > 0 ? [`stale for ${formatDuration(staleWhileRevalidate)} while refreshed`] : []),
    ...(staleIfError > 0 ? [`stale for ${formatDuration(staleIfError)} in an outage`] : []),
  ].join(", ");
}
