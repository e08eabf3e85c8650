/* SPDX-License-Identifier: MIT */
/* A vocabulary of byte-level BPE: merge the commonest pair of neighbours, again and again (Sennrich et al. 2016). */
#include "text/private.h"

#include <stdlib.h>
#include <string.h>

enum { LEAST_COUNT = 2 };
static const char *const special[] = {"<s>", "<pad>", "</s>", "<unk>", "<mask>"};
enum { N_SPECIAL = sizeof special / sizeof *special };

struct ser_tokenizer_trainer {
	struct ser_map *word; /* pieces of the texts */
	int64_t *count;       /* of each */
	size_t cap;
};

struct ser_tokenizer_trainer *ser_tokenizer_trainer_new(void)
{
	struct ser_tokenizer_trainer *r = ser_calloc(1, sizeof *r);
	r->word = ser_map_new();
	return r;
}

void ser_tokenizer_trainer_free(struct ser_tokenizer_trainer *r)
{
	if (r == NULL)
		return;
	ser_map_free(r->word);
	free(r->count);
	free(r);
}

void ser_tokenizer_trainer_add(struct ser_tokenizer_trainer *r, const char *text, size_t n)
{
	struct ser_buf b = {0};
	if (!ser_utf8_ok(text, n)) {
		for (size_t at = 0, len; at < n; at += len)
			ser_char_add(&b, ser_char_at(text + at, n - at, &len));
		text = b.s;
		n = b.n;
	}
	for (size_t at = 0, end; at < n; at = end) {
		bool is_new;
		end = ser_bpe_piece(text, n, at);
		size_t i = ser_map_add(r->word, text + at, end - at, &is_new);
		r->count = ser_grow(r->count, &r->cap, ser_map_len(r->word), sizeof *r->count);
		r->count[i] = is_new ? 1 : r->count[i] + 1;
	}
	ser_buf_free(&b);
}

/* ---- training ---- */

struct word {
	int32_t *id; /* [n] symbols */
	size_t n;
	int64_t count;
};

/* Neighbours, how often they are met, and the words that they were ever met in. */
struct pair {
	int32_t a, b;
	int64_t count;
	size_t *word;
	size_t n, cap;
};

struct candidate {
	int64_t count;
	size_t pair;
};

struct training {
	struct ser_tokenizer *t;
	struct word *word;
	size_t n_word;
	struct ser_map *key; /* of pairs */
	struct pair *pair;
	size_t cap_pair;
	struct candidate *heap; /* a pair is in it once, and again when its count has grown */
	size_t n_heap, cap_heap;
};

static bool sooner(const struct training *g, const struct candidate *x, const struct candidate *y)
{
	const struct pair *p = &g->pair[x->pair], *q = &g->pair[y->pair];
	if (x->count != y->count)
		return x->count > y->count;
	return p->a != q->a ? p->a < q->a : p->b < q->b;
}

static void push(struct training *g, size_t pair)
{
	struct candidate c = {g->pair[pair].count, pair};
	size_t i = g->n_heap++;
	g->heap = ser_grow(g->heap, &g->cap_heap, g->n_heap, sizeof *g->heap);
	for (; i > 0 && sooner(g, &c, &g->heap[(i - 1) / 2]); i = (i - 1) / 2)
		g->heap[i] = g->heap[(i - 1) / 2];
	g->heap[i] = c;
}

static struct candidate pop(struct training *g)
{
	struct candidate top = g->heap[0], c = g->heap[--g->n_heap];
	size_t i = 0;
	for (size_t k; (k = 2 * i + 1) < g->n_heap; i = k) {
		if (k + 1 < g->n_heap && sooner(g, &g->heap[k + 1], &g->heap[k]))
			k++;
		if (!sooner(g, &g->heap[k], &c))
			break;
		g->heap[i] = g->heap[k];
	}
	g->heap[i] = c;
	return top;
}

static size_t pair_of(struct training *g, int32_t a, int32_t b)
{
	int32_t key[2] = {a, b};
	bool is_new;
	size_t i = ser_map_add(g->key, (const char *)key, sizeof key, &is_new);
	g->pair = ser_grow(g->pair, &g->cap_pair, ser_map_len(g->key), sizeof *g->pair);
	if (is_new)
		g->pair[i] = (struct pair){.a = a, .b = b};
	return i;
}

/* The pair is met `by` times more in a word. */
static size_t count_pair(struct training *g, int32_t a, int32_t b, int64_t by, size_t word)
{
	size_t i = pair_of(g, a, b);
	struct pair *p = &g->pair[i];
	p->count += by;
	if (by > 0 && (p->n == 0 || p->word[p->n - 1] != word)) {
		p->word = ser_grow(p->word, &p->cap, p->n + 1, sizeof *p->word);
		p->word[p->n++] = word;
	}
	return i;
}

