import { check } from "./check.ts";
import type { Command } from "./command.ts";
import { demo } from "./demo.ts";
import { init } from "./init.ts";
import { proxy } from "./proxy.ts";
import { schema } from "./schema.ts";
import { start } from "./start.ts";

/** In the order of the help: what serves, what prepares, what asks and steers a running gateway. */
export const commands: readonly Command[] = [start, demo, proxy, init, check, schema];
