/** Puts together who asks and who comes first: identities, classes, tenants, cohorts. */
import { createHexSource, type Clock } from "./core/clock.ts";
import type { EventBus } from "./core/events.ts";
import type { Identities } from "./core/identity.ts";
import type { Material } from "./config/material.ts";
import { identityOf, type Config, type NamedRoute } from "./config/schema.ts";
import type { HttpDependency } from "./dependency/port.ts";
import { fetchText } from "./fetch-text.ts";
import { createClassifier, type Stand } from "./routing/classify.ts";
import { Cohorts } from "./routing/cohort.ts";
import { ownKey, TokenIdentities, type TokenKeys } from "./routing/identity.ts";
import { fixedKeys, RemoteKeys } from "./routing/key-set.ts";
import { LARGEST_KEY_SET } from "./core/key-set.ts";

/** Who asks and who comes first, under one configuration. What has a memory is taken over by the next that is as this one. */
export interface Classification {
  /** Undefined: no token is verified. */
  readonly identities: Identities | undefined;
  readonly cohorts: Cohorts;
  standOf(route: NamedRoute): Stand;
  /** What `identities` and `cohorts` were made of. */
  readonly made: { readonly identity: string; readonly keys: HttpDependency | undefined; readonly cohort: string };
}

export interface ClassificationParts {
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly material: Pick<Material, "identityKey">;
  readonly dependencies: ReadonlyMap<string, HttpDependency>;
}

export function classificationOf(
  config: Config,
  before: Classification | undefined,
  parts: ClassificationParts,
): Classification {
  const { clock, material, dependencies } = parts;
  const { settings } = identityOf(config) ?? {};
  const jwks = settings?.jwt.jwks;
  const keys = jwks && "dependency" in jwks ? dependencies.get(jwks.dependency) : undefined;
  const identity = JSON.stringify([settings, material.identityKey]);
  const sameIdentity = before && before.made.identity === identity && before.made.keys === keys;
  const identities = sameIdentity
    ? before.identities
    : settings && new TokenIdentities(settings, tokenKeys(config, keys, parts), clock);
  const { salt, rotate } = config.priority.cohort;
  const cohort = JSON.stringify([salt, rotate]);
  const cohorts =
    before?.made.cohort === cohort ? before.cohorts : new Cohorts(clock, salt ?? createHexSource(16, 16)(), rotate);
  const standOf = createClassifier({ settings: config.priority, identities, clock });
  return {
    identities,
    cohorts,
    standOf: ({ priority, trustPriority }) => standOf(priority, trustPriority),
    made: { identity, keys, cohort },
  };
}

/** Milliseconds that a JWK Set may take, whole. */
const KEYS_TIMEOUT = 2000;

function tokenKeys(
  config: Config,
  dependency: HttpDependency | undefined,
  { clock, bus, material }: ClassificationParts,
): TokenKeys {
  const { settings, at } = identityOf(config)!;
  const { jwks } = settings.jwt;
  if (!jwks) return ownKey(settings, material.identityKey);
  if ("file" in jwks) return { kind: "set", sets: fixedKeys(material.identityKey ?? "") };
  const wanted = { target: jwks.path, timeout: KEYS_TIMEOUT, most: LARGEST_KEY_SET };
  return {
    kind: "set",
    sets: new RemoteKeys({
      clock,
      refresh: jwks.refresh,
      load: () => fetchText(dependency!, wanted, clock),
      failed: (error) => bus.publish("spillway:fault", { where: `${at}.jwt.jwks`, error }),
    }),
  };
}
