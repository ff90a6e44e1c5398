import type { Messages } from "../messages.ts";

export const reasons: Messages["reasons"] = {
  deviceLost:
    "La carte graphique a été perdue pendant le calcul. Réessayez, avec moins de propositions ou un modèle plus " +
    "petit si la mémoire manquait.",
  outOfMemory:
    "La carte graphique n’a plus de mémoire : prenez un modèle plus petit, moins de propositions ou moins de " +
    "passages par mise à jour.",
  noAdapter:
    "Aucune carte graphique avec laquelle cette page puisse calculer : activez l’accélération matérielle dans les " +
    "réglages du navigateur, ou mettez à jour le pilote de la carte.",
  noWebGpu:
    "Ce navigateur n’a pas WebGPU : utilisez un Chrome, Edge, Firefox ou Safari récent, avec l’accélération " +
    "matérielle.",
  notSecure:
    "Cette page n’a pas été ouverte de façon sûre et n’a donc pas le droit de calculer : ouvrez-la par https ou " +
    "depuis localhost.",
  workerEnded: "Ce qui calcule s’est arrêté. Cela redémarre tout seul ; réessayez.",
  storageFull:
    "Le stockage est plein : libérez de la place, dans Modèles, dans les réglages du navigateur pour ce site ou " +
    "sur le disque, et réessayez.",
  noRoom: (file, wanted, free) =>
    `${file} a besoin de ${wanted} octets de plus, et le navigateur n’en donne que ${free} à cette page : libérez ` +
    "d’abord de la place.",
  notAllowed: "Le dossier ne peut plus être lu ou écrit : choisissez-le de nouveau.",
  noStorage: "Le navigateur ne garde rien pour cette page : vérifiez ses réglages, et que la fenêtre n’est pas privée.",
  busyFile: "Un autre onglet écrit ce fichier ; fermez-le, ou attendez qu’il ait fini.",
  noSuchFile: (folder, file) =>
    `Il n’y a pas de ${file} à l’adresse ${folder} : aucun modèle ne peut y être lu. Vérifiez l’adresse.`,
  cannotFetch: (address) =>
    `${address} ne peut pas être chargé : vérifiez la connexion, et que le serveur permet aux autres pages de ` +
    "le lire (CORS).",
  cannotReach: (name) => `Le Hub ne répond pas pour ${name} : vérifiez la connexion.`,
  serverRefused: (address, status) =>
    `${address} : le serveur répond ${status} ; vérifiez l’adresse, ou réessayez plus tard.`,
  cutShort: (file) =>
    `${file} n’est arrivé qu’en partie. Chargez-le de nouveau quand la connexion sera revenue : cela reprend là.`,
  notOnHub: (name) => `Le Hub n’a pas de modèle ouvert du nom de ${name} : vérifiez l’orthographe.`,
  gated: (name) => `${name} n’est donné qu’à ceux qui ont accepté ses conditions sur le Hub ; choisissez-en un autre.`,
  tooManyRequests: "Le Hub a reçu trop de demandes d’ici ; attendez quelques minutes.",
  badName: (name) => `${name} n’est pas un nom de modèle : ils ressemblent à gpt2 ou auteur/nom.`,
  badAddress: (address) => `${address} n’est pas une adresse qui commence par http:// ou https://.`,
  damaged: (file) => `${file} est abîmé ou incomplet : retirez le modèle et chargez-le de nouveau.`,
  notATokenizer: (file) => `${file} n’est pas de ceux des modèles GPT-2 : choisissez un modèle GPT-2.`,
  noTemplate: "Ce modèle n’a pas appris à remplir des trous ; choisissez-en un autre, ou enseignez-le-lui.",
  unknownField: (field, known) =>
    `Ce modèle n’a pas de place pour « ${field} » ; il connaît ${known}. Retirez-le des [[…]] du trou.`,
  badLength: (value) => `« ${value} » n’est pas une longueur ; écrivez S, M ou L.`,
  twiceInGap: (field) => `Les [[…]] du trou donnent ${field} deux fois ; donnez-le une fois.`,
  mixedGap: (part) =>
    `« ${part} » se trouve parmi des parties de la forme nom=valeur dans les [[…]] du trou : écrivez chaque partie ` +
    "ainsi, ou une simple phrase.",
  marker: (token) => `Le texte contient ${token}, qui est un signe propre au modèle ; retirez-le.`,
  openingTooLong: "Les mots du début sont trop longs pour ce modèle ; raccourcissez-les.",
  textTooLong: (tokens, most) =>
    `Le texte a ${tokens} morceaux de mots, et ce modèle en voit ${most} au plus ; choisissez-en une partie.`,
  candidateTooLong: "Une proposition est trop longue pour être jugée par ce modèle ; raccourcissez-la.",
  tooManyNames: "Tant de noms ne tiennent pas dans un seul texte ; choisissez-en moins.",
  brokenModel:
    "Le modèle ne donne pas de réponse utilisable : son fichier est abîmé, ou il a mal appris ; choisissez-en " +
    "un autre.",
  noText: "le fichier ne contient pas de texte.",
  notThisFormat: (format) =>
    `c’est du ${format} ; enregistrez-le d’abord en texte, Markdown, Word (.docx), EPUB ou HTML.`,
  notReadable: "ce n’est pas un texte lisible ; prenez du texte, Markdown, Word (.docx), EPUB ou HTML.",
  copyProtected: "son texte est verrouillé par une protection contre la copie ; utilisez un exemplaire sans elle.",
  password: "il est verrouillé par un mot de passe ; enregistrez le livre sans lui.",
  damagedBook: "le fichier est abîmé ou incomplet ; téléchargez-le ou enregistrez-le de nouveau.",
  noPassages: "on n’y a pas trouvé de passages de prose avec des paragraphes avant et après.",
  tooLarge:
    "C’est trop grand pour la carte graphique : prenez un modèle plus petit, moins de propositions " +
    "ou un texte plus court.",
  tuned: (forms, seconds) =>
    `Ce qui calcule le plus vite sur cette carte graphique a été trouvé en ${forms} essais et ${seconds} s.`,
  tunedWrong: (what) => `La carte graphique fait une faute de calcul ; cette forme est laissée de côté : ${what}.`,
  tunedNotKept:
    "Ce qui calcule le plus vite ici n’a pas pu être gardé ; cela sera cherché de nouveau la prochaine fois.",
  onlyReads: "Ici, ce navigateur ne sait que lire, pas écrire : utilisez-en un plus récent.",
  changedOnDisk: (file) => `${file} a été changé ou retiré entre-temps : réessayez.`,
  brokeOff: (address) => `${address} : la connexion a été coupée ; réessayez.`,
  changedOnServer: (file) => `${file} a changé sur son serveur pendant le chargement : chargez-le de nouveau.`,
  damagedCopy: (name) => `Ce qui est gardé de ${name} est abîmé : chargez-le de nouveau avec une connexion.`,
  hubForbids: (name) => `Le Hub ne donne pas ${name} à cette page ; choisissez un autre modèle.`,
  hubFails: (name) => `Le Hub a lui-même un problème avec ${name} ; réessayez plus tard.`,
  hubLacks: (name, file) => `${name} n’a pas de ${file} sur le Hub ; choisissez un autre modèle, ou réessayez.`,
  notAHub: "Ce qui répond là n’est pas le Hub : vérifiez la connexion, et ce qui se trouve entre lui et cette page.",
  badTokenizer:
    "Ce qui découpe le texte en morceaux de mots (le tokenizer) n’est pas entier dans ce modèle, ou " +
    "n’est pas le sien : " +
    "choisissez-en un autre, ou chargez de nouveau ses fichiers.",
  adapterModel:
    "Ce sont des changements à un autre modèle (un adaptateur), que cette page ne peut pas lui appliquer : fusionnez " +
    "d’abord les deux, ou choisissez le modèle entier.",
  otherWeights:
    "Les poids de ce modèle sont dans un format que cette page ne lit pas : choisissez-en un avec un " +
    "model.safetensors.",
  notGpt2: (file) =>
    `${file} : ce n’est pas un modèle GPT-2, ou il a des parties que cette page ne calcule pas ; ` +
    "choisissez un modèle GPT-2.",
  modelSettings:
    "Le generation_config.json du modèle demande ce que cette page ne fait pas : choisissez un autre " +
    "modèle, ou retirez " +
    "ce fichier.",
  settingsIgnored: "Une partie de ce que demande son generation_config.json n’a pas d’effet ici.",
  tensorsIgnored: "Une partie de ses poids ne sert pas à écrire et est laissée de côté.",
  tokensLacking: "Il ne connaît pas tous les signes de son propre tokenizer ; un texte qui en contient est refusé.",
  noModel: "Aucun modèle n’est chargé : choisissez-en un dans Modèles.",
  tooLargeNumbers: "Le modèle a des nombres trop grands pour cela : son fichier est abîmé, ou il a mal appris.",
  badMarked: (field, value, known) => `« ${value} » n’est pas connu pour ${field} ; ce modèle connaît ${known}.`,
  noPlaceForText:
    "Ce que voit ce modèle n’a pas assez de place pour le texte demandé : demandez-en un plus court, " +
    "ou raccourcissez ce " +
    "qui précède et ce qui suit.",
  avoidedButGiven: (word) => `« ${word} » est à éviter et se trouve dans le texte donné ; renoncez à l’un des deux.`,
  avoidedButWanted: (wanted, avoided) =>
    `« ${wanted} » doit paraître et « ${avoided} » ne doit pas ; aucun texte n’a l’un sans l’autre.`,
  wantedTwice: (word) => `« ${word} » doit paraître deux fois ; nommez-le une fois.`,
  noWord: (word) => `« ${word} » n’est pas un mot ; écrivez-en un.`,
  markerAvoided: (word) => `« ${word} » est un signe propre au modèle ; enlevez-le.`,
  tooLargeBook: "le fichier est plus grand qu’un livre ne peut l’être ; vérifiez que c’est le bon, ou partagez-le.",
  verse: "cela ressemble à des vers, et le modèle apprend de paragraphes de prose.",
  tooFew: "Il y a trop peu de passages pour apprendre : ajoutez des livres.",
  otherRun:
    "Ce qui fut sauvegardé de cet apprentissage est abîmé, ou d’un autre : supprimez-le, et enseignez de nouveau.",
  diverged:
    "L’apprentissage a déraillé : les réponses du modèle ne sont plus des nombres. Recommencez avec une vitesse " +
    "d’apprentissage plus basse.",
  runNotSaved: (step) => `Il s’est arrêté à la mise à jour ${step}, qui n’a pas pu être sauvegardée.`,
  modelNotSaved: (reason) => `Le modèle a appris jusqu’au bout et n’a pas pu être sauvegardé. ${reason}`,
  notSavedGoesOn: (reason) => `La dernière sauvegarde a échoué ; il continue d’apprendre. ${reason}`,
  notRemoved: (reason) => `Une sauvegarde plus ancienne n’a pas pu être retirée ; il continue d’apprendre. ${reason}`,
  keptCopy: (reason) => `La copie sur cet appareil est utilisée. ${reason}`,
  noGguf: "llama.cpp ne peut pas calculer ce modèle tel qu’il est ; il n’y en a donc pas de GGUF ; téléchargez le zip.",
  other: (sentence) => `Ceci n’est dit qu’en anglais : « ${sentence} »`,
};
