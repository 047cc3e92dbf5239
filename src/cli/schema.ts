import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { configJsonSchema } from "../config/json-schema.ts";
import { toError, UsageError } from "../core/errors.ts";
import { type Command, EXIT, noPositional, textOption, wantsJson, writeJson } from "./command.ts";

export const schema: Command = {
  name: "schema",
  summary: "print the JSON Schema of the configuration, for editors",
  usage: "[--output FILE] [--json]",
  help: 'Put "# yaml-language-server: $schema=./schema.json" on top of a configuration to have it checked as you type.',
  options: { output: { type: "string", short: "o" } },
  async run(args, io) {
    noPositional(args, "name a file with --output FILE");
    const text = `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`;
    const output = textOption(args, "output");
    if (output === undefined) {
      io.stdout.write(text);
      return EXIT.ok;
    }
    await writeFile(resolve(io.cwd, output), text).catch((thrown: unknown) => {
      throw new UsageError(`${output} cannot be written: ${toError(thrown).message}`);
    });
    if (wantsJson(args)) writeJson(io.stdout, { ok: true, file: output });
    else io.stdout.write(`wrote ${output}\n`);
    return EXIT.ok;
  },
};
