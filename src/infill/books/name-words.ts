// Word lists behind the search for characters: what stands before, after and instead of a person's name, in English and
// in French. Lower case, without full stops.

const list = (words: string): ReadonlySet<string> => new Set(words.trim().split(/\s+/));

/**
 * Before a name; with one, a name is a person's. Those in capitals in the text are kept with it: "Mr. Fogg", "Aunt
 * Polly".
 */
export const TITLES = list(`
  mr mrs ms miss dr doctor sir lady lord madam madame mademoiselle monsieur mme mlle mm m messrs mister master
  mistress
  aunt auntie uncle cousin grandma grandpa granny mother father brother sister nurse squire judge prince princess king
  queen duke duchess
  earl count countess baron baroness captain cap'n lieutenant colonel major general sergeant admiral inspector
  constable detective
  professor reverend saint emperor widow elder superintendent
  tante oncle cousine père mère frère sœur soeur docteur professeur capitaine colonel général inspecteur maître lord
  prince princesse
  roi reine duc duchesse comte comtesse baron baronne abbé juge ami`);

/** Titles that stand for somebody where no name follows: "said the Queen". */
export const ROLES = list(`
  king queen prince princess emperor duke duchess count countess baron baroness earl captain colonel major general
  admiral lieutenant
  sergeant doctor professor inspector detective constable judge squire reverend superintendent nurse
  roi reine comte comtesse docteur professeur capitaine général inspecteur abbé`);

/** Beside a name: who does these is somebody. */
export const SPEECH_VERBS = list(`
  said says asked cried replied answered exclaimed whispered shouted murmured muttered remarked observed inquired
  enquired explained
  suggested interrupted demanded declared protested sighed laughed smiled nodded grinned frowned shrugged sobbed
  thought
  dit dis répondit demanda cria s'écria écria reprit fit murmura répliqua continua observa interrompit pensa
  exclama`);

/** After a name: things and places do these too, so they count only where no article stands before it. */
export const ACTION_VERBS = list(`
  returned continued repeated added began called shook looked knew felt saw heard turned stood sat rose rushed ran
  went came walked took
  gave told made wished wanted stared glanced paused spoke has had was is would could did does seemed
  ajouta répéta regarda prit alla vint sortit entra savait voulait pouvait semblait parut resta leva tourna tira
  sourit riait veut secoua
  hésita comprit crut avait était fut eut est n'avait n'était n'est`);

/** Before a place much sooner than before a person. */
export const PLACE_WORDS = list(
  "in at near into across towards toward through from on en dans à rue street cape mount lake port fort ville " +
    "quartier route gare",
);

/** Before roles ("the Hatter") and things alike: what follows is somebody only if he speaks. */
export const ENGLISH_ARTICLES = list(`the a an of this that`);
/** Before ships, mountains and countries, not before people. */
export const FRENCH_ARTICLES = list(`le la les du au aux des un une`);

/** After the first part of a place's name: Baker Street, Baskerville Hall. */
export const PLACE_NOUNS = list(`
  street road lane square hall house court park hotel station club bridge hill hills island bay river lake gardens
  terrace row common
  heath moor manor grammar school castle abbey church inn arms yard village county valley mount mountain sea ocean
  city town land railway company
  strasse`);

/** Before people whom one likes. */
export const EPITHETS = list(`poor dear bon bonne pauvre cher chère honnête brave`);

/** In capitals, and nobody's name (months that are names too, April or March, must be told by their use). */
export const NO_NAMES = list(`
  i january february july september october november december
  monday tuesday wednesday thursday saturday sunday easter
  english englishman englishmen frenchman frenchmen american americans germans indian indians spanish spaniard
  spaniards italian
  italians chinese japanese irish irishman scotch scottish scotchman european europeans russian russians african
  asiatic romans
  greek greeks latin turk turks turkish belgian belgians danish icelandic icelander icelanders mormon mormons
  christians jew jews
  catholic protestant british briton britons welsh canadian australian parsee hindoo hindoos
  anglais anglaise anglaises français française américain américains américaine indien indiens indienne indous indou
  hindou hindous chinois
  japonais allemand allemands italien espagnol parisien européen européens islandais islandaise danois mormon parsi
  malais
  god lord heaven heavens hell devil providence bible gospel scripture scriptures nature death fate fortune majesty
  highness honour honor excellency
  holiness worship lordship ladyship
  dieu ciel seigneur diable honneur majesté altesse excellence providence bourse parlement
  yes no oh ah eh well good north south east west northern southern eastern western government parliament
  nord sud est ouest messieurs mesdames gentlemen ladies ma'am sirs`);

/** In capitals, and now and then somebody's name: only what people do, more than once, makes them that. */
export const RARE_NAMES = list(
  `grace french german dutch roman christian friday spring summer autumn winter christmas`,
);
