/* SPDX-License-Identifier: MIT */
/* JSON lines: cells to values and back, and EmoBox' manifests. */
#include "corpus/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* All ASCII, as Python's json module writes by default: text beyond U+FFFF as two surrogates. */
void ser_json_string(struct ser_buf *b, const char *s)
{
	ser_buf_add(b, "\"", 1);
	for (const unsigned char *p = (const unsigned char *)s, *q = p; *p != '\0'; q = p) {
		while (*q >= 0x20 && *q < 0x7f && *q != '"' && *q != '\\')
			q++;
		ser_buf_add(b, p, (size_t)(q - p));
		p = q;
		if (*p == '\0')
			break;
		unsigned c = *p++;
		if (c >= 0x80) {
			int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
			c &= 0x3fu >> more;
			for (; more > 0 && *p != '\0'; more--)
				c = c << 6 | (*p++ & 0x3fu);
		}
		if (c >= 0x10000)
			ser_buf_printf(b, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + (c & 0x3ff));
		else if (c == '"' || c == '\\')
			ser_buf_printf(b, "\\%c", c);
		else if (c == '\n' || c == '\t' || c == '\r')
			ser_buf_printf(b, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
		else
			ser_buf_printf(b, "\\u%04x", c);
	}
	ser_buf_add(b, "\"", 1);
}

static const char *digits(const char *s)
{
	while (*s >= '0' && *s <= '9')
		s++;
	return s;
}

/* RFC 8259, section 6; and such as a reader can hold. */
bool ser_json_is_number(const char *s)
{
	const char *all = s;
	int64_t i;
	double f;
	s += *s == '-';
	const char *p = *s == '0' ? s + 1 : digits(s);
	if (p == s)
		return false;
	if (*p == '.') {
		s = p + 1;
		p = digits(s);
		if (p == s)
			return false;
	}
	if (*p == 'e' || *p == 'E') {
		s = p + 1;
		s += *s == '+' || *s == '-';
		p = digits(s);
		if (p == s)
			return false;
	}
	if (*p != '\0')
		return false;
	return all[strcspn(all, ".eE")] == '\0' ? ser_parse_int(all, INT64_MIN, INT64_MAX, &i, NULL) == 0
						: ser_parse_real(all, -HUGE_VAL, HUGE_VAL, &f, NULL) == 0;
}

/* Whether the cell is JSON text of a list or map, as ser_json_to_cell() makes. */
static bool is_nested(const char *s)
{
	if (s[0] != '[' && s[0] != '{')
		return false;
	json_t *v = json_loads(s, JSON_REJECT_DUPLICATES, NULL);
	json_decref(v);
	return v != NULL;
}

void ser_json_cell(struct ser_buf *b, const char *column, const char *s)
{
	static const char *const text[] = {"id", "path", "spk", "emo", "text", "recording"};
	bool number = ser_manifest_kind(column) != SER_CELL_TEXT || strcmp(column, "num_frame") == 0 ||
		      strcmp(column, "length") == 0;
	bool plain = false;
	for (size_t i = 0; i < sizeof text / sizeof *text; i++)
		plain = plain || strcmp(column, text[i]) == 0;
	if (plain)
		ser_json_string(b, s);
	else if ((number && ser_json_is_number(s)) || strcmp(s, "true") == 0 || strcmp(s, "false") == 0 || is_nested(s))
		ser_buf_str(b, s);
	else
		ser_json_string(b, s);
}

/* Compact JSON text; numbers as short as they read back the same. */
static void dump(struct ser_buf *b, const json_t *v)
{
	const char *key, *sep = "";
	json_t *x;
	if (json_is_object(v)) {
		ser_buf_str(b, "{");
		json_object_foreach((json_t *)v, key, x)
		{
			ser_buf_str(b, sep);
			ser_json_string(b, key);
			ser_buf_str(b, ":");
			dump(b, x);
			sep = ",";
		}
		ser_buf_str(b, "}");
	} else if (json_is_array(v)) {
		ser_buf_str(b, "[");
		for (size_t i = 0; i < json_array_size(v); i++, sep = ",") {
			ser_buf_str(b, sep);
			dump(b, json_array_get(v, i));
		}
		ser_buf_str(b, "]");
	} else if (json_is_string(v)) {
		ser_json_string(b, json_string_value(v));
	} else if (json_is_null(v)) {
		ser_buf_str(b, "null");
	} else {
		ser_json_text(v, b);
	}
}

void ser_json_to_cell(struct ser_table *t, size_t row, size_t col, const json_t *v)
{
	struct ser_buf b = {0};
	ser_buf_reserve(&b, 0);
	b.s[0] = '\0';
	if (!ser_json_text(v, &b))
		dump(&b, v);
	ser_table_set(t, row, col, b.s, b.n);
	ser_buf_free(&b);
}

/* EmoBox' keys in its order, and what we call them. */
static const char *const keys[][2] = {
	{"key", "id"},          {"dataset", "dataset"},         {"wav", "path"},
	{"type", "type"},       {"sample_rate", "sample_rate"}, {"num_frame", "num_frame"},
	{"task", "task"},       {"length", "length"},           {"emo", "emo"},
	{"channel", "channel"}, {"start_time", "start"},        {"end_time", "end"}};
enum { N_KEY = sizeof keys / sizeof *keys };

static const char *other_name(const char *name, int from)
{
	for (size_t i = 0; i < N_KEY; i++)
		if (strcmp(keys[i][from], name) == 0)
			return keys[i][1 - from];
	return name;
}

int ser_emobox_read(struct ser_table *t, const char *path, struct ser_err *e)
{
	struct lines l;
	json_t *o, *v;
	const char *key;
	int rc = ser_lines_open(&l, path, e);
	if (rc != 0)
		return rc;
	while ((rc = ser_lines_json(&l, &o, e)) > 0) {
		size_t row = ser_table_add_row(t);
		if (!json_is_string(json_object_get(o, "key")) || !json_is_string(json_object_get(o, "wav")))
			rc = ser_fail(e, SER_EDATA, "%s:%zu: no \"key\" or no \"wav\"", l.name, l.at);
		json_object_foreach(o, key, v)
		{
			const char *name = other_name(key, 0);
			if (name != key && strcmp(name, key) != 0 && json_object_get(o, name) != NULL)
				rc = ser_fail(e, SER_EDATA, "%s:%zu: both \"%s\" and \"%s\"", l.name, l.at, key, name);
			if (t->n_col == SER_MANIFEST_MAX_COL && ser_table_col(t, name) < 0)
				rc = ser_fail(e, SER_EDATA, "%s:%zu: more than %d keys", l.name, l.at,
					      SER_MANIFEST_MAX_COL);
			if (rc < 0)
				break;
			ser_json_to_cell(t, row, ser_table_add_col(t, name), v);
		}
		json_decref(o);
		if (rc < 0)
			break;
	}
	ser_lines_close(&l);
	return rc;
}

static void put_member(struct ser_buf *b, const char *key, const char *column, const char *cell)
{
	bool needed = strcmp(column, "id") == 0 || strcmp(column, "path") == 0;
	if (cell[0] == '\0' && !needed)
		return;
	if (b->n > 1)
		ser_buf_str(b, ", ");
	ser_json_string(b, key);
	ser_buf_str(b, ": ");
	ser_json_cell(b, column, cell);
}

int ser_emobox_write(const struct ser_table *t, FILE *f, struct ser_err *e)
{
	struct ser_buf b = {0};
	for (size_t c = 0; c < t->n_col; c++)
		for (size_t k = 0; k < N_KEY; k++)
			if (strcmp(t->col[c].name, keys[k][0]) == 0 && strcmp(keys[k][0], keys[k][1]) != 0)
				return ser_fail(e, SER_EDATA, "column \"%s\" would be mistaken for \"%s\"", keys[k][0],
						keys[k][1]);
	/* the columns in the order that they are written in, and their keys */
	size_t *col = ser_calloc(t->n_col, sizeof *col), n = 0;
	const char **key = ser_calloc(t->n_col, sizeof *key);
	for (size_t k = 0; k < N_KEY; k++) {
		ptrdiff_t c = ser_table_col(t, keys[k][1]);
		if (c >= 0) {
			key[n] = keys[k][0];
			col[n++] = (size_t)c;
		}
	}
	size_t n_known = n;
	for (size_t c = 0; c < t->n_col; c++) {
		bool had = false;
		for (size_t k = 0; k < n_known; k++)
			had = had || col[k] == c;
		if (!had) {
			key[n] = t->col[c].name;
			col[n++] = c;
		}
	}
	for (size_t i = 0; i < t->n_row; i++) {
		b.n = 0;
		ser_buf_str(&b, "{");
		for (size_t k = 0; k < n; k++)
			put_member(&b, key[k], t->col[col[k]].name, t->col[col[k]].cell[i]);
		ser_buf_str(&b, "}\n");
		fwrite(b.s, 1, b.n, f);
	}
	free(key);
	free(col);
	ser_buf_free(&b);
	return 0;
}
