// Words that say nothing about a passage ("the", "était"), by language: the lists of the package `stopword`. They also
// tell the language of a book that does not say it: the one whose list covers most of its words.
import * as lists from "stopword";

/** Two letters (ISO 639-1), as metadata has them, to the three of the package, for languages of spaced words. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  cs: lists.ces,
  da: lists.dan,
  de: lists.deu,
  el: lists.ell,
  en: lists.eng,
  eo: lists.epo,
  es: lists.spa,
  fi: lists.fin,
  fr: lists.fra,
  hu: lists.hun,
  it: lists.ita,
  la: lists.lat,
  nl: lists.nld,
  pl: lists.pol,
  pt: lists.por,
  ro: lists.ron,
  ru: lists.rus,
  sv: lists.swe,
  tr: lists.tur,
  uk: lists.ukr,
};
/** What the lists lack and novels are full of. */
const MORE: Readonly<Record<string, string>> = {
  en: `
    upon could would should might must shall may every never ever always perhaps quite rather still yet though although
    however therefore indeed without within toward towards among amongst around across behind beneath beside besides
    above below along away back down off out over under again once twice one two three four five six seven eight nine
    ten first second third last next another other others such same own much many more most less least few little great
    good well bad old new long short like just even almost already enough else also only too very really soon now then
    here there where when why how what which who whom whose this that these those something anything nothing everything
    somebody anybody nobody everybody someone anyone everyone thing things way ways kind sort sir madam lady man men
    woman say says said saying tell told ask asked answer answered reply replied cry cried speak spoke go goes went
    gone going come comes came coming get gets got getting make makes made making take takes took taken taking give
    gives gave given put puts see sees saw seen seeing look looks looked looking know knows knew known think thinks
    thought seem seems seemed let want wanted keep kept left find found leave turn turned begin began begun stand stood
    sit sat bring brought hold held felt feel mean meant call called ll ve re don didn doesn wasn weren isn couldn
    wouldn shouldn hadn hasn haven won ain oh ah yes no mr mrs miss us unto thus hence whether either neither nor till
    until since while because upon day days time times moment hand hands eyes eye head face place people`,
  fr: `
    si plus moins très bien mal tout toute tous toutes rien encore déjà toujours jamais peut-être aussi alors ainsi donc
    puis enfin cependant pourtant car quand lorsque lorsqu puisque puisqu comme comment pourquoi où quoi dont lequel
    laquelle lesquels lesquelles celui celle ceux celles ceci cela ça chaque quelque quelques plusieurs autre autres
    même mêmes tel telle tels telles tant peu beaucoup trop assez presque près loin devant derrière avant après
    pendant depuis jusque jusqu sans sous entre contre vers chez parmi selon malgré hors voici voilà oui non ah oh eh hé
    un deux trois quatre cinq six sept huit neuf dix premier première dernier dernière grand grande grands grandes petit
    petite petits petites bon bonne bons bonnes vieux vieille nouveau nouvelle chose choses fois jour jours heure heures
    moment temps homme hommes femme monsieur madame mademoiselle messieurs être était étaient fut furent sera serait
    avoir avait avaient eut eurent aura aurait ayant faire fait faisait fit font dire dit disait disent dis répondit
    répondre demanda demander aller va allait alla vont venir vient venait vint voir voit voyait vit vu savoir sait
    savait pouvoir peut pouvait pouvaient put vouloir veut voulait voulut devoir doit devait falloir faut fallait fallut
    prendre prit pris mettre mit mis donner donna donné tenir tenait tint parler parla passer passa passé croire crut
    trouver trouva trouvé rester resta laisser laissa sembler semblait sembla commencer commença ici là là-bas point pas
    guère ne ni or ma mon mes ta ton tes sa son ses notre nos votre vos leur leurs lui elle elles eux y en soi-même
    lui-même elle-même moi-même main mains yeux tête côté monde gens reprit fort`,
};

const known = new Map<string, ReadonlySet<string>>();

/** In lower case; none for a language without a list. */
export function stopWords(language: string): ReadonlySet<string> {
  const code = language.slice(0, 2).toLowerCase();
  let words = known.get(code);
  if (!words) {
    const more = Object.hasOwn(MORE, code) ? MORE[code]!.trim().split(/\s+/) : [];
    words = new Set([...(Object.hasOwn(LISTS, code) ? LISTS[code]! : []), ...more]);
    known.set(code, words);
  }
  return words;
}

/** Words that are looked at, at most; and the share of a text that the words of its language's list make. */
const SAMPLE = 5000;
const LEAST_SHARE = 0.25;

/** ISO 639-1 code of the language of a book; undefined for one without a list, and for too few words. */
export function languageOf(paragraphs: Iterable<string>): string | undefined {
  const words: string[] = [];
  for (const paragraph of paragraphs) {
    if (words.length >= SAMPLE) break;
    words.push(...(paragraph.toLowerCase().match(/\p{L}+/gu) ?? []));
  }
  let best: string | undefined;
  let most = Math.max(10, LEAST_SHARE * words.length);
  for (const [code, list] of Object.entries(LISTS)) {
    const stops = new Set(list);
    const found = words.reduce((sum, word) => sum + (stops.has(word) ? 1 : 0), 0);
    if (found > most) {
      most = found;
      best = code;
    }
  }
  return best;
}
