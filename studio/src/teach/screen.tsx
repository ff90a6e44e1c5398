import type { JSX } from "preact";
import { t } from "../i18n/index.ts";

export default function Screen(): JSX.Element {
  return (
    <div class="page">
      <h1>{t.value.teach.title}</h1>
      <p class="soft">{t.value.teach.lead}</p>
    </div>
  );
}
