/** Environment variables by name; a missing one is undefined. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A scalar after substitution, or what stands in its way, a message a variable. */
export type Interpolated =
  | { readonly outcome: "untouched" }
  | { readonly outcome: "substituted"; readonly text: string; readonly whole: boolean }
  | { readonly outcome: "failed"; readonly messages: readonly string[] };

/**
 * Puts environment variables into the text of one scalar: `${VAR}`, `${VAR:-default}`, `${VAR:?message}`; `$${` is a
 * plain `${`. As in a shell, `:-` and `:?` take an empty variable for a missing one. What comes in is never read again,
 * so a value cannot bring expressions or structure of its own. `whole` = the text was exactly one expression.
 */
export function interpolate(text: string, env: Environment): Interpolated {
  if (!text.includes("${")) return { outcome: "untouched" };
  const messages: string[] = [];
  let expressions = 0;
  let whole = false;
  const substituted = text.replace(EXPRESSION, (found: string, inner: string | undefined) => {
    if (found === "$${") return "${";
    expressions++;
    whole = found.length === text.length;
    const value = evaluate(found, inner, env);
    if (value.outcome === "failed") messages.push(value.message);
    return value.outcome === "value" ? value.text : "";
  });
  if (messages.length > 0) return { outcome: "failed", messages };
  return { outcome: "substituted", text: substituted, whole: whole && expressions === 1 };
}

/** An escape, a closed expression, or the start of one that never ends. */
const EXPRESSION = /\$\$\{|\$\{([^}]*)\}|\$\{/g;

type Evaluated =
  | { readonly outcome: "value"; readonly text: string }
  | { readonly outcome: "failed"; readonly message: string };

function evaluate(found: string, inner: string | undefined, env: Environment): Evaluated {
  const parts = /^([A-Za-z_][A-Za-z0-9_]*)(?::([-?])([^]*))?$/.exec(inner ?? "");
  if (!parts || parts[3]?.includes("${")) {
    const forms = '"${VAR}", "${VAR:-default}" or "${VAR:?message}"';
    return { outcome: "failed", message: `cannot read ${found}: expected ${forms}; a literal "\${" is written "$\${"` };
  }
  const [, name = "", operator, operand = ""] = parts;
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value !== undefined && (value !== "" || operator === undefined)) return { outcome: "value", text: value };
  if (operator === "-") return { outcome: "value", text: operand };
  const why = operator === "?" && operand ? `: ${operand}` : "";
  const remedy = `set it, or give a default: \${${name}:-...}`;
  return { outcome: "failed", message: `environment variable ${name} is not set${why} (${remedy})` };
}

/**
 * What an unquoted scalar means in YAML's core schema, numbers and booleans only: nothing that comes from the
 * environment becomes null or infinite. A whole number too large to be held exactly stays a text: it is an id or a key.
 */
export function plainScalar(text: string): string | number | boolean {
  if (/^(?:true|True|TRUE)$/.test(text)) return true;
  if (/^(?:false|False|FALSE)$/.test(text)) return false;
  const value = Number(text);
  const isWhole = /^(?:[-+]?\d+|0o[0-7]+|0x[0-9a-fA-F]+)$/.test(text);
  if (isWhole) return Number.isSafeInteger(value) ? value : text;
  const isReal = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/.test(text);
  return isReal && Number.isFinite(value) ? value : text;
}
