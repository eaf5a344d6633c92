// The smaller parts of the drawer: forecast, ranks, milestones.

import { html } from "./vendor/htm-preact.js";
import { useSpeech } from "./speech.js";

/** When the last seat is expected to go; nothing to say of what is sold out or has no capacity. */
export function Forecast({ schedule }) {
  const { t, f } = useSpeech();
  const { forecast, capacity, status } = schedule;
  if (capacity === null || status === "soldOut") return null;
  const { soldOutAt, earliest, latest, confidence } = forecast ?? {};
  const range = earliest && latest && { from: f.moment(earliest), to: f.moment(latest), percent: f.percent(confidence) };
  return html`<section class="forecast"><h3>${t("forecast")}</h3>
    ${!forecast && html`<p class="faint">${t("noForecast")}</p>`}
    ${forecast && html`<p><strong>${f.moment(soldOutAt)}</strong> ${range && html`<span class="faint">${t("forecastRange", range)}</span>`}</p>`}
  </section>`;
}

/** entry: of the board behind the drawer, or undefined; the way there is told only of what is on it. */
export function Ranks({ ranks, entry }) {
  const { t, f } = useSpeech();
  const places = [...Object.entries(ranks.sales), ["sellOut", ranks.sellOut]];
  return html`<section><h3>${t("ranks")}</h3><dl class="facts">
    ${places.map(([name, rank]) => html`<div key=${name}>
      <dt>${t(`rank.${name}`)}</dt><dd>${rank === null ? "–" : t("place", { n: f.count(rank) })}</dd></div>`)}
    ${entry?.peakRank && html`<div><dt>${t("bestRank")}</dt><dd>${t("place", { n: f.count(entry.peakRank) })}</dd></div>`}
    ${entry?.secondsAtTop > 0 && html`<div><dt>${t("atTop")}</dt><dd>${f.duration(entry.secondsAtTop)}</dd></div>`}
  </dl></section>`;
}

export function Milestones({ schedule }) {
  const { t, f } = useSpeech();
  if (schedule.milestones.length === 0) return null;
  return html`<section><h3>${t("milestones")}</h3><ol class="milestones">
    ${schedule.milestones.map(({ threshold, reachedAt }) => html`<li key=${threshold} data-reached=${String(reachedAt !== null)}>
      <span class="threshold">${f.percent(threshold)}</span>
      <span>${reachedAt ? f.exact(reachedAt) : t("notReached")}</span></li>`)}
  </ol></section>`;
}
