// One schedule in full, over the board. A modal dialog: the rest is out of reach until it closes.

import { html, useEffect, useRef } from "./vendor/htm-preact.js";
import { Curve } from "./curve.js";
import { Forecast, Milestones, Ranks } from "./drawer_parts.js";
import { Bar, seatsText, titleOf, whereOf } from "./row.js";
import { useSchedule } from "./schedule.js";
import { useSpeech } from "./speech.js";

const LONG = 120;               // characters of a title, 1,000 at most: those are set smaller
const FOCUSABLE = "button, a[href], input, select, [tabindex='0']";

/** The Tab key stays inside: without this it leaves for the browser's own buttons. */
function keepFocus(event) {
  if (event.key !== "Tab") return;
  const stops = [...event.currentTarget.querySelectorAll(FOCUSABLE)];
  const [first, last] = [stops[0], stops.at(-1)];
  const leaves = event.shiftKey ? document.activeElement === first : document.activeElement === last;
  if (!leaves && stops.includes(document.activeElement)) return;
  event.preventDefault();
  (event.shiftKey ? last : first).focus();
}

/**
 * entry: what the board behind it says of the schedule, if it is there.
 * close: what the close button, Esc and a click outside do.
 */
export function Drawer({ id, asOf, entry, close }) {
  const { t } = useSpeech();
  const dialog = useRef(null);
  const { schedule, curve, failure } = useSchedule(id, asOf);
  useEffect(() => {
    const opener = document.activeElement;
    const element = dialog.current;
    element.showModal();
    return () => {
      element.close();
      // The row it was opened from may have moved or been drawn anew; then by its name.
      const isThere = opener?.isConnected && opener !== document.body;
      const back = isThere ? opener : document.querySelector(`[data-id="${CSS.escape(id)}"] button`);
      back?.focus({ preventScroll: true });
    };
  }, [id]);
  const title = schedule ? titleOf(schedule) : id;
  const onCancel = (event) => {
    event.preventDefault();     // the address closes it, so that back opens it again
    close();
  };
  return html`<dialog ref=${dialog} role="dialog" aria-modal="true" aria-labelledby="drawer-title" class="drawer"
    onCancel=${onCancel} onKeyDown=${keepFocus} onClick=${(event) => event.target === dialog.current && close()}>
    <div class="sheet">
      <header>
        <h2 id="drawer-title" data-long=${String(title.length > LONG)}>${title}</h2>
        <button type="button" class="plain icon" aria-label=${t("close")} onClick=${close}>
          <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><path class="stroke" d="M5 5l14 14M19 5L5 19" /></svg>
        </button>
      </header>
      ${failure && html`<p class="failed" role="status">${t(failure.status === 404 ? "notFound" : "failed")}</p>`}
      ${schedule && html`<${Details} schedule=${schedule} curve=${curve} entry=${entry} />`}
      ${!schedule && !failure && html`<p class="empty">${t("loading")}</p>`}
    </div>
  </dialog>`;
}

function Details({ schedule, curve, entry }) {
  const { t, f } = useSpeech();
  const { capacity, sold, cancelled, amount, soldRatio, sellOutSeconds } = schedule;
  return html`
    <p class="where">${[whereOf(schedule, f), schedule.genre].filter(Boolean).join(" · ")}</p>
    <dl class="facts">
      <div><dt>${t("ticketsSold")}</dt><dd>${f.count(sold)}</dd></div>
      ${capacity !== null && html`<div><dt>${t("seatsFree")}</dt><dd>${f.count(capacity - sold)}</dd></div>`}
      <div><dt>${t("cancelled")}</dt><dd>${f.count(cancelled)}</dd></div>
      <div><dt>${t("amount")}</dt><dd>${f.count(amount)}</dd></div>
      ${sellOutSeconds !== null && html`<div><dt>${t("soldOutIn")}</dt><dd>${f.duration(sellOutSeconds)}</dd></div>`}
      ${schedule.saleOpensAt && html`<div><dt>${t("saleOpens")}</dt><dd>${f.moment(schedule.saleOpensAt)}</dd></div>`}
    </dl>
    ${capacity !== null && html`<p class="full" data-status=${schedule.status}>
      <span class="seats">${f.percent(soldRatio)} · ${seatsText(schedule, t, f)}</span><${Bar} ratio=${soldRatio} /></p>`}
    <${Forecast} schedule=${schedule} />
    ${curve && html`<section><h3>${t("curve")}</h3><${Curve} curve=${curve} schedule=${schedule} /></section>`}
    <${Ranks} ranks=${schedule.ranks} entry=${entry} />
    <${Milestones} schedule=${schedule} />`;
}
