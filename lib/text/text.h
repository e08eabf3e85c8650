/* SPDX-License-Identifier: MIT */
/* text: texts to the ids of tokens that a text encoder takes, and back. Two kinds of vocabulary: byte-level BPE (Sennrich et al. 2016;
 * Radford et al. 2019), which RoBERTa has, and WordPiece (Devlin et al. 2019), which BERT has. Nothing here prints or exits. */
#ifndef SER_TEXT_H
#define SER_TEXT_H

#include "base/base.h"

/* A vocabulary with all that makes ids of a text; const once it is open, and then shared by threads. */
struct ser_tokenizer;

/* Read one. `path` is a folder that holds, in this order of preference,
 *   tokenizer.json                          BPE or WordPiece, as the tokenizers library writes it
 *   vocab.json, merges.txt                  BPE
 *   encoder.json, vocab.bpe, dict.txt       BPE with fairseq's ids: 4 + the line of dict.txt
 *   vocab.txt                               WordPiece, an id a line
 * with what tokenizer_config.json says, where there is one; or it is a file: a vocab.txt by that ending, or else a tokenizer.json.
 * A vocab.txt is taken to be lower-cased when none of its tokens has a capital letter and no tokenizer_config.json says.
 * *t is NULL on failure: SER_EDATA, SER_EIO. */
int ser_tokenizer_open(struct ser_tokenizer **t, const char *path, struct ser_err *e);
/* The same from the text of a tokenizer.json; `name` is for messages. */
int ser_tokenizer_parse(struct ser_tokenizer **t, const char *json, size_t n, const char *name, struct ser_err *e);
/* Append it as a tokenizer.json, which ser_tokenizer_parse() and the tokenizers library read. */
void ser_tokenizer_json(const struct ser_tokenizer *t, struct ser_buf *b);
/* A digest of that, as hexadecimal digits: equal vocabularies, equal digests. */
void ser_tokenizer_sum(const struct ser_tokenizer *t, char sum[static 17]);
void ser_tokenizer_close(struct ser_tokenizer *t); /* NULL is allowed */

const char *ser_tokenizer_kind(const struct ser_tokenizer *t); /* "BPE" or "WordPiece" */
size_t ser_tokenizer_size(const struct ser_tokenizer *t);      /* every id is below */
size_t ser_tokenizer_limit(const struct ser_tokenizer *t);     /* most tokens its files allow; 0: not said */
size_t ser_tokenizer_around(const struct ser_tokenizer *t);    /* special tokens that every text gets */
int32_t ser_tokenizer_id(const struct ser_tokenizer *t, const char *token); /* "<mask>"; -1: there is none */

/* What a text became. Reused from one text to the next, by one thread at a time; begins as all zero. */
struct ser_tokens {
	int32_t *id; /* [n], with the special tokens around the text's */
	size_t n, cap;
	bool cut;                   /* the text had more */
	struct ser_text_room *room; /* working memory */
};
void ser_tokens_free(struct ser_tokens *y);

/* The ids of n bytes of UTF-8; what is no UTF-8 counts as U+FFFD, one for each longest piece that could have begun a character. At most
 * `max` ids, 0: any number: the special tokens stay, the text's last go. `special`: a special token's name in the text ("<mask>")
 * is that token; else it is text like all else, as it should be where others wrote it. */
void ser_tokenizer_encode(const struct ser_tokenizer *t, const char *text, size_t n, size_t max, bool special,
			  struct ser_tokens *y);

/* Append the text of n ids, special tokens left out: of BPE the text that was encoded, of WordPiece its words with a blank between.
 * SER_EDATA when an id has no token. */
int ser_tokenizer_decode(const struct ser_tokenizer *t, const int32_t *id, size_t n, struct ser_buf *text,
			 struct ser_err *e);

/* ---- a vocabulary of one's own ------------------------------------------------------------- */

/* Byte-level BPE of texts: RoBERTa's special tokens, the 256 bytes, then what merging the commonest neighbours makes, among equally
 * common ones those of lower ids; pairs that are met once are left. The same ids as the tokenizers library's trainer gives. */
struct ser_tokenizer_trainer;
struct ser_tokenizer_trainer *ser_tokenizer_trainer_new(void);
void ser_tokenizer_trainer_free(struct ser_tokenizer_trainer *r);
void ser_tokenizer_trainer_add(struct ser_tokenizer_trainer *r, const char *text, size_t n);
enum { SER_TOKENIZER_LEAST = 5 + 256 };
/* At most n_token >= SER_TOKENIZER_LEAST tokens of what was added. */
struct ser_tokenizer *ser_tokenizer_train(const struct ser_tokenizer_trainer *r, size_t n_token);

#endif
