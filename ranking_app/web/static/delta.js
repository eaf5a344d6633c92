// What a stream's message makes of the board that was known before. Pure: messages in, answers out.

/** The board of a stream of one after a `snapshot` or a `delta` message, or null when it cannot be known. */
export function boardAfter(before, kind, message) {
  const [sent] = message.boards;
  if (kind === "snapshot") return sent ?? null;
  if (before === null) return null;
  if (!sent) return before;
  const known = new Map(before.entries.map((entry) => [entry.concertScheduleId, entry]));
  const entries = sent.entries.map((entry) => (typeof entry === "string" ? known.get(entry) : entry));
  return entries.includes(undefined) ? null : { ...before, ...sent, entries };
}
