/** Where work goes that nobody waits for. */
export interface BackgroundLane {
  /** Runs the job when its turn comes; resolves when it is over. Rejects if the lane is closed first. */
  run(job: () => Promise<void>): Promise<void>;
  /** What has begun goes on, what waits is dropped. A second call joins the first. */
  close(): Promise<void>;
}

export interface LanePace {
  /** Jobs that may begin in a second, evenly spread. */
  readonly rate: number;
  /** Jobs under way at a time. */
  readonly concurrency: number;
}

export type OpenLane = (pace: LanePace) => Promise<BackgroundLane>;

/**
 * A lane on bottleneck: some 3 ms and 0.2 ms of CPU a job, up to a few hundred a second, which is nothing here and too
 * much on the way of a request. A queued job of it cannot be taken back, so callers hand it one when they have room.
 */
export const openBottleneckLane: OpenLane = async ({ rate, concurrency }) => {
  const { default: Bottleneck } = await import("bottleneck");
  const limiter = new Bottleneck({ minTime: Math.ceil(1000 / rate), maxConcurrent: concurrency });
  let closing: Promise<void> | undefined;
  return {
    run: (job) => limiter.schedule(job),
    close: () => (closing ??= limiter.stop({ dropWaitingJobs: true })),
  };
};
