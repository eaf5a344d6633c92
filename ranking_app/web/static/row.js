// One entry of a board: place and movement, show, last hour, seats, score.

import { html } from "./vendor/htm-preact.js";
import { scoreText } from "./boards.js";
import { Sparkline } from "./sparklines.js";
import { useSpeech } from "./speech.js";

const SIGNS = { up: "▲", down: "▼", new: "★", reentry: "↩" };

/** What an entry is called: not every schedule has a title. */
export const titleOf = (entry) => entry.title ?? entry.concertScheduleId;

/** When and where it plays. */
export function whereOf({ startsAt, venue, region }, f) {
  return [startsAt && f.day(startsAt), venue, region].filter(Boolean).join(" · ");
}

export function Row({ entry, board, own, end, open }) {
  const { f } = useSpeech();
  return html`<tr role="row" data-status=${entry.status} data-id=${entry.concertScheduleId}>
    <td role="cell" class="rank"><span class="place">${entry.rank}</span><${Movement} entry=${entry} /></td>
    <th role="rowheader" scope="row" class="show">
      <button type="button" class="title" onClick=${() => open(entry.concertScheduleId)}>${titleOf(entry)}</button>
      <span class="where">${whereOf(entry, f)}</span>
    </th>
    <td role="cell" class="hour"><${Sparkline} id=${entry.concertScheduleId} end=${end} /></td>
    <td role="cell" class="full"><${Seats} entry=${entry} /></td>
    <td role="cell" class="score">${scoreText(board, own, entry, f)}</td>
  </tr>`;
}

function Movement({ entry }) {
  const { t, f } = useSpeech();
  const { movement, rank, previousRank } = entry;
  if (!(movement in SIGNS)) return null;
  const steps = previousRank === null ? 0 : Math.abs(previousRank - rank);
  const text = t(`move.${movement}`, { n: f.count(steps) });
  const counted = movement === "up" || movement === "down";
  return html`<span class="move" data-move=${movement} title=${text}>
    <span aria-hidden="true">${SIGNS[movement]}${counted ? f.count(steps) : ` ${text}`}</span>
    <span class="unseen">, ${text}</span>
  </span>`;
}

/** What there is to say of the seats, and how full the house is. */
export function Seats({ entry }) {
  const { t, f } = useSpeech();
  if (entry.capacity === null) return html`<span class="seats">${t("sold", { n: f.count(entry.sold) })}</span>`;
  const whole = t("soldOf", { sold: f.count(entry.sold), capacity: f.count(entry.capacity) });
  return html`<span class="seats" title=${whole}>${seatsText(entry, t, f)}</span><${Bar} ratio=${entry.soldRatio} />`;
}

export function seatsText({ status, soldOutAt, sold, capacity }, t, f) {
  const left = capacity - sold;
  if (status === "soldOut" && left < 0) return t("oversold", { n: f.count(-left) });
  if (status === "soldOut") return soldOutAt ? t("soldOutAt", { time: f.moment(soldOutAt) }) : t("soldOut");
  return t(status === "reopened" ? "reopened" : "seatsLeft", { n: f.count(left) });
}

/** Its number stands beside it as text. */
export function Bar({ ratio }) {
  const width = 100 * Math.min(1, Math.max(0, ratio));
  return html`<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" width="100" height="1" /><rect class="fill" width=${width} height="1" />
  </svg>`;
}
