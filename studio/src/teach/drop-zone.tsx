// Where books are dropped, or chosen by keyboard and pointer.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useId, useRef } from "preact/hooks";
import { formatBytes, t } from "../i18n/index.ts";
import { Icon } from "../ui/icon.tsx";
import { ACCEPTED } from "./books.ts";

interface Props {
  readonly files: readonly File[];
  readonly onChange: (files: readonly File[]) => void;
}

export function DropZone({ files, onChange }: Props): JSX.Element {
  const words = t.value.teach;
  const isOver = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const add = (more: Iterable<File>): void => {
    const added = [...more];
    if (added.length === 0) return;
    onChange([...files.filter((file) => !added.some(({ name }) => name === file.name)), ...added]);
  };
  return (
    <div
      class={`drop-zone${isOver.value ? " over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        isOver.value = true;
      }}
      onDragLeave={() => void (isOver.value = false)}
      onDrop={(event) => {
        event.preventDefault();
        isOver.value = false;
        add(event.dataTransfer?.files ?? []);
      }}
    >
      <p>
        <label for={id}>{words.drop}</label>
      </p>
      <p class="soft small">{words.dropHint}</p>
      <input
        ref={input}
        id={id}
        class="visually-hidden"
        type="file"
        multiple
        accept={ACCEPTED}
        onChange={(event) => {
          add(event.currentTarget.files ?? []);
          event.currentTarget.value = "";
        }}
      />
      <button type="button" onClick={() => input.current?.click()}>
        <Icon name="upload" />
        {words.choose}
      </button>
      {files.length > 0 && (
        <ul class="files">
          {files.map((file) => (
            <li key={file.name}>
              <Icon name="file" />
              <span>{file.name}</span>
              <span class="soft small">{formatBytes(file.size)}</span>
              <button
                type="button"
                class="icon quiet"
                aria-label={words.remove(file.name)}
                onClick={() => onChange(files.filter((each) => each !== file))}
              >
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
