// What the figures of the page mean, for whoever reads it without its author.
import type { Explanation } from "../explanation.ts";

export function readingNotes({ attention, prompts }: Explanation): string {
  const beams = prompts.some(({ beams }) => beams);
  const notes = [
    "<b>Chosen from</b>: the distribution that the token was taken or drawn from, " +
      "the softmax of the scores after every option had its say (penalties, forbidden tokens, guidance, " +
      "temperature, top-k, top-p). <b>Model’s own</b>: the softmax of the model’s logits, before any of it. " +
      "Where the two agree to a hundredth, one is shown. “Removed” is a token that the options made impossible.",
    "<b>Log-probability</b>: the natural logarithm of the probability; its negative is the <b>surprisal</b>, " +
      "in nats. <b>Rank</b> 1 is the most probable token. <b>Entropy</b>: " +
      "the surprisal to be expected of a draw from the whole distribution; 0 where one token is certain.",
    "<b>Spaces</b> in a token by itself are shown as ␣, line breaks as ↵; " +
      "bytes that are only a part of a character as ⟨E2⟩; characters that do not print by their code, ⟨U+200B⟩.",
    "Struck-through tokens were generated, and cut off again behind the last whole sentence.",
    ...(attention
      ? [
          "<b>Attention</b>: how much each earlier token counted where this one was chosen, " +
            "which is at the token before it. A row of weights sums to 1. The tint grows with the weight, " +
            "a little faster at first, up to the greatest one; the first token, " +
            "on which heads with nothing to look at rest, is left out of that measure. " +
            "Weights are kept to a 255th of their row’s greatest. Layers and heads are counted from 0. " +
            "In the grid the thin line is where the generated text begins; a click chooses layer and head, " +
            "a second one the mean again. With guidance this is the run with the prompt.",
        ]
      : []),
    ...(beams
      ? [
          "<b>Beams</b>: in each step every kept text is extended by every token, " +
            "and the best by summed score are kept; lanes are in their order, the best on top. " +
            "A text that takes an end token leaves the lanes, and competes by its sum divided by its length to " +
            "the power of length_penalty. “Added to beam” is what the options left of the log-probability; " +
            "it is not normalised again, so it may differ from the one above it. " +
            "Numbers of beams on this page count from 1.",
        ]
      : []),
  ];
  return (
    "<details><summary>How to read this page</summary>" +
    `<ul>${notes.map((note) => `<li>${note}</li>`).join("")}</ul></details>`
  );
}
