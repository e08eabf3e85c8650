/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Records of one side that the other has not shown yet, by id. */
struct pending {
	struct ser_map *id;
	struct ser_buf *packed; /* s is NULL once met */
	size_t cap;
};

struct cmp {
	struct ser_cli *c;
	const char *name[2];
	double rtol, atol;
	bool nan_equal;
	uint64_t n_same, n_differ, n_line;
	double worst; /* the largest difference of two numbers, and where it was */
	struct ser_buf where;
};

enum { LINES = 10 };

/* One line on stdout; the first few unless -v. */
static void say(struct cmp *m, const struct ser_buf *b)
{
	if (m->c->quiet || (m->c->verbose == 0 && m->n_line >= LINES))
		return;
	if (++m->n_line == LINES && m->c->verbose == 0)
		printf("%s\n(further differences are not listed; -v lists all)\n", b->s);
	else
		puts(b->s);
}

static bool close_to(const struct cmp *m, double a, double b)
{
	if (isnan(a) || isnan(b))
		return m->nan_equal && isnan(a) && isnan(b);
	return a == b || fabs(a - b) <= m->atol + m->rtol * fabs(b);
}

static void note_worst(struct cmp *m, double a, double b, const struct ser_buf *where)
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

static bool same_tensor(struct cmp *m, const struct ser_tensor *a, const struct ser_tensor *b, struct ser_buf *text)
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
static bool same_value(struct cmp *m, const struct ser_val *a, const struct ser_val *b, struct ser_buf *text)
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

static void compare(struct cmp *m, const struct ser_record *a, const struct ser_record *b)
{
	struct ser_buf text = {0};
	bool same = true;
	for (int side = 0; side < 2; side++) {
		const struct ser_record *r = side == 0 ? a : b, *s = side == 0 ? b : a;
		for (size_t i = 0; i < r->n; i++) {
			const struct ser_val *v = get(s, &r->field[i]);
			begin(&text, r, &r->field[i]);
			if (v == NULL)
				ser_buf_printf(&text, " is only in %s", m->name[side]);
			else if (side == 1 || same_value(m, &r->field[i].val, v, &text))
				continue;
			same = false;
			say(m, &text);
		}
	}
	m->n_same += same;
	m->n_differ += !same;
	ser_buf_free(&text);
}

/* Record r of one side: compare it with the other side's when that came before, else keep it. */
static void offer(struct cmp *m, struct pending *mine, struct pending *theirs, const struct ser_record *r, int side)
{
	const struct ser_val *id = ser_record_get(r, "id");
	ptrdiff_t k = ser_map_find(theirs->id, id->u.str.s, id->u.str.n);
	if (k >= 0) {
		struct ser_record other = {0};
		struct ser_err e;
		if (ser_record_unpack(&other, theirs->packed[k].s, theirs->packed[k].n, &e) != 0)
			ser_cli_die(m->c, &e);
		compare(m, side == 0 ? r : &other, side == 0 ? &other : r);
		ser_record_free(&other);
		ser_buf_free(&theirs->packed[k]);
		return;
	}
	size_t at = ser_map_add(mine->id, id->u.str.s, id->u.str.n, NULL);
	mine->packed = ser_grow(mine->packed, &mine->cap, at + 1, sizeof *mine->packed);
	mine->packed[at] = (struct ser_buf){0};
	ser_record_pack(&mine->packed[at], r);
}

/* What is left on one side has no partner. */
static void leftover(struct cmp *m, struct pending *p, int side)
{
	struct ser_buf text = {0};
	for (size_t i = 0; i < ser_map_len(p->id); i++) {
		size_t n;
		const char *id = ser_map_key(p->id, i, &n);
		struct ser_val v = ser_strn(id, n);
		if (p->packed[i].s == NULL)
			continue;
		text.n = 0;
		ser_buf_str(&text, "record ");
		ser_val_json(&text, &v, false);
		ser_buf_printf(&text, " is only in %s", m->name[side]);
		say(m, &text);
		m->n_differ++;
		ser_buf_free(&p->packed[i]);
	}
	ser_buf_free(&text);
	ser_map_free(p->id);
	free(p->packed);
}

