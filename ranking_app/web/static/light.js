// Whether what is shown is to be believed. Live only while it is: connected, heard of lately, complete.

import { html, useEffect, useState } from "./vendor/htm-preact.js";
import { useSpeech } from "./speech.js";

const OLD_MS = 10000;

/** What is known of the connection before anything happened. Times are performance.now(). */
export const UNHEARD = { newsAt: null, complete: false, failure: null };

/** The connection after news of a feed, { complete } or { failure }. */
export function heard(before, news, now) {
  return news.failure ? { ...before, failure: news.failure } : { newsAt: now, complete: news.complete, failure: null };
}

/** { state, why, gaps }: why is the name of a text, or null. */
export function lightOf({ newsAt, complete, failure }, now, past = false) {
  const status = failure?.status ?? null;
  if (failure && status === null) return { state: "offline", why: "why.unreachable" };
  if (failure && newsAt === null && status === 503) return { state: "loading", why: "why.refused", gaps: { status } };
  if (failure) return { state: "stale", why: "why.refused", gaps: { status } };
  if (newsAt === null) return { state: "loading", why: null };
  if (!past && now - newsAt > OLD_MS) return { state: "stale", why: "why.old", seconds: Math.round((now - newsAt) / 1000) };
  if (!complete) return { state: "stale", why: "why.incomplete" };
  return { state: past ? "past" : "live", why: null };
}

export function Light({ connection, past = false }) {
  const { t, f } = useSpeech();
  const [now, setNow] = useState(performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const { state, why, gaps, seconds } = lightOf(connection, Math.max(now, connection.newsAt ?? 0), past);
  const isLost = state === "offline" && connection.newsAt !== null;
  const since = isLost && t("why.since", { time: f.clock(Date.now() - performance.now() + connection.newsAt) });
  const reason = [why && t(why, seconds ? { time: f.duration(seconds) } : gaps), since].filter(Boolean).join(", ");
  // The state alone is a status that is read out; its reason counts seconds and would be read out each of them.
  return html`<p id="light" class="light" data-state=${state} title=${reason}>
    <span class="lamp" aria-hidden="true"></span>
    <span role="status" id="light-text">${t(`light.${state}`)}</span>
    ${reason && html`<span class="why">${reason}</span>`}
  </p>`;
}
