/* SPDX-License-Identifier: MIT */
/* WordPiece as BERT has it (Devlin et al. 2019): words and signs of a cleaned text, each the longest tokens from the left. */
#include "text/private.h"

#include <string.h>

/* One word [n bytes, n_char characters] */
static void encode_word(const struct ser_tokenizer *t, const char *s, size_t n, size_t n_char, struct ser_tokens *y)
{
	struct ser_buf *b = &y->room->piece;
	size_t from = y->n, at = 0;
	while (at < n && n_char <= t->most) {
		int32_t id = NO_ID;
		size_t head = at > 0 ? 2 : 0, end = n - at > t->longest ? at + t->longest : n;
		b->n = 0;
		ser_buf_add(b, "##", head);
		ser_buf_add(b, s + at, end - at);
		for (; end > at; end--) {
			/* not amid a character */
			if (end < n && ((unsigned char)s[end] & 0xc0) == 0x80)
				continue;
			id = ser_tokenizer_find(t, b->s, head + end - at);
			if (id != NO_ID)
				break;
		}
		if (id == NO_ID)
			break;
		ser_tokens_add(y, id);
		at = end;
	}
	if (at < n) {
		y->n = from;
		ser_tokens_add(y, t->unk);
	}
}

/* Controls go, white space is a blank, ideographs stand alone. */
static void clean(const struct ser_tokenizer *t, const char *s, size_t n, struct ser_buf *b)
{
	b->n = 0;
	for (size_t at = 0, len; at < n; at += len) {
		int32_t c = ser_char_at(s + at, n - at, &len);
		bool space = c == '\t' || c == '\n' || c == '\r';
		if (t->clean && !space && (c == 0 || c == 0xfffd || ser_char_is_control(c)))
			continue;
		bool alone = t->cjk && ser_char_is_cjk(c);
		if (alone)
			ser_buf_str(b, " ");
		ser_char_add(b, t->clean && ser_char_is_space(c) ? ' ' : c);
		if (alone)
			ser_buf_str(b, " ");
	}
}

static void normalise(const struct ser_tokenizer *t, const char *s, size_t n, struct ser_text_room *w)
{
	clean(t, s, n, &w->clean);
	if (t->strip) {
		w->plain.n = 0;
		ser_text_decompose(&w->plain, w->clean.s, w->clean.n);
		w->clean.n = 0;
	} else {
		struct ser_buf b = w->plain;
		w->plain = w->clean;
		w->clean = b;
		w->clean.n = 0;
	}
	for (size_t at = 0, len; at < w->plain.n; at += len) {
		int32_t c = ser_char_at(w->plain.s + at, w->plain.n - at, &len);
		if (t->strip && ser_char_is_mark(c))
			continue;
		if (t->lower)
			ser_char_lower(&w->clean, c);
		else
			ser_char_add(&w->clean, c);
	}
}

void ser_wordpiece_encode(const struct ser_tokenizer *t, const char *s, size_t n, size_t most, struct ser_tokens *y)
{
	struct ser_text_room *w = y->room;
	size_t n_char = 0, from = 0, at = 0, len;
	normalise(t, s, n, w);
	for (; at < w->clean.n && y->n <= most; at += len) {
		int32_t c = ser_char_at(w->clean.s + at, w->clean.n - at, &len);
		bool space = ser_char_is_space(c), alone = !space && ser_char_is_punctuation(c);
		if (!space && !alone) {
			n_char++;
			continue;
		}
		encode_word(t, w->clean.s + from, at - from, n_char, y);
		if (alone)
			encode_word(t, w->clean.s + at, len, 1, y);
		from = at + len;
		n_char = 0;
	}
	if (at > from)
		encode_word(t, w->clean.s + from, at - from, n_char, y);
}
