import { z } from "zod";

const MS_PER: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTES_PER: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
};

/** Milliseconds of `250ms`, `5s`, `1.5m`, `2h`, `30d`; undefined when the text is none of these. */
export function parseDuration(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  return found ? Number(found[1]) * MS_PER[found[2]!]! : undefined;
}

/** Octets of `512B`, `64KiB`, `1.5MiB`, `1GB`; undefined when the text is none of these or not whole octets. */
export function parseBytes(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?)(B|KiB|MiB|GiB|KB|MB|GB)$/.exec(text);
  const bytes = found ? Number(found[1]) * BYTES_PER[found[2]!]! : Number.NaN;
  return Number.isInteger(bytes) ? bytes : undefined;
}

/** The shortest exact text of a duration: `1500` is `1500ms`, `5000` is `5s`. */
export function formatDuration(ms: number): string {
  for (const unit of ["d", "h", "m", "s"] as const) {
    const size = MS_PER[unit]!;
    if (ms > 0 && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** A setting in milliseconds, written with its unit. Bounds are texts too: `duration({ min: "1ms", max: "1h" })`. */
export function duration(bounds: { min?: string; max?: string } = {}) {
  return unitSetting("duration", 'such as "250ms", "5s" or "2m"', parseDuration, bounds);
}

/** A setting in octets, written with its unit, such as `64KiB`. */
export function bytes(bounds: { min?: string; max?: string } = {}) {
  return unitSetting("size", 'such as "512B", "64KiB" or "100MiB"', parseBytes, bounds);
}

function unitSetting(
  what: string,
  forms: string,
  parse: (text: string) => number | undefined,
  bounds: { min?: string; max?: string },
) {
  const least = bounds.min === undefined ? 0 : parse(bounds.min)!;
  const most = bounds.max === undefined ? Number.POSITIVE_INFINITY : parse(bounds.max)!;
  return z
    .string({ error: (issue) => `expected a ${what} with its unit ${forms}, got ${JSON.stringify(issue.input)}` })
    .transform((text, ctx) => {
      const value = parse(text);
      if (value === undefined) {
        ctx.addIssue({
          code: "custom",
          message: `expected a ${what} with its unit ${forms}, got ${JSON.stringify(text)}`,
        });
        return z.NEVER;
      }
      if (value < least || value > most) {
        ctx.addIssue({
          code: "custom",
          message: `must be between ${bounds.min ?? "0"} and ${bounds.max ?? "any"}, got ${text}`,
        });
        return z.NEVER;
      }
      return value;
    })
    .meta({ unit: what, ...bounds });
}
