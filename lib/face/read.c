/* SPDX-License-Identifier: MIT */
/* Tracks from tables: which rows have a face, regular frames from these. */
#include "face/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const ser_face_fields[] = {"land", "au", "pose", "blend"};

struct ser_face_opt ser_face_opt_defaults(void)
{
	return (struct ser_face_opt){
		.confidence = 0.5, .gap_s = 0.2, .shift_s = 0.01, .face = -1, .max = (size_t)1 << 30};
}

/* ---- rows ---- */

static const double DAY_S = 86400;

struct rows {
	size_t n, cap_time, cap_good, cap_x;
	double *time; /* s from the video's beginning; as the clock counts it while rows are read */
	bool *good;
	float *x; /* [n, columns] */
};

/* HH:MM:SS:FF, frames with or without a fraction, with ; of drop-frame: whole seconds and thousandths of frames */
static int timecode(const struct face_table *t, size_t col, double *y, struct ser_err *e)
{
	int h, m, s, used = 0;
	double f;
	const char *text = t->cell[col];
	if (sscanf(text, "%2d:%2d:%2d%*1[:;]%n", &h, &m, &s, &used) != 3 || used == 0 || h < 0 || m < 0 || s < 0 ||
	    ser_parse_real(text + used, 0, 999, &f, NULL) != 0)
		return ser_fail(e, SER_EDATA, "%s:%zu: \"%.40s\" is no time code HH:MM:SS:FF", t->path, t->line, text);
	*y = 3600.0 * h + 60.0 * m + s + f / 1000;
	return 0;
}

/* Of what a clock counts */
static double seconds(const struct face_layout *l, double y)
{
	if (l->clock == FACE_TIMECODE)
		return floor(y) + 1000 * (y - floor(y)) / l->fps;
	return l->clock == FACE_MILLISECONDS ? y / 1000 : l->clock == FACE_NUMBER ? y / l->fps : y;
}

/* Frames a second of time codes that go over a whole second: the usual rate above their greatest number; else that which l has */
static double rate_of_codes(const struct face_layout *l, const struct rows *r)
{
	static const double usual[] = {24, 25, 30, 48, 50, 60, 120, 240};
	double most = 0;
	if (r->n == 0 || floor(r->time[r->n - 1]) - floor(r->time[0]) < 2)
		return l->fps;
	for (size_t i = 0; i < r->n; i++)
		most = fmax(most, floor(1000 * (r->time[i] - floor(r->time[i])) + 1e-6));
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		if (most < usual[i])
			return usual[i];
	return l->fps;
}

/* As the clock counts it */
static int time_of(const struct face_table *t, const struct face_layout *l, double *y, struct ser_err *e)
{
	size_t col = (size_t)l->time;
	if (l->clock == FACE_TIMECODE)
		return timecode(t, col, y, e);
	if (face_table_number(t, col, y, e) != 0)
		return e->code;
	if (!(*y >= 0 && *y < 1e13))
		return ser_fail(e, SER_EDATA, "%s:%zu: %g is no time", t->path, t->line, *y);
	return 0;
}

/* Is this row of the face that is wanted? 1, 0, SER_EDATA; *first: the face of the first row */
static int of_face(const struct face_table *t, const struct face_layout *l, int64_t want, double *first,
		   struct ser_err *e)
{
	double id;
	if (l->face < 0)
		return 1;
	if (face_table_number(t, (size_t)l->face, &id, e) != 0)
		return e->code;
	if (isnan(id)) /* nobody was seen */
		return 1;
	if (want >= 0)
		return id == (double)want;
	if (isnan(*first))
		*first = id;
	if (id == *first)
		return 1;
	return ser_fail(e, SER_EDATA, "%s:%zu: face %g beside face %g: --face says which", t->path, t->line, id,
			*first);
}

static int add_row(const struct face_table *t, const struct face_layout *l, const struct ser_face_opt *o,
		   struct rows *r, struct ser_err *e)
{
	double time, confidence = 1, success = 1, v;
	if (time_of(t, l, &time, e) != 0)
		return e->code;
	while (l->clock == FACE_TIMECODE && r->n > 0 && time < r->time[r->n - 1] - DAY_S / 2) /* past midnight */
		time += DAY_S;
	if (r->n > 0 && !(time > r->time[r->n - 1]))
		return ser_fail(e, SER_EDATA,
				"%s:%zu: %g s does not come after %g s: frames out of order, or several faces", t->path,
				t->line, seconds(l, time), seconds(l, r->time[r->n - 1]));
	if ((l->confidence >= 0 && face_table_number(t, (size_t)l->confidence, &confidence, e) != 0) ||
	    (l->success >= 0 && face_table_number(t, (size_t)l->success, &success, e) != 0))
		return e->code;
	size_t i = r->n++;
	r->time = ser_grow(r->time, &r->cap_time, i + 1, sizeof *r->time);
	r->good = ser_grow(r->good, &r->cap_good, i + 1, sizeof *r->good);
	r->x = ser_grow(r->x, &r->cap_x, ser_mul(i + 1, l->n), sizeof *r->x);
	r->time[i] = time;
	r->good[i] = success > 0 && confidence >= o->confidence;
	float *x = r->x + i * l->n;
	for (int p = 0; p < SER_N_FACE_PART; p++)
		for (size_t k = 0; k < l->part[p].n; k++) {
			if (face_table_number(t, l->part[p].col[k], &v, e) != 0)
				return e->code;
			r->good[i] = r->good[i] && isfinite(v);
			*x++ = (float)v;
		}
	return 0;
}

