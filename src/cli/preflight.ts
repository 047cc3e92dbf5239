/** The least undici: before 7.28 an answer staged on an idle connection could go to the next user, before 7.29 its cache leaked. */
const LEAST_UNDICI = [7, 29] as const;

/** Why this undici cannot be used; undefined when it can. An override in an application's lock file may bring an older one. */
export function undiciProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > LEAST_UNDICI[0] || (major === LEAST_UNDICI[0] && minor >= LEAST_UNDICI[1])) return undefined;
  return `spillway needs undici ${LEAST_UNDICI.join(".")} or newer; ${version} is installed. Run "npm install" again without an override of it.`;
}
