// A board as a table. Roles are spelt out: its rows are laid out as grids, and browsers then forget that it is one.

import { html, useRef } from "./vendor/htm-preact.js";
import { boardName, scoreName } from "./boards.js";
import { Sliding } from "./flip.js";
import { Row } from "./row.js";
import { useSpeech } from "./speech.js";

/**
 * answer: the API's, or null before the first; pending: it is of another moment than is asked for.
 * scene: names what is asked for, so that only its own rows slide.
 */
export function Board({ name, own, answer, pending, end, scene, filtered, refusal, open }) {
  const { t } = useSpeech();
  const table = useRef(null);
  const entries = answer?.entries ?? [];
  const note = refusal || (answer ? t(filtered ? "emptyFiltered" : "empty") : t("loading"));
  return html`<div class="card board" aria-busy=${String(pending)}>
    <${Sliding} table=${table} scene=${scene}>
      <table role="table" ref=${table} class=${entries.length > 0 ? "" : "is-empty"} onKeyDown=${walk}>
        <caption><span class="unseen">${boardName(name, t)}</span></caption>
        <thead role="rowgroup"><tr role="row">
          <th role="columnheader" scope="col" class="rank">${t("rank")}</th>
          <th role="columnheader" scope="col" class="show">${t("show")}</th>
          <th role="columnheader" scope="col" class="hour">${t("lastHour")}</th>
          <th role="columnheader" scope="col" class="full">${t("seats")}</th>
          <th role="columnheader" scope="col" class="score">${scoreName(name, own, t)}</th>
        </tr></thead>
        <tbody role="rowgroup">
          ${entries.map((entry) => html`<${Row} key=${entry.concertScheduleId}
            entry=${entry} board=${name} own=${own} end=${end} open=${open} />`)}
        </tbody>
      </table>
    <//>
    ${entries.length === 0 && html`<p class="empty">${note}</p>`}
  </div>`;
}

/** Up and down go from row to row, Home and End to the first and last. */
function walk(event) {
  const titles = [...event.currentTarget.querySelectorAll("button.title")];
  const at = titles.indexOf(document.activeElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: titles.length - 1 }[event.key];
  if (at < 0 || next === undefined || !titles[next]) return;
  event.preventDefault();
  titles[next].focus();
}
