/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct select {
	struct ser_expr *x;
	bool invert;
	struct ser_map *keep, *drop;
	char *name; /* of the tensor that one row is kept of, or NULL */
	int64_t row;
};

static bool wanted(const struct select *s, const char *name, size_t len)
{
	return (len == 2 && memcmp(name, "id", 2) == 0) ||
	       ((ser_map_len(s->keep) == 0 || ser_map_find(s->keep, name, len) >= 0) &&
		ser_map_find(s->drop, name, len) < 0);
}

static struct ser_map *names_of(const struct ser_cli *c, const char *option, const char *value)
{
	struct ser_map *m = ser_map_new();
	struct ser_strs l = ser_cli_names(c, option, value);
	for (size_t i = 0; i < l.n; i++)
		ser_map_add(m, l.s[i], strlen(l.s[i]), NULL);
	ser_cli_names_free(&l);
	return m;
}

/* The first axis goes, and what is said of it; which row it was is said instead. */
static void header_row(struct ser_header *h, const char *name, int64_t row)
{
	static const char *const of_rows[] = {"shift_s", "rate_hz", "first_layer", "last_layer"};
	struct ser_val *dim = ser_header_dim(h, name), *axes, left = ser_val_list();
	if (dim == NULL)
		return;
	for (size_t i = 0; i < sizeof of_rows / sizeof *of_rows; i++)
		if (ser_val_get(dim, of_rows[i]) != NULL)
			ser_val_set(&h->arena, dim, of_rows[i], ser_nil());
	axes = ser_val_get(dim, "axes");
	for (size_t i = 1; axes != NULL && axes->kind == SER_LIST && i < axes->u.list.n; i++)
		ser_val_push(&h->arena, &left, axes->u.list.v[i]);
	ser_val_set(&h->arena, dim, "axes", left);
	ser_val_set(&h->arena, dim, "row", ser_int(row));
}

static int record_row(const struct select *s, struct ser_record *r, struct ser_err *e)
{
	const struct ser_val *v = ser_record_get(r, s->name);
	char what[128];
	if (v == NULL)
		return 0;
	if (v->kind != SER_TENSOR || v->u.t.ndim < 2 || (uint64_t)s->row >= v->u.t.shape[0])
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" is %s, which has no row %lld", s->name,
				       ser_val_what(v, what), (long long)s->row);
	struct ser_tensor t = v->u.t;
	size_t size = ser_tensor_size(&t) / t.shape[0];
	ser_record_set(r, s->name,
		       ser_tensor(t.dtype, (const char *)t.data + size * (size_t)s->row, t.ndim - 1, t.shape + 1));
	return 0;
}

static int header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	const struct select *s = ctx;
	size_t n = 0;
	(void)e;
	if (s->name != NULL)
		header_row(h, s->name, s->row);
	for (size_t i = 0; i < h->dims.u.map.n; i++)
		if (wanted(s, h->dims.u.map.f[i].name, h->dims.u.map.f[i].name_len))
			h->dims.u.map.f[n++] = h->dims.u.map.f[i];
	h->dims.u.map.n = n;
	return 0;
}

static int record(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	const struct select *s = ctx;
	(void)worker;
	int t = ser_expr_do(s->x, r, e);
	if (t < 0 || (t > 0) == s->invert)
		return t < 0 ? t : 0;
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++)
		if (wanted(s, r->field[i].name, r->field[i].name_len))
			r->field[n++] = r->field[i];
	r->n = n;
	if (s->name != NULL && (t = record_row(s, r, e)) < 0)
		return t;
	return 1;
}

/* NAME:N; a name may have a colon */
static void take_row(struct ser_cli *c, struct select *s, const char *row)
{
	struct ser_err e;
	const char *colon = strrchr(row, ':');
	if (colon == NULL || colon == row)
		ser_cli_usage(c, "--row: \"%s\" is not NAME:N", row);
	if (ser_parse_int(colon + 1, 0, INT64_MAX, &s->row, &e) != 0)
		ser_cli_usage(c, "--row: %s", e.msg);
	s->name = ser_strndup(row, (size_t)(colon - row));
}

int main(int argc, char **argv)
{
	struct select s = {0};
	const char *keep = NULL, *drop = NULL, *row = NULL;
	const struct ser_option opts[] = {
		{"fields", "keep only these fields, parted by commas, and the id", SER_OPT_STR(&keep, "NAMES")},
		{"drop", "drop these fields, parted by commas", SER_OPT_STR(&drop, "NAMES")},
		{"row", "keep only this row, from 0, of a tensor: [T,D] becomes [D]", SER_OPT_STR(&row, "NAME:N")},
		{"invert", "pass on the records for which EXPR is false", SER_OPT_FLAG(&s.invert)},
		{0},
	};
	const struct ser_tool tool = {"ser-select",
				      "Pass on the records for which an expression over their labels is true.",
				      "EXPR [FILE]...",
				      opts,
				      NULL,
				      SER_CLI_FILTER | SER_CLI_STREAM | SER_CLI_KEEP};
	struct ser_cli c;
	struct ser_err e;
	ser_cli_begin(&c, &tool, argc, argv);
	if (c.n_operand == 0)
		ser_cli_usage(&c, "no expression given; \"true\" passes on every record");
	s.keep = names_of(&c, "fields", keep);
	s.drop = names_of(&c, "drop", drop);
	if (ser_map_find(s.drop, "id", 2) >= 0)
		ser_cli_usage(&c, "--drop: a record needs its id");
	if (row != NULL)
		take_row(&c, &s, row);
	s.x = ser_expr_new(c.operand[0], &e);
	if (s.x == NULL)
		ser_cli_die(&c, &e);
	if (c.n_operand == 1 && access(c.operand[0], F_OK) == 0)
		ser_cli_warn(&c, "\"%s\", which is a file, is taken for the expression; files come behind it",
			     c.operand[0]);
	ser_cli_prov(&c, c.operand[0]);
	c.operand++;
	c.n_operand--;

	const struct ser_filter f = {header, record, &s};
	int status = ser_cli_filter(&c, &f);
	const char *unmet = ser_expr_unmet(s.x);
	if (unmet != NULL && c.n_read > 0)
		ser_cli_warn(&c, "no record has a field \"%s\"; a text to compare with stands in quotes", unmet);
	ser_expr_free(s.x);
	ser_map_free(s.keep);
	ser_map_free(s.drop);
	free(s.name);
	return status;
}
