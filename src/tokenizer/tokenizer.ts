// GPT-2's own tokenizer. It stands apart from what reads tokenizers from folders because GPT-2's vocabulary makes
// 170 kB of gzip, which a page whose model brings its own need not carry.
import { plainToken } from "./added-tokens.ts";
import { gpt2Vocabulary } from "./gpt2-vocabulary.ts";
import { END_OF_TEXT } from "./parts.ts";
import { PreTrainedTokenizer } from "./pretrained-tokenizer.ts";

export type {
  DecodeOptions,
  DecodeStream,
  EncodeOptions,
  NewSpecialTokens,
  NewToken,
  Tokenizer,
} from "./pretrained-tokenizer.ts";

/** PreTrainedTokenizer, and GPT-2's own vocabulary. */
export class GPT2Tokenizer extends PreTrainedTokenizer {
  /** GPT-2's own tokenizer: 50257 tokens, <|endoftext|> = 50256 as bos, eos and unk, no pad. */
  static default(): GPT2Tokenizer {
    const { vocab, merges } = gpt2Vocabulary();
    return new GPT2Tokenizer({
      vocab,
      merges,
      addedTokens: [plainToken(vocab.get(END_OF_TEXT)!, END_OF_TEXT, true)],
      roles: { bosToken: END_OF_TEXT, eosToken: END_OF_TEXT, unkToken: END_OF_TEXT },
      additionalSpecialTokens: [],
      addPrefixSpace: false,
      modelMaxLength: 1024,
    });
  }
}
