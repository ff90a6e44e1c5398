// What a story is about: sentences for the trouble, the meeting with the helper, the mending and the end. They fit any
// plot; each paragraph of a story has one of its theme's, so that the theme in the metadata says something about the
// paragraph.

export interface Theme {
  readonly trouble: string;
  readonly meeting: string;
  readonly fix: string;
  readonly end: string;
}

export const THEMES = {
  courage: {
    trouble:
      `{$hero was afraid, but $hero.he did not cry.|$friend was a little afraid, but $friend.he {stood ` +
      `tall|did not show it}.|"I am afraid," said $friend, "but we {can|must} be brave."|$hero's knees shook, but ` +
      `$hero.he did not run away.}`,
    meeting:
      `{The way had been long and dark, but they had not turned back.|A big dog {barked|growled} at them, ` +
      `but $hero walked past it with $hero.his head up.|$friend had wanted to turn back, but $hero had said, "Be ` +
      `brave," and they had gone on.|They had never gone so far alone, but they were brave.}`,
    fix:
      `{$doer.his heart beat fast, but $doer did not stop.|"Be brave," $doer told $doer.self.|$doer was afraid ` +
      `for a moment, but $doer.he took a deep breath and went on.|It was {a little|very} scary, but $doer ` +
      `{was|stayed} brave.}`,
    end:
      `{"You were {so|very} brave," $other told $doer.|$doer {had learned|now knew} that being brave means to ` +
      `go on when you are afraid.|From that day on, everyone called $doer {the brave one|brave $doer}.}`,
  },
  kindness: {
    trouble:
      `{$friend {held|took} $hero's $hero.hand and spoke {softly|kind words}.|"Don't be sad," said $friend ` +
      `{kindly|in a kind voice}.|$friend saw that $hero was sad and {stayed close|sat down beside $hero.him}.}`,
    meeting:
      `{On the way they had {helped|stopped to help} $stranger carry a heavy bag.|$helper had {wood to ` +
      `carry|boxes to move|a floor to clean}, so they kindly helped $helper.him first.|They had stopped only once, ` +
      `to help $stranger over {the road|a wall}.|$helper looked {tired|cold}, so $hero {brought $helper.him a ` +
      `chair|made $helper.him some tea}.}`,
    fix:
      `{$doer was {very|so} gentle and kind.|"Don't worry," said $doer in a {soft|kind} voice.|$doer ` +
      `{worked|moved} with {kind and careful|soft and gentle} $doer.hands.}`,
    end:
      `{"A kind heart {is worth more than gold|always finds friends}," said $helper.|$hero {learned|knew now} ` +
      `that kindness always comes back.|{One kind act leads to another|A little kindness goes a long way}, and ` +
      `they never forgot it.}`,
  },
  patience: {
    trouble:
      `{They sat down and thought {about it|} for a long time.|"{Let us not hurry|We must be patient}," ` +
      `said $friend. "{First we have to think|We will find a way}."|$hero wanted to {shout|run}, but $friend told ` +
      `$hero.him to {wait and think|be patient}.}`,
    meeting:
      `{$helper was busy, so they sat down by the door and waited {quietly|for a long time}.|$helper had ` +
      `other work to do first, and they had to wait {patiently|a long time}.|$helper could not come at once, so ` +
      `they {sat down and|} waited {patiently|without a word}.}`,
    fix:
      `{The first try did not work, but $doer {tried again|did not give up}.|$doer {worked|went} slowly, a ` +
      `little at a time.|It took a {very|} long time, but $doer was patient.|"{Slowly, slowly|No need to hurry}," ` +
      `said $other, and $doer took {$doer.his time|all the time $doer.he needed}.}`,
    end:
      `{"Good things take time," said $helper.|$hero had learned to {wait|be patient}.|It had been a long wait, ` +
      `but it was worth it.}`,
  },
  teamwork: {
    trouble:
      `{"We will find a way together," said $friend.|"{Two heads are better than one|We are a team}," said ` +
      `$friend.|$hero and $friend put their heads together and {made a plan|thought hard}.}`,
    meeting:
      `{$hero had carried the bag, and $friend had {found|shown} the way.|They had taken turns walking in ` +
      `front, and the way had felt short.|When one got tired on the way, the other had helped, for they were a team.}`,
    fix:
      `{$other helped the whole time, and they worked as a team.|$other told $doer {where to go|what to do}, ` +
      `and together they {made it|did it}.|$doer could not have done it alone, but $other {helped|was there to ` +
      `help}.|"{One, two, three|Now, together}!" called $other, and they {both|all} worked {as one|together}.}`,
    end:
      `{"{Together we can do anything|We are a good team}," said $other.|Alone it {was|had been} too hard, but ` +
      `together it was easy.|They {knew|had learned} that a team is stronger than one.}`,
  },
  honesty: {
    trouble:
      `{"It was my {fault|mistake}," said $hero. "I {was not|should have been more} careful."|$hero could ` +
      `have blamed $friend, but $hero.he {told the truth|said, "I did it"}.|"I will not {hide it|lie about it}," ` +
      `said $hero. "It was my mistake."}`,
    meeting:
      `{$hero did not hide anything and told $helper the {whole|} truth.|"It was my own mistake," $hero ` +
      `told $helper, and $helper liked $hero.his honest words.|$helper asked {how it happened|who had done it}, ` +
      `and $hero {said truly|answered honestly}, "It was me."}`,
    fix:
      `{$other said honestly when {it|something} was not right, and $doer {listened|thanked $other.him}.|"{Is ` +
      `it right now|Did I do it well}?" asked $doer. "Not yet," said $other honestly, {so $doer tried again|and ` +
      `$doer tried once more}.|"I don't know how," $doer said honestly, so $other {showed $doer.him|told $doer.him ` +
      `what to do}.}`,
    end:
      `{"{Thank you for telling|I am glad you told} the truth," said $helper.|$hero's heart was light, because ` +
      `$hero.he had told the truth.|$hero had been honest, and {everyone trusted $hero.him|nobody was angry}.}`,
  },
  sharing: {
    trouble:
      `{$friend broke {an apple|a bun|some bread} in two and gave $hero {half|the bigger half}.|"Here, ` +
      `{take|have} half of my {bread|apple|bun}," said $friend, and they {shared it|ate together}.|They were ` +
      `{hungry|tired}, so they shared {the last apple|a bun|their lunch}.}`,
    meeting:
      `{They shared their {bread|apples|lunch} with $helper, and all three {ate together|were glad}.|$hero ` +
      `gave $helper half of {$hero.his|their} {bread|cake|lunch}.|$helper {had not eaten yet|was hungry}, so they ` +
      `shared {all they had|their bread with $helper.him}.}`,
    fix:
      `{They {took turns|shared the work}, so nobody got {too|} tired.|$doer did half of the work, and $other ` +
      `{did|took} the other half.|$other shared the {hard|heavy} work with $doer.}`,
    end:
      `{They {shared everything|gave some to everyone}, and there was enough for all.|"It is better when we ` +
      `share," said $other.|What they shared {felt|seemed} twice as good.}`,
  },
} as const satisfies Record<string, Theme>;

export type ThemeName = keyof typeof THEMES;
