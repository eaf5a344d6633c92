// The language of the page, for every component under it: texts, formats, and the `lang` of the document.

import { createContext, useContext, useEffect, useMemo } from "./vendor/htm-preact.js";
import { formatsIn } from "./format.js";
import { textsIn } from "./i18n.js";

export const Speech = createContext(null);

/** { t, f, language }: texts and formats of the language that is shown. */
export const useSpeech = () => useContext(Speech);

/** The speech of a language; the document says which one it is, for screen readers and fonts. title: a text's name. */
export function useSpeechIn(language, title) {
  const speech = useMemo(() => ({ t: textsIn(language), f: formatsIn(language), language }), [language]);
  useEffect(() => {
    document.documentElement.lang = language;
    document.title = speech.t(title);
  }, [speech, title]);
  return speech;
}
