/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "corpus/corpus.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE = 1 << 20, MAX_COLUMN = 1024 };

/* The right side: a record for each key, the keys in memory. */
struct join {
	struct ser_cli *c;
	const char *on, *suffix, *concat;
	bool left, anti;
	struct ser_strs fields;
	struct ser_map *key;
	struct ser_store *store; /* record i of B has key i */
	bool *used;
	struct ser_header h; /* of B */
	bool is_stream;
	struct ser_record b;
};

static void add_right(struct join *j, const char *key, struct ser_record *r, const char *where)
{
	struct ser_err e;
	bool is_new;
	ser_map_add(j->key, key, strlen(key), &is_new);
	if (!is_new)
		ser_cli_fail(j->c, SER_EDATA, "%s: \"%s\" is there twice as %s: which to join is not clear", where, key,
			     j->on);
	if (ser_store_add(j->store, r, &e) != 0)
		ser_cli_die(j->c, &e);
}

static void read_stream(struct join *j, char *name)
{
	struct ser_in *in = ser_in_files(j->c, &name, 1);
	struct ser_err e;
	const char *key;
	bool segment;
	j->is_stream = true;
	ser_header_copy(&j->h, ser_in_header(in));
	while (ser_in_next(in, &j->b, &segment)) {
		if (ser_record_str(&j->b, j->on, &key, &e) != 0 ||
		    (segment && ser_header_merge(&j->h, ser_in_header(in), &e) != 0))
			ser_cli_die(j->c, &e);
		add_right(j, key, &j->b, ser_in_name(in));
	}
	ser_in_close(in);
}

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

/* A cell as the label that a manifest's column of this name holds. */
static struct ser_val label_of(const char *name, const char *cell, const char *where, const struct ser_cli *c)
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
		ser_cli_fail(c, SER_EDATA, "%s: %s: %s", where, name, e.msg);
	return ser_str(cell);
}

static void read_table(struct join *j, const char *path)
{
	char *line = NULL, *head = NULL, *name[MAX_COLUMN], *cell[MAX_COLUMN];
	size_t cap = 0, n_col = 0, on = 0, n_line = 0;
	bool std = strcmp(path, "-") == 0;
	const char *shown = std ? "<stdin>" : path;
	FILE *f = std ? stdin : fopen(path, "r");
	if (f == NULL)
		ser_cli_fail(j->c, SER_EIO, "%s: cannot open: %s", path, strerror(errno));
	errno = 0;
	for (ssize_t len; (len = getline(&line, &cap, f)) >= 0;) {
		char where[300];
		snprintf(where, sizeof where, "%.250s: line %zu", shown, ++n_line);
		if (len > MAX_LINE || !ser_utf8_ok(line, (size_t)len))
			ser_cli_fail(j->c, SER_EDATA, "%s: %s", where,
				     len > MAX_LINE ? "too long"
						    : "not UTF-8 text; is it a stream? then --tsv is wrong");
		while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
			line[--len] = '\0';
		size_t n = cells(line, cell);
		if (n > MAX_COLUMN)
			ser_cli_fail(j->c, SER_EDATA, "%s: more than %d columns", where, MAX_COLUMN);
		if (n_line == 1) {
			head = line;
			memcpy(name, cell, sizeof name);
			n_col = n;
			line = NULL;
			cap = 0;
			for (on = 0; on < n && strcmp(name[on], j->on) != 0;)
				on++;
			if (on == n)
				ser_cli_fail(j->c, SER_EDATA, "%s: no column \"%s\" to join by", where, j->on);
			for (size_t i = 0; i < n; i++)
				for (size_t k = 0; k <= i; k++)
					if (*name[i] == '\0' || strlen(name[i]) > SER_MAX_NAME ||
					    (k < i && strcmp(name[i], name[k]) == 0))
						ser_cli_fail(j->c, SER_EDATA,
							     "%s: column %zu: empty, repeated or too long a name",
							     where, i + 1);
			continue;
		}
		if (n != n_col)
			ser_cli_fail(j->c, SER_EDATA, "%s: %zu columns, the header row has %zu", where, n, n_col);
		if (*cell[on] == '\0')
			ser_cli_fail(j->c, SER_EDATA, "%s: no %s", where, j->on);
		ser_record_clear(&j->b);
		for (size_t i = 0; i < n; i++)
			ser_record_set(&j->b, name[i], label_of(name[i], cell[i], where, j->c));
		add_right(j, cell[on], &j->b, where);
	}
	if (ferror(f))
		ser_cli_fail(j->c, SER_EIO, "%s: read failed: %s", shown, strerror(errno));
	if (n_line == 0)
		ser_cli_fail(j->c, SER_EDATA, "%s: empty, expected a header row", shown);
	if (!std)
		fclose(f);
	free(line);
	free(head);
}

static bool added(const struct join *j, const char *name)
{
	if (strcmp(name, "id") == 0 || strcmp(name, j->on) == 0)
		return false;
	for (size_t i = 0; i < j->fields.n; i++)
		if (strcmp(j->fields.s[i], name) == 0)
			return true;
	return j->fields.n == 0;
}

