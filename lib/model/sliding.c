/* SPDX-License-Identifier: MIT */
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

struct ser_sliding {
	size_t n_col, window, every;
	float *x; /* rows [first, total) of the sound */
	size_t cap, first, total;
	size_t due; /* where the next window ends */
	size_t end; /* where the last one ended */
};

struct ser_sliding *ser_sliding_new(size_t window, size_t every, size_t n_col)
{
	struct ser_sliding *s = ser_calloc(1, sizeof *s);
	ser_assert(window > 0 && every > 0);
	*s = (struct ser_sliding){.n_col = n_col, .window = window, .every = every, .due = every};
	return s;
}

void ser_sliding_free(struct ser_sliding *s)
{
	if (s == NULL)
		return;
	free(s->x);
	free(s);
}

void ser_sliding_push(struct ser_sliding *s, const float *x, size_t n)
{
	/* The first row that is still wanted: the sound may end with this push, and its last window with it. */
	size_t ends = s->total + n < s->due ? s->total + n : s->due, keep = ends > s->window ? ends - s->window : 0;
	if (keep > s->first) {
		size_t gone = (keep < s->total ? keep : s->total) - s->first, left = s->total - s->first - gone;
		if (left > 0)
			memmove(s->x, s->x + gone * s->n_col, left * s->n_col * sizeof *x);
		s->first += gone;
	}
	size_t have = s->total - s->first;
	s->x = ser_grow(s->x, &s->cap, ser_mul(have + n, s->n_col), sizeof *x);
	if (n > 0)
		memcpy(s->x + have * s->n_col, x, n * s->n_col * sizeof *x);
	s->total += n;
}

bool ser_sliding_next(struct ser_sliding *s, bool end, const float **x, size_t *from, size_t *to)
{
	if (s->due <= s->total)
		*to = s->due;
	else if (end && s->end < s->total)
		*to = s->total;
	else
		return false;
	if (*to == s->due)
		s->due += s->every;
	s->end = *to;
	*from = *to > s->window ? *to - s->window : 0;
	*x = s->x + (*from - s->first) * s->n_col;
	return true;
}
