/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "corpus/corpus.h"
#include "stream/join.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE = 1 << 20, MAX_COLUMN = 1024 };

static struct ser_cli c;
static struct ser_join_opt o = {.on = "id", .mem = (size_t)512 << 20};
static struct ser_join *j;

static void check(int rc, const struct ser_err *e)
{
	if (rc < 0)
		ser_cli_die(&c, e);
}

static void read_stream(char *name)
{
	struct ser_in *in = ser_in_files(&c, &name, 1);
	struct ser_record r = {0};
	struct ser_err e;
	const char *key;
	bool segment;
	check(ser_join_add_header(j, ser_in_header(in), &e), &e);
	while (ser_in_next(in, &r, &segment)) {
		check(ser_record_str(&r, o.on, &key, &e), &e);
		if (segment)
			check(ser_join_add_header(j, ser_in_header(in), &e), &e);
		check(ser_join_add(j, key, &r, ser_in_name(in), &e), &e);
	}
	ser_record_free(&r);
	ser_in_close(in);
}

/* ---- a table of labels ---- */

struct table {
	FILE *f;
	const char *name;
	char *line, *cell[MAX_COLUMN]; /* [n] of the row at hand */
	size_t cap, n, n_line;
	char where[300]; /* for messages */
};

/* Cut a line at its tabs, in place; returns the number of cells. */
static size_t cells(char *line, char **cell)
{
	size_t n = 0;
	for (char *s = line; s != NULL && n < MAX_COLUMN; n++) {
		cell[n] = s;
		s = strchr(s, '\t');
		if (s != NULL)
			*s++ = '\0';
		else
			return n + 1;
	}
	return MAX_COLUMN + 1;
}

/* The next row; false at the end. */
static bool next_row(struct table *t)
{
	errno = 0;
	ssize_t len = getline(&t->line, &t->cap, t->f);
	if (len < 0 && ferror(t->f))
		ser_cli_fail(&c, SER_EIO, "%s: read failed: %s", t->name, strerror(errno));
	if (len < 0)
		return false;
	snprintf(t->where, sizeof t->where, "%.250s: line %zu", t->name, ++t->n_line);
	if (len > MAX_LINE || !ser_utf8_ok(t->line, (size_t)len))
		ser_cli_fail(&c, SER_EDATA, "%s: %s", t->where,
			     len > MAX_LINE ? "too long" : "not UTF-8 text; is it a stream? then --tsv is wrong");
	struct ser_err e;
	if (ser_lines_whole(t->line, (size_t)len, t->where, &e) != 0)
		ser_cli_die(&c, &e);
	size_t bom = t->n_line == 1 ? ser_utf8_bom(t->line, (size_t)len) : 0;
	len -= (ssize_t)bom;
	memmove(t->line, t->line + bom, (size_t)len + 1);
	while (len > 0 && (t->line[len - 1] == '\n' || t->line[len - 1] == '\r'))
		t->line[--len] = '\0';
	t->n = cells(t->line, t->cell);
	if (t->n > MAX_COLUMN)
		ser_cli_fail(&c, SER_EDATA, "%s: more than %d columns", t->where, MAX_COLUMN);
	return true;
}

/* The header row is in order; returns the column to join by. */
static size_t check_head(const struct table *t)
{
	char *const *name = t->cell;
	size_t on = 0;
	while (on < t->n && strcmp(name[on], o.on) != 0)
		on++;
	if (on == t->n)
		ser_cli_fail(&c, SER_EDATA, "%s: no column \"%s\" to join by", t->where, o.on);
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k <= i; k++)
			if (*name[i] == '\0' || strlen(name[i]) > SER_MAX_NAME ||
			    (k < i && strcmp(name[i], name[k]) == 0))
				ser_cli_fail(&c, SER_EDATA, "%s: column %zu: empty, repeated or too long a name",
					     t->where, i + 1);
	return on;
}

/* A cell as the label that a manifest's column of this name holds. */
static struct ser_val label_of(const char *name, const char *cell, const char *where)
{
	struct ser_err e;
	int64_t i;
	double f;
	int rc = 0;
	if (*cell == '\0')
		return ser_nil();
	switch (ser_manifest_kind(name)) {
	case SER_CELL_INT:
		if ((rc = ser_parse_int(cell, INT64_MIN, INT64_MAX, &i, &e)) == 0)
			return ser_int(i);
		break;
	case SER_CELL_REAL:
		if ((rc = ser_parse_real(cell, -HUGE_VAL, HUGE_VAL, &f, &e)) == 0)
			return ser_real(f);
		break;
	case SER_CELL_TEXT:
		break;
	}
	if (rc != 0)
		ser_cli_fail(&c, SER_EDATA, "%s: %s: %s", where, name, e.msg);
	return ser_str(cell);
}

