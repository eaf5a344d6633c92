// What is shown is in the address: a link or a reload shows the same, and back goes back.

import { useCallback, useEffect, useState } from "./vendor/htm-preact.js";

/** Filters that every board takes, as the API names them. */
export const SLICES = ["genre", "region", "venue", "capacityClass", "showFrom", "showTo"];

/** Parameters of single boards; they go with their board. */
export const OWN = ["by", "status", "blend"];

const KEPT = ["board", "window", ...OWN, ...SLICES, "limit", "asOf", "schedule", "lang"];

function read() {
  const given = new URLSearchParams(location.search);
  return Object.fromEntries(KEPT.filter((name) => given.get(name)).map((name) => [name, given.get(name)]));
}

function written(address) {
  const query = new URLSearchParams(KEPT.filter((name) => address[name]).map((name) => [name, address[name]]));
  return query.size > 0 ? `?${query}` : location.pathname;
}

/** [address, change]: change({window: "5m"}) is a step that back undoes; change(..., {step: false}) is none. */
export function useAddress() {
  const [address, setAddress] = useState(read);
  useEffect(() => {
    const onBack = () => setAddress(read());
    addEventListener("popstate", onBack);
    return () => removeEventListener("popstate", onBack);
  }, []);
  const change = useCallback((changes, { step = true } = {}) => {
    // From the address bar, not from what was last drawn: two changes in one go must not lose each other.
    const next = { ...read(), ...changes };
    if (written(next) !== (location.search || location.pathname)) {
      history[step ? "pushState" : "replaceState"](null, "", written(next));
    }
    setAddress(read());
  }, []);
  return [address, change];
}
