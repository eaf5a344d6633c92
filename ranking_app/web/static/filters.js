// Filters: what of the catalogue a board is about. The values to choose from are those that there are.

import { html, useEffect, useState } from "./vendor/htm-preact.js";
import { SLICES } from "./address.js";
import { ask } from "./api.js";
import { textOr } from "./i18n.js";
import { useSpeech } from "./speech.js";

const FRESH_MS = 60000;
const LISTS = ["genre", "region", "venue", "capacityClass"];
const DATES = ["showFrom", "showTo"];
const NONE = Object.fromEntries(SLICES.map((name) => [name, null]));

/** What can be chosen, asked for when the panel opens and kept fresh while it is. */
function useSlices(open, asOf) {
  const [slices, setSlices] = useState({});
  useEffect(() => {
    if (!open) return undefined;
    const learn = () => ask("/v1/slices", { asOf }).then(setSlices, () => undefined);
    learn();
    const timer = setInterval(learn, FRESH_MS);
    return () => clearInterval(timer);
  }, [open, asOf]);
  return slices;
}

/** Those of an address that are set. */
export function chosenSlices(address) {
  return Object.fromEntries(SLICES.filter((name) => address[name]).map((name) => [name, address[name]]));
}

/** The button that opens the panel, and says how many filters are set. */
export function FilterButton({ open, toggle, count }) {
  const { t, f } = useSpeech();
  return html`<button type="button" class="plain" aria-expanded=${String(open)} aria-controls="filters" onClick=${toggle}>
    ${t("filters")}${count > 0 && html` <span class="badge">${f.count(count)}</span>`}
  </button>`;
}

export function Filters({ open, address, change }) {
  const { t, f } = useSpeech();
  const slices = useSlices(open, address.asOf);
  const label = (name, value) => (name === "capacityClass" ? textOr(t, `class.${value}`, value) : value);
  return html`<div id="filters" class="filters" hidden=${!open}>
    ${LISTS.map((name) => html`<label key=${name}><span>${t(name)}</span>
      <select value=${address[name] ?? ""} onChange=${(event) => change({ [name]: event.target.value })}>
        <option value="">${t("any")}</option>
        ${withChosen(slices[name] ?? [], address[name]).map(({ value, schedules }) => html`<option key=${value}
          value=${value} selected=${value === address[name]}>
          ${label(name, value)}${schedules === null ? "" : ` (${f.count(schedules)})`}</option>`)}
      </select></label>`)}
    ${DATES.map((name) => html`<label key=${name}><span>${t(name)}</span>
      <input type="date" value=${address[name] ?? ""} min=${dayOf(slices.shows?.first)} max=${dayOf(slices.shows?.last)}
        onChange=${(event) => change({ [name]: event.target.value })} /></label>`)}
    <button type="button" class="plain" disabled=${Object.keys(chosenSlices(address)).length === 0}
      onClick=${() => change(NONE)}>${t("clear")}</button>
  </div>`;
}

/** What an address asks for can be chosen, even where nothing has it (any more). */
function withChosen(values, chosen) {
  const known = values.filter(({ value }) => value !== null);
  return !chosen || known.some(({ value }) => value === chosen) ? known : [{ value: chosen, schedules: null }, ...known];
}

const dayOf = (time) => time?.slice(0, 10);
