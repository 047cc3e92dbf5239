/** How requests and processes came to their end, other than well. */
import type { EventBus } from "../core/events.ts";
import { createPairTally, createTally, type PairTally, type Tally } from "./label.ts";
import { pairView, tallyView, type View } from "./view.ts";

/** Most values of labels that no configuration bounds. All are words of ours, so this is a safety net. */
const MOST_WORDS = 64;
const MOST_CLASSES = 8;
const MOST_DEPENDENCIES = 256;

export interface Endings {
  readonly refused: PairTally;
  readonly wouldRefuse: PairTally;
  readonly failed: PairTally;
  readonly turnedAway: Tally;
  readonly faults: Tally;
  readonly workers: Tally;
  close(): void;
}

export function createEndings(bus: EventBus): Endings {
  const refused = createPairTally(MOST_WORDS, MOST_CLASSES);
  const wouldRefuse = createPairTally(MOST_WORDS, MOST_CLASSES);
  const failed = createPairTally(MOST_WORDS, MOST_DEPENDENCIES);
  const turnedAway = createTally(MOST_WORDS);
  const faults = createTally(MOST_WORDS);
  const workers = createTally(MOST_WORDS);
  const ends = [
    bus.subscribe("spillway:exchange", ({ exchange, outcome }) => {
      if (outcome.kind === "refused") refused.add(outcome.reason, exchange.class);
      else if (outcome.kind === "failed") failed.add(outcome.reason, exchange.route.dependency ?? "_none");
    }),
    bus.subscribe("spillway:would-refuse", ({ reason, class: cls }) => wouldRefuse.add(reason, cls)),
    bus.subscribe("spillway:turned-away", ({ reason }) => turnedAway.add(reason)),
    bus.subscribe("spillway:fault", ({ where }) => faults.add(where)),
    bus.subscribe("spillway:worker", ({ change }) => {
      if (change.kind === "gone") workers.add(change.reason);
    }),
  ];
  return {
    refused,
    wouldRefuse,
    failed,
    turnedAway,
    faults,
    workers,
    close() {
      for (const end of ends) end();
    },
  };
}

export function endingViews({ refused, wouldRefuse, failed, turnedAway, faults, workers }: Endings): View[] {
  const byClass = ["reason", "class"] as const;
  return [
    pairView("spillway_refused_total", "Exchanges the gateway refused", byClass, refused),
    pairView("spillway_would_refuse_total", "Exchanges that a rule in mode shadow would refuse", byClass, wouldRefuse),
    pairView("spillway_failed_total", "Exchanges others made fail", ["reason", "dependency"], failed),
    tallyView("spillway_turned_away_total", "Requests ended before they became an exchange", "reason", turnedAway),
    tallyView("spillway_faults_total", "Faults of the gateway's own", "where", faults),
    tallyView("spillway_worker_exits_total", "Worker processes that are gone", "reason", workers),
  ];
}
