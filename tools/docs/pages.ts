/** The pages under docs/ that are made of the code. Their texts stand here; `npm run docs:write` writes them. */
import { commands } from "../../src/cli/commands.ts";
import { EXIT } from "../../src/cli/command.ts";
import type { Control } from "../../src/core/control.ts";
import { PROBLEMS } from "../../src/http/problems.ts";
import { systemClock } from "../../src/core/clock.ts";
import { opsCalls } from "../../src/ops/app.ts";
import { limitsPage } from "./limits.ts";
import { code, table } from "./markdown.ts";
import { metricFacts } from "./metrics.ts";
import { settings } from "./settings.ts";

const MADE = "<!-- Made by `npm run docs:write` of the code: edit that, not this. -->";

/** File name to text. */
export async function pages(): Promise<ReadonlyMap<string, string>> {
  const made = [
    ["configuration.md", configuration()],
    ["problems.md", problems()],
    ["metrics.md", await metrics()],
    ["ops.md", ops()],
    ["commands.md", commandPage()],
    ["limits.md", limitsPage()],
  ] as const;
  return new Map(made.map(([file, text]) => [file, `${MADE}\n\n${text}\n`]));
}

function configuration(): string {
  const rows = settings().map(({ key, type, fallback, meaning }) => [
    code(key),
    type,
    fallback === "required" ? "**required**" : code(fallback),
    meaning,
  ]);
  return `# Configuration

One YAML file; the library takes the same keys as a plain object. A key that is left out has its default, a key that
nobody knows is an error. \`spillway check FILE\` tells all errors at once, each with its line and column.

- Durations (\`250ms\`, \`5s\`, \`2m\`, \`1h\`, \`1d\`) and sizes (\`512B\`, \`64KiB\`, \`100MiB\`) carry their unit: a bare number is refused.
- \`\${VAR}\`, \`\${VAR:-default}\` and \`\${VAR:?message}\` in a value are read from the environment, after the YAML was parsed.
- A changed file is read again by itself, on SIGHUP and by \`spillway reload\`. A wrong one is refused and the old one stays
  in force. Keys under \`listen\` and \`ops\` wait for a restart, except \`listen.accessLog\` and, for new
  connections, \`listen.trustedProxies\`.
- \`NAME\` stands for a name of your own, \`[]\` for every entry of a list.

${table(["key", "type", "default", "meaning"], rows)}`;
}

function problems(): string {
  const rows = Object.entries(PROBLEMS)
    .sort(([, a], [, b]) => a.status - b.status)
    .map(([reason, { status, title, when, type }]) => [
      String(status),
      code(reason),
      title,
      when,
      type === undefined ? "" : code(type.replace(/^.*#/, "")),
    ]);
  return `# Problems

What the gateway answers by itself is \`application/problem+json\` (RFC 9457). \`type\` is \`urn:spillway:problem:REASON\`,
or that of the IANA registry of HTTP problem types that the last column names (draft-ietf-httpapi-ratelimit-headers):
\`https://iana.org/assignments/http-problem-types#NAME\`. \`instance\` is \`urn:spillway:request:ID\` with the \`X-Request-Id\` of the answer, and \`spillway\` holds \`reason\`, and for requests
that became an exchange \`level\` and \`class\`. An answer of a dependency passes as it is, whatever its status.

${table(["status", "reason", "title", "when", "registered type"], rows)}`;
}

async function metrics(): Promise<string> {
  const rows = (await metricFacts()).map(({ name, type, labels, help }) => [
    code(name),
    type,
    labels.map(code).join(", "),
    help,
  ]);
  return `# Metrics

\`GET /metrics\` on the ops listener, or \`gateway.metrics()\` in the library: Prometheus text, base units, no ids in labels.
Routes are the ones of the configuration, everything else is \`_other\`.

${table(["name", "type", "labels", "help"], rows)}`;
}

function ops(): string {
  const calls = opsCalls({ control: undefined as unknown as Control, clock: systemClock, version: "0" });
  const rows = calls.map(({ method, path, access, summary }) => [code(`${method} ${path}`), access, summary]);
  return `# Ops listener

A second listener, on 127.0.0.1:9901 unless \`ops\` says otherwise. Calls carry \`Authorization: Bearer TOKEN\`; without any
token in \`ops.tokens\` only this machine may call. \`GET /ops/openapi.json\` describes every call with its answers.
Each role holds the ones before it: read, operate, admin; \`open\` calls need no token.

${table(["call", "role", "what it does"], rows)}`;
}

function commandPage(): string {
  const parts = commands.map(({ name, summary, usage, help }) => {
    const call = `spillway ${name} ${usage}`.trimEnd();
    return `## ${name}\n\n${summary}\n\n\`\`\`text\n${call}\n${help === undefined ? "" : `\n${help}\n`}\`\`\``;
  });
  const exits = Object.entries(EXIT).map(([name, value]) => [String(value), name]);
  return `# Commands

In a checkout: \`npm run spillway -- COMMAND\`. Every command takes \`--json\` and \`--help\`.

${table(["exit code", "meaning"], exits)}

${parts.join("\n\n")}`;
}
