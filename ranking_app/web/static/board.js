// One board: keeps a row per show, moves rows to their new places, and lets the eye follow (FLIP: measure where rows
// were, put them where they belong, and slide each from its old place). Text goes in as text, never as HTML.

import { count, duration, percent } from "./format.js";

const SLIDE_MS = 500;
const MOVE_SHOWN_MS = 8000;     // how long "▲ 2" stays beside a rank
const stillness = matchMedia("(prefers-reduced-motion: reduce)");

export class Board {
  /** section: the element to fill. name: its caption. scoreName: heading of the score's column. */
  constructor(section, { name, note, scoreName, scoreText, describe }) {
    section.append(document.getElementById("board-template").content.cloneNode(true));
    section.querySelector(".name").textContent = name;
    section.querySelector(".note").textContent = note;
    section.querySelector("thead .score").textContent = scoreName;
    this.name = name;
    this.section = section;
    this.body = section.querySelector("tbody");
    this.scoreText = scoreText ?? ((entry) => count(entry.score));
    this.describe = describe;
    this.rows = new Map();      // concertScheduleId -> Row
    this.shown = false;         // the first answer is not news: nothing has moved yet
  }

  /** Show these entries (the API's, best first). */
  update(entries) {
    const before = new Map([...this.rows].map(([id, row]) => [id, row.element.getBoundingClientRect().top]));
    const ids = new Set(entries.map((entry) => entry.concertScheduleId));
    for (const [id, row] of this.rows) {
      if (!ids.has(id)) {
        row.element.remove();
        this.rows.delete(id);
      }
    }
    entries.forEach((entry, index) => this.place(entry, index));
    this.section.classList.toggle("is-empty", entries.length === 0);
    if (this.shown && !stillness.matches && !document.hidden) this.slide(before);
    this.shown = true;
  }

  place(entry, index) {
    let row = this.rows.get(entry.concertScheduleId);
    if (!row) {
      row = new Row(this.shown);
      this.rows.set(entry.concertScheduleId, row);
    }
    // Only rows that are out of place are moved in the document: moving one drops a selection and a screen
    // reader's place in it.
    if (this.body.children[index] !== row.element) this.body.insertBefore(row.element, this.body.children[index] ?? null);
    row.show(entry, this.scoreText(entry), this.describe(entry.concertScheduleId));
  }

  slide(before) {
    const moved = [];
    for (const [id, row] of this.rows) {
      row.sliding?.cancel();
      moved.push([row, before.get(id), row.element.getBoundingClientRect().top]);     // read all, then write all
    }
    for (const [row, from, to] of moved) {
      if (from === undefined) row.sliding = row.element.animate([{ opacity: 0 }, { opacity: 1 }], SLIDE_MS);
      else if (Math.abs(from - to) > 1) {
        const frames = [{ transform: `translateY(${from - to}px)` }, { transform: "none" }];
        row.sliding = row.element.animate(frames, { duration: SLIDE_MS, easing: "cubic-bezier(.2, .7, .2, 1)" });
      }
    }
  }
}

class Row {
  constructor(isNew) {
    const content = document.getElementById("row-template").content.cloneNode(true);
    this.element = content.querySelector("tr");
    this.part = (name) => this.element.querySelector(`.${name}`);
    this.isNew = isNew;
    this.rank = null;
    this.movedAt = -Infinity;
  }

  show(entry, score, listing) {
    this.showMove(entry.rank);
    set(this.part("place"), String(entry.rank));
    set(this.part("title"), entry.title ?? listing?.title ?? entry.concertScheduleId);
    set(this.part("where"), [listing?.day, listing?.venue, listing?.region].filter(Boolean).join(" · "));
    set(this.part("score"), score);
    this.showSeats(entry);
  }

  showMove(rank) {
    const now = performance.now();
    if (this.rank !== null && rank !== this.rank) {
      this.climbed = (now - this.movedAt < MOVE_SHOWN_MS ? this.climbed : 0) + this.rank - rank;
      this.movedAt = now;
      this.isNew = false;
    } else if (this.isNew && this.rank === null) {
      this.movedAt = now;
    }
    this.rank = rank;
    const fresh = now - this.movedAt < MOVE_SHOWN_MS;
    const steps = Math.abs(this.climbed ?? 0);
    const direction = !fresh ? "" : this.isNew ? "new" : this.climbed > 0 ? "up" : this.climbed < 0 ? "down" : "";
    this.element.dataset.move = direction;
    set(this.part("move"), { up: `▲${steps}`, down: `▼${steps}`, new: "new" }[direction] ?? "");
    set(this.part("move-text"), { up: `, up ${steps}`, down: `, down ${steps}`, new: ", new" }[direction] ?? "");
  }

  showSeats(entry) {
    const known = entry.capacity !== null;
    const soldOut = entry.status === "soldOut";
    this.element.dataset.status = entry.status;
    const seats = known ? `${count(entry.sold)} of ${count(entry.capacity)}` : count(entry.sold);
    const state = soldOut ? "sold out" : entry.status === "reopened" ? "seats are back" : known ? percent(entry.soldRatio) : "";
    set(this.part("seats"), state ? `${seats} · ${state}` : seats);
    this.part("bar").hidden = !known;
    this.part("fill").style.transform = `scaleX(${known ? Math.min(1, Math.max(0, entry.soldRatio)) : 0})`;
  }
}

/** The text, written only where it differs: an unchanged node is not laid out or announced again. */
function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export const sellOutScore = (entry) => duration(entry.score);
