// The engine's sentences that a writer can meet, by how they begin or what only they say. It speaks English and to all
// its users; reasons.ts says the same in the page's words. The first that fits counts; what a pattern's groups find is
// what the text is given.
import type { Messages } from "./messages.ts";

export type Kind = Exclude<keyof Messages["reasons"], "other">;
type Pattern = readonly [kind: Kind, pattern: RegExp];

/** A sentence around another, which is the last of the groups. */
export const AROUND_ANOTHER: ReadonlySet<Kind> = new Set(["modelNotSaved", "notSavedGoesOn", "notRemoved", "keptCopy"]);

const AROUND: readonly Pattern[] = [
  ["modelNotSaved", /^The trained model could not be saved: (.*) Of the run /],
  ["notSavedGoesOn", /^\S+ was not saved: (.*) Training goes on\.$/],
  ["notRemoved", /^an older checkpoint was not removed: (.*) Training goes on\.$/],
  ["keptCopy", /^(.*) The copy (?:that is kept here|of \S+ that is kept here) is used\.$/],
];

/** Of the machine that computes. */
const COMPUTING: readonly Pattern[] = [
  ["deviceLost", /^The GPU device was lost/],
  ["outOfMemory", /^The GPU is out of memory/],
  ["noAdapter", /^No WebGPU adapter was found/],
  ["notSecure", /^This page has no WebGPU because it is not a secure context/],
  ["noWebGpu", /^This browser has no WebGPU/],
  ["workerEnded", /^The engine's worker has ended/],
  ["tooLarge", /^The model does not fit this device|^The GPU cannot hold|^The key-value cache of/],
  ["tooLarge", /sequences at once, whose scores alone take|^The attention of .* takes/],
  ["tuned", /^kernels for this adapter: (\S+) forms tried in (\S+) s/],
  ["tunedWrong", /^wrong on this adapter, and so left out: (.*)$/],
  ["tunedNotKept", /^not kept for the next run:/],
];

const DISK: readonly Pattern[] = [
  ["storageFull", /the storage is full;/],
  ["noRoom", /^(\S+): (\S+) bytes are to come, and the browser gives this site (\S+) more/],
  ["notAllowed", /permission is denied or has ended/],
  ["noStorage", /the browser denies this page its storage|this page has no private file system/],
  ["busyFile", /another tab or worker is writing it/],
  ["onlyReads", /this browser only reads here|this browser cannot list a folder's files/],
  ["changedOnDisk", /^Cannot \S+ (\S+): (?:it was changed or removed|it is no empty folder|there is no such|VALUE)/],
];

const NET: readonly Pattern[] = [
  ["noSuchFile", /^(.*?)\/?([^/\s]+): (?:there is no such file on the server|the server has no such file any more)/],
  ["cannotFetch", /^(\S+): cannot be fetched/],
  ["brokeOff", /^(\S+): the connection broke off/],
  ["changedOnServer", /^(\S+) (?:has changed|changed \S+ times) while it was fetched/],
  ["damagedCopy", /^What is kept of (\S+) from \S+ is damaged/],
  ["cannotReach", /^Cannot reach the Hub at \S+ for (\S+):/],
  ["serverRefused", /^(\S+): the server answered (\S+)/],
  ["cutShort", /^(\S+).* Load it again when the network is back/],
  ["notOnHub", /^Neither a folder here nor a model on the Hub is named (\S+)/],
  ["notOnHub", /^(\S+) has no revision \S+ on the Hub/],
  ["gated", /^(\S+) is gated/],
  ["tooManyRequests", /^The Hub has had too many requests/],
  ["hubForbids", /^The Hub (?:refuses the token for|forbids access to) (\S+)/],
  ["hubFails", /^The Hub at .* fails on (\S+)/],
  ["hubLacks", /^(\S+) has no file (\S+) on the Hub/],
  ["notAHub", /^\S+ (?:answers with more than|names no commit for)/],
  ["badName", /^No model on the Hub can be named (\S+): names look like/],
  ["badAddress", /^(\S+) is no http\(s\) address/],
];

/** Of a model's folder. */
const MODEL: readonly Pattern[] = [
  ["notATokenizer", /^(\S+): .*; use a GPT-2 tokenizer/],
  ["badTokenizer", /use the tokenizer that (?:belongs to the model|was saved with the model)/],
  ["badTokenizer", /^The tokenizer (?:has no special token|reads "a|has no end-of-text token)/],
  ["badTokenizer", /^The special tokens \S+ and \S+ share the id|add_bos_token or add_eos_token is true/],
  ["badTokenizer", /: (?:no token has id|token \S+ has id|id \S+ belongs to both|merge \S+ \(|the vocabulary lacks)/],
  ["badTokenizer", /: added token \S+ has id|^The vocabulary has no token|^The added tokens have more than/],
  ["badTokenizer", /: no tokenizer\.json and no|^The text has .*, and the tokenizer's vocabulary lacks/],
  ["adapterModel", / is an adapter (?:of|that)|: the adapter does not fit|adapter_config\.json|^LoRA: /],
  [
    "adapterModel",
    /^The adapter trains the row of token|holds all rows of wte, as PEFT saves them|: no \S+ beside \S+;/,
  ],
  ["adapterModel", /^(?:target_modules|trainable_token_indices) is /],
  ["adapterModel", /which this engine does not compute.*; merge the adapter|one r and alpha for all layers/],
  ["otherWeights", /, the only weight format read here; convert it/],
  ["notGpt2", /^(\S+): .*(?:wanted the folder of a GPT-2 model|wanted the config\.json of a GPT-2 model)/],
  ["notGpt2", /^(\S+): .*(?:are not those of the model that config\.json describes|GPT-2 with a tied head only)/],
  ["notGpt2", /^(\S+): .*GPT-2's head is tied to it/],
  ["notGpt2", /^((?:\S*\/)?config\.json): (?!not valid JSON|nested more|wanted a JSON object|a Git LFS)/],
  ["notGpt2", /^(\S+)(?: is .*)?, which this engine does not compute \(wanted .*; use a model without it/],
  ["notGpt2", /^(\S+) is \S+ but \S+ is \S+, two names of one thing/],
  ["modelSettings", /generation_config\.json: (?!ignored|not valid JSON|nested more)/],
  ["modelSettings", /, which this engine does not do; remove it|write the options as \{"name": value\}/],
  ["settingsIgnored", /: ignored .*no option of generate\(\)\.$|generation_config\.json: ignored /],
  ["settingsIgnored", /^\S+: ignored /],
  ["tensorsIgnored", /in the weights (?:is|are|\S+) no part of the language model and left unused/],
  ["tokensLacking", /^the tokenizer of \S+ has .* that the model lacks; a text with it is refused/],
  ["noTemplate", /this model was not trained to fill gaps|^This model was not trained to fill gaps/],
  ["noModel", /^The engine has no model/],
  ["tooLargeNumbers", /^Tensor \S+ holds|too large for float32|, too large for f16/],
  [
    "damaged",
    /^(\S+?):? .*(?:restore the file|is not the name of a file inside this folder|convert the weights first)/,
  ],
  ["damaged", /^(\S+) and \S+ contradict each other/],
];

/** Of what a writer wishes for a gap. */
const GAP: readonly Pattern[] = [
  ["unknownField", /metadata field (\S+) is unknown, wanted one of ([^;]*);/],
  ["badLength", /metadata field "length" is (\S+), wanted/],
  ["badMarked", /metadata field (\S+) is (.*), wanted one of (.*), which have a marker/],
  ["twiceInGap", /the gap gives (\S+) twice/],
  ["mixedGap", /: (.+) stands among key=value pairs/],
  ["marker", / contains (\S+), which marks the layout/],
  ["openingTooLong", /^The prompt needs \S+ tokens for its markers and prefix/],
  ["noPlaceForText", /^Of the \S+ positions of the context|^The prompt has .* to follow, and the context has/],
  ["noPlaceForText", /^A text as asked for needs at least|^The prompt in row \S+ has .* positions;/],
  ["textTooLong", /^The text has (\S+) tokens, and this model sees from 1 to (\S+) at once/],
  ["candidateTooLong", /^A candidate has \S+ tokens, and the context/],
  ["tooManyNames", /^The constraints need at least \S+ new tokens/],
  ["avoidedButGiven", /^(.+) must not occur and stands in the given text/],
  ["avoidedButWanted", /^(.+) must occur and (.+) must not/],
  ["wantedTwice", /^(.+) must occur twice over/],
  ["noWord", /^(.+) names no word;/],
  ["markerAvoided", /^(.+) is asked for, and has a marker/],
  ["brokenModel", /^The model gives (?:no usable logits|losses that are not numbers)/],
];

/** Of books, and of learning from them. */
const BOOKS: readonly Pattern[] = [
  ["noText", /: the file holds no text/],
  ["notThisFormat", /: not a readable text but [^;]*?\b([A-Z]{2}\w*)/],
  ["notReadable", /: not a readable text|: not valid UTF-8|: not UTF-8, and its letters/],
  ["tooLargeBook", /: has \S+ MB, and at most|: unpacked, it is larger than a book/],
  ["copyProtected", /locked by copy protection/],
  ["password", /locked by a password/],
  ["damagedBook", /: damaged or cut short \(|: its (?:elements|parts) are nested/],
  ["noPassages", /: no usable triple of paragraphs|^The books give no example for/],
  ["verse", /: looks like .*, and examples are made of paragraphs of prose/],
  ["tooFew", /^None of the .* examples has a token to learn|^There are \S+ (?:examples|batches)/],
  ["tooFew", /^No label counts in this batch/],
  ["otherRun", /belongs to another run|does not say which run it belongs to|^The optimizer state/],
  ["otherRun", /it is no state that training saved|wanted a checkpoint-<step> folder/],
  ["diverged", /: the run has diverged/],
  ["runNotSaved", /^The run stopped at step (\S+), which could not be saved/],
  ["noGguf", /which llama\.cpp's gpt2 does not compute|llama\.cpp would end texts/],
];

export const PATTERNS: readonly Pattern[] = [
  ...AROUND,
  ...COMPUTING,
  ...DISK,
  ...NET,
  ...BOOKS,
  ...MODEL,
  ...GAP,
  ["damaged", /^(\S+): .*(?:fetch|so fetch)(?: or save)? (?:it|the file|index and shards) again/],
  ["damaged", /^(\S+): .*(?:a Git LFS pointer|not valid JSON|nested more than|no tensor|fetch the \.safetensors file)/],
  ["damaged", /^(\S+) is \S+, wanted two pieces with a space between/],
];
