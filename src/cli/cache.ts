import { UsageError } from "../core/errors.ts";
import { type Args, type Command, EXIT, type Io, textOption, wantsJson, writeJson } from "./command.ts";
import { linesOfEntries, linesOfPurge, linesOfReport, linesOfStats, linesOfTags } from "./cache-lines.ts";
import { warm, warmOptions } from "./cache-warm.ts";
import { type OpsAnswer, opsHelp, opsOptions, type OpsRequest, runCall, tellRefusal } from "./ops-client.ts";

/** What can be done with a cache: the call it is, and how its answer reads. */
interface Action {
  readonly name: string;
  readonly request: (args: Args) => OpsRequest;
  readonly lines: (json: never) => readonly string[];
}

const TARGETS = ["tag", "key", "prefix", "pattern", "dependency", "table", "route"] as const;

export const cache: Command = {
  name: "cache",
  summary: "what a running gateway's cache holds, purges of it, and what is fetched into it",
  usage:
    "stats|report|tags|entry KEY|purge [--tag T] [--key K] [--prefix P] [--pattern G] ...|warm [URL...] [--wait] [--curl] [--json]",
  help: `  stats          figures of tiers and routes
  report         routes and URLs with the most misses, stale answers and hits
  tags           tags by what is kept under them, and the newest purges
  entry KEY      what is kept of a URL, or under a key of Cache-Status
  purge          takes away what any of these is about:
    --tag T, --key K       a tag; a URL or cache key; each may be given again
    --prefix P             URLs that begin so; with "/" first: paths on whatever host
    --pattern G            whole URLs, or paths: * for any characters, ? for one
    --dependency D, --table T, --route R
    --all --confirm        everything, with the role admin
    --soft                 stale instead of gone: it may still stand in
    --no-cascade           not what depends on the tags
    --dry-run              count and change nothing
    --reason R             for the audit
  warm [URL...]  fetches these into the cache, else the targets of cache.warm:
    --host H               of paths; default: cache.warm.host
    --rate N               requests a second, a process; default: cache.warm.rate
    --wait                 until the plan has ended; exit code 1 if anything failed
${opsHelp}`,
  options: {
    ...opsOptions,
    tag: { type: "string", multiple: true },
    key: { type: "string", multiple: true },
    prefix: { type: "string" },
    pattern: { type: "string" },
    dependency: { type: "string" },
    table: { type: "string" },
    route: { type: "string" },
    all: { type: "boolean" },
    confirm: { type: "boolean" },
    soft: { type: "boolean" },
    "no-cascade": { type: "boolean" },
    "dry-run": { type: "boolean" },
    reason: { type: "string" },
    ...warmOptions,
  },
  async run(args, io) {
    if (args.positionals[0] === "warm") return warm(args, io);
    const action = actionOf(args);
    const request = action.request(args);
    return runCall({ ...args, positionals: [] }, io, request, (answer) => tell(answer, action, args, io));
  },
};

function actionOf({ positionals }: Args): Action {
  const [name, ...rest] = positionals;
  const action = ACTIONS.find((each) => each.name === name);
  const known = [...ACTIONS.map((each) => each.name), "warm"].join(", ");
  if (!action)
    throw new UsageError(`${name === undefined ? "what of the cache?" : `no "${name}" here:`} one of ${known}`);
  const most = action.name === "entry" ? 1 : 0;
  if (rest.length > most)
    throw new UsageError(`${action.name} takes ${most === 0 ? "no argument" : "one"}, got ${rest.join(" ")}`);
  return action;
}

function tell(answer: OpsAnswer, { lines }: Action, args: Args, io: Io): number {
  if (answer.status !== 200) return tellRefusal(answer, args, io);
  if (wantsJson(args)) writeJson(io.stdout, { ok: true, ...(answer.json as object) });
  else
    io.stdout.write(
      lines(answer.json as never)
        .map((line) => `${line}\n`)
        .join(""),
    );
  return EXIT.ok;
}

const ACTIONS: readonly Action[] = [
  { name: "stats", request: () => get("stats"), lines: linesOfStats },
  { name: "report", request: () => get("report"), lines: linesOfReport },
  { name: "tags", request: () => get("tags"), lines: linesOfTags },
  {
    name: "entry",
    request({ positionals: [, key] }) {
      if (key === undefined) throw new UsageError("which entry? spillway cache entry URL");
      return get(`entries/${encodeURIComponent(key)}`);
    },
    lines: linesOfEntries,
  },
  { name: "purge", request: purgeOf, lines: linesOfPurge },
];

const get = (what: string): OpsRequest => ({ method: "GET", path: `/ops/cache/${what}` });

function purgeOf(args: Args): OpsRequest {
  const { values } = args;
  if (!values["all"] && TARGETS.every((name) => values[name] === undefined)) {
    throw new UsageError(`nothing to purge: give ${TARGETS.map((name) => `--${name}`).join(", ")} or --all`);
  }
  if (values["all"] && !values["confirm"] && !values["dry-run"]) {
    throw new UsageError("everything goes: say --confirm, too, or --dry-run");
  }
  const text = (name: string): object =>
    textOption(args, name) === undefined ? {} : { [name]: textOption(args, name) };
  const body = {
    ...(values["tag"] !== undefined && { tags: values["tag"] }),
    ...(values["key"] !== undefined && { keys: values["key"] }),
    ...Object.assign({}, ...["prefix", "pattern", "dependency", "table", "route", "reason"].map(text)),
    ...(values["all"] && { all: true }),
    ...(values["all"] && values["confirm"] && { confirm: "all" }),
    ...(values["soft"] && { soft: true }),
    ...(values["no-cascade"] && { cascade: false }),
    ...(values["dry-run"] && { dryRun: true }),
  };
  return { method: "POST", path: "/ops/cache/purge", body };
}
