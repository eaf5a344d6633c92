// What the boards are, as the API tells it, and how their scores read.

import { useEffect, useState } from "./vendor/htm-preact.js";
import { ask } from "./api.js";
import { textOr } from "./i18n.js";

const RETRY_MS = 5000;
const NAMES = ["sales", "sell-out", "hot", "trending", "nearly-sold-out", "cancellations"];
const WINDOW_OF = { "sell-out": "all", hot: null, cancellations: "24h" };

/** Until the API has said: the names alone. */
const UNTOLD = NAMES.map((name) => ({ name, how: null, defaultWindow: WINDOW_OF[name] ?? "1h", parameters: [] }));

const WINDOWS = ["5m", "1h", "24h", "7d", "all"];

/** What to choose from: trending compares a window with the one before it, and there is none before all. */
export const windowsOf = (name) => (name === "trending" ? WINDOWS.filter((window) => window !== "all") : WINDOWS);

/** The window of a board (null: it has none), where the address asks for one. */
export function windowOf({ name, defaultWindow }, asked) {
  if (defaultWindow === null || !asked) return defaultWindow;
  return asked === "all" && !windowsOf(name).includes(asked) ? defaultWindow : asked;
}

/** The boards; asked for until they are known. */
export function useBoards() {
  const [boards, setBoards] = useState(UNTOLD);
  useEffect(() => {
    let timer = null;
    const learn = () => ask("/v1/boards").then((answer) => setBoards(answer.boards), () => (timer = setTimeout(learn, RETRY_MS)));
    learn();
    return () => clearTimeout(timer);
  }, []);
  return boards;
}

export const boardName = (name, t) => textOr(t, `board.${name}`, name);

export function scoreName(name, own, t) {
  return textOr(t, `score.${name}.${own.by}`, textOr(t, `score.${name}`, ""));
}

/** A score is a number whose meaning is its board's. */
export function scoreText(name, own, { score }, f) {
  if (name === "sell-out" || name === "nearly-sold-out") return f.duration(score);
  if (name === "trending") return f.growth(score);
  if (name === "cancellations" && own.by === "rate") return f.percent(score / 10000);
  return f.count(score);
}
