// The boards as tabs: one stop of the Tab key, arrows go from one to the next.

import { html, useEffect } from "./vendor/htm-preact.js";
import { boardName } from "./boards.js";
import { useSpeech } from "./speech.js";

export const PANEL = "board";

export const tabId = (name) => `tab-${name}`;

export function Tabs({ boards, current, choose }) {
  const { t } = useSpeech();
  const names = boards.map((board) => board.name);

  const onKeyDown = (event) => {
    const at = names.indexOf(current);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const name = names[(next + names.length) % names.length];
    choose(name);
    document.getElementById(tabId(name)).focus();
  };

  useEffect(() => {             // on a telephone they are wider than the screen
    document.getElementById(tabId(current))?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current, boards]);

  return html`<div class="tabs" role="tablist" aria-label=${t("boards")} onKeyDown=${onKeyDown}>
    ${boards.map(({ name }) => html`<button key=${name} type="button" role="tab" id=${tabId(name)} aria-controls=${PANEL}
      aria-selected=${String(name === current)} tabindex=${name === current ? 0 : -1}
      onClick=${() => choose(name)}>${boardName(name, t)}</button>`)}
  </div>`;
}
