/** Where something stands in a {@link Line}. */
export interface Place {
  /** Leaves the line, wherever it stands. Calling it again, or after it was taken, does nothing. */
  leave(): void;
}

class Node<T> implements Place {
  readonly item: T;
  line: Line<T> | undefined;
  previous: Node<T> | undefined;
  next: Node<T> | undefined;

  constructor(item: T, line: Line<T>) {
    this.item = item;
    this.line = line;
  }

  leave(): void {
    this.line?.remove(this);
  }
}

/**
 * First in, first out, and out of the middle in O(1). Linked rather than a set: the tables of a set that turns over
 * quickly keep what they held alive until the next full collection.
 */
export class Line<T> {
  #head: Node<T> | undefined;
  #tail: Node<T> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Stands at the end. */
  join(item: T): Place {
    const node = new Node(item, this);
    node.previous = this.#tail;
    if (this.#tail) this.#tail.next = node;
    else this.#head = node;
    this.#tail = node;
    this.#length++;
    return node;
  }

  /** Who came first, taken out; undefined when nobody is there. */
  take(): T | undefined {
    const first = this.#head;
    first?.leave();
    return first?.item;
  }

  remove(node: Node<T>): void {
    node.line = undefined;
    if (node.previous) node.previous.next = node.next;
    else this.#head = node.next;
    if (node.next) node.next.previous = node.previous;
    else this.#tail = node.previous;
    node.previous = node.next = undefined;
    this.#length--;
  }
}
