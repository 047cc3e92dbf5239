import type { Tier } from "../../../src/cache/tiers/tier.ts";
import { until } from "../../support/wait.ts";

/** Resolves once a tier that connects by itself answers: on a busy machine that may take longer than it lets anybody wait. */
export async function answering(tier: Tier): Promise<void> {
  const look = async (): Promise<boolean> => {
    try {
      await tier.get("nothing", () => "");
      return true;
    } catch {
      return false;
    }
  };
  await until(look, { what: "the tier answers" });
}
