// Names that the engine gives, in the interface's language.
import { t } from "./index.ts";
import { LANGUAGES } from "./language.ts";

/** A field of metadata; a model's own as it names them. */
export function fieldName(field: string): string {
  const { fields, nameClasses, length } = t.value.write;
  const known: Readonly<Record<string, string>> = { ...fields, ...nameClasses, length };
  return known[field] ?? field;
}

/** A length's class as a word; whatever else stands in a field is the writer's. */
export function fieldValue(field: string, value: string): string {
  const lengths: Readonly<Record<string, string>> = t.value.write.lengths;
  return field === "length" ? (lengths[value] ?? value) : value;
}

/** The demo's name was kept in the language of that day. */
export function modelName(kept: string): string {
  const isDemo = Object.values(LANGUAGES).some(({ app }) => app.demoName === kept);
  return isDemo ? t.value.app.demoName : kept;
}

/** What computes: a card's own name, or a program on the processor. */
export function adapterName(description: string): string {
  const [name, where] = description.split(", on the processor");
  return where === undefined ? description : t.value.models.onProcessor(`${name}${where}`);
}
