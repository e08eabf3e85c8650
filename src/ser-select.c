/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <string.h>

struct select {
	struct ser_expr *x;
	bool invert;
	struct ser_strs keep, drop;
};

static bool listed(const struct ser_strs *l, const char *name, size_t len)
{
	for (size_t i = 0; i < l->n; i++)
		if (strlen(l->s[i]) == len && memcmp(l->s[i], name, len) == 0)
			return true;
	return false;
}

static bool wanted(const struct select *s, const char *name, size_t len)
{
	return (len == 2 && memcmp(name, "id", 2) == 0) ||
	       ((s->keep.n == 0 || listed(&s->keep, name, len)) && !listed(&s->drop, name, len));
}

static int header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	const struct select *s = ctx;
	size_t n = 0;
	(void)e;
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
	return 1;
}

int main(int argc, char **argv)
{
	struct select s = {0};
	const char *keep = NULL, *drop = NULL;
	const struct ser_option opts[] = {
		{"fields", "keep only these fields, parted by commas, and the id", SER_OPT_STR(&keep, "NAMES")},
		{"drop", "drop these fields, parted by commas", SER_OPT_STR(&drop, "NAMES")},
		{"invert", "pass on the records for which EXPR is false", SER_OPT_FLAG(&s.invert)},
		{0},
	};
	const struct ser_tool tool = {"ser-select",
				      "Pass on the records for which an expression over their labels is true.",
				      "EXPR [FILE]...",
				      opts,
				      NULL,
				      SER_CLI_FILTER | SER_CLI_KEEP};
	struct ser_cli c;
	struct ser_err e;
	ser_cli_begin(&c, &tool, argc, argv);
	if (c.n_operand == 0)
		ser_cli_usage(&c, "no expression given; \"true\" passes on every record");
	s.keep = ser_cli_names(&c, "fields", keep);
	s.drop = ser_cli_names(&c, "drop", drop);
	if (listed(&s.drop, "id", 2))
		ser_cli_usage(&c, "--drop: a record needs its id");
	s.x = ser_expr_new(c.operand[0], &e);
	if (s.x == NULL)
		ser_cli_die(&c, &e);
	ser_cli_prov(&c, c.operand[0]);
	c.operand++;
	c.n_operand--;

	const struct ser_filter f = {header, record, &s};
	int status = ser_cli_filter(&c, &f);
	const char *unmet = ser_expr_unmet(s.x);
	if (unmet != NULL && c.n_read > 0)
		ser_cli_warn(&c, "no record has a field \"%s\"", unmet);
	ser_expr_free(s.x);
	ser_cli_names_free(&s.keep);
	ser_cli_names_free(&s.drop);
	return status;
}