static void text_of(char out[static SER_MAX_NAME + 1], const struct ser_field *f)
{
	snprintf(out, SER_MAX_NAME + 1, "%.*s", (int)f->name_len, f->name);
}

/* ---- one tensor behind the other ---- */

static void push_speakers(struct ser_arena *a, struct ser_map *met, struct ser_val *list, const struct ser_val *dim)
{
	const struct ser_val *said = ser_val_get(dim, "train_speakers");
	for (size_t i = 0; said != NULL && said->kind == SER_LIST && i < said->u.list.n; i++) {
		const struct ser_val *v = &said->u.list.v[i];
		bool is_new = false;
		if (v->kind == SER_STR)
			ser_map_add(met, v->u.str.s, v->u.str.n, &is_new);
		if (is_new)
			ser_val_push(a, list, *v);
	}
}

/* What the headers say of both parts, in their order; the axes are the first's, the speakers that had a part in either are
 * the whole's. */
static void concat_dims(struct join *j, struct ser_header *h)
{
	const struct ser_val none = ser_val_map(),
			     *dim[2] = {ser_header_dim(h, j->concat), ser_header_dim(&j->h, j->concat)};
	struct ser_val whole = ser_val_map(), parts = ser_val_list(), speakers = ser_val_list();
	struct ser_map *met = ser_map_new();
	for (int k = 0; k < 2; k++) {
		dim[k] = dim[k] != NULL ? dim[k] : &none;
		const struct ser_val *earlier = ser_val_get(dim[k], "parts");
		for (size_t i = 0; earlier != NULL && earlier->kind == SER_LIST && i < earlier->u.list.n; i++)
			ser_val_push(&h->arena, &parts, earlier->u.list.v[i]);
		if (earlier == NULL)
			ser_val_push(&h->arena, &parts, *dim[k]);
		push_speakers(&h->arena, met, &speakers, dim[k]);
	}
	if (ser_val_get(dim[0], "axes") != NULL)
		ser_val_set(&h->arena, &whole, "axes", *ser_val_get(dim[0], "axes"));
	ser_val_set(&h->arena, &whole, "parts", parts);
	if (speakers.u.list.n > 0)
		ser_val_set(&h->arena, &whole, "train_speakers", speakers);
	ser_val_set(&h->arena, &h->dims, j->concat, whole);
	ser_map_free(met);
}

/* A's tensor with B's behind it along the last axis; all others must be equal. */
static int concat(struct join *j, struct ser_record *r, struct ser_err *e)
{
	struct ser_record *rec[2] = {r, &j->b};
	const struct ser_val *v[2];
	const float *x[2];
	size_t shape[2][SER_MAX_AXES], n_row = 1;
	for (int k = 0; k < 2; k++) {
		v[k] = ser_record_get(rec[k], j->concat);
		if (v[k] == NULL || v[k]->kind != SER_TENSOR)
			return ser_record_fail(r, e, SER_EDATA, "%s has no tensor \"%s\"", k == 0 ? "A" : "B",
					       j->concat);
		if (ser_record_f4(rec[k], j->concat, v[0]->u.t.ndim, &x[k], shape[k], e) != 0)
			return e->code;
	}
	int last = v[0]->u.t.ndim - 1;
	if (last < 0)
		return ser_record_fail(r, e, SER_EDATA, "\"%s\" has no axis", j->concat);
	for (int i = 0; i < last; n_row *= shape[0][i++])
		if (shape[0][i] != shape[1][i])
			return ser_record_fail(r, e, SER_EDATA, "axis %d of \"%s\" is %zu in A and %zu in B", i,
					       j->concat, shape[0][i], shape[1][i]);
	size_t a = shape[0][last], b = shape[1][last];
	float *y = ser_arena_alloc(&r->arena, ser_mul(n_row, a + b), sizeof *y);
	for (size_t i = 0; i < n_row; i++) {
		memcpy(y + i * (a + b), x[0] + i * a, a * sizeof *y);
		memcpy(y + i * (a + b) + a, x[1] + i * b, b * sizeof *y);
	}
	shape[0][last] = a + b;
	ser_record_set(r, j->concat, ser_f4(y, last + 1, shape[0]));
	return 0;
}

/* B's dims go with its tensors; its provenance becomes one of the inputs. */
static int header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	struct join *j = ctx;
	struct ser_header b;
	if (j->anti || !j->is_stream)
		return 0;
	if (j->concat != NULL)
		concat_dims(j, h);
	ser_header_copy(&b, &j->h);
	b.dims = ser_val_map();
	for (size_t i = 0; i < j->h.dims.u.map.n; i++) {
		const struct ser_field *f = &j->h.dims.u.map.f[i];
		char name[2 * SER_MAX_NAME + 2];
		text_of(name, f);
		if (!added(j, name) || (j->concat != NULL && strcmp(name, j->concat) == 0))
			continue;
		if (j->suffix != NULL && ser_header_dim(h, name) != NULL)
			snprintf(name + strlen(name), SER_MAX_NAME, "%s", j->suffix);
		ser_val_set(&b.arena, &b.dims, name, f->val);
	}
	int rc = ser_header_merge(h, &b, e);
	ser_header_free(&b);
	return rc;
}

