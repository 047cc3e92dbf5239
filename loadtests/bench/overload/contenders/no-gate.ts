/** Express 5 and the forwarder alone: what a proxy without a gate does under overload. */
import { listen } from "./gated.ts";

listen(
  () =>
    ({ forward }) =>
      void forward().catch(() => {}),
);