static int read_rows(struct face_table *t, struct face_layout *l, const struct ser_face_opt *o, struct rows *r,
		     struct ser_err *e)
{
	double first = (double)NAN;
	bool any = false;
	int rc;
	while ((rc = face_table_next(t, e)) > 0) {
		rc = of_face(t, l, o->face, &first, e);
		if (rc < 0 || (rc > 0 && add_row(t, l, o, r, e) != 0))
			return e->code;
	}
	for (size_t i = 0; i < r->n; i++)
		any = any || r->good[i];
	if (rc < 0)
		return rc;
	if (l->clock == FACE_TIMECODE && !(o->fps > 0))
		l->fps = rate_of_codes(l, r);
	for (size_t i = 0; l->clock == FACE_TIMECODE && i < r->n; i++) {
		double frame = 1000 * (r->time[i] - floor(r->time[i]));
		if (floor(frame + 1e-6) >= l->fps)
			return ser_fail(
				e, SER_EDATA,
				"%s: a time code counts frame %.0f of a second, of %g frames: --fps says how many",
				t->path, floor(frame + 1e-6), l->fps);
	}
	/* Numbers of frames and time codes count from anywhere, and clocks of the day from 1970. */
	bool counted =
		l->clock == FACE_NUMBER || l->clock == FACE_TIMECODE || (r->n > 0 && seconds(l, r->time[0]) > DAY_S);
	double from = r->n > 0 && counted ? r->time[0] : 0;
	for (size_t i = 0; i < r->n; i++)
		r->time[i] = l->clock == FACE_TIMECODE ? seconds(l, r->time[i]) - seconds(l, from)
						       : seconds(l, r->time[i] - from);
	return any ? 0 : ser_fail(e, SER_EDATA, "%s: no frame with a face among %zu", t->path, r->n);
}

/* ---- regular frames ---- */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The video's usual time from one frame to the next */
static double usual_step(const struct rows *r)
{
	if (r->n < 2)
		return 0;
	double *d = ser_malloc(r->n - 1, sizeof *d);
	for (size_t i = 1; i < r->n; i++)
		d[i - 1] = r->time[i] - r->time[i - 1];
	qsort(d, r->n - 1, sizeof *d, by_size);
	double y = d[(r->n - 1) / 2];
	free(d);
	return y;
}

/* Values at time g between the rows a and b with a face, either of which may be -1; whether they are known */
static int16_t between(const struct rows *r, const struct ser_face_opt *o, double step, double g, ptrdiff_t a,
		       ptrdiff_t b, size_t n, float *y)
{
	double ta = a >= 0 ? r->time[a] : -HUGE_VAL, tb = b >= 0 ? r->time[b] : HUGE_VAL, span = tb - ta;
	bool whole = b == a + 1 && a >= 0 && span <= 1.5 * step, known = whole || span <= o->gap_s;
	double w = known ? (g - ta) / span : g - ta <= tb - g ? 0 : 1;
	const float *xa = r->x + (size_t)(a >= 0 ? a : b) * n, *xb = r->x + (size_t)(b >= 0 ? b : a) * n;
	for (size_t k = 0; k < n; k++)
		y[k] = w <= 0 ? xa[k] : w >= 1 ? xb[k] : (float)((1 - w) * (double)xa[k] + w * (double)xb[k]);
	bool there = g - ta <= 1e-6 * o->shift_s || tb - g <= 1e-6 * o->shift_s;
	return whole || there ? 1 : known ? 0 : -1;
}

static int resample(struct ser_face *f, const struct face_layout *l, const struct rows *r, const struct ser_face_opt *o,
		    const char *path, struct ser_err *e)
{
	double n = floor(r->time[r->n - 1] / o->shift_s + 1e-6) + 1, step = usual_step(r);
	if (n * (double)l->n * sizeof(float) > (double)o->max)
		return ser_fail(e, SER_EDATA, "%s: %.0f frames of %zu values are more than %zu bytes", path, n, l->n,
				o->max);
	f->n = (size_t)n;
	f->shift_s = o->shift_s;
	f->seen = ser_arena_alloc(&f->arena, f->n, sizeof *f->seen);
	float *at[SER_N_FACE_PART], *row = ser_malloc(l->n, sizeof *row);
	for (int p = 0; p < SER_N_FACE_PART; p++)
		at[p] = f->part[p].x = ser_arena_alloc(&f->arena, ser_mul(f->n, l->part[p].n), sizeof *at[p]);
	ptrdiff_t a = -1, b = -1, rows = (ptrdiff_t)r->n;
	for (size_t i = 0; i < f->n; i++) {
		double g = (double)i * o->shift_s;
		while (b < rows && (b < 0 || !r->good[b] || r->time[b] < g)) { /* b: the first with a face from g on */
			a = b >= 0 && r->good[b] ? b : a;
			b++;
		}
		f->seen[i] = between(r, o, step, g, a, b < rows ? b : -1, l->n, row);
		const float *x = row;
		for (int p = 0; p < SER_N_FACE_PART; x += l->part[p++].n) {
			memcpy(at[p], x, l->part[p].n * sizeof *x);
			at[p] += l->part[p].n;
		}
	}
	free(row);
	return 0;
}

