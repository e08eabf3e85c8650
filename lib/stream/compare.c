/* SPDX-License-Identifier: MIT */
#include "stream/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool close_to(const struct ser_compare *m, double a, double b)
{
	if (isnan(a) || isnan(b))
		return m->nan_equal && isnan(a) && isnan(b);
	return a == b || fabs(a - b) <= m->atol + m->rtol * fabs(b);
}

static void note_worst(struct ser_compare *m, double a, double b, const struct ser_buf *where)
{
	double d = fabs(a - b);
	if (!(d > m->worst))
		return;
	m->worst = d;
	m->where.n = 0;
	ser_buf_str(&m->where, where->s);
}

/* Position i as [row,column,...]. */
static void index_text(struct ser_buf *b, const struct ser_tensor *t, size_t i)
{
	size_t left = ser_tensor_len(t);
	ser_buf_str(b, "[");
	for (int k = 0; k < t->ndim; k++) {
		left /= t->shape[k];
		ser_buf_printf(b, k > 0 ? ",%zu" : "%zu", i / left);
		i %= left;
	}
	ser_buf_str(b, "]");
}

static bool same_tensor(struct ser_compare *m, const struct ser_tensor *a, const struct ser_tensor *b,
			struct ser_buf *text)
{
	size_t n = ser_tensor_len(a), n_bad = 0, most = 0;
	double most_by = -1;
	char x[32], y[32];
	for (size_t i = 0; i < n; i++) {
		double p = ser_tensor_real(a, i), q = ser_tensor_real(b, i), by = fabs(p - q);
		size_t at = i * ser_dtype_size(a->dtype);
		bool same = close_to(m, p, q);
		if (same && a->dtype == SER_I8 && p == q && m->atol == 0 &&
		    m->rtol == 0) /* beyond a double's 53 bits */
			same = memcmp((const char *)a->data + at, (const char *)b->data + at, 8) == 0;
		if (same)
			continue;
		if (isnan(by))
			by = INFINITY;
		if (by > most_by) {
			most_by = by;
			most = i;
		}
		n_bad++;
	}
	if (n_bad == 0)
		return true;
	double p = ser_tensor_real(a, most), q = ser_tensor_real(b, most);
	struct ser_buf where = {0};
	ser_buf_printf(&where, "%s", text->s);
	index_text(&where, a, most);
	note_worst(m, p, q, &where);
	ser_buf_free(&where);
	ser_buf_printf(text, ": %zu of %zu elements differ, most at ", n_bad, n);
	index_text(text, a, most);
	ser_buf_printf(text, ": %s against %s", ser_format_real(p, x), ser_format_real(q, y));
	return false;
}

/* Are two values the same? If not, what differs is added to text. */
static bool same_value(struct ser_compare *m, const struct ser_val *a, const struct ser_val *b, struct ser_buf *text)
{
	char p[128], q[128];
	if (a->kind == SER_TENSOR && b->kind == SER_TENSOR && a->u.t.dtype == b->u.t.dtype &&
	    a->u.t.ndim == b->u.t.ndim &&
	    memcmp(a->u.t.shape, b->u.t.shape, (size_t)a->u.t.ndim * sizeof *a->u.t.shape) == 0)
		return same_tensor(m, &a->u.t, &b->u.t, text);
	if (a->kind != b->kind || a->kind == SER_TENSOR) {
		ser_buf_printf(text, ": %s against %s", ser_val_what(a, p), ser_val_what(b, q));
		return false;
	}
	if (a->kind == SER_REAL) {
		if (close_to(m, a->u.f, b->u.f))
			return true;
		note_worst(m, a->u.f, b->u.f, text);
	} else if (ser_val_equal(a, b)) {
		return true;
	} else if (a->kind == SER_INT) {
		double x = (double)a->u.i, y = (double)b->u.i;
		if ((m->rtol > 0 || m->atol > 0) && close_to(m, x, y))
			return true;
		note_worst(m, x, y, text);
	}
	ser_buf_str(text, ": ");
	if (a->kind == SER_REAL) /* JSON has no NaN */
		ser_val_text(text, a);
	else
		ser_val_json(text, a, false);
	ser_buf_str(text, " against ");
	if (b->kind == SER_REAL)
		ser_val_text(text, b);
	else
		ser_val_json(text, b, false);
	return false;
}

static const struct ser_val *get(const struct ser_record *r, const struct ser_field *f)
{
	char name[SER_MAX_NAME + 1];
	snprintf(name, sizeof name, "%.*s", (int)f->name_len, f->name);
	return ser_record_get(r, name);
}

static void begin(struct ser_buf *b, const struct ser_record *r, const struct ser_field *f)
{
	const struct ser_val *id = ser_record_get(r, "id");
	b->n = 0;
	ser_buf_str(b, "record ");
	ser_val_json(b, id, false);
	if (f != NULL)
		ser_buf_printf(b, ": field \"%.*s\"", (int)f->name_len, f->name);
}

void ser_compare_records(struct ser_compare *m, const struct ser_record *a, const struct ser_record *b)
{
	struct ser_buf text = {0};
	bool same = true;
	for (int side = 0; side < 2; side++) {
		const struct ser_record *r = side == 0 ? a : b, *s = side == 0 ? b : a;
		for (size_t i = 0; i < r->n; i++) {
			const struct ser_val *v = get(s, &r->field[i]);
			if (&r->field[i].val ==
			    ser_record_get(r, "train_set")) /* says where the header lists speakers */
				continue;
			begin(&text, r, &r->field[i]);
			if (v == NULL)
				ser_buf_printf(&text, " is only in %s", m->name[side]);
			else if (side == 1 || same_value(m, &r->field[i].val, v, &text))
				continue;
			same = false;
			m->say(m->ctx, text.s);
		}
	}
	m->n_same += same;
	m->n_differ += !same;
	ser_buf_free(&text);
}

