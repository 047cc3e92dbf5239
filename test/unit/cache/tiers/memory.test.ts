import { createMemoryTier } from "../../../../src/cache/tiers/memory.ts";
import { tierSuite } from "../../../support/tier-suite.ts";

tierSuite("memory", createMemoryTier);