static void read_table(const char *path)
{
	bool std = strcmp(path, "-") == 0;
	struct table t = {.f = std ? stdin : fopen(path, "r"), .name = std ? "<stdin>" : path};
	struct ser_record r = {0};
	struct ser_err e;
	if (t.f == NULL)
		ser_cli_fail(&c, SER_EIO, "%s: cannot open: %s", path, strerror(errno));
	if (!next_row(&t))
		ser_cli_fail(&c, SER_EDATA, "%s: empty, expected a header row", t.name);
	char *head = t.line, *name[MAX_COLUMN]; /* the names lie in the first line */
	size_t on = check_head(&t), n_col = t.n;
	memcpy(name, t.cell, sizeof name);
	t.line = NULL;
	t.cap = 0;
	while (next_row(&t)) {
		if (t.n != n_col)
			ser_cli_fail(&c, SER_EDATA, "%s: %zu column%s, the header row has %zu", t.where, t.n,
				     ser_s(t.n), n_col);
		if (*t.cell[on] == '\0')
			ser_cli_fail(&c, SER_EDATA, "%s: no %s", t.where, o.on);
		ser_record_clear(&r);
		for (size_t i = 0; i < n_col; i++)
			ser_record_set(&r, name[i], label_of(name[i], t.cell[i], t.where));
		check(ser_join_add(j, t.cell[on], &r, t.where, &e), &e);
	}
	if (!std)
		fclose(t.f);
	ser_record_free(&r);
	free(t.line);
	free(head);
}

/* ---- A ---- */

static int header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	(void)ctx;
	return ser_join_header(j, h, e);
}

static int record(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	(void)ctx, (void)worker;
	return ser_join_do(j, r, e);
}

int main(int argc, char **argv)
{
	bool table = false;
	const char *fields = NULL;
	const struct ser_option opts[] = {
		{"on", "the label to join by; B has each of its values once", SER_OPT_STR(&o.on, "NAME")},
		{"fields", "add only these fields of B, parted by commas", SER_OPT_STR(&fields, "NAMES")},
		{"left", "pass on the records of A that B lacks, too", SER_OPT_FLAG(&o.left), .letter = 'l'},
		{"anti", "pass on only the records of A that B lacks", SER_OPT_FLAG(&o.anti)},
		{"suffix", "add a field that A has, too, under its name and this", SER_OPT_STR(&o.suffix, "TEXT")},
		{"concat", "put B's tensor of this name behind A's, along the last axis",
		 SER_OPT_STR(&o.concat, "NAME")},
		{"tsv", "B is a table of labels with a header row, parted by tabs", SER_OPT_FLAG(&table)},
		{"mem", "memory for the records of B before they go to a temporary file",
		 SER_OPT_SIZE(&o.mem, "SIZE", 1, 0), .flags = SER_OPTION_SILENT},
		{0},
	};
	const struct ser_tool tool = {
		"ser-join", "Add the fields of stream B to the records of stream A with the same id.",
		"A B",      opts,
		NULL,       SER_CLI_FILTER | SER_CLI_STREAM};
	ser_cli_begin(&c, &tool, argc, argv);
	if (c.n_operand != 2)
		ser_cli_usage(&c, "%d operand%s, expected two; - is standard input", c.n_operand,
			      ser_s((size_t)c.n_operand));
	if (o.left && o.anti)
		ser_cli_usage(&c, "--left and --anti exclude each other");
	if (o.suffix != NULL && (*o.suffix == '\0' || strlen(o.suffix) > SER_MAX_NAME))
		ser_cli_usage(&c, "--suffix: empty or too long");
	if (o.concat != NULL && (table || o.anti))
		ser_cli_usage(&c, "--concat is of two streams, without --tsv and --anti");
	struct ser_strs names = ser_cli_names(&c, "fields", fields);
	o.field = names.s;
	o.n_field = names.n;
	j = ser_join_new(&o);
	if (table)
		read_table(c.operand[1]);
	else
		read_stream(c.operand[1]);
	c.n_operand = 1;
	c.n_read = 0;
	int status = ser_cli_filter(&c, &(struct ser_filter){header, record, NULL});
	if (status == 0 && !o.anti && c.n_read > 0 && ser_join_n(j) > 0 && ser_join_n_used(j) == 0)
		ser_cli_warn(&c, "no record of A has the same \"%s\" as one of B", o.on);
	ser_cli_info(&c, "%llu records of A, %zu joined, %zu of B not used", (unsigned long long)c.n_read,
		     ser_join_n_used(j), ser_join_n(j) - ser_join_n_used(j));
	ser_join_free(j);
	ser_cli_names_free(&names);
	return status;
}
