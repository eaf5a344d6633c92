// Numbers and times as people read them, in the browser's language.

const whole = new Intl.NumberFormat();
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export const count = (number) => whole.format(number);

export const timeOfDay = (date) => clock.format(date);

/** The day of a show: what tells two dates of one act apart. */
export const dayOf = (date) => day.format(date);

/** Rounded down, as soldRatio is: 99.99 % is not "100 %". */
export const percent = (ratio) => `${Math.floor(ratio * 1000) / 10} %`;

/** 102 -> "1 min 42 s". The two largest units; negative when sold out before the sale opened. */
export function duration(seconds) {
  const sign = seconds < 0 ? "−" : "";
  const s = Math.abs(seconds);
  const parts = [
    [Math.floor(s / 86400), "d"],
    [Math.floor(s / 3600) % 24, "h"],
    [Math.floor(s / 60) % 60, "min"],
    [s % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first < 0) return "0 s";
  return sign + parts.slice(first, first + 2).filter(([amount]) => amount > 0).map((part) => part.join(" ")).join(" ");
}
