import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { fairClock } from "./fair-clock.ts";

/** Turns of the event loop that `until` tries before it sleeps a millisecond between two looks. */
const EAGER_TURNS = 50;

/**
 * Waits for `condition` to return something truthy and gives that back. `timeoutMs` defaults to 30,000, and is counted
 * by a clock that stands while this process does: a busy machine is no failure.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  options: { readonly timeoutMs?: number; readonly what: string | (() => string) },
): Promise<NonNullable<T>> {
  const timeoutMs = options.timeoutMs ?? 30_000;
  const startedAt = fairClock.now();
  for (let turn = 0; ; turn++) {
    const value = await condition();
    if (value) return value;
    if (fairClock.now() - startedAt >= timeoutMs) {
      throw new Error(`waited ${timeoutMs} ms in vain until ${textOf(options.what)}`);
    }
    if (turn < EAGER_TURNS) await nextTurn();
    else await sleep(1);
  }
}

/**
 * `promise`, or an error that names `what` after `ms` by a clock that stands while this process does. What the promise
 * stands for goes on running.
 */
export async function deadline<T>(promise: Promise<T>, ms: number, what: string | (() => string)): Promise<T> {
  const end = fairClock.now() + ms;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const look = (): void => {
      const left = end - fairClock.now();
      if (left <= 0) reject(new Error(`not within ${ms} ms: ${textOf(what)}`));
      else timer = setTimeout(look, left);
    };
    look();
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

const textOf = (what: string | (() => string)): string => (typeof what === "string" ? what : what());
