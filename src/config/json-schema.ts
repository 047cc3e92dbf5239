import { z } from "zod";
import type { Path } from "./place.ts";
import { configSchema } from "./schema.ts";

/** A JSON Schema, or a part of one, as plain data. */
export type JsonSchema = { readonly [keyword: string]: unknown };

const ENVIRONMENT = { $ref: "#/$defs/environment" };
const UNITS: Readonly<Record<string, { readonly pattern: string; readonly text: string }>> = {
  duration: { pattern: "\\d+(\\.\\d+)?(ms|s|m|h|d)", text: 'A duration such as "250ms", "5s" or "2m"' },
  size: { pattern: "\\d+(\\.\\d+)?(B|KiB|MiB|GiB|KB|MB|GB)", text: 'A size such as "512B", "64KiB" or "100MiB"' },
};

/**
 * The configuration as JSON Schema 2020-12, for editors. It describes the file as it is written, so an expression such
 * as `${PORT}` may stand wherever a scalar may. What ties several keys together is left to `spillway check`.
 */
export function configJsonSchema(): JsonSchema {
  const { $schema, title, ...rest } = written();
  return {
    $schema,
    title,
    ...(forEditors(rest) as JsonSchema),
    $defs: { environment: { description: "From the environment", type: "string", pattern: "\\$\\{" } },
  };
}

/** Tells which keys may stand at a path of the file; none where no key can. Makes the schema with the first question. */
export function keyFinder(): (path: Path) => readonly string[] {
  let root: JsonSchema | undefined;
  return (path) => {
    let schemas: readonly JsonSchema[] = [(root ??= written())];
    for (const step of path) schemas = schemas.flatMap(branches).flatMap((schema) => below(schema, String(step)));
    return [...new Set(schemas.flatMap(branches).flatMap((schema) => Object.keys(record(schema["properties"]))))];
  };
}

const written = (): JsonSchema => z.toJSONSchema(configSchema, { io: "input" });

const record = (value: unknown): JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonSchema) : {};

function branches(schema: JsonSchema): readonly JsonSchema[] {
  const alternatives = schema["anyOf"];
  return Array.isArray(alternatives) ? alternatives.map(record).flatMap(branches) : [schema];
}

function below(schema: JsonSchema, step: string): readonly JsonSchema[] {
  const properties = record(schema["properties"]);
  if (Object.hasOwn(properties, step)) return [record(properties[step])];
  return /^\d+$/.test(step) && schema["type"] === "array"
    ? [record(schema["items"])]
    : [record(schema["additionalProperties"])];
}

function forEditors(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(forEditors);
  if (typeof schema !== "object" || schema === null) return schema;
  const node = schema as JsonSchema;
  if (typeof node["unit"] === "string") return unitSchema(node);
  const { description, default: fallback, ...rest } = node;
  const documented = {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
  if (isNarrowScalar(rest)) return { ...documented, anyOf: [rest, ENVIRONMENT] };
  const parts = Object.entries(rest).map(([keyword, value]) => [keyword, part(keyword, value)]);
  return { ...documented, ...Object.fromEntries(parts) };
}

/** Only what holds schemas is walked: a default or an enum is data. */
function part(keyword: string, value: unknown): unknown {
  if (keyword === "properties") {
    return Object.fromEntries(Object.entries(record(value)).map(([name, schema]) => [name, forEditors(schema)]));
  }
  return keyword === "items" || keyword === "additionalProperties" || keyword === "anyOf" ? forEditors(value) : value;
}

function isNarrowScalar(schema: JsonSchema): boolean {
  const { type } = schema;
  return type === "string" ? Object.keys(schema).length > 1 : typeof type === "string" && SCALARS.has(type);
}

const SCALARS: ReadonlySet<string> = new Set(["integer", "number", "boolean"]);

function unitSchema(node: JsonSchema): JsonSchema {
  const { unit, min, max, description, default: fallback } = node;
  const { pattern, text } = UNITS[String(unit)]!;
  const least = typeof min === "string" ? `, at least ${min}` : "";
  const most = typeof max === "string" ? `, at most ${max}` : "";
  return {
    description: `${typeof description === "string" ? `${description}. ` : ""}${text}${least}${most}`,
    ...(fallback === undefined ? {} : { default: fallback }),
    type: "string",
    pattern: `^(${pattern}|.*\\$\\{.*)$`,
  };
}
