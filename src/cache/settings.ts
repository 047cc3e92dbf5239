import { z } from "zod";
import { bytes, duration } from "../core/units.ts";
import type { CachePolicy } from "./rules.ts";
import { postgresSettings } from "./postgres/settings.ts";

const lifetimes = z.strictObject({
  ttl: duration({ min: "1s", max: "365d" }).describe("Answers are fresh so long, whatever their header fields say"),
  staleWhileRevalidate: duration({ max: "365d" })
    .prefault("0s")
    .describe("Past ttl: answered at once so long, while a refresh runs behind it"),
  staleIfError: duration({ max: "365d" })
    .prefault("0s")
    .describe("Past ttl: answered so long when the dependency fails, is refused or is slow"),
});

/** A route's `cache`. */
export const routeCacheSettings = z
  .union([z.enum(["off", "origin"]), lifetimes], {
    error: 'expected "off", "origin" or lifetimes such as { ttl: 60s, staleWhileRevalidate: 5m, staleIfError: 1h }',
  })
  .optional()
  .describe(
    "Keep answers and give them to other requests for the same: lifetimes of your own, or origin = what the answers' header fields say; absent or off: none",
  );

/** Fewest characters of a secret: who has it may write what the gateway serves. */
const secret = z.string().min(16, "a secret needs at least 16 characters: openssl rand -hex 32");

/** The store that all cached routes share. */
export const cacheSettings = z
  .strictObject({
    memory: bytes({ min: "1MiB", max: "64GiB" })
      .prefault("64MiB")
      .describe("Memory for kept answers, a process; the least recently used go first"),
    maxEntry: bytes({ min: "1KiB", max: "1GiB" })
      .prefault("1MiB")
      .describe("Longer bodies are passed on and neither kept nor shared"),
    postgres: postgresSettings.optional().describe("A tier behind the others; absent: none"),
    secret: secret
      .optional()
      .describe(
        "Seals what is kept outside this process, so that nobody else can write it, the same in all instances; from the environment. Without it damage is found, forgery is not",
      ),
    previousSecrets: z
      .array(secret)
      .max(4)
      .default([])
      .describe("Former secrets whose seals are still accepted, while a new one is brought in"),
  })
  .refine(({ memory, maxEntry }) => maxEntry <= memory, {
    path: ["maxEntry"],
    error: "is larger than memory: no answer of this length could be kept",
  })
  .refine(({ secret, previousSecrets }) => secret !== undefined || previousSecrets.length === 0, {
    path: ["previousSecrets"],
    error: "there is no secret beside them: what is kept would not be sealed",
  })
  .prefault({});

export type RouteCacheSettings = z.output<typeof routeCacheSettings>;
export type CacheSettings = z.output<typeof cacheSettings>;

/** What the setting asks for; undefined: no cache. */
export function cachePolicy(settings: RouteCacheSettings): CachePolicy | undefined {
  if (settings === undefined || settings === "off") return undefined;
  return settings === "origin" ? { by: "origin" } : { by: "operator", ...settings };
}
