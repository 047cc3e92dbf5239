import { z } from "zod";
import { configSchema } from "../../src/config/schema.ts";

/** One key of the configuration. */
export interface Setting {
  /** Such as `dependencies.NAME.http.targets[].url`. */
  readonly key: string;
  /** What may stand there, with its bounds. */
  readonly type: string;
  /** As it would be written; "" for none, "required" for a key that must be there. */
  readonly fallback: string;
  readonly meaning: string;
}

type Schema = { readonly [keyword: string]: unknown };

/** Every key that may be written, in the order of the schema. */
export const settings = (): readonly Setting[] => [...below("", z.toJSONSchema(configSchema, { io: "input" }))];

function* below(prefix: string, schema: Schema): Generator<Setting> {
  for (const branch of branches(schema)) {
    const required = new Set((branch["required"] as readonly string[] | undefined) ?? []);
    for (const [name, value] of Object.entries((branch["properties"] as Record<string, Schema> | undefined) ?? {})) {
      const key = prefix === "" ? name : `${prefix}.${name}`;
      const inner = [...below(key, value)];
      if (value["type"] !== "object" || typeof value["description"] === "string" || inner.length === 0) {
        yield row(key, value, required.has(name));
      }
      yield* inner;
    }
    const { additionalProperties: entries, items } = branch;
    if (isSchema(entries)) yield* below(`${prefix}.NAME`, entries);
    if (isSchema(items)) yield* below(`${prefix}[]`, items);
  }
}

const isSchema = (value: unknown): value is Schema => typeof value === "object" && value !== null;

const branches = (schema: Schema): readonly Schema[] => (schema["anyOf"] as readonly Schema[] | undefined) ?? [schema];

function row(key: string, schema: Schema, required: boolean): Setting {
  const { default: fallback, description } = schema;
  return {
    key,
    type: typesOf(schema),
    fallback: fallback === undefined ? (required ? "required" : "") : textOf(fallback),
    meaning: typeof description === "string" ? description : "",
  };
}

const textOf = (value: unknown): string => (typeof value === "string" && value !== "" ? value : JSON.stringify(value));

function typeOf(schema: Schema): string {
  if ("const" in schema) return `\`${textOf(schema["const"])}\``;
  const choices = schema["enum"];
  if (Array.isArray(choices)) return choices.map((choice) => `\`${textOf(choice)}\``).join(", ");
  if (typeof schema["unit"] === "string") return `${schema["unit"]}${bounds(schema["min"], schema["max"])}`;
  switch (schema["type"]) {
    case "array":
      return isSchema(schema["items"]) ? `list of ${typesOf(schema["items"])}` : "list";
    case "integer":
    case "number":
      return `${schema["type"]}${bounds(schema["minimum"], schema["maximum"])}`;
    case "object":
      return "map";
    case "string":
      return "text";
    default:
      return String(schema["type"]);
  }
}

/** A choice within a choice is one. */
const typesOf = (schema: Schema): string => [...new Set(leaves(schema).map(typeOf))].join(" or ");

const leaves = (schema: Schema): readonly Schema[] => ("anyOf" in schema ? branches(schema).flatMap(leaves) : [schema]);

/** Zod's own bounds of whole numbers say nothing to an operator. */
function bounds(least: unknown, most: unknown): string {
  const from = boundOf(least);
  const to = most === Number.MAX_SAFE_INTEGER ? undefined : boundOf(most);
  if (to === undefined) return from === undefined ? "" : `, from ${from}`;
  return from === undefined ? `, to ${to}` : `, ${from} to ${to}`;
}

const boundOf = (bound: unknown): string | undefined =>
  typeof bound === "string" || typeof bound === "number" ? String(bound) : undefined;