static void make_words(struct training *g, const struct ser_tokenizer_trainer *r)
{
	g->n_word = ser_map_len(r->word);
	g->word = ser_malloc(g->n_word + 1, sizeof *g->word);
	for (size_t i = 0; i < g->n_word; i++) {
		struct word *w = &g->word[i];
		const char *s = ser_map_key(r->word, i, &w->n);
		w->id = ser_malloc(w->n, sizeof *w->id);
		w->count = r->count[i];
		for (size_t k = 0; k < w->n; k++) {
			w->id[k] = g->t->byte[(unsigned char)s[k]];
			if (k > 0)
				count_pair(g, w->id[k - 1], w->id[k], w->count, i);
		}
	}
	for (size_t i = 0; i < ser_map_len(g->key); i++)
		push(g, i);
}

/* Merge a and b wherever they are neighbours in a word, and count what that makes and unmakes. */
static void merge_in(struct training *g, size_t at, int32_t a, int32_t b, int32_t to)
{
	struct word *w = &g->word[at];
	size_t n = 0;
	for (size_t i = 0; i < w->n; n++) {
		if (w->id[i] != a || i + 1 == w->n || w->id[i + 1] != b) {
			w->id[n] = w->id[i++];
			continue;
		}
		i += 2;
		if (n > 0) {
			count_pair(g, w->id[n - 1], a, -w->count, at);
			push(g, count_pair(g, w->id[n - 1], to, w->count, at));
		}
		if (i < w->n) {
			count_pair(g, b, w->id[i], -w->count, at);
			push(g, count_pair(g, to, w->id[i], w->count, at));
		}
		w->id[n] = to;
	}
	w->n = n;
}

/* The token that two others make, which may be there already. */
static int32_t token_of_pair(struct training *g, int32_t a, int32_t b)
{
	struct ser_buf text = {0};
	int32_t both[2] = {a, b};
	for (int i = 0; i < 2; i++) {
		size_t n;
		const char *s = ser_map_key(g->t->token, (size_t)both[i], &n); /* ids are places here */
		ser_buf_add(&text, s, n);
	}
	int32_t id = ser_tokenizer_find(g->t, text.s, text.n);
	if (id == NO_ID) {
		id = (int32_t)ser_map_len(g->t->token);
		ser_tokenizer_set(g->t, text.s, text.n, id);
	}
	ser_buf_free(&text);
	return id;
}

static void merge_all(struct training *g, size_t n_token)
{
	while (g->n_heap > 0 && ser_map_len(g->t->token) < n_token) {
		struct candidate c = pop(g);
		struct pair p = g->pair[c.pair];
		if (c.count != p.count) {
			if (c.count > p.count) /* the other way, it is in the heap with more already */
				push(g, c.pair);
			continue;
		}
		if (c.count < LEAST_COUNT)
			break;
		int32_t to = token_of_pair(g, p.a, p.b);
		if (to < N_SPECIAL) { /* what a text says is no special token */
			g->pair[c.pair].count = 0;
			continue;
		}
		ser_merges_add(&g->t->merges, p.a, p.b, to);
		g->pair[c.pair].word = NULL;
		g->pair[c.pair].n = g->pair[c.pair].cap = 0;
		for (size_t i = 0; i < p.n; i++)
			merge_in(g, p.word[i], p.a, p.b, to);
		g->pair[c.pair].count = 0;
		free(p.word);
	}
}

/* Special tokens, then the bytes in the order of their characters, of which those below 256 come first */
static struct ser_tokenizer *begin(void)
{
	struct ser_tokenizer *t = ser_tokenizer_new(BPE);
	struct ser_buf b = {0};
	for (int32_t i = 0; i < N_SPECIAL; i++)
		ser_tokenizer_set_added(t, special[i], strlen(special[i]), (struct ser_added){i, true, i == 4, false});
	for (int32_t c = 0, id = N_SPECIAL; c < 512; c++)
		if (ser_bpe_byte(c) >= 0) {
			b.n = 0;
			ser_char_add(&b, c);
			t->byte[ser_bpe_byte(c)] = id;
			ser_tokenizer_set(t, b.s, b.n, id++);
		}
	t->before.id[t->before.n++] = 0;
	t->after.id[t->after.n++] = 2;
	ser_buf_free(&b);
	return t;
}

struct ser_tokenizer *ser_tokenizer_train(const struct ser_tokenizer_trainer *r, size_t n_token)
{
	struct training g = {.t = begin(), .key = ser_map_new()};
	ser_assert(n_token >= SER_TOKENIZER_LEAST && n_token <= MAX_ID);
	make_words(&g, r);
	merge_all(&g, n_token);
	for (size_t i = 0; i < g.n_word; i++)
		free(g.word[i].id);
	for (size_t i = 0; i < ser_map_len(g.key); i++)
		free(g.pair[i].word);
	free(g.word);
	free(g.pair);
	free(g.heap);
	ser_map_free(g.key);
	ser_assert(ser_tokenizer_done(g.t, NULL) == SER_OK);
	return g.t;
}
