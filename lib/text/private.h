/* SPDX-License-Identifier: MIT */
/* Between the files of this module only. */
#ifndef SER_TEXT_PRIVATE_H
#define SER_TEXT_PRIVATE_H

#include "text/text.h"

/* ---- characters (unicode.c) ---- */

/* The character at s, n > 0 bytes left; *len is how many it takes. Where no character is: U+FFFD, and the bytes that one U+FFFD stands
 * for (Unicode, section 3.9: maximal subparts). */
int32_t ser_char_at(const char *s, size_t n, size_t *len);
void ser_char_add(struct ser_buf *b, int32_t c);
enum ser_char_class { SER_CHAR_SPACE, SER_CHAR_LETTER, SER_CHAR_NUMBER, SER_CHAR_OTHER };
enum ser_char_class ser_char_class(int32_t c); /* white space by property; categories L and N */
bool ser_char_is_space(int32_t c);
bool ser_char_is_control(int32_t c);     /* categories Cc, Cf, Co */
bool ser_char_is_punctuation(int32_t c); /* category P, and ASCII's signs */
bool ser_char_is_mark(int32_t c);        /* category Mn */
bool ser_char_is_cjk(int32_t c);         /* BERT's ranges of ideographs */
/* Append the lower case; U+0130 gives two characters. */
void ser_char_lower(struct ser_buf *b, int32_t c);
/* Append n bytes of valid UTF-8 in canonical decomposition. */
void ser_text_decompose(struct ser_buf *b, const char *s, size_t n);

/* ---- the tokenizer ---- */

enum { MAX_AROUND = 16, MAX_ID = 1 << 24, NO_ID = -1 };
enum ser_tokenizer_type { BPE, WORDPIECE };

/* Neighbours and what they become. */
struct ser_merge {
	int32_t a, b, to; /* a < 0: a free slot */
	int32_t rank;
};
struct ser_merges {
	struct ser_merge *slot; /* [n_slot], a power of two; open addressing */
	size_t n, n_slot;
};

/* A token that is looked for in the text before anything else. */
struct ser_added {
	int32_t id;
	bool special, lstrip, rstrip; /* takes the white space on that side with it */
};

struct ser_tokenizer {
	enum ser_tokenizer_type type;
	struct ser_map *token; /* texts as the files have them */
	int32_t *id;           /* [len(token)] */
	size_t cap_id;
	struct ser_token_of {
		int32_t id, token; /* place in `token` */
	} * by_id;                 /* [n_by_id] in the order of ids */
	size_t n_by_id;
	int32_t unk;
	struct {
		int32_t id[MAX_AROUND];
		size_t n;
	} before, after;
	size_t limit;
	struct ser_map *added; /* texts */
	struct ser_added *add; /* [len(added)] */
	size_t cap_add;
	bool first[256]; /* bytes that an added token begins with */
	size_t n_length; /* their lengths, from the longest on */
	size_t length[64];
	/* BPE */
	struct ser_merges merges;
	int32_t byte[256]; /* each one's token */
	bool prefix_space;
	/* WordPiece */
	size_t longest; /* token, bytes */
	size_t most;    /* characters of a word that is not taken for unknown */
	bool clean, cjk, strip, lower;
};

struct ser_tokenizer *ser_tokenizer_new(enum ser_tokenizer_type type);
/* Give a token its id. */
void ser_tokenizer_set(struct ser_tokenizer *t, const char *text, size_t n, int32_t id);
void ser_tokenizer_set_added(struct ser_tokenizer *t, const char *text, size_t n, struct ser_added a);
int32_t ser_tokenizer_find(const struct ser_tokenizer *t, const char *text, size_t n);
/* The text of an id, NULL: it has none. */
const char *ser_tokenizer_text(const struct ser_tokenizer *t, int32_t id, size_t *n);
/* All tokens are in: fill by_id and byte. SER_EDATA when two tokens have one id, or one of the 256 bytes has no token. */
int ser_tokenizer_done(struct ser_tokenizer *t, struct ser_err *e);

const struct ser_merge *ser_merges_find(const struct ser_merges *m, int32_t a, int32_t b);
/* Merges get their ranks in the order in which they are added; false when the pair is there already. */
bool ser_merges_add(struct ser_merges *m, int32_t a, int32_t b, int32_t to);

/* Working memory of encoding. */
struct ser_text_room {
	struct ser_buf valid, clean, plain, piece;
	struct ser_symbol *symbol;
	struct ser_candidate *heap;
	size_t cap_symbol, cap_heap, n_heap;
};

/* ---- byte-level BPE (bpe.c) ---- */

/* The character that stands for each byte (GPT-2's bytes_to_unicode). */
int32_t ser_bpe_char(unsigned char byte);
int ser_bpe_byte(int32_t c); /* its inverse, -1: none */
/* The end of the piece that begins at s[at], at < n: words are never merged across pieces. */
size_t ser_bpe_piece(const char *s, size_t n, size_t at);
/* Append ids of valid UTF-8 until there are more than `most`. */
void ser_bpe_encode(const struct ser_tokenizer *t, const char *s, size_t n, size_t most, struct ser_tokens *y);
void ser_wordpiece_encode(const struct ser_tokenizer *t, const char *s, size_t n, size_t most, struct ser_tokens *y);
void ser_tokens_add(struct ser_tokens *y, int32_t id);

#endif
