import type { Messages } from "../messages.ts";
import { app } from "./app.ts";
import { look } from "./look.ts";
import { models } from "./models.ts";
import { reasons } from "./reasons.ts";
import { teach } from "./teach.ts";
import { write } from "./write.ts";

export const fr: Messages = { app, write, teach, models, look, reasons };
