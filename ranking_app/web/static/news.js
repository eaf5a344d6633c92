// The essence for those who listen: who leads, who rose, what sold out; not more often than they can hear it.

import { html, useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { boardName, scoreText } from "./boards.js";
import { titleOf } from "./row.js";
import { useSpeech } from "./speech.js";

const EVERY_MS = 10000;
const TITLE_LENGTH = 80;
const NAMED = 3;

/** scene: what is asked for; what changed between two scenes is no news. */
export function News({ board, own, answer, scene }) {
  const { t, f } = useSpeech();
  const told = useRef({ at: -Infinity, scene: null, entries: [] });
  const [text, setText] = useState("");
  useEffect(() => {
    if (!answer) return;
    const now = performance.now();
    const before = told.current;
    if (before.scene !== scene) told.current = { at: now, scene, entries: answer.entries };
    else if (now - before.at >= EVERY_MS) {
      const summary = summaryOf(before.entries, answer.entries, { board, own, t, f });
      told.current = { at: now, scene, entries: answer.entries };
      if (summary) setText(summary);
    }
  }, [answer, scene, t]);
  return html`<p id="news" class="unseen" role="log" aria-live="polite" aria-atomic="true">${text}</p>`;
}

function summaryOf(before, entries, { board, own, t, f }) {
  const earlier = new Map(before.map((entry) => [entry.concertScheduleId, entry]));
  const short = (entry) => titleOf(entry).slice(0, TITLE_LENGTH);
  const rose = entries.filter(({ concertScheduleId, rank }) => rank > 1 && rank < (earlier.get(concertScheduleId)?.rank ?? 0));
  const wasSelling = ({ concertScheduleId }) => earlier.has(concertScheduleId) && earlier.get(concertScheduleId).status !== "soldOut";
  const full = entries.filter((entry) => entry.status === "soldOut" && wasSelling(entry));
  const [leader] = entries;
  const parts = [];
  if (leader && leader.concertScheduleId !== before[0]?.concertScheduleId) {
    parts.push(t("news.leader", { title: short(leader), board: boardName(board, t), score: scoreText(board, own, leader, f) }));
  }
  if (rose.length > 0) {
    const titles = rose.slice(0, NAMED).map((entry) => t("news.place", { title: short(entry), n: f.count(entry.rank) }));
    parts.push(t("news.moved", { titles: titles.join(", ") }));
  }
  if (full.length > 0) parts.push(t("news.soldOut", { titles: full.slice(0, NAMED).map(short).join(", ") }));
  return parts.join(" ");
}
