// One of a few: window, and what a board lets choose. Radio buttons, so that arrow keys and screen readers know them.

import { html } from "./vendor/htm-preact.js";
import { windowsOf } from "./boards.js";
import { textOr } from "./i18n.js";
import { useSpeech } from "./speech.js";

function Choice({ name, label, options, value, choose }) {
  return html`<fieldset class="choice"><legend class="unseen">${label}</legend>
    ${options.map(([option, text]) => html`<label key=${option}><input type="radio" name=${name} value=${option}
      checked=${option === value} onChange=${() => choose(option)} /><span>${text}</span></label>`)}
  </fieldset>`;
}

export function WindowChoice({ board, value, choose }) {
  const { t, f } = useSpeech();
  const usual = windowsOf(board);
  const windows = usual.includes(value) ? usual : [value, ...usual];      // an address may name any
  const options = windows.map((window) => [window, window === "all" ? t("allTime") : f.window(window)]);
  return html`<${Choice} name="window" label=${t("window")} options=${options} value=${value} choose=${choose} />`;
}

/** A parameter of one board with its few values, as the API describes it. */
export function OwnChoice({ parameter, value, choose }) {
  const { t } = useSpeech();
  const options = parameter.choices.map((choice) => [choice, textOr(t, `choice.${choice}`, choice)]);
  return html`<${Choice} name=${parameter.name} label=${parameter.name} options=${options}
    value=${value ?? parameter.default} choose=${choose} />`;
}
