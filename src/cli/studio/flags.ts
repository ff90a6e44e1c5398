// The flags of src/studio.ts.
import { defineFlags } from "../shared/flags.ts";
import type { Program } from "../shared/flags.ts";

const flags = defineFlags({
  port: {
    type: "int",
    min: 0,
    max: 65535,
    default: 4718,
    group: "Where",
    help: "At http://localhost:<port>/; 0 is any that is free. Another port is another place: it has other documents.",
  },
  noOpen: { type: "bool", group: "Where", help: "Only say the address; open no browser." },
});

export const STUDIO: Program<typeof flags> = {
  command: "npx tsx src/studio.ts",
  summary:
    "Opens the studio, a page in which a writer fills gaps, teaches a model books and looks inside: served to this " +
    "machine alone, computed and kept in the browser. Ends with Ctrl-C; the page goes on as far as it was loaded.",
  flags,
};
