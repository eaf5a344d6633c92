// The live board: what the address asks for, watched and shown.

import { html, render, useMemo, useState } from "./vendor/htm-preact.js";
import { OWN, useAddress } from "./address.js";
import { Board } from "./board.js";
import { boardName, useBoards, windowOf } from "./boards.js";
import { OwnChoice, WindowChoice } from "./choices.js";
import { Drawer } from "./drawer.js";
import { chosenSlices, FilterButton, Filters } from "./filters.js";
import { Footer, Header } from "./frame.js";
import { preferredLanguage } from "./i18n.js";
import { Light } from "./light.js";
import { News } from "./news.js";
import { Search } from "./search.js";
import { Speech, useSpeech, useSpeechIn } from "./speech.js";
import { PANEL, tabId, Tabs } from "./tabs.js";
import { Timeline } from "./timeline.js";
import { useBoard } from "./watched.js";

const FEW = 10;
const MANY = 50;
const NOTHING_OWN = Object.fromEntries(OWN.map((name) => [name, null]));

function App() {
  const [address, change] = useAddress();
  const language = address.lang ?? preferredLanguage();
  const speech = useSpeechIn(language, "title");
  return html`<${Speech.Provider} value=${speech}><${Page} address=${address} change=${change} /><//>`;
}

/** What the address asks for, with the defaults of its board. key: a name for all of it; scene: for all but the time. */
function useWanted(address, board) {
  const slices = chosenSlices(address);
  const limit = String(Number(address.limit) > FEW ? MANY : FEW);
  const own = { window: windowOf(board, address.window) };
  for (const name of OWN) if (address[name]) own[name] = address[name];
  const wanted = { board: board.name, own, shared: { limit, ...slices }, asOf: address.asOf ?? null };
  const key = JSON.stringify(wanted);
  const scene = JSON.stringify([board.name, own, slices]);
  return useMemo(() => ({ ...wanted, key, scene, slices, limit: Number(limit) }), [key]);
}

function Page({ address, change }) {
  const { t } = useSpeech();
  const boards = useBoards();
  const board = boards.find(({ name }) => name === address.board) ?? boards[0];
  const wanted = useWanted(address, board);
  const { answer, pending, connection, now } = useBoard(wanted);
  const open = (id) => change({ schedule: id });
  return html`
    <a class="skip" href="#${PANEL}">${t("skip")}</a>
    <${Header} title="title" change=${change}>
      <${Light} connection=${connection} past=${wanted.asOf !== null} /><${Search} open=${open} />
    <//>
    <main>
      <${Tabs} boards=${boards} current=${board.name} choose=${(name) => change({ board: name, ...NOTHING_OWN })} />
      <section id=${PANEL} role="tabpanel" aria-labelledby=${tabId(board.name)} tabindex="-1">
        <${Controls} board=${board} wanted=${wanted} answer=${answer} address=${address} change=${change} />
        <${Board} name=${board.name} own=${wanted.own} answer=${answer} pending=${pending} end=${wanted.asOf}
          scene=${wanted.scene} open=${open} filtered=${Object.keys(wanted.slices).length > 0}
          refusal=${connection.failure?.status === 400 && connection.failure.message} />
        ${answer && answer.total > wanted.limit && wanted.limit < MANY && html`<button type="button" class="plain more"
          onClick=${() => change({ limit: MANY })}>${t("showMore")}</button>`}
      </section>
      <${Timeline} asOf=${wanted.asOf} now=${now} choose=${(asOf, how) => change({ asOf }, how)} />
    </main>
    <${News} board=${board.name} own=${wanted.own} answer=${answer} scene=${wanted.scene} />
    <${Footer} other="ops" href="/ops" />
    ${address.schedule && html`<${Drawer} id=${address.schedule} asOf=${wanted.asOf}
      entry=${answer?.entries.find(({ concertScheduleId }) => concertScheduleId === address.schedule)}
      close=${() => change({ schedule: null })} />`}`;
}

function Controls({ board, wanted, answer, address, change }) {
  const { t, f, language } = useSpeech();
  const [filtering, setFiltering] = useState(Object.keys(wanted.slices).length > 0);
  const [explaining, setExplaining] = useState(false);
  return html`
    <div class="controls">
      <h2 class="unseen">${boardName(board.name, t)}</h2>
      ${wanted.own.window && html`<${WindowChoice} board=${board.name} value=${wanted.own.window}
        choose=${(window) => change({ window })} />`}
      ${board.parameters.filter(({ choices }) => choices?.length > 1).map((parameter) => html`<${OwnChoice}
        key=${parameter.name} parameter=${parameter} value=${wanted.own[parameter.name]}
        choose=${(value) => change({ [parameter.name]: value })} />`)}
      <${FilterButton} open=${filtering} toggle=${() => setFiltering(!filtering)} count=${Object.keys(wanted.slices).length} />
      <button type="button" class="plain" aria-expanded=${String(explaining)} aria-controls="how"
        onClick=${() => setExplaining(!explaining)}>${t("how")}</button>
      <p class="extent">${answer && t("shows", { n: f.count(answer.total) })}</p>
    </div>
    <p id="how" class="how" hidden=${!explaining}>${board.how?.[language] ?? board.how?.en ?? t("loading")}</p>
    <${Filters} open=${filtering} address=${address} change=${change} />`;
}

render(html`<${App} />`, document.getElementById("page"));
