/** Of opossum 10, what is used here; it has no types of its own. */
declare module "opossum" {
  import type { EventEmitter } from "node:events";

  interface Options {
    readonly timeout: false;
    readonly resetTimeout: number;
    readonly rollingPercentilesEnabled: false;
    readonly enableSnapshots: false;
    readonly rollingCountBuckets: number;
    readonly rotateBucketController: EventEmitter;
    readonly state: { readonly enabled: true; readonly closed: boolean; readonly halfOpen: boolean };
  }

  export default class CircuitBreaker {
    constructor(action: () => Promise<void>, options: Options);
    readonly closed: boolean;
    readonly halfOpen: boolean;
    open(): void;
    close(): void;
    shutdown(): void;
  }
}
