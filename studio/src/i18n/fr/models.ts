import type { Messages } from "../messages.ts";

export const models: Messages["models"] = {
  title: "Modèles",
  lead:
    "Ce qui écrit pour vous. Un modèle vient une fois et reste sur cet appareil ; rien de ce que vous écrivez ne " +
    "le quitte.",
  inUse: "Utilisé",
  use: "Utiliser",
  loading: (percent) => `Chargement${percent}`,
  forget: (name) => `Retirer ${name}`,
  forgetForGood: "Retirer avec ses fichiers",
  forgets: {
    demo: "Ses fichiers quittent cet appareil ; ils reviennent dès qu’on l’utilise.",
    hub: "Il quitte cette liste, et ses fichiers cet appareil ; on peut les charger de nouveau.",
    address: "Il quitte cette liste, et ses fichiers cet appareil ; on peut les charger de nouveau.",
    folder: "Il quitte cette liste ; son dossier reste tel quel.",
    own:
      "Il disparaît pour de bon, ici et dans Enseigner : le modèle, ses enregistrements, sa courbe et les passages " +
      "qu’il a appris.",
  },
  kinds: {
    demo: "Fourni avec la page : petit, écrit des contes en anglais",
    hub: "Du Hub de Hugging Face",
    address: "D’une adresse",
    folder: "Un dossier de cet appareil",
    own: "Formé ici",
  },
  kept: (size) => `${size}, gardés sur cet appareil`,
  partlyOrKept: (size) => `${size} gardés sur cet appareil pour l’instant`,
  notKept: "Pas encore chargé",
  onDisk: "Lu dans son dossier, sans copie",
  fillsGaps: "Remplit des trous",
  continues: "Continue un début ; n’a pas appris à remplir des trous",
  reads: (tokens) => `Lit environ ${tokens} mots à la fois`,
  add: "Ajouter un modèle",
  hubName: "Nom sur le Hub de Hugging Face",
  hubHint:
    "Par exemple gpt2 ou auteur/nom. Ses fichiers viennent de huggingface.co : la seule fois où cette page " +
    "interroge le réseau.",
  address: "Adresse du dossier d’un modèle",
  addressHint: "Commence par https:// ; il contient config.json, model.safetensors et les fichiers du tokenizer.",
  folder: "Choisir un dossier…",
  folderHint: "Un modèle qui se trouve sur cet appareil, par exemple entraîné avec ce projet.",
  noFolders: "Ce navigateur ne sait pas lire de dossiers ; utilisez Chrome ou Edge, ou donnez une adresse.",
  addIt: "Ajouter et utiliser",
  computer: "Ce qui calcule",
  onProcessor: (name) => `${name}, sur le processeur`,
  noAdapter: "Rien n’est encore chargé ; la carte s’affiche avec le premier modèle.",
  noWebGpu: "Ce navigateur n’a pas WebGPU : utilisez un Chrome, Edge, Firefox ou Safari récent.",
  limits: (buffer, binding) => `Textes et poids jusqu’à ${buffer} d’un seul tenant, ${binding} à la fois`,
  storage: "Stockage",
  used: (used, quota) => `${used} utilisés sur les ${quota} que donne ce navigateur.`,
  usedOnly: (used) => `${used} utilisés.`,
  persist: "Demander au navigateur de le garder",
  persisted: "Le navigateur garde tout ceci jusqu’à ce que vous le retiriez.",
  mayClear: "Le navigateur peut l’effacer quand le disque est presque plein.",
};
