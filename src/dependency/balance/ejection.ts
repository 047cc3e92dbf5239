import type { Member } from "./member.ts";
import type { EjectionSettings } from "./settings.ts";

type Rules = Exclude<EjectionSettings, "off">;

/** Of the targets, how many may be ejected at a time. */
const MOST_EJECTED = 0.5;
/** Answers of the others that must be there before they are heard. */
const HEARD = 5;

/**
 * Milliseconds for which a target that has just failed is to be left out; undefined: it stays. Never more than half of
 * the targets are out, so a lone one never is, and none is for what the others do as well.
 */
export function ejectionFor(member: Member, all: readonly Member[], rules: Rules, now: number): number | undefined {
  if (member.ejectedUntil > 0) return undefined;
  const { calls, failures } = member.load.recent(now);
  const rate = failures / calls;
  const failsOften = calls >= rules.minimumCalls && rate >= rules.errorRate;
  if (member.load.streak < rules.consecutive && !failsOften) return undefined;
  const out = all.filter(({ ejectedUntil }) => ejectedUntil > 0).length;
  const weighing = all.filter(({ weight }) => weight > 0);
  if (out + 1 > Math.floor((weighing.length || all.length) * MOST_EJECTED)) return undefined;
  const others = { calls: 0, failures: 0 };
  for (const other of all) {
    if (other === member || other.ejectedUntil > 0) continue;
    const seen = other.load.recent(now);
    others.calls += seen.calls;
    others.failures += seen.failures;
  }
  if (others.calls >= HEARD && others.failures / others.calls > rate / 2) return undefined;
  return Math.min(rules.most, rules.for * 2 ** Math.min(timesInRow(member, rules, now), 30));
}

/** Each good time as long as the first ejection makes one before forgotten. */
export function timesInRow({ ejectedInRow, returnedAt }: Member, rules: Rules, now: number): number {
  return Math.max(0, ejectedInRow - Math.floor((now - returnedAt) / rules.for));
}
