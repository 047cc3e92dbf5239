/** What became of every attempt of a run: columns of numbers, as one file between the generator and the bench. */
import { readFileSync, writeFileSync } from "node:fs";

/**
 * `ok` and `stale` came within the patience of the client. `refused`: 429 or 503. `timeout`: the client left. `error`: any
 * other status, or the connection broke.
 */
export const KINDS = ["ok", "stale", "refused", "timeout", "error"] as const;
export type Kind = (typeof KINDS)[number];

export interface Attempt {
  /** Milliseconds from the start at which it fell due. */
  readonly due: number;
  /** Milliseconds from then to its end; the generator's own lateness is not in it. */
  readonly latency: number;
  /** Milliseconds by which the generator noticed too late that it was due. */
  readonly late: number;
  /** Of the first attempt, from 0; its retries have the same. */
  readonly request: number;
  /** From 1. */
  readonly attempt: number;
  /** Whether no attempt follows it. */
  readonly last: boolean;
  readonly kind: Kind;
  readonly class: number;
  readonly path: number;
  readonly tenant: number;
  readonly phase: number;
}

const COLUMNS = 11;

export function writeAttempts(file: string, attempts: readonly Attempt[]): void {
  const cells = new Float64Array(attempts.length * COLUMNS);
  for (const [row, one] of attempts.entries()) {
    const last = one.last ? 1 : 0;
    const kind = KINDS.indexOf(one.kind);
    const { due, latency, late, request, attempt, path, tenant, phase } = one;
    cells.set([due, latency, late, request, attempt, last, kind, one.class, path, tenant, phase], row * COLUMNS);
  }
  writeFileSync(file, new Uint8Array(cells.buffer));
}

export function readAttempts(file: string): Attempt[] {
  const octets = readFileSync(file);
  const cells = new Float64Array(octets.buffer.slice(octets.byteOffset, octets.byteOffset + octets.byteLength));
  const attempts: Attempt[] = [];
  for (let at = 0; at < cells.length; at += COLUMNS) {
    const [due, latency, late, request, attempt, last, kind, rank, path, tenant, phase] = cells.subarray(at);
    attempts.push({
      due: due!,
      latency: latency!,
      late: late!,
      request: request!,
      attempt: attempt!,
      last: last === 1,
      kind: KINDS[kind!]!,
      class: rank!,
      path: path!,
      tenant: tenant!,
      phase: phase!,
    });
  }
  return attempts;
}
