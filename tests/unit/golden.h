/* SPDX-License-Identifier: MIT */
/* Golden numbers as JSON, and the formula that fills parameters and inputs, here and in the reference (tests/ref/encoders.py).
 * For files of tests; cmocka.h comes first. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "stream/stream.h"

#include <stdlib.h>

/* v[i] in [-1,1), as the reference has it */
static inline double unit(uint32_t i, uint32_t seed)
{
	uint32_t h = i * 0x9E3779B1u + (seed * 0x85EBCA77u + 0x165667B1u);
	h ^= h >> 15;
	h *= 0x2C1B3C6Du;
	h ^= h >> 12;
	h *= 0x297A2D39u;
	h ^= h >> 15;
	return (double)(h >> 8) / 8388608.0 - 1.0;
}

/* A file of goldens, and the folder with whole arrays, or NULL */
struct source {
	struct ser_arena arena;
	struct ser_val all;
	const char *folder;
};

static inline bool load(struct source *s, const char *path, const char *folder)
{
	struct ser_err e = {0};
	char *text;
	size_t n;
	if (ser_read_file(path, 1 << 24, &text, &n, &e) != SER_OK)
		return false;
	if (ser_val_from_json(&s->arena, text, n, &s->all, &e) != SER_OK)
		fail_msg("%s: %s", path, e.msg);
	s->all = ser_val_copy(&s->arena, &s->all);
	s->folder = folder;
	free(text);
	return true;
}

static inline double number(const struct ser_val *v)
{
	return v->kind == SER_INT ? (double)v->u.i : v->u.f;
}

static inline const struct ser_val *need(const struct ser_val *v, const char *name)
{
	const struct ser_val *f = ser_val_get(v, name);
	if (f == NULL)
		fail_msg("no \"%s\" in the golden numbers", name);
	return f;
}

#endif
