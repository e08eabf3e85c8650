/* SPDX-License-Identifier: MIT */
/* Byte-level byte pair encoding as GPT-2 has it (Radford et al. 2019). */
#include "text/private.h"

#include <stdlib.h>
#include <string.h>

/* ---- bytes as characters: the printable ones of Latin-1 are themselves, the others U+0100 and on ---- */

static bool is_itself(int32_t c)
{
	return (c >= 33 && c <= 126) || (c >= 161 && c <= 172) || (c >= 174 && c <= 255);
}

int32_t ser_bpe_char(unsigned char byte)
{
	int32_t b = byte;
	if (is_itself(b))
		return b;
	return b <= 32 ? 256 + b : b <= 160 ? 256 + 33 + b - 127 : 256 + 67;
}

int ser_bpe_byte(int32_t c)
{
	if (is_itself(c))
		return c;
	if (c < 256 || c > 256 + 67)
		return -1;
	return c <= 256 + 32 ? c - 256 : c < 256 + 67 ? c - 256 - 33 + 127 : 173;
}

/* ---- pieces: 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ ---- */

static enum ser_char_class class_at(const char *s, size_t n, size_t at, size_t *len)
{
	return ser_char_class(ser_char_at(s + at, n - at, len));
}

size_t ser_bpe_piece(const char *s, size_t n, size_t at)
{
	static const char *const suffix[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
	for (size_t i = 0; s[at] == '\'' && i < sizeof suffix / sizeof *suffix; i++) {
		size_t len = strlen(suffix[i]);
		if (n - at >= len && memcmp(s + at, suffix[i], len) == 0)
			return at + len;
	}
	size_t len, end = at;
	enum ser_char_class c;
	if (s[at] == ' ' && at + 1 < n && class_at(s, n, at + 1, &len) != SER_CHAR_SPACE)
		end++;
	c = class_at(s, n, end, &len);
	size_t last = end;
	while (end < n && class_at(s, n, end, &len) == c) {
		last = end;
		end += len;
	}
	/* the last white space of a run goes to the word behind it */
	return c == SER_CHAR_SPACE && end < n && last > at ? last : end;
}

/* ---- merges ---- */

static size_t slot_of(const struct ser_merges *m, int32_t a, int32_t b)
{
	uint64_t h = ((uint64_t)(uint32_t)a << 32 | (uint32_t)b) * 0x9e3779b97f4a7c15u;
	for (size_t s = (size_t)(h >> 32) & (m->n_slot - 1);; s = (s + 1) & (m->n_slot - 1))
		if (m->slot[s].a < 0 || (m->slot[s].a == a && m->slot[s].b == b))
			return s;
}

const struct ser_merge *ser_merges_find(const struct ser_merges *m, int32_t a, int32_t b)
{
	if (m->n == 0)
		return NULL;
	const struct ser_merge *g = &m->slot[slot_of(m, a, b)];
	return g->a < 0 ? NULL : g;
}

static void grow(struct ser_merges *m)
{
	struct ser_merges big = {.n = m->n, .n_slot = m->n_slot == 0 ? 1024 : ser_mul(m->n_slot, 2)};
	big.slot = ser_malloc(big.n_slot, sizeof *big.slot);
	for (size_t i = 0; i < big.n_slot; i++)
		big.slot[i].a = -1;
	for (size_t i = 0; i < m->n_slot; i++)
		if (m->slot[i].a >= 0)
			big.slot[slot_of(&big, m->slot[i].a, m->slot[i].b)] = m->slot[i];
	free(m->slot);
	*m = big;
}

bool ser_merges_add(struct ser_merges *m, int32_t a, int32_t b, int32_t to)
{
	if (2 * (m->n + 1) > m->n_slot)
		grow(m);
	struct ser_merge *g = &m->slot[slot_of(m, a, b)];
	if (g->a >= 0)
		return false;
	*g = (struct ser_merge){a, b, to, (int32_t)m->n++};
	return true;
}

/* A piece is a list of symbols; the merge of the lowest rank, and of those the leftmost, is done until there is none. A heap holds what
 * may be merged; what it holds of symbols that have changed since is passed over. */
struct ser_symbol {
	int32_t id; /* < 0: merged into the one before */
	size_t before, next;
};
struct ser_candidate {
	int32_t rank, to;
	size_t at;
};

static bool sooner(const struct ser_candidate *a, const struct ser_candidate *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void push(struct ser_text_room *w, struct ser_candidate c)
{
	size_t i = w->n_heap++;
	w->heap = ser_grow(w->heap, &w->cap_heap, w->n_heap, sizeof *w->heap);
	for (; i > 0 && sooner(&c, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = c;
}

static struct ser_candidate pop(struct ser_text_room *w)
{
	struct ser_candidate top = w->heap[0], c = w->heap[--w->n_heap];
	size_t i = 0;
	for (size_t k; (k = 2 * i + 1) < w->n_heap; i = k) {
		if (k + 1 < w->n_heap && sooner(&w->heap[k + 1], &w->heap[k]))
			k++;
		if (!sooner(&w->heap[k], &c))
			break;
		w->heap[i] = w->heap[k];
	}
	w->heap[i] = c;
	return top;
}

/* What the symbol at i and the next one may become. */
static const struct ser_merge *merge_at(const struct ser_tokenizer *t, const struct ser_symbol *y, size_t n, size_t i)
{
	return y[i].next < n ? ser_merges_find(&t->merges, y[i].id, y[y[i].next].id) : NULL;
}

static void consider(const struct ser_tokenizer *t, struct ser_text_room *w, size_t n, size_t i)
{
	const struct ser_merge *g = merge_at(t, w->symbol, n, i);
	if (g != NULL)
		push(w, (struct ser_candidate){g->rank, g->to, i});
}

static void encode_piece(const struct ser_tokenizer *t, const char *s, size_t n, struct ser_tokens *out)
{
	struct ser_text_room *w = out->room;
	struct ser_symbol *y = w->symbol = ser_grow(w->symbol, &w->cap_symbol, n, sizeof *w->symbol);
	for (size_t i = 0; i < n; i++)
		y[i] = (struct ser_symbol){t->byte[(unsigned char)s[i]], i - 1, i + 1};
	w->n_heap = 0;
	for (size_t i = 0; i + 1 < n; i++)
		consider(t, w, n, i);
	while (w->n_heap > 0) {
		struct ser_candidate c = pop(w);
		const struct ser_merge *g = y[c.at].id < 0 ? NULL : merge_at(t, y, n, c.at);
		if (g == NULL || g->to != c.to)
			continue;
		size_t gone = y[c.at].next, next = y[gone].next;
		y[c.at].id = g->to;
		y[c.at].next = next;
		y[gone].id = -1;
		if (next < n)
			y[next].before = c.at;
		consider(t, w, n, c.at);
		if (c.at > 0)
			consider(t, w, n, y[c.at].before);
	}
	for (size_t i = 0; i < n; i = y[i].next)
		ser_tokens_add(out, y[i].id);
}

void ser_bpe_encode(const struct ser_tokenizer *t, const char *s, size_t n, size_t most, struct ser_tokens *y)
{
	if (t->prefix_space && n > 0 && s[0] != ' ') {
		struct ser_buf *b = &y->room->plain;
		b->n = 0;
		ser_buf_str(b, " ");
		ser_buf_add(b, s, n);
		s = b->s;
		n = b->n;
	}
	for (size_t at = 0, end; at < n && y->n <= most; at = end) {
		end = ser_bpe_piece(s, n, at);
		encode_piece(t, s + at, end - at, y);
	}
}
