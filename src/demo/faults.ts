/** What the demo origin does wrong, on `/api/*` only. */
export interface Faults {
  /** Milliseconds before anything of an answer, 0 to 60000. */
  readonly latencyMs: number;
  /** Share of requests answered 500, 0 to 1. */
  readonly errorRate: number;
  /** Never answers: what it hung stays hung after healing, until its client leaves. */
  readonly hang: boolean;
  /** Destroys the connection as soon as a request's head is here. */
  readonly refuse: boolean;
  /** Sends bodies a few octets at a time. */
  readonly drip: boolean;
  /** Announces whole bodies and destroys the connection in the middle of them. */
  readonly truncate: boolean;
}

export const HEALTHY: Faults = Object.freeze({
  latencyMs: 0,
  errorRate: 0,
  hang: false,
  refuse: false,
  drip: false,
  truncate: false,
});

export type FaultsParsed = { readonly faults: Faults } | { readonly errors: readonly string[] };

interface Row {
  /** For the error message. */
  readonly expected: string;
  fits(value: unknown): boolean;
}

const flag: Row = { expected: "true or false", fits: (value) => typeof value === "boolean" };

const between = (least: number, most: number, unit: string): Row => ({
  expected: `a number from ${least} to ${most}${unit}`,
  fits: (value) => typeof value === "number" && value >= least && value <= most,
});

const ROWS: Readonly<Record<keyof Faults, Row>> = {
  latencyMs: between(0, 60_000, " (milliseconds)"),
  errorRate: between(0, 1, " (a share of all requests)"),
  hang: flag,
  refuse: flag,
  drip: flag,
  truncate: flag,
};

/** The whole set of faults from a JSON text: what it does not name is healthy. */
export function parseFaults(json: string): FaultsParsed {
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch {
    return { errors: ['the body is no JSON: send an object such as { "latencyMs": 800, "errorRate": 0.3 }'] };
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    return { errors: ['expected an object such as { "latencyMs": 800, "errorRate": 0.3 }'] };
  }
  const errors = Object.entries(given).flatMap(([key, value]) => errorOf(key, value));
  return errors.length > 0 ? { errors } : { faults: { ...HEALTHY, ...(given as Partial<Faults>) } };
}

function errorOf(key: string, value: unknown): string[] {
  if (!Object.hasOwn(ROWS, key)) {
    return [`unknown key ${JSON.stringify(key.slice(0, 40))}: use ${Object.keys(ROWS).join(", ")}`];
  }
  const row = ROWS[key as keyof Faults];
  return row.fits(value) ? [] : [`${key}: expected ${row.expected}, got ${JSON.stringify(value).slice(0, 40)}`];
}

/** What becomes of one request under these faults. `roll` is uniform in [0, 1) and drawn for this request. */
export type Verdict = "refuse" | "hang" | "error" | "answer";

export function verdictOf(faults: Faults, roll: number): Verdict {
  if (faults.refuse) return "refuse";
  if (faults.hang) return "hang";
  return roll < faults.errorRate ? "error" : "answer";
}

/** How the octets of a body leave. `truncate` wins over `drip`. */
export type Manner = "whole" | "drip" | "truncate";

export function mannerOf(faults: Faults): Manner {
  if (faults.truncate) return "truncate";
  return faults.drip ? "drip" : "whole";
}
