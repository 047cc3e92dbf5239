/** cockatiel's bulkhead: as many at once as there are seats, ten times as many waiting, first come first served. */
import { bulkhead } from "cockatiel";
import { listen, seats } from "./gated.ts";

listen(() => {
  const policy = bulkhead(seats(), seats() * 10);
  return ({ forward, refuse }) => void policy.execute(forward).catch(refuse);
});
