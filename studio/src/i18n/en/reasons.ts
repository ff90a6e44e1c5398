// What goes wrong, in a writer's words; the engine's own sentences are found by i18n/reasons.ts.
export const reasons = {
  deviceLost:
    "The graphics card was lost while it computed. Try again, with fewer suggestions or a smaller model if " +
    "memory was short.",
  outOfMemory:
    "The graphics card has no memory left: use a smaller model, fewer suggestions, or fewer passages an update.",
  noAdapter:
    "No graphics card was found that this page can compute with: switch hardware acceleration on in the browser's " +
    "settings, or update the card's driver.",
  noWebGpu: "This browser has no WebGPU: use a current Chrome, Edge, Firefox or Safari, with hardware acceleration on.",
  notSecure: "This page was not opened safely, so it may not compute: open it by https or from localhost.",
  workerEnded: "What computes has stopped. It starts again by itself; try once more.",
  storageFull:
    "The storage is full: free some, in Models, in the browser's settings for this site, or on the disk, and " +
    "try again.",
  noRoom: (file: string, wanted: string, free: string) =>
    `${file} needs ${wanted} more bytes, and the browser gives this page ${free}: free some space first.`,
  notAllowed: "The folder may no longer be read or written: choose it once more.",
  noStorage: "The browser keeps nothing for this page: check its settings, and that the window is no private one.",
  busyFile: "Another tab is writing this file; close it, or wait for it.",
  noSuchFile: (folder: string, file: string) =>
    `There is no ${file} at ${folder}, so no model can be read there: check the address.`,
  cannotFetch: (address: string) =>
    `${address} cannot be fetched: check the connection, and that the server allows other pages to read it (CORS).`,
  cannotReach: (name: string) => `The Hub cannot be reached for ${name}: check the connection.`,
  serverRefused: (address: string, status: string) =>
    `${address}: the server answers ${status}; check the address, or try again later.`,
  cutShort: (file: string) =>
    `${file} came in part only. Load it again when the connection is back: it goes on from there.`,
  notOnHub: (name: string) => `The Hub has no open model of the name ${name}: check the spelling.`,
  gated: (name: string) => `${name} is given only to those who accepted its terms on the Hub; choose another.`,
  tooManyRequests: "The Hub has had too many requests from here; wait some minutes.",
  badName: (name: string) => `${name} is no model's name: names look like gpt2 or owner/name.`,
  badAddress: (address: string) => `${address} is no address that begins with http:// or https://.`,
  damaged: (file: string) => `${file} is damaged or cut short: remove the model and load it again.`,
  notATokenizer: (file: string) => `${file} is none that GPT-2's models have: choose a GPT-2 model.`,
  noTemplate: "This model has not learnt to fill gaps; choose another, or teach it.",
  unknownField: (field: string, known: string) =>
    `This model has no place for “${field}”; it knows ${known}. Take it out of the gap's [[…]].`,
  badLength: (value: string) => `“${value}” is no length; write S, M or L.`,
  twiceInGap: (field: string) => `The gap's [[…]] gives ${field} twice; give it once.`,
  mixedGap: (part: string) =>
    `“${part}” stands among parts of the form name=value in the gap's [[…]]: write every part so, or one plain ` +
    "sentence.",
  marker: (token: string) => `The text contains ${token}, which is a sign of the model's own; remove it.`,
  openingTooLong: "The words to begin with are too long for this model; shorten them.",
  textTooLong: (tokens: string, most: string) =>
    `The text has ${tokens} pieces of words, and this model sees ${most} at most; choose a part of it.`,
  candidateTooLong: "A suggestion is too long to be judged by this model; shorten it.",
  tooManyNames: "So many names have no room in one text; pick fewer.",
  brokenModel: "The model gives no usable answers: its file is damaged, or its learning went astray; choose another.",
  noText: "the file holds no text.",
  notThisFormat: (format: string) => `this is ${format}; save it as text, Markdown, Word (.docx), EPUB or HTML first.`,
  notReadable: "this is no text that can be read; use text, Markdown, Word (.docx), EPUB or HTML.",
  copyProtected: "its text is locked by copy protection; use a copy without it.",
  password: "it is locked by a password; save the book without one.",
  damagedBook: "the file is damaged or cut short; fetch or save it again.",
  noPassages: "no passages of prose with paragraphs before and after them were found in it.",
  tooLarge: "This is too large for the graphics card: use a smaller model, fewer suggestions, or a shorter text.",
  tuned: (forms: string, seconds: string) =>
    `What computes fastest on this graphics card was found by ${forms} trials in ${seconds} s.`,
  tunedWrong: (what: string) => `The graphics card computes one thing wrongly, which is left out: ${what}.`,
  tunedNotKept: "What computes fastest here could not be kept; it is looked for again the next time.",
  onlyReads: "This browser only reads here and cannot write: use a newer one.",
  changedOnDisk: (file: string) => `${file} was changed or removed meanwhile: try again.`,
  brokeOff: (address: string) => `${address}: the connection broke off; try again.`,
  changedOnServer: (file: string) => `${file} was changed on its server while it came: load it again.`,
  damagedCopy: (name: string) => `What is kept of ${name} is damaged: load it again with a connection.`,
  hubForbids: (name: string) => `The Hub does not give ${name} to this page; choose another model.`,
  hubFails: (name: string) => `The Hub has a fault of its own with ${name}; try again later.`,
  hubLacks: (name: string, file: string) => `${name} has no ${file} on the Hub; choose another model, or try again.`,
  notAHub: "What answers there is not the Hub: check the connection, and what stands between it and this page.",
  badTokenizer:
    "What cuts the text into pieces of words (the tokenizer) is not whole in this model, or not its " +
    "own: choose another, or " +
    "fetch its files again.",
  adapterModel:
    "These are changes to another model (an adapter), which this page cannot put on it: merge the " +
    "two first, or choose " +
    "the whole model.",
  otherWeights:
    "This model's weights are in a format that this page does not read: choose one with a model.safetensors.",
  notGpt2: (file: string) =>
    `${file}: this is no GPT-2 model, or one with parts that this page does not compute; choose a GPT-2 model.`,
  modelSettings:
    "The model's generation_config.json asks for what this page does not do: choose another model, " +
    "or remove that file.",
  settingsIgnored: "Some of what its generation_config.json asks for has no effect here.",
  tensorsIgnored: "A part of its weights is of no use for writing and is left out.",
  tokensLacking: "It does not know all signs of its own tokenizer; a text with one of those is refused.",
  noModel: "No model is loaded: choose one in Models.",
  tooLargeNumbers:
    "The model has numbers that are too large for this: its file is damaged, or its learning went astray.",
  badMarked: (field: string, value: string, known: string) =>
    `“${value}” is not known for ${field}; this model knows ${known}.`,
  noPlaceForText:
    "There is not room enough in what this model sees for the text that is asked for: ask for a " +
    "shorter one, or shorten what " +
    "stands before and after.",
  avoidedButGiven: (word: string) => `“${word}” is to be avoided and stands in the given text; drop one of them.`,
  avoidedButWanted: (wanted: string, avoided: string) =>
    `“${wanted}” must occur and “${avoided}” must not, and no text has one without the other.`,
  wantedTwice: (word: string) => `“${word}” must occur twice over; name it once.`,
  noWord: (word: string) => `“${word}” is no word; write one.`,
  markerAvoided: (word: string) => `“${word}” is a sign of the model's own layout; leave it out.`,
  tooLargeBook: "the file is larger than a book can be; check that it is the right one, or split it.",
  verse: "it looks like verse, and the model learns from paragraphs of prose.",
  tooFew: "There are too few passages to learn from: add books.",
  otherRun: "What was saved of this learning is damaged, or of another: delete it, and teach the model once more.",
  diverged:
    "The learning went astray: the model's answers are no numbers any more. Teach it anew with a lower learning rate.",
  runNotSaved: (step: string) => `It stopped at update ${step}, which could not be saved.`,
  modelNotSaved: (reason: string) => `The model has learnt to its end and could not be saved. ${reason}`,
  notSavedGoesOn: (reason: string) => `The last save did not work; it goes on learning. ${reason}`,
  notRemoved: (reason: string) => `An older save could not be removed; it goes on learning. ${reason}`,
  keptCopy: (reason: string) => `The copy on this device is used. ${reason}`,
  noGguf: "llama.cpp cannot compute this model as it is, so there is no GGUF of it; download the zip.",
  /** What is none of the above is the engine's or the browser's own sentence. */
  other: (sentence: string) => sentence,
};
