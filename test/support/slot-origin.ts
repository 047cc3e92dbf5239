import { startOrigin, type HttpOrigin } from "./raw-origin.ts";

/** An origin that works on so many requests at a time, each for as long; further ones wait, first come first served. */
export interface SlotOrigin extends AsyncDisposable {
  readonly url: string;
  /** Requests it has now, worked on or not, and the most it ever had. */
  readonly open: number;
  readonly most: number;
  /** Answers given. */
  readonly answered: number;
}

export async function startSlotOrigin(slots: number, ms: number): Promise<SlotOrigin> {
  const state = { open: 0, most: 0, answered: 0, busy: 0 };
  const waiting: (() => void)[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const origin: HttpOrigin = await startOrigin((request, response) => {
    state.open++;
    state.most = Math.max(state.most, state.open);
    const begin = (): void => {
      state.busy++;
      const timer = setTimeout(() => {
        timers.delete(timer);
        state.busy--;
        state.open--;
        state.answered++;
        response.end(request.url);
        waiting.shift()?.();
      }, ms);
      timers.add(timer);
    };
    if (state.busy < slots) begin();
    else waiting.push(begin);
  });
  return {
    url: origin.url,
    get open() {
      return state.open;
    },
    get most() {
      return state.most;
    },
    get answered() {
      return state.answered;
    },
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearTimeout(timer);
      await origin.close();
    },
  };
}
