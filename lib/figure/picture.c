/* SPDX-License-Identifier: MIT */
#include "figure/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A number that a header says of a tensor; NaN: none. */
static double said(const struct ser_val *dim, const char *name)
{
	const struct ser_val *v = dim != NULL ? ser_val_get(dim, name) : NULL;
	return v == NULL ? NAN : v->kind == SER_REAL ? v->u.f : v->kind == SER_INT ? (double)v->u.i : NAN;
}

/* Ends of the scale: all but the lowest and the highest hundredth of the values, of which x is a copy. */
static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

/* The columns' name, as the header has it, in b */
static const char *second_axis(const struct ser_val *dim, struct ser_buf *b)
{
	const struct ser_val *axes = dim != NULL ? ser_val_get(dim, "axes") : NULL;
	if (axes == NULL || axes->kind != SER_LIST || axes->u.list.n != 2 || axes->u.list.v[1].kind != SER_STR)
		return "column";
	ser_buf_add(b, axes->u.list.v[1].u.str.s, axes->u.list.v[1].u.str.n);
	return b->s;
}

int ser_picture_draw(const struct ser_header *h, struct ser_record *r, const char *field,
		     const struct ser_plot_opt *opt, struct ser_buf *svg, struct ser_err *e)
{
	const struct ser_val *dim = ser_header_dim(h, field), *front = dim != NULL ? ser_val_get(dim, "front") : NULL;
	const float *x;
	size_t shape[2];
	struct ser_buf sub = {0}, axis = {0};
	struct ser_plot_opt o = *opt;
	int rc = ser_record_f4(r, field, 2, &x, shape, e);
	if (rc == SER_OK && shape[0] == 0)
		rc = ser_record_fail(r, e, SER_EDATA, "\"%s\" has no frames", field);
	if (rc != SER_OK)
		return rc;
	size_t n = shape[0] * shape[1];
	float *sorted = ser_malloc(n, sizeof *sorted);
	memcpy(sorted, x, n * sizeof *sorted);
	for (size_t i = 0; i < n; i++)
		if (!isfinite(x[i])) {
			free(sorted);
			return ser_record_fail(r, e, SER_EDATA, "\"%s\" holds what is no finite number", field);
		}
	qsort(sorted, n, sizeof *sorted, by_value);
	double lo = (double)sorted[n / 100], hi = (double)sorted[n - 1 - n / 100], shift = said(dim, "shift_s"),
	       rate = said(dim, "sample_rate_hz");
	free(sorted);
	if (!(hi > lo))
		hi = lo + fmax(fabs(lo), 1) * 1e-3;
	bool spec = front != NULL && front->kind == SER_STR && strncmp(front->u.str.s, "spec ", 5) == 0 && rate > 0;
	struct ser_plot_image d = {.n_x = shape[0],
				   .n_y = shape[1],
				   .value = x,
				   .x1 = (double)shape[0] * (shift > 0 ? shift : 1),
				   .y1 = spec ? rate / 2000 : (double)shape[1],
				   .lo = lo,
				   .hi = hi,
				   .v_label = field};
	if (front != NULL && front->kind == SER_STR)
		ser_buf_add(&sub, front->u.str.s, strcspn(front->u.str.s, " "));
	o.title = o.title != NULL ? o.title : ser_record_id(r);
	o.subtitle = sub.s;
	o.x_label = shift > 0 ? "s" : "frame";
	o.y_label = spec ? "kHz" : second_axis(dim, &axis);
	rc = ser_plot_image(&o, &d, svg, e);
	ser_buf_free(&sub);
	ser_buf_free(&axis);
	return rc;
}
