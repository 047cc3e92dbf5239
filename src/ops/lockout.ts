/** Slows the guessing of tokens down: ten wrong ones a minute from one address, then a minute of nothing. */
import type { Clock } from "../core/clock.ts";
import { clientKey } from "../core/address.ts";

export interface Lockout {
  /** Milliseconds this address still has to wait; 0: it may try. */
  waitMs(address: string): number;
  /** Notes a wrong token. */
  failed(address: string): void;
}

export interface LockoutSettings {
  readonly failures: number;
  /** Milliseconds in which so many failures lock an address, and for which it is locked. */
  readonly windowMs: number;
  /** Addresses that are remembered; the one that failed longest ago is forgotten first. */
  readonly most: number;
}

export const lockoutDefaults: LockoutSettings = { failures: 10, windowMs: 60_000, most: 50_000 };

interface Failures {
  count: number;
  since: number;
  /** Monotonic milliseconds; 0: not locked. */
  until: number;
}

export function createLockout(clock: Clock, settings = lockoutDefaults): Lockout {
  // In order of the last failure.
  const byAddress = new Map<string, Failures>();
  return {
    waitMs: (address) => Math.max(0, (byAddress.get(clientKey(address))?.until ?? 0) - clock.now()),
    failed(address) {
      const key = clientKey(address);
      const now = clock.now();
      let entry = byAddress.get(key);
      byAddress.delete(key);
      if (!entry || now - entry.since >= settings.windowMs) entry = { count: 0, since: now, until: 0 };
      entry.count += 1;
      if (entry.count >= settings.failures) {
        entry.until = now + settings.windowMs;
        entry.count = 0;
        entry.since = now;
      }
      byAddress.set(key, entry);
      if (byAddress.size > settings.most) byAddress.delete(byAddress.keys().next().value!);
    },
  };
}
