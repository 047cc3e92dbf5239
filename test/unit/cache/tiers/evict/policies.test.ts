import { EVICTIONS } from "../../../../../src/cache/tiers/evict/policies.ts";
import { evictionSuite } from "../../../../support/eviction-suite.ts";

for (const name of EVICTIONS) evictionSuite(name);