int ser_compare_offer(struct ser_compare *m, int side, const struct ser_record *r, struct ser_err *e)
{
	struct ser_compare_side *mine = &m->side[side], *theirs = &m->side[1 - side];
	const struct ser_val *id = ser_record_get(r, "id");
	ptrdiff_t k = theirs->id != NULL ? ser_map_find(theirs->id, id->u.str.s, id->u.str.n) : -1;
	if (k >= 0) {
		struct ser_record other = {0};
		int rc = ser_record_unpack(&other, theirs->packed[k].s, theirs->packed[k].n, e);
		if (rc == 0)
			ser_compare_records(m, side == 0 ? r : &other, side == 0 ? &other : r);
		ser_record_free(&other);
		ser_buf_free(&theirs->packed[k]);
		return rc;
	}
	if (mine->id == NULL)
		mine->id = ser_map_new();
	size_t at = ser_map_add(mine->id, id->u.str.s, id->u.str.n, NULL);
	mine->packed = ser_grow(mine->packed, &mine->cap, at + 1, sizeof *mine->packed);
	mine->packed[at] = (struct ser_buf){0};
	ser_record_pack(&mine->packed[at], r);
	return 0;
}

/* What is left on one side has no partner. */
static void leftover(struct ser_compare *m, int side)
{
	struct ser_compare_side *p = &m->side[side];
	struct ser_buf text = {0};
	for (size_t i = 0; p->id != NULL && i < ser_map_len(p->id); i++) {
		size_t n;
		const char *id = ser_map_key(p->id, i, &n);
		struct ser_val v = ser_strn(id, n);
		if (p->packed[i].s == NULL)
			continue;
		text.n = 0;
		ser_buf_str(&text, "record ");
		ser_val_json(&text, &v, false);
		ser_buf_printf(&text, " is only in %s", m->name[side]);
		m->say(m->ctx, text.s);
		m->n_differ++;
		ser_buf_free(&p->packed[i]);
	}
	ser_buf_free(&text);
}

void ser_compare_left(struct ser_compare *m)
{
	leftover(m, 0);
	leftover(m, 1);
}

enum { SHOWN = 100 }; /* bytes of a value in a header that are shown */

static void add_short(struct ser_buf *text, const struct ser_val *v)
{
	struct ser_buf b = {0};
	ser_val_json(&b, v, false);
	size_t n = b.n < SHOWN ? b.n : SHOWN;
	while (n < b.n && n > 0 && ((unsigned char)b.s[n] & 0xc0) == 0x80) /* inside a character */
		n--;
	ser_buf_printf(text, "%.*s%s", (int)n, b.s, n < b.n ? "..." : "");
	ser_buf_free(&b);
}

/* Go down both values to the first place where they differ: "dims.feat.names[2]: x against y" is added to text. */
static void first_difference(const struct ser_compare *m, const struct ser_val *p, const struct ser_val *q,
			     struct ser_buf *text)
{
	const struct ser_val *in[2] = {p, q};
	if (p->kind == SER_MAP && q->kind == SER_MAP)
		for (int side = 0; side < 2; side++)
			for (size_t i = 0; i < in[side]->u.map.n; i++) {
				const struct ser_field *f = &in[side]->u.map.f[i];
				const struct ser_val *other = ser_val_get(in[1 - side], f->name);
				if (other != NULL && ser_val_equal(&f->val, other))
					continue;
				ser_buf_printf(text, ".%.*s", (int)f->name_len, f->name);
				if (other != NULL)
					first_difference(m, ser_val_get(p, f->name), ser_val_get(q, f->name), text);
				else
					ser_buf_printf(text, " is only in %s", m->name[side]);
				return;
			}
	size_t i = 0, n[2] = {0};
	if (p->kind == SER_LIST && q->kind == SER_LIST) {
		n[0] = p->u.list.n, n[1] = q->u.list.n;
		while (i < n[0] && i < n[1] && ser_val_equal(&p->u.list.v[i], &q->u.list.v[i]))
			i++;
	}
	if (i < n[0] && i < n[1]) {
		ser_buf_printf(text, "[%zu]", i);
		first_difference(m, &p->u.list.v[i], &q->u.list.v[i], text);
		return;
	}
	ser_buf_str(text, ": ");
	if (n[0] != n[1])
		ser_buf_printf(text, "%zu value%s against %zu, ", n[0], ser_s(n[0]), n[1]);
	add_short(text, p);
	ser_buf_str(text, " against ");
	add_short(text, q);
}

bool ser_compare_headers(struct ser_compare *m, const struct ser_header *a, const struct ser_header *b)
{
	struct ser_buf text = {0};
	bool same = true;
	for (int part = 0; part < 2; part++) {
		const struct ser_val *p = part == 0 ? &a->dims : &a->extra, *q = part == 0 ? &b->dims : &b->extra;
		if (ser_val_equal(p, q))
			continue;
		text.n = 0;
		ser_buf_printf(&text, "header: %s", part == 0 ? "dims" : "extra");
		first_difference(m, p, q, &text);
		m->say(m->ctx, text.s);
		same = false;
	}
	ser_buf_free(&text);
	return same;
}

void ser_compare_free(struct ser_compare *m)
{
	for (int k = 0; k < 2; k++) {
		struct ser_compare_side *p = &m->side[k];
		for (size_t i = 0; p->id != NULL && i < ser_map_len(p->id); i++)
			ser_buf_free(&p->packed[i]);
		ser_map_free(p->id);
		free(p->packed);
	}
	ser_buf_free(&m->where);
}
