/** What is possible at best: figures to hold the measured ones against. */

/** Share of the capacity that is useful work at `load` times the capacity. */
export const goodputAt = (load: number): number => Math.min(load, 1);

/** Success of each class, in the order of rank, when whatever is left of the capacity goes to the next. `shares` add up to 1. */
export function successAt(load: number, shares: readonly number[]): number[] {
  let left = 1;
  return shares.map((share) => {
    const offered = share * load;
    const served = Math.min(offered, left);
    left -= served;
    return offered === 0 ? 1 : served / offered;
  });
}

/**
 * Share of its demand that each tenant gets when what they have in common is shared out evenly, and what one does not
 * need goes to the others (max-min).
 */
export function fairShares(demands: readonly number[], capacity: number): number[] {
  let left = capacity;
  const served = demands.map(() => 0);
  const byDemand = demands.map((demand, tenant) => ({ demand, tenant })).toSorted((a, b) => a.demand - b.demand);
  for (const [index, { demand, tenant }] of byDemand.entries()) {
    const even = left / (byDemand.length - index);
    const own = Math.min(demand, even);
    served[tenant] = own;
    left -= own;
  }
  return demands.map((demand, tenant) => (demand === 0 ? 1 : served[tenant]! / demand));
}
