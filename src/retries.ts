import type { Config } from "./config/schema.ts";
import type { Clock } from "./core/clock.ts";
import type { RetryReading } from "./core/dependency-reading.ts";
import { Retry } from "./dependency/retry/retry.ts";

/** The further tries of a dependency, and what they were made for. */
interface RetryInUse {
  readonly retry: Retry;
  readonly madeFor: string;
}

export type Retries = ReadonlyMap<string, RetryInUse>;

/** Budgets of the dependencies that have one; one whose targets and settings are as before is taken over with what it has. */
export function buildRetries(config: Config, before: Retries | undefined): Retries {
  const retries = new Map<string, RetryInUse>();
  for (const [name, { http, retry: settings }] of Object.entries(config.dependencies)) {
    if (settings === "off") continue;
    const madeFor = JSON.stringify([http.targets, settings]);
    const former = before?.get(name);
    retries.set(name, former?.madeFor === madeFor ? former : { retry: new Retry(settings), madeFor });
  }
  return retries;
}

export const readRetry = (retries: Retries, name: string, clock: Clock): RetryReading | undefined =>
  retries.get(name)?.retry.read(clock);
