// Another model: by its name on the Hub, by an address, from a folder on the disk.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import type { StudioModel } from "../engine/model.ts";
import { reasonOf, t } from "../i18n/index.ts";
import { Icon } from "../ui/icon.tsx";
import { newId } from "../store/records.ts";
import { addModel, chooseModel } from "./library.ts";

type Picker = (options: { readonly id: string; readonly mode: "read" }) => Promise<FileSystemDirectoryHandle>;

export function AddModel(): JSX.Element {
  const picker = (globalThis as unknown as { readonly showDirectoryPicker?: Picker }).showDirectoryPicker;
  const failure = useSignal<string | undefined>(undefined);
  const add = async (model: StudioModel): Promise<void> => {
    await addModel(model);
    await chooseModel(model);
  };
  const pick = async (): Promise<void> => {
    failure.value = undefined;
    try {
      const directory = await picker!({ id: "model", mode: "read" });
      await add({ id: newId(), name: directory.name, kind: "folder", source: { directory } });
    } catch (error) {
      if ((error as Error).name !== "AbortError") failure.value = reasonOf(error as Error);
    }
  };
  return (
    <section class="card stack" aria-labelledby="add-model">
      <h2 id="add-model">{t.value.models.add}</h2>
      <Ask
        label={t.value.models.hubName}
        hint={t.value.models.hubHint}
        onGive={(name) => void add({ id: `hub:${name}`, name, kind: "hub", source: { hub: name } })}
      />
      <Ask
        label={t.value.models.address}
        hint={t.value.models.addressHint}
        onGive={(address) =>
          void add({ id: `address:${address}`, name: nameOf(address), kind: "address", source: { cached: address } })
        }
      />
      <div>
        <button disabled={!picker} onClick={() => void pick()}>
          <Icon name="file" />
          {t.value.models.folder}
        </button>
        <p class="small soft">{picker ? t.value.models.folderHint : t.value.models.noFolders}</p>
        {failure.value !== undefined && (
          <p class="small bad" role="alert">
            {failure.value}
          </p>
        )}
      </div>
    </section>
  );
}

/** An address's last part. */
const nameOf = (address: string): string =>
  address
    .replace(/[?#].*$/, "")
    .split("/")
    .filter(Boolean)
    .at(-1) ?? address;

interface AskProps {
  readonly label: string;
  readonly hint: string;
  readonly onGive: (text: string) => void;
}

function Ask({ label, hint, onGive }: AskProps): JSX.Element {
  const id = useId();
  const text = useSignal("");
  const give = (event: Event): void => {
    event.preventDefault();
    if (text.value.trim() === "") return;
    onGive(text.value.trim());
    text.value = "";
  };
  return (
    <form class="ask" onSubmit={give}>
      <label for={id}>{label}</label>
      <div class="row">
        <input
          id={id}
          value={text.value}
          aria-describedby={`${id}-hint`}
          autocapitalize="none"
          spellcheck={false}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
        <button disabled={text.value.trim() === ""}>{t.value.models.addIt}</button>
      </div>
      <p id={`${id}-hint`} class="small soft">
        {hint}
      </p>
    </form>
  );
}
