// The parts of the operations page: totals, workers, partitions.

import { html } from "./vendor/htm-preact.js";
import { useSpeech } from "./speech.js";

const sum = (partitions, name) => partitions.reduce((total, partition) => total + Math.max(0, partition[name] ?? 0), 0);

/** late, duplicates and deadLetters are of everything; the rest is added up over the partitions. */
export function Totals({ ops: { partitions, completeness } }) {
  const { t, f } = useSpeech();
  const totals = [
    ["throughput", f.tenths(sum(partitions, "eventsPerSecond"))],
    ["lag", f.count(sum(partitions, "lag"))],
    ["counted", f.count(sum(partitions, "counted"))],
    ["late", f.count(completeness.late)],
    ["duplicates", f.count(completeness.duplicates)],
    ["deadLetters", f.count(completeness.deadLetters)],
    ["takeovers", f.count(sum(partitions, "takeovers"))],
  ];
  return html`<dl class="facts totals card">
    ${totals.map(([name, value]) => html`<div key=${name}><dt>${t(name)}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}

export function Workers({ ops: { self, workers, partitions } }) {
  const { t, f } = useSpeech();
  const speed = (worker) => f.tenths(sum(partitions.filter((partition) => partition.worker === worker), "eventsPerSecond"));
  return html`<section><h2>${t("workers")}</h2><ul class="workers">
    ${workers.map(({ worker, partitions: owned }) => html`<li key=${worker} class="card">
      <strong>${worker}</strong> ${worker === self.worker && html`<span class="faint">${t("self")}</span>`}
      <span class="owned">${t("partitions")}: ${owned.length > 0 ? owned.join(", ") : "–"}</span>
      <span class="owned">${t("perSecond", { n: speed(worker) })}</span>
    </li>`)}
  </ul></section>`;
}

const NUMBERS = ["offset", "lag", "counted", "late", "duplicates", "deadLetters", "takeovers"];

export function Partitions({ ops: { partitions } }) {
  const { t, f } = useSpeech();
  const number = (value) => (value === null || value === undefined ? "–" : f.count(value));
  // The region scrolls sideways on narrow screens: with the keyboard too, so it can be focused.
  return html`<section><h2 id="partitions">${t("partitions")}</h2>
    <div class="card wide" role="region" aria-labelledby="partitions" tabindex="0"><table>
      <thead><tr>
        <th scope="col">${t("topic")}</th><th scope="col" class="number">${t("partition")}</th><th scope="col">${t("worker")}</th>
        <th scope="col" class="number">${t("throughput")}</th><th scope="col" class="number">${t("watermark")}</th>
        ${NUMBERS.map((name) => html`<th key=${name} scope="col" class="number">${t(name)}</th>`)}
      </tr></thead>
      <tbody>${partitions.map((partition) => html`<tr key=${`${partition.topic}/${partition.partition}`}>
        <th scope="row">${partition.topic}</th><td class="number">${partition.partition}</td>
        <td>${partition.worker ?? html`<span class="faint">${t("nobody")}</span>`}</td>
        <td class="number">${partition.eventsPerSecond === null ? "–" : f.tenths(partition.eventsPerSecond)}</td>
        <td class="number">${partition.watermark ? f.clock(partition.watermark) : "–"}</td>
        ${NUMBERS.map((name) => html`<td key=${name} class="number" data-name=${name}
          data-some=${String(partition[name] > 0)}>${number(partition[name])}</td>`)}
      </tr>`)}</tbody>
    </table></div></section>`;
}
