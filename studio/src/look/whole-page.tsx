// The package's own page of an explanation, with beams and every head of every layer: inside a frame that can reach
// nothing, and as a file.
import { useMemo } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { explanationPage } from "../../../src/entries/explain.ts";
import type { Explanation } from "../../../src/entries/explain.ts";
import { t } from "../i18n/index.ts";
import { Icon } from "../ui/icon.tsx";
import { saveFile } from "../ui/save-file.ts";

export function WholePage({ explanation }: { readonly explanation: Explanation }): JSX.Element {
  const words = t.value.look;
  const isOpen = useSignal(false);
  const page = useMemo(() => explanationPage(explanation), [explanation]);
  const save = (): void => saveFile(new Blob([page], { type: "text/html" }), "inside.html");
  return (
    <details class="whole" onToggle={(event) => void (isOpen.value = event.currentTarget.open)}>
      <summary>{words.everything}</summary>
      <div class="stack">
        <div class="row">
          <p class="soft small">{words.everythingHint}</p>
          <button type="button" onClick={save}>
            <Icon name="download" />
            {words.saveAsPage}
          </button>
        </div>
        {isOpen.value && <iframe title={words.everything} sandbox="allow-scripts" srcDoc={page} />}
      </div>
    </details>
  );
}
