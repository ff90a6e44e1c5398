// All documents: open, begin, remove.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { formatDate, reasonOf, t } from "../i18n/index.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { createDocument, documents, open, openDocument, refreshDocuments, removeDocument } from "./desk.ts";

export function DocumentsDialog({ onClose }: { readonly onClose: () => void }): JSX.Element {
  const removing = useSignal<string | undefined>(undefined);
  const failure = useSignal<string | undefined>(undefined);
  useEffect(() => void refreshDocuments(), []); // other tabs have theirs
  const remove = async (id: string): Promise<void> => {
    try {
      await removeDocument(id);
      failure.value = undefined;
    } catch (error) {
      failure.value = reasonOf(error as Error);
    }
    removing.value = undefined;
  };
  return (
    <Dialog title={t.value.write.documents} onClose={onClose}>
      <ul class="documents">
        {documents.value.map(({ id, title, updated }) => (
          <li key={id} class="row">
            <button
              class="quiet name"
              aria-current={id === open.value?.id ? "true" : undefined}
              onClick={() => void openDocument(id).then(onClose)}
            >
              <span>{title || t.value.write.untitled}</span>
              <span class="small soft">{formatDate(updated)}</span>
            </button>
            {removing.value === id ? (
              <button class="danger" onClick={() => void remove(id)}>
                {t.value.write.removeForGood}
              </button>
            ) : (
              <button
                class="quiet icon"
                aria-label={t.value.write.remove(title || t.value.write.untitled)}
                onClick={() => (removing.value = id)}
              >
                <Icon name="trash" />
              </button>
            )}
          </li>
        ))}
      </ul>
      {failure.value !== undefined && (
        <p class="notice bad" role="alert">
          {failure.value}
        </p>
      )}
      <div class="row">
        <button class="primary" onClick={() => void createDocument(t.value.write.untitled).then(onClose)}>
          <Icon name="plus" />
          {t.value.write.newDocument}
        </button>
      </div>
    </Dialog>
  );
}
