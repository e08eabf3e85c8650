/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void put(const struct ser_buf *b)
{
	fwrite(b->s, 1, b->n, stdout);
}

static void dump_json(struct ser_record *r, bool data)
{
	struct ser_val map = ser_val_map();
	struct ser_buf b = {0};
	map.u.map.f = r->field;
	map.u.map.n = r->n;
	ser_val_json(&b, &map, data);
	ser_buf_str(&b, "\n");
	put(&b);
	ser_buf_free(&b);
}

static void dump_header(const struct ser_header *h)
{
	struct ser_val map = ser_val_map();
	struct ser_field known[] = {{.name = "ser", .name_len = 3, .val = ser_int(SER_STREAM_VERSION)},
				    {.name = "prov", .name_len = 4, .val = h->prov},
				    {.name = "dims", .name_len = 4, .val = h->dims}};
	struct ser_buf b = {0};
	size_t n = h->extra.u.map.n;
	map.u.map.n = 3 + n;
	map.u.map.f = ser_calloc(3 + n, sizeof *known);
	memcpy(map.u.map.f, known, sizeof known);
	if (n > 0)
		memcpy(map.u.map.f + 3, h->extra.u.map.f, n * sizeof *known);
	ser_val_json(&b, &map, false);
	ser_buf_str(&b, "\n");
	put(&b);
	free(map.u.map.f);
	ser_buf_free(&b);
}

/* A value in one cell: labels as text with tab, newline, return and backslash as \t \n \r \\, other control bytes as \x1b;
 * tensors as their shape. */
static void cell(struct ser_buf *b, const struct ser_val *v)
{
	if (v == NULL)
		return;
	if (v->kind == SER_TENSOR) {
		for (int i = 0; i < v->u.t.ndim; i++)
			ser_buf_printf(b, i > 0 ? ",%zu" : "[%zu", v->u.t.shape[i]);
		ser_buf_str(b, v->u.t.ndim > 0 ? "]" : "[]");
		return;
	}
	struct ser_buf text = {0};
	ser_val_text(&text, v);
	for (size_t i = 0; i < text.n; i++) {
		char c = text.s[i], hex[9];
		size_t raw = ser_utf8_control(text.s + i, text.n - i);
		snprintf(hex, sizeof hex, raw == 2 ? "\\x%02x\\x%02x" : "\\x%02x", (unsigned char)c,
			 raw == 2 ? (unsigned char)text.s[i + 1] : 0);
		const char *escape = c == '\t'   ? "\\t"
				     : c == '\n' ? "\\n"
				     : c == '\r' ? "\\r"
				     : c == '\\' ? "\\\\"
				     : raw > 0   ? hex
						 : NULL;
		i += raw == 2;
		ser_buf_add(b, escape != NULL ? escape : &c, escape != NULL ? strlen(escape) : 1);
	}
	ser_buf_free(&text);
}

/* seen [n]: the names that a record had */
static void dump_tsv(const struct ser_record *r, const struct ser_strs *names, bool *seen)
{
	struct ser_buf b = {0};
	for (size_t i = 0; i < names->n; i++) {
		const struct ser_val *v = ser_record_get(r, names->s[i]);
		seen[i] = seen[i] || v != NULL;
		ser_buf_str(&b, i > 0 ? "\t" : "");
		cell(&b, v);
	}
	ser_buf_str(&b, "\n");
	put(&b);
	ser_buf_free(&b);
}

/* ---- the human view: rows gather, so that columns can be aligned ---- */

enum { ROWS = 500 };

struct table {
	struct ser_map *column;
	struct ser_buf *text; /* [n_row * n_col] of the rows at hand, ragged: see at */
	size_t n_row, n_cell, cap_cell;
	size_t *col, *row; /* of each cell */
	size_t cap_col, cap_row;
};

static void add_cell(struct table *t, const char *name, size_t len, const struct ser_val *v)
{
	struct ser_range g = {0};
	t->text = ser_grow(t->text, &t->cap_cell, t->n_cell + 1, sizeof *t->text);
	t->col = ser_grow(t->col, &t->cap_col, t->n_cell + 1, sizeof *t->col);
	t->row = ser_grow(t->row, &t->cap_row, t->n_cell + 1, sizeof *t->row);
	struct ser_buf *b = &t->text[t->n_cell];
	*b = (struct ser_buf){0};
	t->col[t->n_cell] = ser_map_add(t->column, name, len, NULL);
	t->row[t->n_cell++] = t->n_row;
	ser_buf_str(b, "");
	cell(b, v);
	if (v->kind != SER_TENSOR)
		return;
	ser_tensor_range(&v->u.t, &g);
	if (g.n > 0)
		ser_buf_printf(b, " %.3g/%.3g/%.3g", g.min, g.sum / (double)g.n, g.max);
	if (g.n_bad > 0)
		ser_buf_printf(b, " %llu not finite", (unsigned long long)g.n_bad);
}

