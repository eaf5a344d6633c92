// The whole sales curve of a schedule: tickets sold over time, its capacity, its milestones.

import { html, useState } from "./vendor/htm-preact.js";
import { useSpeech } from "./speech.js";

const WIDTH = 600;
const HEIGHT = 200;

export function Curve({ curve, schedule }) {
  const { t, f } = useSpeech();
  const [at, setAt] = useState(null);
  const { points, from, to } = curve;
  const [start, end] = [Date.parse(from), Date.parse(to)];
  // A step's `sold` is of its end; the last step may be short.
  const ends = points.map((_, index) => Math.min(end, start + (index + 1) * curve.stepSeconds * 1000));
  const most = Math.max(1, schedule.capacity ?? 0, ...points.map((point) => point.sold));
  const least = Math.min(0, ...points.map((point) => point.sold));
  const x = (time) => ((time - start) / Math.max(1, end - start)) * WIDTH;
  const y = (sold) => HEIGHT - ((sold - least) / (most - least)) * HEIGHT;
  const before = points.length > 0 ? points[0].sold - points[0].quantity : 0;
  const line = [[0, y(before)], ...points.map((point, index) => [x(ends[index]), y(point.sold)])];
  const path = `M${line.map(([left, top]) => `${left.toFixed(1)} ${top.toFixed(1)}`).join("L")}`;
  const reached = schedule.milestones
    .filter(({ reachedAt }) => reachedAt && Date.parse(reachedAt) >= start)
    .map(({ threshold, reachedAt }) => ({ threshold, left: x(Date.parse(reachedAt)) }));

  const look = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const index = ends.findIndex((time) => x(time) >= share * WIDTH);
    setAt(index < 0 ? points.length - 1 : index);
  };
  const shown = points[at];
  const summary = t("curveSummary", { from: f.exact(from), to: f.exact(to), sold: f.count(points.at(-1)?.sold ?? 0) });
  return html`<figure class="curve">
    <figcaption><span>${schedule.capacity !== null && t("capacity", { n: f.count(schedule.capacity) })}</span>
      <output>${shown ? `${f.exact(ends[at])} · ${t("sold", { n: f.count(shown.sold) })}` : ""}</output></figcaption>
    <svg viewBox="0 -4 ${WIDTH} ${HEIGHT + 8}" preserveAspectRatio="none" role="img" aria-label=${summary}
      onPointerMove=${look} onPointerLeave=${() => setAt(null)}>
      ${reached.map(({ threshold, left }) => html`<line key=${threshold} class="milestone"
        x1=${left} x2=${left} y1="0" y2=${HEIGHT} data-full=${String(threshold === 1)} />`)}
      ${schedule.capacity !== null && html`<line class="capacity"
        x1="0" x2=${WIDTH} y1=${y(schedule.capacity)} y2=${y(schedule.capacity)} />`}
      <path class="under" d="${path}L${WIDTH} ${y(least)}L0 ${y(least)}z" />
      <path class="line" d=${path} />
      ${shown && html`<line class="here" x1=${x(ends[at])} x2=${x(ends[at])} y1="0" y2=${HEIGHT} />`}
    </svg>
    <div class="axis" aria-hidden="true"><span>${f.exact(from)}</span><span>${f.exact(to)}</span></div>
  </figure>`;
}
