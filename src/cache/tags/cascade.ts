/** What follows a tag, with how many steps it is away. */
type Followers = ReadonlyMap<string, number>;

/** A purge's tags with all that depend on them. */
export interface Spread {
  readonly tags: readonly string[];
  /** Steps to the farthest of them; 0: nothing depends on the tags that were named. */
  readonly depth: number;
  /** Tags beside those that were named. */
  readonly count: number;
}

/** Which tags go with which. Answers that were made of others are purged with them. */
export interface Cascade {
  spread(tags: readonly string[]): Spread;
}

/** `dependents`: tag to the tags that are purged with it. Worked out once to the end of each chain; cycles do no harm. */
export function compileCascade(dependents: Readonly<Record<string, readonly string[]>>): Cascade {
  const edges = new Map(Object.entries(dependents));
  const closure = new Map([...edges.keys()].map((tag) => [tag, followersOf(tag, edges)]));
  return {
    spread(tags) {
      const named = new Set(tags);
      const steps = new Map<string, number>();
      for (const tag of named) {
        for (const [follower, step] of closure.get(tag) ?? []) {
          if (!named.has(follower)) steps.set(follower, Math.min(step, steps.get(follower) ?? step));
        }
      }
      return { tags: [...named, ...steps.keys()], depth: Math.max(0, ...steps.values()), count: steps.size };
    },
  };
}

function followersOf(tag: string, edges: ReadonlyMap<string, readonly string[]>): Followers {
  const found = new Map<string, number>([[tag, 0]]);
  let front = [tag];
  for (let step = 1; front.length > 0; step++) {
    const next: string[] = [];
    for (const follower of front.flatMap((source) => edges.get(source) ?? [])) {
      if (found.has(follower)) continue;
      found.set(follower, step);
      next.push(follower);
    }
    front = next;
  }
  found.delete(tag);
  return found;
}
