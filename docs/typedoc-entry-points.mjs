// A TypeDoc plugin: entry points are called as one imports them (gpt2-webgpu/infill, not entries/infill), and open with
// what their file says of itself in its first comment.
import { readFileSync } from "node:fs";
import { Comment, Converter, ReflectionKind } from "typedoc";

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      const file = new URL(`../src/${module.name}.ts`, import.meta.url); // its name is its path in src
      const lines = readFileSync(file, "utf8").split("\n");
      const comment = lines.slice(
        0,
        lines.findIndex((line) => !line.startsWith("//")),
      );
      const text = comment.map((line) => line.slice(2).trim()).join(" ");
      const said = text.replace(/^gpt2-webgpu[\w/]*: (.)/, (_, first) => first.toUpperCase());
      module.comment = new Comment([{ kind: "text", text: said }]);
      module.name = module.name.replace(/^index$/, "gpt2-webgpu").replace(/^entries\//, "gpt2-webgpu/");
    }
  });
}
