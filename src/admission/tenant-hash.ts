import { SLOTS } from "./tenant-line.ts";

/**
 * The two sub-queues that a tenant may use, in one number: `first * SLOTS + second`. FNV-1a over its name, from a salt that
 * nobody outside can know. It takes the shorter, so that hardly anybody is stuck behind a tenant that floods its own.
 */
export function slotsOf(tenant: string, salt: number): number {
  let hash = (0x811c9dc5 ^ salt) | 0;
  for (let i = 0; i < tenant.length; i++) hash = Math.imul(hash ^ tenant.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) & (SLOTS * SLOTS - 1);
}
