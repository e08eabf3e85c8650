/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "stream/compare.h"

enum { LINES = 10 };

struct lines {
	const struct ser_cli *c;
	uint64_t n;
};

/* One line on stdout; the first few unless -v. */
static void say(void *ctx, const char *line)
{
	struct lines *l = ctx;
	if (l->c->quiet || (l->c->verbose == 0 && l->n >= LINES))
		return;
	if (++l->n == LINES && l->c->verbose == 0)
		printf("%s\n(further differences are not listed; -v lists all)\n", line);
	else
		puts(line);
}

static bool next(struct ser_cli *c, struct ser_in *in, struct ser_record *r, struct ser_header *h)
{
	bool segment;
	struct ser_err e;
	if (!ser_in_next(in, r, &segment))
		return false;
	if (segment && ser_header_merge(h, ser_in_header(in), &e) != 0) {
		ser_fail_in(&e, "%s", ser_in_name(in));
		ser_cli_die(c, &e);
	}
	return true;
}

int main(int argc, char **argv)
{
	struct ser_cli c;
	struct lines lines = {.c = &c};
	struct ser_compare m = {.say = say, .ctx = &lines};
	const struct ser_option opts[] = {
		{"rtol", "relative tolerance: |a-b| <= atol + rtol |b|", SER_OPT_REAL(&m.rtol, "X", 0, 1e300)},
		{"atol", "absolute tolerance", SER_OPT_REAL(&m.atol, "X", 0, 1e300)},
		{"nan-equal", "NaN equals NaN", SER_OPT_FLAG(&m.nan_equal)},
		{0},
	};
	const struct ser_tool tool = {"ser-cmp", "Compare two streams by id, ignoring order and provenance.",
				      "A B",     opts,
				      NULL,      SER_CLI_IN | SER_CLI_DIFFER};
	ser_cli_begin(&c, &tool, argc, argv);
	if (c.n_operand != 2)
		ser_cli_usage(&c, "%d operand%s, expected two streams; - is standard input", c.n_operand,
			      ser_s((size_t)c.n_operand));

	struct ser_in *in[2];
	struct ser_header h[2];
	struct ser_record r[2] = {{0}, {0}};
	bool more[2] = {true, true};
	struct ser_err e;
	for (int k = 0; k < 2; k++) {
		in[k] = ser_in_files(&c, &c.operand[k], 1);
		m.name[k] = ser_in_name(in[k]);
		ser_header_copy(&h[k], ser_in_header(in[k]));
	}
	while (more[0] || more[1]) {
		for (int k = 0; k < 2; k++)
			more[k] = more[k] && next(&c, in[k], &r[k], &h[k]);
		if (more[0] && more[1] && ser_val_equal(ser_record_get(&r[0], "id"), ser_record_get(&r[1], "id"))) {
			ser_compare_records(&m, &r[0], &r[1]);
			continue;
		}
		for (int k = 0; k < 2; k++)
			if (more[k] && ser_compare_offer(&m, k, &r[k], &e) != 0)
				ser_cli_die(&c, &e);
	}
	ser_compare_left(&m);
	lines.n = 0; /* of the header is always told */
	bool same = ser_compare_headers(&m, &h[0], &h[1]);
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
	ser_compare_free(&m);
	int status = ser_cli_end(&c);
	return status != 0 ? status : same ? 0 : 1;
}
