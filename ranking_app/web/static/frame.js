// What both pages have around them.

import { html } from "./vendor/htm-preact.js";
import { useSpeech } from "./speech.js";
import { ThemeButton } from "./theme.js";

/** title: the name of a text. children: the light, and what else is at hand on that page. */
export function Header({ title, change, children }) {
  const { t, language } = useSpeech();
  const other = language === "en" ? "ko" : "en";
  return html`<header class="top">
    <h1>${t(title)}</h1>
    ${children}
    <div class="settings">
      <button type="button" class="plain" lang=${other}
        onClick=${() => change({ lang: other }, { step: false })}>${t("otherLanguage")}</button>
      <${ThemeButton} />
    </div>
  </header>`;
}

/** other: the name of the text that leads to the other page, at href. */
export function Footer({ other, href }) {
  const { t, language } = useSpeech();
  return html`<footer><nav aria-label=${t("more")}>
    <a href="${href}?lang=${language}">${t(other)}</a><a href="/docs">${t("api")}</a>
    <a href="/openapi.json">OpenAPI</a><a href="/metrics">Metrics</a>
  </nav></footer>`;
}
