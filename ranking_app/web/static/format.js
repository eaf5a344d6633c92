// Numbers and times as people read them, in the language of the page.

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const UNIT_OF = { d: "day", h: "hour", m: "minute", s: "second" };

const dateOf = (time) => (time instanceof Date ? time : new Date(time));

/** The formats of one language; the browser's own variant of it (en-GB, ...) where it has one. */
export function formatsIn(language) {
  const locale = navigator.languages.find((tag) => tag.startsWith(language)) ?? language;
  const whole = new Intl.NumberFormat(locale);
  const tenths = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const share = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
  const growth = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0, signDisplay: "exceptZero" });
  const minute = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const second = { ...minute, second: "2-digit" };
  const date = { day: "numeric", month: "short" };
  const [day, minutes, seconds, dayMinutes, daySeconds] = [date, minute, second, { ...date, ...minute }, { ...date, ...second }]
    .map((parts) => new Intl.DateTimeFormat(locale, parts));
  const units = Object.fromEntries(UNITS.map(([unit]) =>
    [unit, new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "narrow" })]));

  /** 102 -> "1m 42s": the two largest units; negative when sold out before the sale opened. */
  function duration(length) {
    let rest = Math.abs(Math.round(length));
    const parts = [];
    for (const [unit, size] of UNITS) {
      const amount = Math.floor(rest / size);
      rest %= size;
      if (amount > 0 || parts.length > 0) parts.push([unit, amount]);
    }
    const shown = parts.slice(0, 2).filter(([, amount], index) => index === 0 || amount > 0);
    const text = shown.map(([unit, amount]) => units[unit].format(amount)).join(" ") || units.second.format(0);
    return length < 0 ? `−${text}` : text;
  }

  /** The time alone for today, with its day before and after: by these two formats. */
  const momentIn = (today, otherDay) => (time) => {
    const at = dateOf(time);
    return (at.toDateString() === new Date().toDateString() ? today : otherDay).format(at);
  };

  return {
    locale,
    count: (number) => whole.format(number),
    tenths: (number) => tenths.format(number),
    /** Rounded down, as soldRatio is: 99.99 % is not 100 %. */
    percent: (ratio) => share.format(Math.floor(ratio * 1000) / 1000),
    growth: (percent) => growth.format(percent / 100),
    clock: (time) => seconds.format(dateOf(time)),
    day: (time) => day.format(dateOf(time)),
    moment: momentIn(minutes, dayMinutes),
    /** To the second. */
    exact: momentIn(seconds, daySeconds),
    duration,
    /** "24h" stays hours: a window is named as it was asked for. */
    window: (text) => (/^\d+[smhd]$/.test(text) ? units[UNIT_OF[text.at(-1)]].format(Number(text.slice(0, -1))) : text),
  };
}

/** As the API writes a time: whole seconds, Z. */
export const isoOf = (milliseconds) => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");
