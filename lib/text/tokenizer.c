/* SPDX-License-Identifier: MIT */
#include "text/private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making one ---- */

struct ser_tokenizer *ser_tokenizer_new(enum ser_tokenizer_type type)
{
	struct ser_tokenizer *t = ser_calloc(1, sizeof *t);
	t->type = type;
	t->token = ser_map_new();
	t->added = ser_map_new();
	t->unk = NO_ID;
	return t;
}

void ser_tokenizer_sum(const struct ser_tokenizer *t, char sum[static 17])
{
	struct ser_buf json = {0};
	ser_tokenizer_json(t, &json);
	snprintf(sum, 17, "%016" PRIx64, ser_hash(json.s, json.n));
	ser_buf_free(&json);
}

void ser_tokenizer_close(struct ser_tokenizer *t)
{
	if (t == NULL)
		return;
	ser_map_free(t->token);
	ser_map_free(t->added);
	free(t->id);
	free(t->by_id);
	free(t->add);
	free(t->merges.slot);
	free(t);
}

void ser_tokenizer_set(struct ser_tokenizer *t, const char *text, size_t n, int32_t id)
{
	size_t i = ser_map_add(t->token, text, n, NULL);
	t->id = ser_grow(t->id, &t->cap_id, ser_map_len(t->token), sizeof *t->id);
	t->id[i] = id;
	t->longest = n > t->longest ? n : t->longest;
}

int32_t ser_tokenizer_find(const struct ser_tokenizer *t, const char *text, size_t n)
{
	ptrdiff_t i = ser_map_find(t->token, text, n);
	return i < 0 ? NO_ID : t->id[i];
}

void ser_tokenizer_set_added(struct ser_tokenizer *t, const char *text, size_t n, struct ser_added a)
{
	size_t i = ser_map_add(t->added, text, n, NULL);
	t->add = ser_grow(t->add, &t->cap_add, ser_map_len(t->added), sizeof *t->add);
	t->add[i] = a;
	ser_tokenizer_set(t, text, n, a.id);
}

static int by_length(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return x < y ? 1 : x > y ? -1 : 0;
}

/* What is looked for in texts: first bytes, and lengths from the longest on */
static int index_added(struct ser_tokenizer *t, struct ser_err *e)
{
	for (size_t i = 0; i < ser_map_len(t->added); i++) {
		size_t n, k = 0;
		const char *s = ser_map_key(t->added, i, &n);
		t->first[(unsigned char)s[0]] = true;
		while (k < t->n_length && t->length[k] != n)
			k++;
		if (k == sizeof t->length / sizeof *t->length)
			return ser_fail(e, SER_EDATA, "added tokens have more than %zu different lengths", k);
		t->length[k] = n;
		t->n_length += k == t->n_length;
	}
	qsort(t->length, t->n_length, sizeof *t->length, by_length);
	return SER_OK;
}

static int by_id(const void *a, const void *b)
{
	int32_t x = ((const struct ser_token_of *)a)->id, y = ((const struct ser_token_of *)b)->id;
	return x < y ? -1 : x > y;
}

const char *ser_tokenizer_text(const struct ser_tokenizer *t, int32_t id, size_t *n)
{
	const struct ser_token_of *found =
		bsearch(&(struct ser_token_of){.id = id}, t->by_id, t->n_by_id, sizeof *t->by_id, by_id);
	return found == NULL ? NULL : ser_map_key(t->token, (size_t)found->token, n);
}

int ser_tokenizer_done(struct ser_tokenizer *t, struct ser_err *e)
{
	size_t n = t->n_by_id = ser_map_len(t->token);
	t->by_id = ser_malloc(n + 1, sizeof *t->by_id);
	for (size_t i = 0; i < n; i++)
		t->by_id[i] = (struct ser_token_of){t->id[i], (int32_t)i};
	qsort(t->by_id, n, sizeof *t->by_id, by_id);
	for (size_t i = 1; i < n; i++)
		if (t->by_id[i].id == t->by_id[i - 1].id)
			return ser_fail(e, SER_EDATA, "tokens \"%.100s\" and \"%.100s\" have the same id, %ld",
					ser_map_key(t->token, (size_t)t->by_id[i - 1].token, NULL),
					ser_map_key(t->token, (size_t)t->by_id[i].token, NULL), (long)t->by_id[i].id);
	struct ser_buf b = {0};
	int rc = index_added(t, e);
	for (int i = 0; i < 256 && t->type == BPE && rc == SER_OK; i++) {
		b.n = 0;
		ser_char_add(&b, ser_bpe_char((unsigned char)i));
		t->byte[i] = ser_tokenizer_find(t, b.s, b.n);
		if (t->byte[i] == NO_ID)
			rc = ser_fail(e, SER_EDATA, "no token \"%s\", for byte %d: no byte-level BPE", b.s, i);
	}
	ser_buf_free(&b);
	return rc;
}

/* ---- about it ---- */

const char *ser_tokenizer_kind(const struct ser_tokenizer *t)
{
	return t->type == BPE ? "BPE" : "WordPiece";
}

size_t ser_tokenizer_size(const struct ser_tokenizer *t)
{
	return t->n_by_id > 0 ? (size_t)t->by_id[t->n_by_id - 1].id + 1 : 0;
}

size_t ser_tokenizer_limit(const struct ser_tokenizer *t)
{
	return t->limit;
}

size_t ser_tokenizer_around(const struct ser_tokenizer *t)
{
	return t->before.n + t->after.n;
}

