/* SPDX-License-Identifier: MIT */
/* Golden blocks of numbers (tests/ref/front.py says how they are written), and front-ends from texts. */
#ifndef BLOCKS_H
#define BLOCKS_H

#include "dsp/dsp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct block {
	char name[400];
	size_t rows, cols;
	float *x;
};

static struct block *golden;
static size_t n_golden;

static int load_blocks(const char *path)
{
	struct ser_err e = {0};
	char *s;
	size_t n, cap = 0;
	if (ser_read_file(path, 1 << 24, &s, &n, &e) != SER_OK) {
		fprintf(stderr, "%s\n", e.msg);
		return -1;
	}
	for (size_t at = 0; at < n;) {
		golden = ser_grow(golden, &cap, n_golden + 1, sizeof *golden);
		struct block *b = &golden[n_golden++];
		if (sscanf(s + at, "%399s %zu %zu", b->name, &b->rows, &b->cols) != 3)
			return -1;
		at += strcspn(s + at, "\n") + 1;
		b->x = ser_malloc(b->rows * b->cols, sizeof *b->x);
		memcpy(b->x, s + at, b->rows * b->cols * sizeof *b->x);
		ser_le(b->x, b->rows * b->cols, sizeof *b->x);
		at += b->rows * b->cols * sizeof *b->x;
	}
	free(s);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_golden; i++)
		free(golden[i].x);
	free(golden);
	return 0;
}

static const struct block *find(const char *name)
{
	for (size_t i = 0; i < n_golden; i++)
		if (strcmp(golden[i].name, name) == 0)
			return &golden[i];
	fail_msg("no golden block %s", name);
	return NULL;
}

static struct ser_front *make(const char *text)
{
	struct ser_front_opt o;
	struct ser_front *p = NULL;
	struct ser_err e = {0};
	char *s = ser_strdup(text);
	for (char *c = s; *c != '\0'; c++)
		if (*c == ',')
			*c = ' ';
	int rc = strncmp(s, "preset:", 7) == 0 ? ser_front_preset(&o, &(const char *){NULL}, s + 7, &e)
					       : ser_front_parse(&o, s, &e);
	if (rc == SER_OK)
		rc = ser_front_new(&p, &o, &e);
	free(s);
	if (rc != SER_OK)
		fail_msg("%s: %s", text, e.msg);
	return p;
}

static float *run(const struct ser_front *p, const float *x, size_t n)
{
	struct ser_err e = {0};
	struct ser_rng r;
	ser_rng_seed(&r, 7);
	struct ser_front_ws *ws = ser_front_ws_new(p);
	float *y = ser_malloc(ser_front_n_frame(p, n) * ser_front_dim(p), sizeof *y);
	if (ser_front_do(p, ws, x, n, &r, y, &e) != SER_OK)
		fail_msg("%s", e.msg);
	ser_front_ws_free(ws);
	return y;
}

#endif
