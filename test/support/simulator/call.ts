/** One call on its way through the simulated gateway and dependency. All times in milliseconds. */
export interface Call {
  readonly route: string;
  /** 0 is the most important one. */
  readonly priority: number;
  readonly arrivedAt: number;
  /** Work until the head of the answer, and from there to its end, on a dependency that is not slowed down. */
  readonly head: number;
  readonly body: number;
  /** Its client waits for the head until then. */
  readonly deadline: number;
  startedAt: number;
  inFlight: number;
  /** When its next event is due: its head while it is in `head`, its end while in `body`. */
  at: number;
  state: "waiting" | "head" | "body" | "over" | "gone";
}

/** A binary heap of calls by the time of their next event. */
export class EventHeap {
  readonly #calls: Call[] = [];

  /** Time of the first event; Infinity if there is none. */
  get next(): number {
    return this.#calls.length === 0 ? Infinity : this.#calls[0]!.at;
  }

  push(call: Call): void {
    const calls = this.#calls;
    let place = calls.length;
    calls.push(call);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (calls[parent]!.at <= call.at) break;
      calls[place] = calls[parent]!;
      place = parent;
    }
    calls[place] = call;
  }

  pop(): Call {
    const calls = this.#calls;
    const first = calls[0]!;
    const last = calls.pop()!;
    const { length } = calls;
    if (length === 0) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= length) break;
      if (child + 1 < length && calls[child + 1]!.at < calls[child]!.at) child++;
      if (calls[child]!.at >= last.at) break;
      calls[place] = calls[child]!;
      place = child;
    }
    calls[place] = last;
    return first;
  }
}

/** First in, first out, without moving what is in it. */
export class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): T | undefined {
    return this.#items[this.#head];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** In order of `key`; cheap where items come almost in order. */
  insert(item: T, key: (item: T) => number): void {
    const items = this.#items;
    const wanted = key(item);
    let place = items.length;
    items.push(item);
    while (place > this.#head && key(items[place - 1]!) > wanted) {
      items[place] = items[place - 1]!;
      place--;
    }
    items[place] = item;
  }

  shift(): T | undefined {
    if (this.#head >= this.#items.length) return undefined;
    const item = this.#items[this.#head++]!;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
