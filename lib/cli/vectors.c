/* SPDX-License-Identifier: MIT */
#include "cli/vectors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The tensor [v->d] of a record, of the dimension of those before and of a length that is one. */
static int vector_of(struct ser_record *r, const char *field, bool direction, struct ser_vectors *v, const float **x,
		     struct ser_err *e)
{
	size_t d;
	double sq = 0;
	int rc = ser_record_f4(r, field, 1, x, &d, e);
	if (rc != 0)
		return rc;
	if (v->n == 0)
		v->d = d;
	if (d != v->d || d == 0)
		return ser_record_fail(r, e, SER_EDATA, "\"%s\" has %zu dimensions, expected %zu", field, d, v->d);
	for (size_t t = 0; t < d; t++)
		sq += (double)(*x)[t] * (*x)[t];
	if (!isfinite(sq) || (direction && sq == 0))
		return ser_record_fail(r, e, SER_EDATA, "\"%s\" has length %g, expected a finite one%s", field,
				       sqrt(sq), direction ? " above 0" : "");
	return 0;
}

static void begin(struct ser_cli *c, struct ser_vectors *v, const char *field)
{
	struct ser_err e;
	*v = (struct ser_vectors){.spool = ser_spool_new(&e), .field = field};
	if (v->spool == NULL)
		ser_cli_die(c, &e);
}

static void spool(struct ser_cli *c, struct ser_vectors *v, struct ser_buf *pack, const struct ser_record *r)
{
	struct ser_err e;
	pack->n = 0;
	ser_record_pack(pack, r);
	if (ser_spool_add(v->spool, pack->s, pack->n, &e) != 0)
		ser_cli_die(c, &e);
}

void ser_vectors_read(struct ser_cli *c, const char *field, bool direction, bool alters,
		      int (*label)(void *ctx, size_t i, struct ser_record *r, struct ser_err *e), void *ctx,
		      struct ser_vectors *v)
{
	struct ser_in *in = ser_in_open(c);
	struct ser_record r = {0};
	struct ser_buf pack = {0};
	struct ser_err e;
	begin(c, v, field);
	ser_header_copy(&v->h, ser_in_header(in));
	while (ser_in_next_merged(in, &v->h, &r, NULL)) {
		const float *x;
		int rc = vector_of(&r, field, direction, v, &x, &e);
		if (rc == 0 && label != NULL)
			rc = label(ctx, v->n, &r, &e);
		if (rc != 0)
			ser_cli_die(c, &e);
		v->x = ser_grow(v->x, &v->cap, ser_mul(v->n + 1, v->d), sizeof *v->x);
		memcpy(v->x + v->n * v->d, x, v->d * sizeof *x);
		v->n++;
		if (!alters && ser_record_get(&r, field)->u.t.dtype == SER_F4)
			ser_record_set(&r, field, ser_nil());
		spool(c, v, &pack, &r);
	}
	ser_buf_free(&pack);
	ser_record_free(&r);
	ser_in_close(in);
}

void ser_vectors_write(struct ser_cli *c, const struct ser_vectors *v,
		       void (*set)(void *ctx, size_t i, struct ser_record *r), void *ctx, struct ser_out *out)
{
	struct ser_spool_walk w;
	struct ser_record r = {0};
	struct ser_err e;
	const char *s;
	size_t n;
	int rc = ser_spool_walk(&w, v->spool, 0, ser_spool_size(v->spool), 0, &e);
	for (size_t i = 0; rc >= 0 && (rc = ser_spool_next(&w, &s, &n, &e)) > 0; i++) {
		rc = ser_record_unpack(&r, s, n, &e);
		if (rc < 0)
			break;
		if (ser_record_get(&r, v->field)->kind == SER_NIL)
			ser_record_set(&r, v->field, ser_f4(v->x + i * v->d, 1, &v->d));
		ser_header_unmark(&v->h, &r);
		set(ctx, i, &r);
		ser_out_record(out, &r);
	}
	if (rc < 0)
		ser_cli_die(c, &e);
	ser_spool_walk_end(&w);
	ser_record_free(&r);
}

int ser_frames_of(struct ser_record *r, const char *field, const float **x, size_t *n, size_t *d, struct ser_err *e)
{
	size_t shape[2];
	if (ser_record_f4(r, field, 2, x, shape, e) != 0)
		return e->code;
	if (shape[0] == 0 || shape[1] == 0 || (*d > 0 && shape[1] != *d))
		return ser_record_fail(r, e, SER_EDATA, "\"%s\" is %zu x %zu, expected frames of %zu dimensions", field,
				       shape[0], shape[1], *d > 0 ? *d : 1);
	for (size_t i = 0; i < shape[0] * shape[1]; i++)
		if (!isfinite((*x)[i]))
			return ser_record_fail(r, e, SER_EDATA, "\"%s\" is not finite at frame %zu", field,
					       i / shape[1]);
	*n = shape[0];
	*d = shape[1];
	return 0;
}

void ser_frames_read(struct ser_cli *c, const char *field,
		     void (*take)(void *ctx, const char *id, const float *x, size_t n, size_t d), void *ctx,
		     struct ser_vectors *v)
{
	struct ser_in *in = ser_in_open(c);
	struct ser_record r = {0};
	struct ser_buf pack = {0};
	struct ser_err e;
	const float *x;
	size_t n;
	begin(c, v, field);
	ser_header_copy(&v->h, ser_in_header(in));
	while (ser_in_next_merged(in, &v->h, &r, NULL)) {
		if (ser_frames_of(&r, field, &x, &n, &v->d, &e) != 0)
			ser_cli_die(c, &e);
		take(ctx, ser_record_id(&r), x, n, v->d);
		v->n++;
		spool(c, v, &pack, &r);
	}
	ser_buf_free(&pack);
	ser_record_free(&r);
	ser_in_close(in);
}

void ser_vectors_free(struct ser_vectors *v)
{
	free(v->x);
	ser_spool_free(v->spool);
	ser_header_free(&v->h);
}
