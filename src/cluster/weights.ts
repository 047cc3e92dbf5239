import type { Clock } from "../core/clock.ts";
import type { Control } from "../core/control.ts";
import type { WeightOrder } from "../core/dependency-reading.ts";
import type { EventBus } from "../core/events.ts";
import type { Crew } from "./crew.ts";

/**
 * Weights that operators have set: told to all workers, and to one that takes another's place, for as long as they last.
 * End with the bus.
 */
export function keepWeights(crew: Pick<Crew, "askAll">, bus: EventBus, clock: Clock): Control["reweigh"] {
  const orders = new Map<string, WeightOrder>();
  bus.subscribe("spillway:worker", ({ change }) => {
    if (change.kind !== "serving") return;
    for (const [key, order] of orders) {
      if (order.expires <= clock.wall()) orders.delete(key);
      else void crew.askAll({ kind: "weight", order });
    }
  });
  return async (order) => {
    const key = JSON.stringify([order.dependency, order.target]);
    const { answers, silent } = await crew.askAll({ kind: "weight", order });
    const found = answers.filter((answer) => answer.kind === "weight" && answer.found).length;
    if (order.weight === null) orders.delete(key);
    else if (found > 0) orders.set(key, order);
    return { found, processes: answers.length, silent };
  };
}