/* Columns on a screen: bytes that only continue a UTF-8 character take none. */
static size_t width(const char *s)
{
	size_t n = 0;
	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void print_cell(struct ser_buf *line, const char *s, size_t to)
{
	for (const char *p = s; *p != '\0'; p++) /* what could move a terminal's cursor is shown as a dot */
		ser_buf_add(line, (unsigned char)*p < 0x20 || *p == 0x7f ? "." : p, 1);
	for (size_t n = width(s); n < to + 2; n++)
		ser_buf_str(line, " ");
}

static void end_line(struct ser_buf *line)
{
	while (line->n > 0 && line->s[line->n - 1] == ' ')
		line->n--;
	ser_buf_str(line, "\n");
	put(line);
	line->n = 0;
}

static void flush_table(struct table *t)
{
	size_t n_col = ser_map_len(t->column), *w = ser_calloc(n_col, sizeof *w);
	const char **at = ser_calloc(n_col, sizeof *at);
	struct ser_buf line = {0};
	for (size_t k = 0; k < n_col; k++)
		w[k] = width(ser_map_key(t->column, k, NULL));
	for (size_t i = 0; i < t->n_cell; i++)
		if (width(t->text[i].s) > w[t->col[i]])
			w[t->col[i]] = width(t->text[i].s);
	for (size_t k = 0; t->n_row > 0 && k < n_col; k++)
		print_cell(&line, ser_map_key(t->column, k, NULL), w[k]);
	if (t->n_row > 0)
		end_line(&line);
	for (size_t row = 0, i = 0; row < t->n_row; row++) {
		for (size_t k = 0; k < n_col; k++)
			at[k] = "";
		for (; i < t->n_cell && t->row[i] == row; i++)
			at[t->col[i]] = t->text[i].s;
		for (size_t k = 0; k < n_col; k++)
			print_cell(&line, at[k], w[k]);
		end_line(&line);
	}
	for (size_t i = 0; i < t->n_cell; i++)
		ser_buf_free(&t->text[i]);
	t->n_cell = t->n_row = 0;
	ser_buf_free(&line);
	free(w);
	free(at);
}

static void add_row(struct table *t, const struct ser_record *r)
{
	for (size_t i = 0; i < r->n; i++)
		add_cell(t, r->field[i].name, r->field[i].name_len, &r->field[i].val);
	if (++t->n_row == ROWS)
		flush_table(t);
}

static void human_header(const struct ser_header *h)
{
	struct ser_buf b = {0};
	for (size_t i = 0; i < h->prov.u.list.n; i++) {
		const struct ser_val *p = &h->prov.u.list.v[i], *tool = ser_val_get(p, "tool"),
				     *args = ser_val_get(p, "args");
		ser_buf_str(&b, "# made by ");
		if (tool != NULL && tool->kind == SER_STR)
			cell(&b, tool);
		for (size_t k = 0; args != NULL && args->kind == SER_LIST && k < args->u.list.n; k++) {
			ser_buf_str(&b, " ");
			if (args->u.list.v[k].kind <= SER_STR)
				cell(&b, &args->u.list.v[k]);
		}
		ser_buf_str(&b, "\n");
	}
	for (size_t i = 0; i < h->dims.u.map.n; i++) {
		ser_buf_printf(&b, "# %.*s: ", (int)h->dims.u.map.f[i].name_len, h->dims.u.map.f[i].name);
		ser_val_json(&b, &h->dims.u.map.f[i].val, false);
		ser_buf_str(&b, "\n");
	}
	if (b.n > 0)
		put(&b);
	ser_buf_free(&b);
}

int main(int argc, char **argv)
{
	bool data = false, human = false, header = false;
	const char *tsv = NULL;
	const struct ser_option opts[] = {
		{"data", "with the tensors' elements", SER_OPT_FLAG(&data), .letter = 'd'},
		{"human", "aligned columns; tensors as shape and min/mean/max", SER_OPT_FLAG(&human), .letter = 'H'},
		{"header", "the headers as JSON, and no records", SER_OPT_FLAG(&header)},
		{"tsv", "a table of these fields, parted by commas, with a header row", SER_OPT_STR(&tsv, "NAMES")},
		{0},
	};
	const struct ser_tool tool = {
		"ser-dump",  "Show a stream as text: JSON lines, a table for people, or one for awk.",
		"[FILE]...", opts,
		NULL,        SER_CLI_IN};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);
	if ((data || tsv != NULL) + human + header > 1 || (data && tsv != NULL))
		ser_cli_usage(&c, "--data, --human, --header and --tsv exclude each other");
	struct ser_strs names = ser_cli_names(&c, "tsv", tsv);

	struct ser_in *in = ser_in_open(&c);
	struct ser_record r = {0};
	struct table t = {.column = ser_map_new()};
	bool segment = true, *seen = ser_calloc(names.n + 1, sizeof *seen);
	for (size_t i = 0; i < names.n; i++)
		printf("%s%s", names.s[i], i + 1 < names.n ? "\t" : "\n");
	for (bool more = true, first = true; more; first = false) {
		if ((first || segment) && header) {
			dump_header(ser_in_header(in));
		} else if ((first || segment) && human) {
			flush_table(&t);
			human_header(ser_in_header(in));
		}
		if (!first && tsv != NULL)
			dump_tsv(&r, &names, seen);
		else if (!first && human)
			add_row(&t, &r);
		else if (!first && !header)
			dump_json(&r, data);
		if (!first && ser_in_waits(in) && !human)
			fflush(stdout);
		more = ser_in_next(in, &r, &segment);
	}
	for (size_t i = 0; i < names.n && c.n_read > 0; i++)
		if (!seen[i])
			ser_cli_fail(&c, SER_EDATA, "no record has \"%s\"", names.s[i]);
	free(seen);
	flush_table(&t);
	ser_map_free(t.column);
	free(t.text);
	free(t.col);
	free(t.row);
	ser_cli_names_free(&names);
	ser_record_free(&r);
	ser_in_close(in);
	return ser_cli_end(&c);
}
