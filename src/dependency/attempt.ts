import type { Exchange } from "../core/exchange.ts";
import type { HttpDependency, Target } from "./port.ts";

/** One target's turn at a request. What comes of it counts for the target, unless it was not its doing. */
export class Attempt {
  readonly target: Target;
  readonly #dependency: HttpDependency;
  readonly #startedAt: number;
  #over = false;

  /** Chooses the target; not `except`, if there is another. */
  constructor(dependency: HttpDependency, exchange: Exchange, except: Target | undefined, now: number) {
    this.#dependency = dependency;
    this.#startedAt = now;
    this.target = dependency.pick(exchange, except, now);
    dependency.balancer.began(this.target.member);
  }

  /** The head of a valid answer is here. */
  answered(status: number, now: number): void {
    if (!this.#over) this.#dependency.balancer.answered(this.target.member, status, now - this.#startedAt, now);
  }

  /** What has happened was the target's doing. */
  failed(): void {
    if (this.#over) return;
    const { balancer, clock } = this.#dependency;
    const now = clock.now();
    balancer.failed(this.target.member, now - this.#startedAt, now);
  }

  /** The client's time was over first: the target is slow, and has not failed. */
  late(): void {
    const now = this.#dependency.clock.now();
    if (!this.#over) this.target.member.load.late(now - this.#startedAt, now);
  }

  /** The target has the request no longer. Calling it again does nothing. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#dependency.balancer.ended(this.target.member);
  }
}
