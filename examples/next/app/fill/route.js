// The same on the server: POST { p1, p3 } gives the paragraph between.
import { Infiller } from "gpt2-webgpu/infill";

/** Loaded with the first request, and once. */
let infiller;

export async function POST(request) {
  const { p1, p3 } = await request.json();
  infiller ??= Infiller.load("public/demo");
  const { text } = await (await infiller).fill({ p1, p3 });
  return Response.json(text);
}
