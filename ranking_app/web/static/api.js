// Questions to the JSON API, each with an end.

const TIMEOUT_MS = 4000;

/** Why there is no answer. status: the server's, or null where it was not reached. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** The JSON at path, with these parameters (absent ones left out). Refused, or an AbortError by the caller's signal. */
export async function ask(path, parameters = {}, signal = null) {
  const query = queryOf(parameters);
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response;
  try {
    response = await fetch(query ? `${path}?${query}` : path, {
      headers: { Accept: "application/json" },
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    if (response.ok) return await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused(null, String(error.message));
  }
  const problem = await response.json().catch(() => ({}));
  throw new Refused(response.status, problem.detail ?? problem.title ?? "");
}

export function queryOf(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return new URLSearchParams(given).toString();
}

export const schedulePath = (id) => `/v1/schedules/${encodeURIComponent(id)}`;
