// The live board: asks the JSON API every second and shows what it says, and whether it is to be believed.

import { Board, sellOutScore } from "./board.js";
import { count, dayOf, timeOfDay } from "./format.js";

const POLL_MS = 1000;
const HIDDEN_POLL_MS = 10000;   // nobody looks at a tab in the background
const TIMEOUT_MS = 4000;
const NEWS_EVERY_MS = 15000;    // a screen reader is told the essence, not every second
const LISTING_KEPT_MS = 120000; // titles and venues hardly change
const LISTINGS_AT_ONCE = 12;

const byId = (id) => document.getElementById(id);

// ---- venues: a board has titles only, one schedule's own page has the rest ----------------------------------------

const listings = new Map();     // concertScheduleId -> { askedAt, listing }

function listingOf(id) {
  return listings.get(id)?.listing;
}

async function learnListings(ids) {
  const now = performance.now();
  const unknown = ids.filter((id) => !(now - listings.get(id)?.askedAt < LISTING_KEPT_MS)).slice(0, LISTINGS_AT_ONCE);
  await Promise.all(unknown.map(async (id) => {
    listings.set(id, { askedAt: now, listing: listingOf(id) });
    try {
      const { title, venue, region, startsAt } = await ask(`/v1/schedules/${encodeURIComponent(id)}`);
      listings.set(id, { askedAt: now, listing: { title, venue, region, day: startsAt && dayOf(new Date(startsAt)) } });
    } catch {
      // Asked again later; the board itself does not depend on it.
    }
  }));
}

// ---- boards -------------------------------------------------------------------------------------------------------

const tickets = { scoreName: "Tickets", describe: listingOf };
const boards = [
  ["/v1/rankings/sales?window=5m&limit=10", new Board(byId("sales-5m"), { name: "Best sellers", note: "last 5 minutes", ...tickets })],
  ["/v1/rankings/sales?window=1h&limit=10", new Board(byId("sales-1h"), { name: "Best sellers", note: "last hour", ...tickets })],
  ["/v1/rankings/sales?window=all&limit=10", new Board(byId("sales-all"), { name: "Best sellers", note: "of all time", ...tickets })],
  ["/v1/rankings/sell-out?window=all&limit=10", new Board(byId("sell-out"), {
    name: "Fastest sell-outs", note: "from opening to last seat", scoreName: "Time", scoreText: sellOutScore, describe: listingOf,
  })],
];

async function ask(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw Object.assign(new Error(`HTTP ${response.status}`), { status: response.status });
  return response.json();
}

// ---- the light ----------------------------------------------------------------------------------------------------

let lastAnswer = null;          // Date of the last whole round of answers

function setLight(state, text) {
  byId("light").dataset.state = state;
  if (byId("light-text").textContent !== text) byId("light-text").textContent = text;   // role=status: said once
}

function showCompleteness(answers) {
  const parts = answers[2].completeness;
  const stale = answers.some((answer) => !answer.completeness.complete);
  if (stale) setLight("stale", "Stale: some partitions are not being followed just now");
  else setLight("live", "Live");
  byId("as-of").textContent = timeOfDay(new Date(answers[2].asOf));
  byId("shows").textContent = count(answers[2].total);
  byId("sold-out").textContent = count(answers[3].total);
  byId("behind").textContent = count(parts.partitions.reduce((sum, partition) => sum + Math.max(0, partition.lag), 0));
  byId("late").textContent = count(parts.late);
  byId("duplicates").textContent = count(parts.duplicates);
  byId("dead-letters").textContent = count(parts.deadLetters);
}

function showFailure(error) {
  if (error.status === 503 && !lastAnswer) setLight("loading", "Loading: no complete board yet");
  else if (error.status === 503) setLight("stale", "Stale: the server is loading its boards again");
  else if (error.status) setLight("stale", `Stale: the server answers with an error (${error.status})`);
  else setLight("offline", lastAnswer ? `Offline since ${timeOfDay(lastAnswer)}` : "Offline: no answer from the server");
}

// ---- news for screen readers --------------------------------------------------------------------------------------

let lastNews = { at: -Infinity, first: null };

function tellNews(answers) {
  const leader = answers[0].entries[0];
  const now = performance.now();
  if (!leader || leader.concertScheduleId === lastNews.first || now - lastNews.at < NEWS_EVERY_MS) return;
  byId("news").textContent = `${leader.title ?? leader.concertScheduleId} now leads the last 5 minutes, with ${count(leader.score)} tickets.`;
  lastNews = { at: now, first: leader.concertScheduleId };
}

// ---- the round ----------------------------------------------------------------------------------------------------

async function round() {
  try {
    const answers = await Promise.all(boards.map(([url]) => ask(url)));
    lastAnswer = new Date();
    boards.forEach(([, board], index) => board.update(answers[index].entries));
    showCompleteness(answers);
    tellNews(answers);
    await learnListings([...new Set(answers.flatMap((answer) => answer.entries.map((entry) => entry.concertScheduleId)))]);
  } catch (error) {
    showFailure(error);
  }
}

let timer = null;

async function loop() {
  clearTimeout(timer);
  timer = null;
  const started = performance.now();
  await round();
  const every = document.hidden ? HIDDEN_POLL_MS : POLL_MS;
  timer = setTimeout(loop, Math.max(100, every - (performance.now() - started)));
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && timer !== null) loop();       // back in front: at once, not in ten seconds
});

loop();
