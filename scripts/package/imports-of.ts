// What a JavaScript module imports: by its syntax, since strings speak of imports as well.
import { parseSync } from "rolldown/utils";

/** Throws Error where `text` is no module; import() of what is no plain string is left out. */
export function importsOf(text: string, file: string): string[] {
  const { module, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  const quoted = (request: { start: number; end: number }): string => text.slice(request.start, request.end);
  return [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest }) => moduleRequest?.value ?? []),
    ),
    ...module.dynamicImports.flatMap(
      ({ moduleRequest }) => /^["'`]([^$]*)["'`]$/.exec(quoted(moduleRequest))?.[1] ?? [],
    ),
  ];
}
