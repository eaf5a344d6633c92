// Light or dark: the system's choice, or the visitor's own, which stays in this browser.

import { html, useState } from "./vendor/htm-preact.js";
import { useSpeech } from "./speech.js";

const KEPT_AS = "theme";

function kept() {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null;        // storage is switched off: the system's choice it is
  }
}

function show(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  try {
    if (theme) localStorage.setItem(KEPT_AS, theme);
  } catch {
    // It then lasts as long as the page.
  }
}

show(kept());           // before the first component is drawn: no flash of the other one

const isDark = () =>
  (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

export function ThemeButton() {
  const { t } = useSpeech();
  const [dark, setDark] = useState(isDark());
  const toggle = () => {
    show(dark ? "light" : "dark");
    setDark(!dark);
  };
  return html`<button type="button" class="plain icon" aria-pressed=${String(dark)} aria-label=${t("theme")}
    title=${t("theme")} onClick=${toggle}>
    <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
      <circle class="stroke" cx="12" cy="12" r="9" /><path d="M12 3a9 9 0 0 1 0 18z" fill="currentColor" />
    </svg>
  </button>`;
}
