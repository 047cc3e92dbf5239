import { z } from "zod";
import type { Answer, OpsCall } from "./call.ts";
import { problemShape } from "./problem.ts";

/** The call that describes `calls` and itself. */
export function openapi(version: string, calls: readonly OpsCall[]): OpsCall {
  const self: OpsCall = {
    method: "GET",
    path: "/ops/openapi.json",
    access: "read",
    summary: "This description",
    answers: { 200: { description: "OpenAPI 3.1", contentType: "application/json" } },
    run: () => ({ kind: "json", status: 200, body: describe(version, [...calls, self]) }),
  };
  return self;
}

function describe(version: string, calls: readonly OpsCall[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const call of calls) (paths[call.path] ??= {})[call.method.toLowerCase()] = operation(call);
  return {
    openapi: "3.1.0",
    info: { title: "Spillway ops", version },
    paths,
    components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
  };
}

function operation(call: OpsCall): object {
  const answers = Object.entries(call.answers).map(([status, answer]) => [status, response(answer)]);
  const names = [...call.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const inPath = names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }));
  const inQuery = Object.entries(call.query ?? {}).map(([name, description]) => ({
    name,
    in: "query",
    description,
    schema: { type: "string" },
  }));
  return {
    summary: call.summary,
    ...(call.access === "open" || call.access === "signed"
      ? { security: [] }
      : { security: [{ token: [] }], "x-spillway-role": call.access }),
    parameters: [...inPath, ...inQuery],
    ...(call.body && { requestBody: { required: true, content: content("application/json", call.body, "input") } }),
    responses: { ...Object.fromEntries(answers), default: response(anyProblem) },
  };
}

const anyProblem: Answer = {
  description: "A problem (RFC 9457)",
  contentType: "application/problem+json",
  schema: problemShape,
};

const response = ({ description, contentType, schema }: Answer): object => ({
  description,
  content: content(contentType, schema),
});

/** `io`: whether the schema is of what is sent to us, before defaults and units are read, or of what we send. */
function content(contentType: string, schema: z.ZodType | undefined, io: "input" | "output" = "output"): object {
  return { [contentType]: schema ? { schema: z.toJSONSchema(schema, { io }) } : {} };
}
