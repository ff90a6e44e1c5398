// Word lists behind the search for names: what stands before, after and instead of a person's, a place's or an
// organisation's, in English and in French. Lower case, without full stops.

const list = (words: string): ReadonlySet<string> => new Set(words.trim().split(/\s+/));

/**
 * Before a name; with one, a name is a person's. Those in capitals in the text are kept with it: "Mr. Fogg", "Aunt
 * Polly".
 */
export const TITLES = list(`
  mr mrs ms miss dr doctor sir lady lord madam madame mademoiselle monsieur mme mlle mm m messrs mister master
  mistress
  aunt auntie uncle cousin grandma grandpa granny mother father brother sister papa mamma mama maman nurse squire
  judge prince princess king
  queen duke duchess
  earl count countess baron baroness captain cap'n lieutenant colonel major general sergeant admiral inspector
  constable detective
  professor reverend saint emperor widow elder superintendent
  tante oncle cousine père mère frère sœur soeur docteur professeur capitaine colonel général inspecteur maître lord
  prince princesse
  roi reine duc duchesse comte comtesse vicomte vicomtesse marquis marquise baron baronne chevalier abbé juge ami
  messire don doña dona
  prof capt col gen lt sgt rev hon`);

/** Those that are written with a full stop. */
export const ABBREVIATED_TITLES = list(`mr mrs ms dr mme mlle mm m messrs prof capt col gen lt sgt rev hon`);

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

/** Before places, and hardly ever before people. */
export const LOCATIVES = list(`in at near into across en à dans vers`);

/** After the first part of a place's name: Baker Street, Baskerville Hall. */
export const PLACE_NOUNS = list(`
  street road lane square hall house court park hotel station bridge hill hills island islands bay river lake gardens
  terrace row common avenue place alley crescent gate green wood forest field farm cottage lodge creek cove cape
  heath moor manor grammar school castle abbey church inn arms yard village county valley mount mountain mountains sea
  ocean city town land coast strait straits desert pass peak falls point port dock docks quay anchorage harbour
  harbor fort pond cave
  strasse`);

/** Before the other part of a place's name: Mount Etna, Bay of Naples, rue Morgue. */
export const PLACE_HEADS = list(`
  mount lake cape port fort bay gulf isle isles straits strait sea river cave rue place boulevard quai faubourg
  avenue mont lac cap golfe baie île îles ile mer fleuve détroit château pont hôtel villa saint sainte st`);

/** Those before which a small letter is enough: îlot Axel, rue Morgue. In English such words end a clause too. */
export const SMALL_PLACE_HEADS = list(`
  îlot ilot île ile îles presqu'île rue cap lac mont golfe baie boulevard quai faubourg mer détroit`);

/** Before the article of what sails: à bord du Mongolia, on board the Hispaniola. */
export const ABOARD = list(`bord board aboard steamer goélette paquebot frigate schooner brig yacht`);

/** At the end of an organisation's name, or at its beginning before "of", "de": Reform-Club, Bank of England. */
export const ORGANISATION_NOUNS = list(`
  club company railway society association bank office university college regiment brotherhood league union agency
  brothers sons committee institute institution academy parliament admiralty police church army navy
  compagnie société banque université académie institut ministère régiment amirauté`);

/** Between the parts of a name: "M. de Rênal", "Ludwig van Beethoven". */
export const PARTICLES = list(`de du des la le von van der den di da del della zu zum`);
/** Those that stand in names alone. */
export const NAME_PARTICLES = list(`von van di della zu zum`);
/** Before a particle and a name: whoever is called so. */
export const NOBLE_TITLES = list(`
  m mr mme mlle monsieur madame mademoiselle messieurs mm baron baronne comte comtesse vicomte vicomtesse marquis
  marquise
  chevalier sire seigneur abbé count countess marchioness vicomtesse graf freiherr don doña dona`);

/** Titles by whom they are given to; the others (doctor, captain) are given to both. */
export const MALE_TITLES = list(`
  mr m monsieur mister messrs sir lord master uncle cousin grandpa father papa brother squire prince duke earl count
  baron widower oncle père frère maître duc comte vicomte marquis abbé chevalier don sire seigneur`);
export const MARRIED_TITLES = list(`
  mrs mme madame madam lady mistress widow duchess countess baroness mother mamma mama maman aunt auntie grandma
  granny tante mère
  duchesse comtesse vicomtesse marquise baronne marchioness`);
/** Of those who have no other name: King George is not George Merry. */
export const ROYAL_TITLES = list(`king queen emperor empress pope saint roi reine empereur impératrice pape`);
export const MAIDEN_TITLES = list(`miss mlle mademoiselle sister sœur soeur princess princesse`);

/** Before people whom one likes. */
export const EPITHETS = list(`poor dear bon bonne pauvre cher chère honnête brave`);

/** Peoples, their languages and beliefs, in capitals: nobody's name, but what CoNLL-2003 calls MISC. */
export const DEMONYMS = list(`
  english englishman englishmen englishwoman frenchman frenchmen frenchwoman american americans germans indian indians
  spanish spaniard spaniards italian italians chinese japanese irish irishman irishmen scotch scotchman scottish
  european europeans russian russians african africans asiatic romans greek greeks latin turk turks turkish belgian
  belgians danish dane danes icelandic icelander icelanders mormon mormons christians jew jews jewish catholic catholics
  protestant protestants british briton britons welsh welshman canadian australian parsee hindoo hindoos hindu hindus
  mexican mexicans egyptian egyptians persian persians arab arabs swiss swede swedes swedish norwegian norwegians polish
  austrian austrians hungarian portuguese hebrew muslim muslims mohammedan methodist puritan puritans quaker quakers
  anglais anglaise anglaises français française françaises américain américains américaine américaines indien indiens
  indienne indiennes indous indou hindou hindous chinois chinoise japonais japonaise allemand allemands allemande
  espagnol espagnols espagnole italien italiens italienne parisien parisiens parisienne européen européens européenne
  islandais islandaise danois danoise mormon parsi parsis malais russe russes turc turcs grec grecs romain
  romains suisse suisses belge belges hollandais polonais portugais autrichien autrichiens prussien prussiens
  breton bretons gascon gascons normand normands africain africains arabe arabes juif juifs chrétien chrétiens`);

/**
 * In capitals, and no names (months that are names too, April or March, must be told by their use).
 */
export const NO_NAMES = list(`
  i january february july september october november december
  monday tuesday wednesday thursday saturday sunday easter
  god lord heaven heavens hell devil providence bible gospel scripture scriptures nature death fate fortune majesty
  highness honour honor excellency
  holiness worship lordship ladyship
  dieu ciel seigneur diable honneur majesté altesse excellence providence bourse parlement
  yes no oh ah eh well good north south east west northern southern eastern western government
  nord sud est ouest messieurs mesdames gentlemen ladies ma'am sirs
  chapter chapitre part partie volume book livre`);

/** In capitals, and now and then somebody's name: only what people do, more than once, makes them that. */
export const RARE_NAMES = list(
  `grace french german dutch roman christian friday spring summer autumn winter christmas`,
);