int32_t ser_tokenizer_id(const struct ser_tokenizer *t, const char *token)
{
	return ser_tokenizer_find(t, token, strlen(token));
}

/* ---- encoding ---- */

void ser_tokens_add(struct ser_tokens *y, int32_t id)
{
	y->id = ser_grow(y->id, &y->cap, y->n + 1, sizeof *y->id);
	y->id[y->n++] = id;
}

void ser_tokens_free(struct ser_tokens *y)
{
	if (y->room != NULL) {
		ser_buf_free(&y->room->valid);
		ser_buf_free(&y->room->clean);
		ser_buf_free(&y->room->plain);
		ser_buf_free(&y->room->piece);
		free(y->room->symbol);
		free(y->room->heap);
	}
	free(y->room);
	free(y->id);
	*y = (struct ser_tokens){0};
}

/* The added token that begins at s, the longest of several, or NULL. */
static const struct ser_added *added_at(const struct ser_tokenizer *t, const char *s, size_t n, bool special,
					size_t *len)
{
	for (size_t k = 0; t->first[(unsigned char)s[0]] && k < t->n_length; k++) {
		ptrdiff_t i = t->length[k] <= n ? ser_map_find(t->added, s, t->length[k]) : -1;
		if (i >= 0 && (special || !t->add[i].special)) {
			*len = t->length[k];
			return &t->add[i];
		}
	}
	return NULL;
}

/* How much white space s ends with. */
static size_t spaces_before(const char *s, size_t n)
{
	size_t at = n, len;
	while (at > 0) {
		size_t k = at - 1;
		while (k > 0 && ((unsigned char)s[k] & 0xc0) == 0x80)
			k--;
		if (!ser_char_is_space(ser_char_at(s + k, n - k, &len)))
			break;
		at = k;
	}
	return n - at;
}

static size_t spaces_after(const char *s, size_t n)
{
	size_t at = 0, len;
	while (at < n && ser_char_is_space(ser_char_at(s + at, n - at, &len)))
		at += len;
	return at;
}

static void encode_plain(const struct ser_tokenizer *t, const char *s, size_t n, size_t most, struct ser_tokens *y)
{
	if (t->type == BPE)
		ser_bpe_encode(t, s, n, most, y);
	else
		ser_wordpiece_encode(t, s, n, most, y);
}

/* Valid UTF-8, in the room where it has to be changed. */
static const char *valid(struct ser_text_room *w, const char *s, size_t *n)
{
	if (ser_utf8_ok(s, *n))
		return s;
	w->valid.n = 0;
	for (size_t at = 0, len; at < *n; at += len)
		ser_char_add(&w->valid, ser_char_at(s + at, *n - at, &len));
	*n = w->valid.n;
	return w->valid.s;
}

void ser_tokenizer_encode(const struct ser_tokenizer *t, const char *text, size_t n, size_t max, bool special,
			  struct ser_tokens *y)
{
	if (y->room == NULL)
		y->room = ser_calloc(1, sizeof *y->room);
	y->n = 0;
	for (size_t i = 0; i < t->before.n; i++)
		ser_tokens_add(y, t->before.id[i]);
	size_t around = ser_tokenizer_around(t), from = 0, len;
	size_t most = max == 0 ? SIZE_MAX : t->before.n + (max > around ? max - around : 0);
	text = valid(y->room, text, &n);
	for (size_t at = 0; at < n && y->n <= most;) {
		const struct ser_added *a = added_at(t, text + at, n - at, special, &len);
		if (a == NULL) {
			at++;
			continue;
		}
		size_t end = at - (a->lstrip ? spaces_before(text + from, at - from) : 0);
		encode_plain(t, text + from, end - from, most, y);
		ser_tokens_add(y, a->id);
		at += len;
		at += a->rstrip ? spaces_after(text + at, n - at) : 0;
		from = at;
	}
	encode_plain(t, text + from, n - from, most, y);
	y->cut = y->n > most;
	y->n = y->cut ? most : y->n;
	for (size_t i = 0; i < t->after.n; i++)
		ser_tokens_add(y, t->after.id[i]);
}

/* ---- decoding ---- */

static void decode_token(const struct ser_tokenizer *t, const char *s, size_t n, bool first, struct ser_buf *text)
{
	if (t->type == WORDPIECE) {
		bool goes_on = n > 2 && s[0] == '#' && s[1] == '#';
		if (!goes_on && !first)
			ser_buf_str(text, " ");
		ser_buf_add(text, s + (goes_on ? 2 : 0), n - (goes_on ? 2 : 0));
		return;
	}
	for (size_t at = 0, len; at < n; at += len) {
		int b = ser_bpe_byte(ser_char_at(s + at, n - at, &len));
		if (b >= 0)
			ser_buf_add(text, &(char){(char)b}, 1);
		else
			ser_buf_add(text, s + at, len);
	}
}

int ser_tokenizer_decode(const struct ser_tokenizer *t, const int32_t *id, size_t n, struct ser_buf *text,
			 struct ser_err *e)
{
	bool first = true;
	for (size_t i = 0; i < n; i++) {
		size_t len;
		const char *s = ser_tokenizer_text(t, id[i], &len);
		if (s == NULL)
			return ser_fail(e, SER_EDATA, "id %ld at %zu has no token", (long)id[i], i);
		ptrdiff_t a = ser_map_find(t->added, s, len);
		if (a >= 0 && t->add[a].special)
			continue;
		if (a >= 0) /* as it stands in texts */
			ser_buf_add(text, s, len);
		else
			decode_token(t, s, len, first, text);
		first = false;
	}
	return SER_OK;
}
