import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commands } from "../../../src/cli/commands.ts";
import { dispatch } from "../../../src/cli/dispatch.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A directory of its own for commands to run in, removed at the end of a `using` block. */
export function temporaryWorld(env: Readonly<Record<string, string>> = {}) {
  const cwd = mkdtempSync(join(tmpdir(), "spillway-cli-"));
  return {
    cwd,
    async run(...argv: string[]): Promise<Ran> {
      let out = "";
      let err = "";
      const io = {
        version: "1.2.3",
        stdout: { write: (text: string) => (out += text) },
        stderr: { write: (text: string) => (err += text) },
        env,
        cwd,
        onSignal: () => () => {},
      };
      const code = await dispatch(argv, { commands, version: "1.2.3" }, io);
      return { code, out, err };
    },
    [Symbol.dispose]() {
      rmSync(cwd, { recursive: true });
    },
  };
}