static int record(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	struct join *j = ctx;
	const char *key;
	(void)worker;
	int rc = ser_record_str(r, j->on, &key, e);
	if (rc != 0)
		return rc;
	ptrdiff_t i = ser_map_find(j->key, key, strlen(key));
	if (i < 0)
		return j->left || j->anti;
	j->used[i] = true;
	if (j->anti)
		return 0;
	rc = ser_store_get(j->store, (size_t)i, &j->b, e);
	if (rc == 0 && j->concat != NULL)
		rc = concat(j, r, e);
	for (size_t k = 0; rc == 0 && k < j->b.n; k++) {
		const struct ser_field *f = &j->b.field[k];
		char name[2 * SER_MAX_NAME + 2];
		text_of(name, f);
		if (!added(j, name) || (j->concat != NULL && strcmp(name, j->concat) == 0))
			continue;
		const struct ser_val *mine = ser_record_get(r, name);
		if (mine != NULL && j->suffix == NULL) {
			if (ser_val_equal(mine, &f->val))
				continue;
			return ser_record_fail(r, e, SER_EDATA,
					       "field \"%s\" is in both inputs and differs; see --suffix", name);
		}
		if (mine != NULL)
			snprintf(name + strlen(name), SER_MAX_NAME, "%s", j->suffix);
		if (strlen(name) > SER_MAX_NAME || (mine != NULL && ser_record_get(r, name) != NULL))
			return ser_record_fail(r, e, SER_EDATA,
					       "field \"%.300s\" is there already, or its name is too long", name);
		ser_record_set_copy(r, name, f->val);
	}
	return rc < 0 ? rc : 1;
}

int main(int argc, char **argv)
{
	struct join j = {.on = "id"};
	bool table = false;
	size_t mem = (size_t)512 << 20;
	const char *fields = NULL;
	const struct ser_option opts[] = {
		{"on", 0, SER_OPTION_STR, &j.on, "NAME", 0, 0, NULL, 0,
		 "the label to join by; B has each of its values once"},
		{"fields", 0, SER_OPTION_STR, &fields, "NAMES", 0, 0, NULL, 0,
		 "add only these fields of B, parted by commas"},
		{"left", 'l', SER_OPTION_FLAG, &j.left, NULL, 0, 0, NULL, 0,
		 "pass on the records of A that B lacks, too"},
		{"anti", 0, SER_OPTION_FLAG, &j.anti, NULL, 0, 0, NULL, 0,
		 "pass on only the records of A that B lacks"},
		{"suffix", 0, SER_OPTION_STR, &j.suffix, "TEXT", 0, 0, NULL, 0,
		 "add a field that A has, too, under its name and this"},
		{"concat", 0, SER_OPTION_STR, &j.concat, "NAME", 0, 0, NULL, 0,
		 "put B's tensor of this name behind A's, along the last axis"},
		{"tsv", 0, SER_OPTION_FLAG, &table, NULL, 0, 0, NULL, 0,
		 "B is a table of labels with a header row, parted by tabs"},
		{"mem", 0, SER_OPTION_SIZE, &mem, "SIZE", 1, 0, NULL, SER_OPTION_SILENT,
		 "memory for the records of B before they go to a temporary file"},
		{0},
	};
	const struct ser_tool tool = {
		"ser-join", "Add the fields of stream B to the records of stream A with the same id.",
		"A B",      opts,
		NULL,       SER_CLI_FILTER};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);
	if (c.n_operand != 2)
		ser_cli_usage(&c, "%d operands, expected two; - is standard input", c.n_operand);
	if (j.left && j.anti)
		ser_cli_usage(&c, "--left and --anti exclude each other");
	if (j.suffix != NULL && (*j.suffix == '\0' || strlen(j.suffix) > SER_MAX_NAME))
		ser_cli_usage(&c, "--suffix: empty or too long");
	if (j.concat != NULL && (table || j.anti))
		ser_cli_usage(&c, "--concat is of two streams, without --tsv and --anti");
	j.c = &c;
	j.fields = ser_cli_names(&c, "fields", fields);
	j.key = ser_map_new();
	j.store = ser_store_new(mem);
	ser_header_init(&j.h);
	if (table)
		read_table(&j, c.operand[1]);
	else
		read_stream(&j, c.operand[1]);
	j.used = ser_calloc(ser_map_len(j.key), sizeof *j.used);
	c.n_operand = 1;
	c.n_read = 0;

	const struct ser_filter f = {header, record, &j};
	int status = ser_cli_filter(&c, &f);
	size_t n_used = 0;
	for (size_t i = 0; i < ser_map_len(j.key); i++)
		n_used += j.used[i];
	ser_cli_info(&c, "%llu records of A, %zu joined, %zu of B not used", (unsigned long long)c.n_read, n_used,
		     ser_map_len(j.key) - n_used);
	ser_map_free(j.key);
	ser_store_free(j.store);
	free(j.used);
	ser_header_free(&j.h);
	ser_record_free(&j.b);
	ser_cli_names_free(&j.fields);
	return status;
}
