import type { Clock } from "../core/clock.ts";
import type { Exchange, PriorityClass, Standing } from "../core/exchange.ts";
import type { Claims, Identities } from "../core/identity.ts";
import type { Soon } from "../core/soon.ts";
import { compilePriority } from "./priority.ts";
import { CLASSES, type PrioritySettings } from "./priority-settings.ts";
import type { RouteSettings } from "./settings.ts";
import { readSignedClass, SIGNED_CLASS } from "./signed-class.ts";
import { compileTenant } from "./tenant.ts";
import { urgent } from "./urgency.ts";

/** What of a request its standing depends on. */
export type Standard = Pick<Exchange, "method" | "target" | "headers" | "client">;

/** The standing of a request. `urgency`: fields that say how urgent it is, names in lower case; undefined: there are none. */
export type Stand = (request: Standard, urgency: readonly string[] | undefined) => Soon<Standing>;

/** Where nothing is to be read from the request there is one of a class. */
const PLAIN = Object.fromEntries(CLASSES.map((name) => [name, { class: name, tenant: undefined }])) as Readonly<
  Record<PriorityClass, Standing>
>;

const isClass = (value: unknown): value is PriorityClass => (CLASSES as readonly unknown[]).includes(value);

/** The class that a claim is, or stands for. To be system, a map has to say so. */
function claimed(claim: PrioritySettings["claim"], claims: Claims | undefined): PriorityClass | undefined {
  if (!claim || !claims || !Object.hasOwn(claims, claim.name)) return undefined;
  const value = claims[claim.name];
  if (!claim.map) return isClass(value) && value !== "system" ? value : undefined;
  const key = String(value);
  return Object.hasOwn(claim.map, key) ? claim.map[key] : undefined;
}

export interface ClassifierParts {
  readonly settings: PrioritySettings;
  /** Undefined: no token can be verified. */
  readonly identities: Identities | undefined;
  readonly clock: Clock;
}

/**
 * Who comes first. The class is that of the first source that has one: a signed `Spillway-Class`, the claim of a verified
 * token, the tenant's in the table, the route's, the method's. Then the request's own words count: `Priority` and
 * repetitions, which lower it.
 *
 * A token that has not been seen before takes a promise; a request that is system or critical without it does not wait,
 * and goes as it is.
 */
export function createClassifier({ settings, identities, clock }: ClassifierParts) {
  const { secret, previousSecrets, claim, methods } = settings;
  const secrets = secret === undefined ? [] : [secret, ...previousSecrets];
  const table = new Map(Object.entries(settings.tenants));
  const tenantOf = compileTenant(settings.tenant);
  const readsClaims = claim !== undefined || settings.tenant.some((source) => "claim" in source);
  const known = readsClaims ? identities : undefined;

  const signedClass = (request: Standard, urgency: readonly string[] | undefined): PriorityClass | undefined => {
    if (secrets.length === 0 || !urgency) return undefined;
    const at = urgency.indexOf(SIGNED_CLASS);
    // Twice is once too often.
    if (at < 0 || urgency.includes(SIGNED_CLASS, at + 1)) return undefined;
    return readSignedClass(urgency[at + 1]!, request, secrets, clock.wall());
  };

  return (priority: RouteSettings["priority"], trustPriority: boolean | undefined): Stand => {
    const classOf = compilePriority(priority, methods);
    const mayRaise = ({ client }: Standard): boolean => trustPriority ?? settings.trustPriority ?? client.trusted;
    const decide = (
      request: Standard,
      urgency: readonly string[] | undefined,
      signed: PriorityClass | undefined,
      configured: PriorityClass,
      claims: Claims | undefined,
    ): Standing => {
      const tenant = tenantOf?.(request, claims);
      const planned = tenant?.name === undefined ? undefined : table.get(tenant.name);
      const base = signed ?? claimed(claim, claims) ?? planned ?? configured;
      const cls = urgency ? urgent(base, urgency, mayRaise(request)) : base;
      return tenant ? { class: cls, tenant: tenant.id } : PLAIN[cls];
    };
    return (request, urgency) => {
      const signed = signedClass(request, urgency);
      const configured = signed ?? classOf(request.headers, request.method);
      const claims = known?.claimsOf(request.headers);
      if (!(claims instanceof Promise)) return decide(request, urgency, signed, configured, claims);
      if (configured === "system" || configured === "critical") {
        return decide(request, urgency, signed, configured, undefined);
      }
      return claims.then((verified) => decide(request, urgency, signed, configured, verified));
    };
  };
}
