import { createMemoryTier } from "../../../src/cache/memory.ts";
import { tierSuite } from "../../support/tier-suite.ts";

tierSuite("memory", createMemoryTier);
