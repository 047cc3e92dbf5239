import { breaker } from "./breaker.ts";
import { cache } from "./cache.ts";
import { check } from "./check.ts";
import type { Command } from "./command.ts";
import { demo } from "./demo.ts";
import { drain } from "./drain.ts";
import { explain } from "./explain.ts";
import { health } from "./health.ts";
import { init } from "./init.ts";
import { proxy } from "./proxy.ts";
import { reload } from "./reload.ts";
import { schema } from "./schema.ts";
import { start } from "./start.ts";
import { status } from "./status.ts";

/** In the order of the help: what serves, what prepares, what asks and steers a running gateway. */
export const commands: readonly Command[] = [
  start,
  demo,
  proxy,
  init,
  check,
  explain,
  schema,
  health,
  status,
  cache,
  breaker,
  reload,
  drain,
];
