/* SPDX-License-Identifier: MIT */
#include "dsp/front.h"

#include <stdlib.h>
#include <string.h>

enum { GEMAPS_N = 62 };

/* GeMAPS v01b is eGeMAPS without functionals of flux, MFCCs, bandwidths of F2 and F3, and the level: runs of the 88. Which is its k-th. */
static size_t gemaps(size_t k)
{
	static const struct {
		size_t from, n;
	} runs[] = {{0, 20}, {30, 18}, {50, 4}, {56, 10}, {76, 4}, {81, 6}};
	size_t i = 0;
	ser_assert(k < GEMAPS_N);
	for (; k >= runs[i].n; i++)
		k -= runs[i].n;
	return runs[i].from + k;
}

static const char *gemaps_name(size_t k, char *buf)
{
	return ser_egemaps_func_name(gemaps(k), buf);
}

static const char *compare2016_name(size_t k, char *buf)
{
	return ser_smile_func_name("compare2016", k, buf);
}

static const char *emobase_name(size_t k, char *buf)
{
	return ser_smile_func_name("emobase", k, buf);
}

static const char *is09_name(size_t k, char *buf)
{
	return ser_smile_func_name("is09", k, buf);
}

static const char *is10_name(size_t k, char *buf)
{
	return ser_smile_func_name("is10", k, buf);
}

static const char *is11_name(size_t k, char *buf)
{
	return ser_smile_func_name("is11", k, buf);
}

static const struct ser_func_set SETS[] = {
	{"egemaps", SER_EGEMAPS, false, SER_EGEMAPS_FUNC_N, ser_egemaps_func_name},
	{"gemaps", SER_EGEMAPS, false, GEMAPS_N, gemaps_name},
	{"compare2016", SER_COMPARE, true, 6373, compare2016_name},
	{"is13", SER_COMPARE, true, 6373, compare2016_name},
	{"emobase", SER_EMOBASE, false, 988, emobase_name},
	{"is09", SER_IS09, false, 384, is09_name},
	{"is10", SER_IS10, false, 1582, is10_name},
	{"is11", SER_IS11, false, 4368, is11_name},
};

const struct ser_func_set *ser_func_set(const char *name)
{
	for (size_t i = 0; i < sizeof SETS / sizeof SETS[0]; i++)
		if (strcmp(SETS[i].name, name) == 0)
			return &SETS[i];
	return NULL;
}

void ser_front_func(const struct ser_front *p, struct ser_front_ws *ws, const struct ser_func_set *set, const float *y,
		    size_t n_frame, const float *x, size_t n, float *f)
{
	float all[SER_EGEMAPS_FUNC_N], *to = set->kind == SER_EGEMAPS ? all : f;
	ser_assert(set->kind == p->o.kind);
	if (p->smile != NULL) {
		ser_smile_func(p->smile, ws->smile, set->name, to);
	} else {
		double *scratch = ser_malloc(2 * n_frame, sizeof *scratch);
		ser_egemaps_func(y, n_frame, ser_front_shift_s(p), x, n, scratch, to);
		free(scratch);
	}
	for (size_t k = 0; to == all && k < set->n; k++)
		f[k] = all[set->n == GEMAPS_N ? gemaps(k) : k];
}
