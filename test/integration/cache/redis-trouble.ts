import type { TestContext } from "node:test";
import { startRedis, type RedisServer } from "../../support/redis.ts";
import { sends, startRig, type Rig } from "./cache-rig.ts";
import { outlives, TEXT, type Pair, type Trouble } from "./trouble-rig.ts";

/** A gateway with memory and a Redis, `redis` as under that key. */
export const startOne = (redis: object): Promise<Rig> =>
  startRig("origin", sends(TEXT, { "Cache-Control": "max-age=60" }), { redis });

/** Keys of all these servers. */
export const sizeOf =
  (...servers: readonly RedisServer[]) =>
  async (): Promise<number> => {
    const sizes = await Promise.all(servers.map(({ cli }) => cli("dbsize")));
    return sizes.reduce((sum, size) => sum + Number(size), 0);
  };

/** A gateway with a Redis that gets into trouble, beside one with a Redis of its own. */
export async function survives(
  t: TestContext,
  what: string,
  redis: object,
  stored: Pair["stored"],
  trouble: Trouble,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { url } = stack.use(await startRedis());
  const subject = stack.use(await startOne(redis));
  const control = stack.use(await startOne({ url }));
  await outlives(t, what, { subject, control, stored }, trouble);
}