/* MediaPipe's shares of the picture's width and height as pixels; its depth has the width's scale. */
static void to_pixels(struct ser_face_columns *c, size_t n, double width, double height)
{
	for (size_t i = 0; i < n * c->n; i++)
		c->x[i] *= (float)(i % c->n % c->n_dim == 1 ? height : width);
}

int ser_face_read(struct ser_face **out, const char *path, enum ser_face_format format, const struct ser_face_opt *o,
		  struct ser_err *e)
{
	struct face_table t;
	struct face_layout l = {0};
	struct rows r = {.n = 0};
	struct ser_face *f = ser_calloc(1, sizeof *f);
	int rc = face_table_open(&t, path, o->face, o->max, e);
	rc = rc == 0 ? face_layout_find(&l, &t, format, o, &f->arena, e) : rc;
	rc = rc == 0 ? read_rows(&t, &l, o, &r, e) : rc;
	if (rc == 0 && format == SER_FACE_MEDIAPIPE && l.clock == FACE_SECONDS && usual_step(&r) > 5)
		for (size_t i = 0; i < r.n; i++) /* MediaPipe counts milliseconds, whatever its users call them */
			r.time[i] /= 1000;
	rc = rc == 0 ? resample(f, &l, &r, o, path, e) : rc;
	for (int p = 0; p < SER_N_FACE_PART && rc == 0; p++) {
		struct ser_face_columns *c = &f->part[p];
		c->n = l.part[p].n;
		c->n_dim = l.part[p].n_dim;
		c->name = ser_arena_calloc(&f->arena, c->n, sizeof *c->name);
		for (size_t k = 0; k < c->n; k++)
			c->name[k] = ser_arena_strndup(&f->arena, l.part[p].name[k], strlen(l.part[p].name[k]));
	}
	if (rc == 0 && o->width > 0)
		to_pixels(&f->part[SER_FACE_LAND], f->n, o->width, o->height);
	face_table_close(&t);
	face_layout_free(&l);
	free(r.time);
	free(r.good);
	free(r.x);
	*out = rc == 0 ? f : NULL;
	if (rc != 0)
		ser_face_free(f);
	return rc;
}

void ser_face_free(struct ser_face *f)
{
	if (f == NULL)
		return;
	ser_arena_free(&f->arena);
	free(f);
}

/* ---- records ---- */

void ser_face_record(const struct ser_face *f, struct ser_record *r)
{
	for (int p = 0; p < SER_N_FACE_PART; p++) {
		const struct ser_face_columns *c = &f->part[p];
		if (c->n == 0)
			continue;
		size_t points[3] = {f->n, c->n / c->n_dim, c->n_dim};
		ser_record_set(r, ser_face_fields[p], ser_f4(c->x, c->n_dim > 1 ? 3 : 2, points));
	}
	ser_record_set(r, "seen", ser_tensor(SER_I2, f->seen, 1, &f->n));
}

void ser_face_header(const struct ser_face *f, struct ser_header *h)
{
	static const char *const axes[] = {"frame", "point", "coordinate"};
	for (int p = 0; p <= SER_N_FACE_PART; p++) {
		const struct ser_face_columns *c = p < SER_N_FACE_PART ? &f->part[p] : NULL;
		if (c != NULL && c->n == 0)
			continue;
		struct ser_val *dim = ser_header_dim_add(h, c != NULL ? ser_face_fields[p] : "seen"),
			       list = ser_val_list(), columns = ser_val_list();
		ser_val_push(&h->arena, &list, ser_str(axes[0]));
		if (c != NULL && c->n_dim > 1)
			ser_val_push(&h->arena, &list, ser_str(axes[1]));
		if (c != NULL)
			ser_val_push(&h->arena, &list, ser_str(c->n_dim > 1 ? axes[2] : "value"));
		for (size_t k = 0; c != NULL && k < c->n; k++)
			ser_val_push(&h->arena, &columns, ser_str(c->name[k]));
		ser_val_set(&h->arena, dim, "axes", list);
		ser_val_set(&h->arena, dim, "shift_s", ser_real(f->shift_s));
		if (c != NULL)
			ser_val_set(&h->arena, dim, "columns", columns);
	}
}
