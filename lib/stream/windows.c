/* SPDX-License-Identifier: MIT */
/* Windows over the frames of records, while these come. */
#include "stream/stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ser_windows {
	const char *field;
	double every_s, window_s, shift_s;
	size_t least;
	bool parts; /* records may be parts of a sound */
	/* the sound at hand */
	bool open;
	struct ser_record label; /* what its first record says, without the frames */
	struct ser_buf id;
	double start_s;
	size_t n_window;             /* so far */
	size_t every, window, n_col; /* frames, frames, columns */
	float *x;                    /* frames [first, total) */
	size_t cap, first, total;
	size_t due, end; /* where the next window ends, and where the last one did */
};

struct ser_windows *ser_windows_new(const char *field, double window_s, double every_s, size_t least)
{
	struct ser_windows *w = ser_calloc(1, sizeof *w);
	*w = (struct ser_windows){.field = field, .window_s = window_s, .every_s = every_s, .least = least};
	return w;
}

void ser_windows_free(struct ser_windows *w)
{
	if (w == NULL)
		return;
	ser_record_free(&w->label);
	ser_buf_free(&w->id);
	free(w->x);
	free(w);
}

int ser_windows_header(struct ser_windows *w, const struct ser_header *h, struct ser_err *e)
{
	double shift_s = ser_header_shift(h, w->field);
	ser_assert(!w->open);
	if (shift_s == 0)
		return ser_fail(e, SER_EDATA,
				"the header does not say shift_s, the time from frame to frame, of \"%s\"", w->field);
	w->parts = ser_val_get(&h->extra, "parts") != NULL;
	w->shift_s = shift_s;
	w->every = (size_t)fmax(1, rint(w->every_s / w->shift_s));
	w->window = (size_t)fmax(1, rint(w->window_s / w->shift_s));
	return 0;
}

/* The id of the sound that a record is, or is a part of. */
static const struct ser_val *sound_of(const struct ser_windows *w, const struct ser_record *r)
{
	const struct ser_val *of = w->parts ? ser_record_get(r, "part_of") : NULL;
	return of != NULL && of->kind == SER_STR ? of : ser_record_get(r, "id");
}

bool ser_windows_continues(const struct ser_windows *w, const struct ser_record *r)
{
	const struct ser_val *id = sound_of(w, r);
	return w->open && w->id.n == id->u.str.n && memcmp(w->id.s, id->u.str.s, w->id.n) == 0;
}

static void begin(struct ser_windows *w, const struct ser_record *r, size_t n_col)
{
	const struct ser_val *id = sound_of(w, r), *start = ser_record_get(r, "start");
	w->open = true;
	w->id.n = 0;
	ser_buf_add(&w->id, id->u.str.s, id->u.str.n);
	w->start_s = start != NULL && start->kind == SER_REAL ? start->u.f : 0; /* of a part of a recording */
	ser_record_copy(&w->label, r);
	ser_record_drop(&w->label, w->field);
	if (w->parts)
		ser_record_drop(&w->label, "part_of");
	w->n_col = n_col;
	w->n_window = w->first = w->total = w->end = 0;
	w->due = w->every;
}

int ser_windows_push(struct ser_windows *w, struct ser_record *r, struct ser_err *e)
{
	size_t shape[2];
	const float *x;
	if (ser_record_f4(r, w->field, 2, &x, shape, e) != 0)
		return e->code;
	if (!w->open)
		begin(w, r, shape[1]);
	if (shape[1] != w->n_col)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu columns, the part before %zu", w->field,
				       shape[1], w->n_col);
	/* The first frame that is still wanted: the sound may end here, and its last window with it. */
	size_t ends = w->total + shape[0] < w->due ? w->total + shape[0] : w->due;
	size_t keep = ends > w->window ? ends - w->window : 0;
	if (keep > w->first) {
		size_t gone = (keep < w->total ? keep : w->total) - w->first, left = w->total - w->first - gone;
		if (left > 0)
			memmove(w->x, w->x + gone * w->n_col, left * w->n_col * sizeof *x);
		w->first += gone;
	}
	size_t have = w->total - w->first;
	w->x = ser_grow(w->x, &w->cap, ser_mul(have + shape[0], w->n_col), sizeof *x);
	if (shape[0] > 0)
		memcpy(w->x + have * w->n_col, x, shape[0] * w->n_col * sizeof *x);
	w->total += shape[0];
	return 0;
}

bool ser_windows_next(struct ser_windows *w, bool end, struct ser_record *r)
{
	struct ser_buf id = {0};
	size_t from, to;
	do {
		if (!w->open)
			return false;
		if (w->due > w->total && !(end && (w->end < w->total || w->n_window == 0))) {
			w->open = !end;
			return false;
		}
		to = w->due <= w->total ? w->due : w->total;
		from = to > w->window ? to - w->window : 0;
		if (to == w->due)
			w->due += w->every;
		w->end = to;
	} while (to - from < w->least && !(end && to == w->total && w->n_window == 0));
	ser_record_copy(r, &w->label);
	ser_buf_printf(&id, "%s-%06zu", w->id.s, ++w->n_window);
	ser_record_set(r, "id", ser_str(id.s));
	ser_record_set(r, "start", ser_real(w->start_s + (double)from * w->shift_s));
	ser_record_set(r, "end", ser_real(w->start_s + (double)to * w->shift_s));
	ser_record_set(r, w->field, ser_f4(w->x + (from - w->first) * w->n_col, 2, (size_t[]){to - from, w->n_col}));
	ser_buf_free(&id);
	return true;
}
