/** Processes for `listen.workers`; `parallelism`: how many can run at a time here. */
export const workerCount = (workers: number | "auto", parallelism: number): number =>
  workers === "auto" ? parallelism : workers;
