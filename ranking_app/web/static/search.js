// Search for a show by what it is called: a box with a list below it (the combobox pattern), chosen by keys or click.

import { html, useEffect, useState } from "./vendor/htm-preact.js";
import { ask } from "./api.js";
import { titleOf, whereOf } from "./row.js";
import { useSpeech } from "./speech.js";

const WAIT_MS = 200;            // for the next letter
const LIMIT = 8;

export function Search({ open }) {
  const { t, f } = useSpeech();
  const [text, setText] = useState("");
  const [found, setFound] = useState(null);
  const [at, setAt] = useState(-1);
  const query = text.trim();

  useEffect(() => {
    setAt(-1);
    if (!query) {
      setFound(null);
      return undefined;
    }
    const aborter = new AbortController();
    const look = () => ask("/v1/search", { q: query, limit: LIMIT }, aborter.signal).then(setFound, () => {
      if (!aborter.signal.aborted) setFound({ total: 0, schedules: [] });
    });
    const timer = setTimeout(look, WAIT_MS);
    return () => {
      clearTimeout(timer);
      aborter.abort();
    };
  }, [query]);

  const close = () => {
    setText("");
    setFound(null);
  };
  const choose = (schedule) => {
    close();
    open(schedule.concertScheduleId);
  };
  const onKeyDown = (event) => {
    const hits = found?.schedules ?? [];
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && hits.length > 0) choose(hits[Math.max(0, at)]);
    else if (event.key === "ArrowDown") setAt(Math.min(at + 1, hits.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, -1));
    else return;
    event.preventDefault();
  };
  const shown = found !== null;
  return html`<div class="search" role="search">
    <input type="search" role="combobox" aria-label=${t("search")} placeholder=${t("search")} maxlength="200"
      autocomplete="off" spellcheck="false" aria-autocomplete="list" aria-expanded=${String(shown)} aria-controls="hits"
      aria-activedescendant=${at >= 0 ? `hit-${at}` : null} value=${text}
      onInput=${(event) => setText(event.target.value)} onKeyDown=${onKeyDown} onBlur=${() => setFound(null)} />
    <ul id="hits" role="listbox" aria-label=${t("search")} hidden=${!shown || found.schedules.length === 0}>
      ${(found?.schedules ?? []).map((schedule, index) => html`<li key=${schedule.concertScheduleId}
        id=${`hit-${index}`} role="option" aria-selected=${String(index === at)}
        onMouseDown=${(event) => event.preventDefault()} onClick=${() => choose(schedule)}>
        <span class="title">${titleOf(schedule)}</span><span class="where">${whereOf(schedule, f)}</span></li>`)}
    </ul>
    <p class="hits-note" role="status" data-empty=${String(shown && found.total === 0)}>
      ${shown && (found.total === 0 ? t("noResults") : t("results", { n: f.count(found.total) }))}</p>
  </div>`;
}
