/** opossum's breaker with `capacity` as the gate, all else its default. */
import CircuitBreaker from "opossum";
import { listen, seats } from "./gated.ts";

listen(() => {
  const breaker = new CircuitBreaker((forward) => forward(), { capacity: seats() });
  return ({ forward, refuse }) => void breaker.fire(forward).catch(refuse);
});
