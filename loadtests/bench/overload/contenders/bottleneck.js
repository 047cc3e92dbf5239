/** bottleneck as a queue with priorities: as many at once as there are seats, ten times as many waiting. */
import Bottleneck from "bottleneck";
import { listen, seats } from "./gated.ts";

listen(() => {
  const limiter = new Bottleneck({
    maxConcurrent: seats(),
    highWater: seats() * 10,
    strategy: Bottleneck.strategy.OVERFLOW_PRIORITY,
  });
  return ({ rank, forward, refuse }) => void limiter.schedule({ priority: 3 + rank }, forward).catch(refuse);
});
