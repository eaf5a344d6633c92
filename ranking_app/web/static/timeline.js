// The moment that is shown: now, or up to 24 hours back.

import { html, useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { isoOf } from "./format.js";
import { useSpeech } from "./speech.js";

const SPAN_MIN = 24 * 60;
const MINUTE_MS = 60000;
const SETTLE_MS = 150;          // while the thumb is dragged, not every minute on the way is asked for

/** now: { asOf, heardAt } of the newest live answer, or null. choose(asOf, {step}); null is live. */
export function Timeline({ asOf, now, choose }) {
  const { t, f } = useSpeech();
  const [dragged, setDragged] = useState(null);
  const timer = useRef(null);
  // Live it is what the server said last; while looking back nothing is heard of now, but time goes on.
  const end = now ? Date.parse(now.asOf) + (asOf ? performance.now() - now.heardAt : 0) : Date.now();
  const minutesOf = (time) => Math.max(-SPAN_MIN, Math.min(-1, Math.round((Date.parse(time) - end) / MINUTE_MS)));
  const minutes = dragged ?? (asOf ? minutesOf(asOf) : 0);
  const momentAt = (back) => (Math.floor(end / MINUTE_MS) + back) * MINUTE_MS;
  const shown = dragged === null && asOf ? Date.parse(asOf) : minutes === 0 ? end : momentAt(minutes);
  const past = minutes !== 0;

  useEffect(() => () => clearTimeout(timer.current), []);
  const drag = (event) => {
    const back = Number(event.target.value);
    setDragged(back);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      setDragged(null);
      // The first look back is a step that the back button undoes; from moment to moment it is not.
      choose(back === 0 ? null : isoOf(momentAt(back)), { step: !asOf || back === 0 });
    }, SETTLE_MS);
  };
  const ago = t("ago", { time: f.duration((end - shown) / 1000) });
  const value = past ? `${f.moment(shown)}, ${ago}` : t("now");
  return html`<section class="timeline" aria-label=${t("timeline")}>
    <button type="button" class="plain live" aria-pressed=${String(!past)}
      onClick=${() => choose(null, { step: past })}>${t("backToLive")}</button>
    <span class="end" aria-hidden="true">${t("agoHours")}</span>
    <input type="range" min=${-SPAN_MIN} max="0" step="1" value=${minutes} aria-label=${t("timeline")}
      aria-valuetext=${value} onInput=${drag} />
    <span class="moment"><strong>${past ? f.moment(shown) : f.clock(shown)}</strong>${past && html` <span>${ago}</span>`}</span>
  </section>`;
}
