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
};
