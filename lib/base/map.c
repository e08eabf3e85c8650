/* SPDX-License-Identifier: MIT */
/* Open addressing over an insertion-ordered list of keys, which lie end to end in one buffer. */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

struct key {
	size_t at, n; /* in the buffer */
	uint64_t hash;
};

struct ser_map {
	struct ser_buf text;
	struct key *key;
	size_t n, cap;
	size_t *slot;  /* index + 1, or 0 */
	size_t n_slot; /* a power of two */
};

struct ser_map *ser_map_new(void)
{
	struct ser_map *m = ser_calloc(1, sizeof *m);
	m->n_slot = 16;
	m->slot = ser_calloc(m->n_slot, sizeof *m->slot);
	return m;
}

void ser_map_free(struct ser_map *m)
{
	if (m == NULL)
		return;
	ser_buf_free(&m->text);
	free(m->key);
	free(m->slot);
	free(m);
}

size_t ser_map_len(const struct ser_map *m)
{
	return m->n;
}

/* The slot that holds the key, or the free one where it would go. */
static size_t slot_of(const struct ser_map *m, const char *key, size_t n, uint64_t h)
{
	for (size_t s = (size_t)h & (m->n_slot - 1);; s = (s + 1) & (m->n_slot - 1)) {
		if (m->slot[s] == 0)
			return s;
		const struct key *k = &m->key[m->slot[s] - 1];
		if (k->hash == h && k->n == n && memcmp(m->text.s + k->at, key, n) == 0)
			return s;
	}
}

ptrdiff_t ser_map_find(const struct ser_map *m, const char *key, size_t n)
{
	return (ptrdiff_t)m->slot[slot_of(m, key, n, ser_hash(key, n))] - 1;
}

static void rehash(struct ser_map *m)
{
	free(m->slot);
	m->n_slot = ser_mul(m->n_slot, 2);
	m->slot = ser_calloc(m->n_slot, sizeof *m->slot);
	for (size_t i = 0; i < m->n; i++) {
		const struct key *k = &m->key[i];
		m->slot[slot_of(m, m->text.s + k->at, k->n, k->hash)] = i + 1;
	}
}

size_t ser_map_add(struct ser_map *m, const char *key, size_t n, bool *is_new)
{
	uint64_t h = ser_hash(key, n);
	size_t s = slot_of(m, key, n, h);
	if (is_new != NULL)
		*is_new = m->slot[s] == 0;
	if (m->slot[s] != 0)
		return m->slot[s] - 1;
	m->key = ser_grow(m->key, &m->cap, m->n + 1, sizeof *m->key);
	m->key[m->n] = (struct key){m->text.n, n, h};
	ser_buf_add(&m->text, key, n);
	ser_buf_add(&m->text, "", 1); /* so that a key is also a C string */
	m->slot[s] = ++m->n;
	size_t i = m->n - 1;
	if (2 * m->n > m->n_slot)
		rehash(m);
	return i;
}

const char *ser_map_key(const struct ser_map *m, size_t i, size_t *n)
{
	ser_assert(i < m->n);
	if (n != NULL)
		*n = m->key[i].n;
	return m->text.s + m->key[i].at;
}
