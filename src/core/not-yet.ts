import { z } from "zod";

/** A setting of the contract that this version does not have: only its absence can be configured. */
export const notYet = (what: string) =>
  z
    .literal("off", { error: `this version has no ${what} yet: write "off" or leave the key out` })
    .optional()
    .describe(`This version has no ${what} yet`);
