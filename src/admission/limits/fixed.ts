import { within, type Bounds, type Limit } from "./limit.ts";

/** As many seats as the operator says: `initial`, whatever happens. */
export function fixedLimit(bounds: Bounds): Limit {
  const seats = within(bounds, bounds.initial);
  return { seats: () => seats, began() {}, ended() {} };
}
