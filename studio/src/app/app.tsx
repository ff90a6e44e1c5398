// The frame around the four screens: the way between them, the model in use, language and colours. A screen's own code
// comes when it is first opened.
import { useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { modelState } from "../engine/engine.ts";
import { chooseLanguage, formatDone, language, reasonOf, t } from "../i18n/index.ts";
import { LANGUAGE_NAMES } from "../i18n/language.ts";
import type { Language } from "../i18n/language.ts";
import { Icon } from "../ui/icon.tsx";
import { failure } from "./failure.ts";
import { addressOf, route, SCREENS } from "./route.ts";
import type { Screen } from "./route.ts";
import { chooseTheme, theme, THEMES } from "./theme.ts";
import type { Theme } from "./theme.ts";
import "./app.css";

/** Each module's default export is the screen. */
const LOADERS: Readonly<Record<Screen, () => Promise<{ readonly default: ComponentType }>>> = {
  write: () => import("../write/screen.tsx"),
  teach: () => import("../teach/screen.tsx"),
  models: () => import("../models/screen.tsx"),
  look: () => import("../look/screen.tsx"),
};

export function App(): JSX.Element {
  const main = useRef<HTMLElement>(null);
  const shown = route.value.screen;
  const first = useRef(true);
  useEffect(() => {
    document.title = `${t.value.app[shown]} · ${t.value.app.name}`;
    if (first.current) first.current = false;
    else main.current?.focus();
  }, [shown, language.value]);
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        {t.value.app.skip}
      </a>
      <header>
        <div class="brand">
          <img src="./icon.svg" alt="" />
          <span>{t.value.app.name}</span>
        </div>
        <nav aria-label={t.value.app.screens}>
          <ul>
            {SCREENS.map((screen) => (
              <li key={screen}>
                <a href={addressOf(screen)} aria-current={screen === shown ? "page" : undefined}>
                  <Icon name={screen} />
                  {t.value.app[screen]}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="settings">
          <ModelChip />
          <Choices />
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <ScreenOf screen={shown} />
        <Failure />
      </main>
    </div>
  );
}

function ScreenOf({ screen }: { readonly screen: Screen }): JSX.Element {
  const loaded = useSignal<Partial<Record<Screen, ComponentType>>>({});
  const failure = useSignal<string | undefined>(undefined);
  useSignalEffect(() => {
    const wanted = route.value.screen;
    failure.value = undefined;
    if (loaded.peek()[wanted]) return;
    LOADERS[wanted]().then(
      (module) => void (loaded.value = { ...loaded.peek(), [wanted]: module.default }),
      (error: Error) => void (failure.value = reasonOf(error)),
    );
  });
  const Shown = loaded.value[screen];
  if (Shown) return <Shown />;
  if (failure.value === undefined) return <p class="page soft">{t.value.app.loading}</p>;
  return (
    <div class="page">
      <p class="notice bad" role="alert">
        {t.value.app.screenFailed(failure.value)}
      </p>
    </div>
  );
}

function Failure(): JSX.Element | null {
  if (failure.value === undefined) return null;
  return (
    <div class="notice bad failure" role="alert">
      <span>{t.value.app.wentWrong(failure.value)}</span>
      <button class="quiet" onClick={() => (failure.value = undefined)}>
        {t.value.app.close}
      </button>
    </div>
  );
}

function ModelChip(): JSX.Element {
  const state = modelState.value;
  const said = sentenceOf(state);
  return (
    <a class="model-chip" href={addressOf("models")} aria-label={t.value.app.modelLabel(said)} title={said}>
      <span class={`dot ${state.is}`} />
      <span>{said}</span>
    </a>
  );
}

function sentenceOf(state: typeof modelState.value): string {
  switch (state.is) {
    case "none":
      return t.value.app.noModel;
    case "loading":
      return t.value.app.loadingModel(state.model.name, state.share === undefined ? "" : ` ${formatDone(state.share)}`);
    case "failed":
      return t.value.app.modelFailed(state.model.name);
    case "ready":
      return state.model.name;
  }
}

function Choices(): JSX.Element {
  const names: Readonly<Record<Theme, string>> = {
    system: t.value.app.themeSystem,
    light: t.value.app.themeLight,
    dark: t.value.app.themeDark,
  };
  return (
    <>
      <select
        aria-label={t.value.app.language}
        value={language.value}
        onChange={(event) => chooseLanguage(event.currentTarget.value as Language)}
      >
        {Object.entries(LANGUAGE_NAMES).map(([code, name]) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </select>
      <select
        aria-label={t.value.app.theme}
        value={theme.value}
        onChange={(event) => chooseTheme(event.currentTarget.value as Theme)}
      >
        {THEMES.map((each) => (
          <option key={each} value={each}>
            {names[each]}
          </option>
        ))}
      </select>
    </>
  );
}
