// One board, kept up to date: by the stream where it can be had, else by asking.

import { ask, queryOf } from "./api.js";
import { boardAfter } from "./delta.js";

const TICK_MS = 500;
const POLL_MS = 2000;
const QUIET_MS = 6000;          // a stream without a message, not even a heartbeat, is asked about
const PAST_POLL_MS = 15000;     // the past changes only by what comes late
const REOPEN_MS = 10000;

/**
 * Watch a board until the function that comes back is called.
 *
 * wanted: { board, own, shared, asOf }; own goes with this board (window, by, ...), shared with any (limit, genre, ...).
 * tell: is called with { answer, complete } for each news, and { failure } (a Refused) when asking failed.
 */
export function watchBoard(wanted, tell) {
  const watch = new Watch(wanted, tell);
  return () => watch.stop();
}

class Watch {
  constructor({ board, own, shared, asOf }, tell) {
    this.tell = tell;
    this.asOf = asOf;
    this.path = `/v1/rankings/${encodeURIComponent(board)}`;
    this.parameters = { ...own, ...shared, asOf };
    // Of one board the parameters stand outside of its name: a blend has commas, which would end the name.
    this.streamPath = `/v1/live?${queryOf({ boards: board, ...own, ...shared })}`;
    this.source = null;
    this.board = null;          // as the stream told it: deltas are relative to it
    this.shownAsOf = "";
    this.newsAt = -Infinity;    // anything from the server, by stream or by asking
    this.openedAt = -Infinity;
    this.asking = false;
    this.aborter = new AbortController();
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.onVisibility = () => this.tick();
    document.addEventListener("visibilitychange", this.onVisibility);
    this.tick();
    if (this.asOf) this.poll();
  }

  stop() {
    this.aborter.abort();
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.onVisibility);
    this.close();
  }

  tick() {
    if (document.hidden) {      // nobody looks: the server need not work
      this.close();
      return;
    }
    const now = performance.now();
    if (!this.asOf && !this.source && now - this.openedAt >= REOPEN_MS) this.open();
    const patience = this.asOf ? PAST_POLL_MS : this.source?.readyState === EventSource.OPEN ? QUIET_MS : POLL_MS;
    if (now - Math.max(this.newsAt, this.askedAt ?? this.openedAt) >= patience) this.poll();
  }

  open() {
    this.openedAt = performance.now();
    this.board = null;
    const source = new EventSource(this.streamPath);
    this.source = source;
    for (const kind of ["snapshot", "delta"]) {
      source.addEventListener(kind, (event) => this.hear(kind, JSON.parse(event.data)));
    }
    source.addEventListener("heartbeat", (event) => {
      const { asOf, complete } = JSON.parse(event.data);
      if (this.board) this.show({ ...this.board, asOf }, complete);
    });
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) this.close();       // refused: tried again later
      this.poll();                                                      // at once: is the server still there?
    });
  }

  close() {
    if (!this.source) return;
    this.source.close();
    this.source = null;
    this.openedAt = document.hidden ? -Infinity : performance.now();
  }

  hear(kind, message) {
    this.board = boardAfter(this.board, kind, message);
    if (this.board === null) {                  // a message was missed: a new stream begins with a snapshot
      this.close();
      this.openedAt = performance.now() - REOPEN_MS + POLL_MS;
      return;
    }
    this.board = { ...this.board, asOf: message.asOf };
    this.show(this.board, message.complete);
  }

  async poll() {
    if (this.asking) return;
    this.asking = true;
    this.askedAt = performance.now();
    try {
      const answer = await ask(this.path, this.parameters, this.aborter.signal);
      this.show(answer, answer.completeness.complete);
    } catch (failure) {
      if (!this.aborter.signal.aborted) this.tell({ failure });
    } finally {
      this.asking = false;
    }
  }

  show(answer, complete) {
    if (this.aborter.signal.aborted) return;
    this.newsAt = performance.now();
    if (answer.asOf < this.shownAsOf) this.tell({ complete });          // overtaken on the way: only proof of life
    else {
      this.shownAsOf = answer.asOf;
      this.tell({ answer, complete });
    }
  }
}
