/** Calls of the ops listener, as the commands make them: where it is, who asks, and what an answer means for the exit code. */
import type { ParseArgsOptionsConfig } from "node:util";
import { systemClock } from "../core/clock.ts";
import { toError, UsageError } from "../core/errors.ts";
import { type Args, EXIT, type Io, noPositional, textOption, wantsJson, writeJson } from "./command.ts";

/** Options of every command that asks a running gateway. */
export const opsOptions: ParseArgsOptionsConfig = { "ops-url": { type: "string" }, curl: { type: "boolean" } };

/** What they mean, for the help of a command. */
export const opsHelp = `  --ops-url URL  default SPILLWAY_OPS_URL, else http://127.0.0.1:9901
  --curl         print the HTTP call instead of making it
The token, where one is needed, is read from SPILLWAY_OPS_TOKEN.`;

export interface OpsRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With its query, such as `/readyz?verbose`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: object;
}

export interface OpsAnswer {
  readonly status: number;
  readonly text: string;
  /** The text as JSON; undefined when it is none. */
  readonly json: unknown;
}

export type OpsResult = { readonly kind: "answered"; readonly answer: OpsAnswer } | OpsUnreachable;

interface OpsUnreachable {
  readonly kind: "unreachable";
  readonly message: string;
}

/** Milliseconds until an answer must be here. */
const PATIENCE = 10_000;

/** Runs a command of one call: prints the call for `--curl`, else makes it and lets `tell` say what came of it. */
export async function runCall(
  args: Args,
  io: Io,
  request: OpsRequest,
  tell: (answer: OpsAnswer) => number,
): Promise<number> {
  noPositional(args);
  if (args.values["curl"] === true) {
    io.stdout.write(`${curlOf(request, args, io)}\n`);
    return EXIT.ok;
  }
  const result = await callOps(request, args, io);
  return result.kind === "answered" ? tell(result.answer) : tellUnreachable(result, args, io);
}

/** Makes one call. Throws a UsageError when address or token cannot be used. */
export async function callOps({ method, path, body }: OpsRequest, args: Args, io: Io): Promise<OpsResult> {
  const base = baseUrl(args, io);
  const token = tokenOf(io);
  const abort = new AbortController();
  const cancel = systemClock.after(PATIENCE, () => abort.abort(new Error(`no answer in ${PATIENCE / 1000} s`)));
  try {
    const response = await fetch(base + path, {
      method,
      headers: {
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        ...(body && { "Content-Type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
      // A redirect would carry the token to somebody else.
      redirect: "error",
      signal: abort.signal,
    });
    const text = await response.text();
    return { kind: "answered", answer: { status: response.status, text, json: parsed(text) } };
  } catch (thrown) {
    const error = toError(thrown);
    const cause = error.cause === undefined ? error : toError(error.cause);
    return { kind: "unreachable", message: `no ops listener at ${base}: ${cause.message || error.message}` };
  } finally {
    cancel();
  }
}

/** The same call for a shell. The token stays in the environment. */
export function curlOf({ method, path, body }: OpsRequest, args: Args, io: Io): string {
  const words = ["curl", "-sS"];
  if (method !== "GET") words.push("-X", method);
  if (tokenOf(io) !== undefined) words.push("-H", '"Authorization: Bearer $SPILLWAY_OPS_TOKEN"');
  if (body) words.push("-H", "'Content-Type: application/json'", "-d", quoted(JSON.stringify(body)));
  words.push(quoted(`${baseUrl(args, io)}${path}`));
  return words.join(" ");
}

/** One word for a shell, whatever it holds. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export function tellUnreachable({ message }: OpsUnreachable, args: Args, io: Io): number {
  tellProblem(`${message}; name another with --ops-url or SPILLWAY_OPS_URL`, args, io);
  return EXIT.unreachable;
}

/** An answer that is not what the command hoped for: says so and gives the exit code. */
export function tellRefusal({ status, json }: OpsAnswer, args: Args, io: Io): number {
  const { detail } = (json ?? {}) as { detail?: unknown };
  const remedy = status === 401 ? "; set SPILLWAY_OPS_TOKEN" : "";
  tellProblem(`${status}${typeof detail === "string" ? ` ${detail}` : ""}${remedy}`, args, io);
  return status >= 400 && status < 500 && status !== 404 ? EXIT.refused : EXIT.failure;
}

function tellProblem(message: string, args: Args, io: Io): void {
  if (wantsJson(args)) writeJson(io.stdout, { ok: false, errors: [{ message }] });
  else io.stderr.write(`spillway: ${message}\n`);
}

/** Origin and path prefix of the ops listener, without the slash behind it. */
function baseUrl(args: Args, io: Io): string {
  const text = textOption(args, "ops-url") ?? (io.env["SPILLWAY_OPS_URL"] || "http://127.0.0.1:9901");
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const sound = url && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash;
  if (!sound || text.includes("'")) {
    throw new UsageError("the ops URL cannot be used: expected one such as http://127.0.0.1:9901");
  }
  return text.replace(/\/+$/, "");
}

function tokenOf({ env }: Io): string | undefined {
  const token = env["SPILLWAY_OPS_TOKEN"] || undefined;
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new UsageError("SPILLWAY_OPS_TOKEN has characters that no token has, such as a line break at its end");
  }
  return token;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
