import type { BackgroundLane, LanePace, OpenLane } from "../../src/cache/warm/lane.ts";

/** Lanes that let a job go when the test says so. */
export interface ManualLanes {
  readonly open: OpenLane;
  /** What each lane was opened with. */
  readonly paces: readonly LanePace[];
  /** Jobs that wait for their turn. */
  waiting(): number;
  /** Lets so many go, the first first; resolves once they had a turn of the event loop. */
  go(count?: number): Promise<void>;
}

export function manualLanes(): ManualLanes {
  const paces: LanePace[] = [];
  let queue: { readonly start: () => void; readonly drop: () => void; readonly lane: BackgroundLane }[] = [];
  const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
  return {
    paces,
    waiting: () => queue.length,
    async open(pace) {
      paces.push(pace);
      const lane: BackgroundLane = {
        run: (job) =>
          new Promise((resolve, reject) => {
            queue.push({
              lane,
              start: () => void job().then(resolve, reject),
              drop: () => reject(new Error("the lane is closed")),
            });
          }),
        async close() {
          const dropped = queue.filter((each) => each.lane === lane);
          queue = queue.filter((each) => each.lane !== lane);
          for (const { drop } of dropped) drop();
        },
      };
      return lane;
    },
    async go(count = 1) {
      await turn();
      for (const { start } of queue.splice(0, count)) start();
      await turn();
    },
  };
}
