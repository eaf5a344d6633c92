// The operations page: who works on what, how far behind, and what was set aside. Asked for each second.

import { html, render, useEffect, useState } from "./vendor/htm-preact.js";
import { useAddress } from "./address.js";
import { ask } from "./api.js";
import { Footer, Header } from "./frame.js";
import { preferredLanguage } from "./i18n.js";
import { heard, Light, UNHEARD } from "./light.js";
import { Partitions, Totals, Workers } from "./ops_tables.js";
import { Speech, useSpeech, useSpeechIn } from "./speech.js";

const EVERY_MS = 1000;

/** { ops, connection }: the last good answer, and what is known of the connection. */
function useOps() {
  const [ops, setOps] = useState(null);
  const [connection, setConnection] = useState(UNHEARD);
  useEffect(() => {
    const aborter = new AbortController();
    let timer = null;
    const learn = async () => {
      try {
        const answer = await ask("/v1/ops", {}, aborter.signal);
        setOps(answer);
        setConnection((before) => heard(before, { complete: answer.completeness.complete }, performance.now()));
      } catch (failure) {
        if (aborter.signal.aborted) return;
        setConnection((before) => heard(before, { failure }, performance.now()));
      }
      timer = setTimeout(learn, EVERY_MS);
    };
    learn();
    return () => {
      aborter.abort();
      clearTimeout(timer);
    };
  }, []);
  return { ops, connection };
}

function App() {
  const [address, change] = useAddress();
  const speech = useSpeechIn(address.lang ?? preferredLanguage(), "opsTitle");
  return html`<${Speech.Provider} value=${speech}><${Page} change=${change} /><//>`;
}

function Page({ change }) {
  const { t, f } = useSpeech();
  const { ops, connection } = useOps();
  return html`
    <${Header} title="opsTitle" change=${change}><${Light} connection=${connection} /><//>
    <main>
      ${ops === null && html`<p class="empty">${t("loading")}</p>`}
      ${ops && html`<${Totals} ops=${ops} /><${Workers} ops=${ops} /><${Partitions} ops=${ops} />
        <p class="faint">${t("version", { version: ops.self.version, time: f.moment(ops.self.startedAt) })}</p>`}
    </main>
    <${Footer} other="backToBoard" href="/" />`;
}

render(html`<${App} />`, document.getElementById("page"));
