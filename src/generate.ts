// Command line: writes the paragraph between two others, or goes on from a prompt. See --help.
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { writeFile } from "node:fs/promises";
import { UserError } from "./errors.ts";
import { announce } from "./cli/announce.ts";
import { formatDuration, formatRate } from "./cli/format.ts";
import { parseFlags } from "./cli/flags.ts";
import { answerLine, openAnswers } from "./cli/generate-batch.ts";
