import type { JSX } from "preact";
import { t } from "../i18n/index.ts";

export default function Screen(): JSX.Element {
  return (
    <div class="page">
      <h1>{t.value.models.title}</h1>
    </div>
  );
}
