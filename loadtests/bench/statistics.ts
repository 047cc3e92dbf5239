/** The value at share `q` (0..1) of the sorted values, by linear interpolation. NaN among them is left out; NaN for none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Median of the ratios pass by pass. Neighbours in time share their noise, so it is calmer than a ratio of medians. */
export function pairedRatio(values: readonly number[], base: readonly number[]): number {
  const ratios: number[] = [];
  for (const [pass, value] of values.entries()) {
    const other = base[pass];
    if (other !== undefined && other > 0) ratios.push(value / other);
  }
  return median(ratios);
}
