// Sales of the last hour for the rows in sight: few questions at once, asked again now and then.

import { html, useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { ask, schedulePath } from "./api.js";
import { isoOf } from "./format.js";
import { useSpeech } from "./speech.js";

const SPAN_S = 3600;
const FRESH_MS = 30000;
const AT_ONCE = 4;              // browsers open six connections to a server, and the board itself comes first
const CHECK_MS = 500;
const WIDTH = 120;
const HEIGHT = 32;

const wanted = new Map();       // key -> { id, end, show, askedAt }
let asking = 0;
let liveAsOf = null;

/** The server's clock, which need not be the browser's. */
export function setLiveClock(asOf) {
  liveAsOf = asOf;
}

async function learn(want) {
  asking += 1;
  want.askedAt = performance.now();
  try {
    const to = want.end ?? liveAsOf;
    const from = isoOf(Date.parse(to) - SPAN_S * 1000);
    const { points } = await ask(`${schedulePath(want.id)}/sales`, { from, to, step: "60s" });
    want.show(points.map((point) => point.quantity));
  } catch {
    // A row without its line is still a row; it is asked for again.
  } finally {
    asking -= 1;
  }
}

function askWhatIsDue() {
  if (document.hidden || !liveAsOf) return;
  const now = performance.now();
  const due = [...wanted.values()].filter((want) => now - want.askedAt >= FRESH_MS).sort((a, b) => a.askedAt - b.askedAt);
  for (const want of due.slice(0, Math.max(0, AT_ONCE - asking))) learn(want);
}

setInterval(askWhatIsDue, CHECK_MS);

/** The line of a schedule's last hour before end (null: now), while it is in sight. */
export function Sparkline({ id, end }) {
  const { t, f } = useSpeech();
  const element = useRef(null);
  const [quantities, setQuantities] = useState(null);
  useEffect(() => {
    const want = { id, end, show: setQuantities, askedAt: -Infinity };
    const sight = new IntersectionObserver((seen) => {
      if (seen.at(-1).isIntersecting) wanted.set(element.current, want);
      else wanted.delete(element.current);
    });
    const watched = element.current;
    sight.observe(watched);
    return () => {
      sight.disconnect();
      wanted.delete(watched);
    };
  }, [id, end]);
  const total = quantities?.reduce((sum, quantity) => sum + quantity, 0);
  const label = quantities ? t("salesLastHour", { n: f.count(total) }) : t("loading");
  const line = quantities?.length > 1 && lineOf(quantities);
  return html`<svg ref=${element} class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none"
    role="img" aria-label=${label}>
    ${line && html`<path class="under" d="${line}V${HEIGHT}H0z" /><path class="line" d=${line} />`}
  </svg>`;
}

/** A minute with more given back than sold stands at the bottom. */
function lineOf(quantities) {
  const most = Math.max(1, ...quantities);
  const points = quantities.map((quantity, index) => {
    const x = (index / (quantities.length - 1)) * WIDTH;
    const y = HEIGHT - 2 - (Math.max(0, quantity) / most) * (HEIGHT - 4);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return `M${points.join("L")}`;
}
