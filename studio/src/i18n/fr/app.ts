import type { Messages } from "../messages.ts";

export const app: Messages["app"] = {
  name: "Atelier",
  skip: "Aller à la page",
  screens: "Écrans",
  write: "Écrire",
  teach: "Enseigner",
  models: "Modèles",
  look: "Voir dedans",
  language: "Langue",
  theme: "Couleurs",
  themeSystem: "Système",
  themeLight: "Clair",
  themeDark: "Sombre",
  noModel: "Aucun modèle",
  loadingModel: (name, percent) => `Chargement : ${name}${percent}`,
  modelFailed: (name) => `Échec du chargement : ${name}`,
  modelLabel: (state) => `Modèle : ${state}. Ouvrir les modèles.`,
  under: (amount) => `moins de ${amount}`,
  over: (amount) => `plus de ${amount}`,
  close: "Fermer",
  cancel: "Annuler",
  loading: "Chargement…",
  screenFailed: (reason) => `Cet écran n’a pas pu s’ouvrir (${reason}) ; rechargez la page.`,
  wentWrong: (reason) => `Un problème est survenu : ${reason}`,
  noStorage:
    "Ce navigateur ne garde rien ici (fenêtre privée, ou stockage désactivé) : ce que vous écrivez sera perdu à la " +
    "fermeture de la page. Exportez-le avant de partir.",
  demoName: "Le modèle de démonstration",
};
