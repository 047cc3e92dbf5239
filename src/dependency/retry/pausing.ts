import type { Clock } from "../../core/clock.ts";
import type { Departure } from "../../core/exchange.ts";

/** Resolves after `ms` to true, or to false as soon as nobody waits any more. */
export function pausing(ms: number, departure: Departure, clock: Clock): Promise<boolean> {
  if (departure.gone) return Promise.resolve(false);
  return new Promise((resolve) => {
    const cancel = clock.after(
      ms,
      () => {
        stays();
        resolve(true);
      },
      "background",
    );
    const stays = departure.onGone(() => {
      cancel();
      resolve(false);
    });
  });
}
