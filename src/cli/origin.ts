import { validateConfig } from "../config/load.ts";
import { ConfigError, UsageError } from "../core/errors.ts";

/**
 * An origin from what people type: `http://127.0.0.1:3000`, with or without a slash behind it, `127.0.0.1:3000` or
 * `:3000`. `option` is the one it was given with. Throws a {@link UsageError} for anything else.
 */
export function originOf(typed: string, option: string): string {
  const withHost = typed.startsWith(":") ? `127.0.0.1${typed}` : typed;
  const origin = (withHost.includes("://") ? withHost : `http://${withHost}`).replace(/\/$/, "");
  try {
    validateConfig({
      dependencies: { origin: { http: { targets: [origin] } } },
      routes: [{ match: { path: "/*" }, dependency: "origin" }],
    });
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    throw new UsageError(
      `${option} ${typed}: expected an origin such as http://127.0.0.1:3000 or :3000, without a path`,
    );
  }
  return origin;
}
