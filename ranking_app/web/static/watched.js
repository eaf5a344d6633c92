// The board that is watched, and what is known of the connection.

import { useEffect, useState } from "./vendor/htm-preact.js";
import { heard, UNHEARD } from "./light.js";
import { watchBoard } from "./live.js";
import { setLiveClock } from "./sparklines.js";
import { ask } from "./api.js";

/**
 * { answer, pending, connection, now }: answer is null until there is one of this scene; now is { asOf, heardAt },
 * the newest live asOf and when it was heard. */
export function useBoard(wanted) {
  const [shown, setShown] = useState({ scene: null, key: null, answer: null });
  const [connection, setConnection] = useState(UNHEARD);
  const [now, setNow] = useState(null);
  useEffect(() => watchBoard(wanted, (news) => {
    setConnection((before) => heard(before, news, performance.now()));
    if (!news.answer) return;
    setShown({ scene: wanted.scene, key: wanted.key, answer: news.answer });
    if (wanted.asOf === null) {
      setNow({ asOf: news.answer.asOf, heardAt: performance.now() });
      setLiveClock(news.answer.asOf);
    }
  }), [wanted]);

  // Who begins in the past has not heard what the server calls now: with RANKING_CLOCK=event it may be long ago.
  useEffect(() => {
    if (now !== null || wanted.asOf === null) return undefined;
    const aborter = new AbortController();
    ask("/v1/rankings/sales", { limit: 1 }, aborter.signal).then(({ asOf }) => {
      setNow({ asOf, heardAt: performance.now() });
      setLiveClock(asOf);
    }, () => undefined);
    return () => aborter.abort();
  }, [wanted.asOf === null]);
  return { answer: shown.scene === wanted.scene ? shown.answer : null, pending: shown.key !== wanted.key, connection, now };
}
