// What the drawer knows of a schedule: its answer and its curve, kept up to date while it is open.

import { useEffect, useState } from "./vendor/htm-preact.js";
import { ask, schedulePath } from "./api.js";

const EVERY_MS = 5000;
const POINTS = 240;
const STEPS_S = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 6 * 3600, 86400];

/** { schedule, curve, failure } at asOf (null: live). The last good answer stays while asking fails. */
export function useSchedule(id, asOf) {
  const [known, setKnown] = useState({ schedule: null, curve: null, failure: null });
  useEffect(() => {
    const aborter = new AbortController();
    let timer = null;
    const learn = async () => {
      try {
        const schedule = await ask(schedulePath(id), { asOf }, aborter.signal);
        const curve = schedule.firstSaleAt && (await askCurve(schedule, aborter.signal));
        setKnown({ schedule, curve, failure: null });
      } catch (failure) {
        if (aborter.signal.aborted) return;
        setKnown((before) => ({ ...before, failure }));
      }
      timer = setTimeout(learn, EVERY_MS);
    };
    learn();
    return () => {
      aborter.abort();
      clearTimeout(timer);
    };
  }, [id, asOf]);
  return known;
}

/** From the first sale on, in as many steps as can be told apart on a screen. */
function askCurve({ concertScheduleId, firstSaleAt, asOf }, signal) {
  const seconds = (Date.parse(asOf) - Date.parse(firstSaleAt)) / 1000;
  const step = STEPS_S.find((candidate) => seconds / candidate <= POINTS) ?? STEPS_S.at(-1);
  return ask(`${schedulePath(concertScheduleId)}/sales`, { from: firstSaleAt, to: asOf, step: `${step}s` }, signal);
}
