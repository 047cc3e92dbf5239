/** Several keys of a tier at once, of entries without variants; one by one where the tier cannot do better. */
import type { Entry } from "../entry.ts";
import type { Tier } from "./tier.ts";

/** A key and what is kept under it. */
export type Keyed = readonly [key: string, entry: Entry];

const plain = (): string => "";

export const getMany = async (tier: Tier, keys: readonly string[]): Promise<readonly (Entry | undefined)[]> =>
  tier.getMany ? tier.getMany(keys) : Promise.all(keys.map(async (key) => tier.get(key, plain)));

export async function setMany(tier: Tier, entries: readonly Keyed[]): Promise<void> {
  if (tier.setMany) await tier.setMany(entries);
  else await Promise.all(entries.map(async ([key, entry]) => tier.set(key, entry)));
}

export async function deleteMany(tier: Tier, keys: readonly string[]): Promise<void> {
  if (tier.deleteMany) await tier.deleteMany(keys);
  else await Promise.all(keys.map(async (key) => tier.delete(key)));
}
