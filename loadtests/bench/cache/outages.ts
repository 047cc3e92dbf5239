/** An origin in trouble for three seconds at 20 requests a second, with something stale to give. */
import { quantile } from "../statistics.ts";
import { figure } from "../table.ts";
import { ask, type Got } from "./client.ts";
import type { Herd } from "./herds.ts";
import type { Trouble } from "./origin.ts";

const REQUESTS = 60;
const PAUSE = 50;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function outage(trouble: Exclude<Trouble, "none">): Herd {
  return {
    name: `origin ${trouble} for 3 s at 20/s: stale answers of ${REQUESTS}; calls; p99 ms`,
    async run({ port, origin, mark }) {
      const path = `/${mark}/outage-${trouble}`;
      const url = `${path}?size=1024&control=max-age=1,stale-if-error=3600`;
      await ask({ port, path: url });
      await sleep(2200);
      const before = origin.calls(path);
      await origin.trouble(trouble);
      const under: Promise<Got>[] = [];
      for (let i = 0; i < REQUESTS; i++) {
        under.push(ask({ port, path: url, leaveAfter: 3000 }));
        await sleep(PAUSE);
      }
      const all = await Promise.all(under);
      const calls = trouble === "refused" ? "-" : String(origin.calls(path) - before);
      await origin.trouble("none");
      await sleep(1500);
      const stale = all.filter(({ status, body }) => status === 200 && body.startsWith("call 1 ")).length;
      const times = all.map(({ total }) => total);
      return `${stale}; ${calls}; ${figure(quantile(times, 0.99), 0)}`;
    },
  };
}

export const OUTAGES: readonly Herd[] = [outage("503"), outage("refused"), outage("hung")];
