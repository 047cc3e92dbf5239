/** `npm run docs:write`: makes the pages under docs/ anew. */
import { mkdirSync, writeFileSync } from "node:fs";
import { pages } from "./pages.ts";

const folder = new URL("../../docs/", import.meta.url);
mkdirSync(folder, { recursive: true });
for (const [file, text] of await pages()) writeFileSync(new URL(file, folder), text);