/* Dims and what else the headers say, but for the provenance. */
static bool same_header(struct cmp *m, struct ser_header *a, struct ser_header *b)
{
	struct ser_buf text = {0};
	bool same = true;
	for (int part = 0; part < 2; part++) {
		const struct ser_val *p = part == 0 ? &a->dims : &a->extra, *q = part == 0 ? &b->dims : &b->extra;
		if (ser_val_equal(p, q))
			continue;
		text.n = 0;
		ser_buf_printf(&text, "header: %s ", part == 0 ? "dims" : "extra");
		ser_val_json(&text, p, false);
		ser_buf_str(&text, " against ");
		ser_val_json(&text, q, false);
		say(m, &text);
		same = false;
	}
	ser_buf_free(&text);
	return same;
}

static bool next(struct cmp *m, struct ser_in *in, struct ser_record *r, struct ser_header *h)
{
	bool segment;
	struct ser_err e;
	if (!ser_in_next(in, r, &segment))
		return false;
	if (segment && ser_header_merge(h, ser_in_header(in), &e) != 0) {
		ser_fail_in(&e, "%s", ser_in_name(in));
		ser_cli_die(m->c, &e);
	}
	return true;
}

int main(int argc, char **argv)
{
	struct cmp m = {0};
	const struct ser_option opts[] = {
		{"rtol", 0, SER_OPTION_REAL, &m.rtol, "X", 0, 1e300, NULL, 0,
		 "relative tolerance: |a-b| <= atol + rtol |b|"},
		{"atol", 0, SER_OPTION_REAL, &m.atol, "X", 0, 1e300, NULL, 0, "absolute tolerance"},
		{"nan-equal", 0, SER_OPTION_FLAG, &m.nan_equal, NULL, 0, 0, NULL, 0, "NaN equals NaN"},
		{0},
	};
	const struct ser_tool tool = {"ser-cmp", "Compare two streams by id, ignoring order and provenance.",
				      "A B",     opts,
				      NULL,      SER_CLI_IN | SER_CLI_DIFFER};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);
	if (c.n_operand != 2)
		ser_cli_usage(&c, "%d operands, expected two streams; - is standard input", c.n_operand);

	struct pending p[2] = {{.id = ser_map_new()}, {.id = ser_map_new()}};
	struct ser_in *in[2];
	struct ser_header h[2];
	struct ser_record r[2] = {{0}, {0}};
	bool more[2] = {true, true};
	m.c = &c;
	for (int k = 0; k < 2; k++) {
		in[k] = ser_in_files(&c, &c.operand[k], 1);
		m.name[k] = ser_in_name(in[k]);
		ser_header_copy(&h[k], ser_in_header(in[k]));
	}
	while (more[0] || more[1]) {
		for (int k = 0; k < 2; k++)
			more[k] = more[k] && next(&m, in[k], &r[k], &h[k]);
		if (more[0] && more[1] && ser_val_equal(ser_record_get(&r[0], "id"), ser_record_get(&r[1], "id"))) {
			compare(&m, &r[0], &r[1]);
			continue;
		}
		for (int k = 0; k < 2; k++)
			if (more[k])
				offer(&m, &p[k], &p[1 - k], &r[k], k);
	}
	for (int k = 0; k < 2; k++)
		leftover(&m, &p[k], k);
	bool same = same_header(&m, &h[0], &h[1]);
	if (m.n_differ > 0 && !c.quiet) {
		printf("%llu of %llu records differ", (unsigned long long)m.n_differ,
		       (unsigned long long)(m.n_differ + m.n_same));
		if (m.worst > 0)
			printf("; the largest difference, %.6g, is in %s", m.worst, m.where.s);
		putchar('\n');
	}
	same = same && m.n_differ == 0;
	for (int k = 0; k < 2; k++) {
		ser_in_close(in[k]);
		ser_header_free(&h[k]);
		ser_record_free(&r[k]);
	}
	ser_buf_free(&m.where);
	int status = ser_cli_end(&c);
	return status != 0 ? status : same ? 0 : 1;
}
