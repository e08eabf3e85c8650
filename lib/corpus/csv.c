/* SPDX-License-Identifier: MIT */
/* CSV, and audformat's kind of it. */
#include "corpus/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *translate(const char *const *pairs, const char *name, int from)
{
	for (; *pairs != NULL; pairs += 2)
		if (strcmp(pairs[from], name) == 0)
			return pairs[1 - from];
	return name;
}

int ser_table_rename(struct ser_table *t, const char *const *pairs, const char *name, struct ser_err *e)
{
	for (size_t c = 0; c < t->n_col; c++) {
		const char *to = translate(pairs, t->col[c].name, 0);
		if (strcmp(to, t->col[c].name) == 0)
			continue;
		if (ser_table_col(t, to) >= 0)
			return ser_fail(e, SER_EDATA, "%s: both \"%s\" and \"%s\"", name, t->col[c].name, to);
		free(t->col[c].name);
		t->col[c].name = ser_strdup(to);
	}
	return 0;
}

static void put_field(FILE *f, const char *s, bool first)
{
	size_t n = strlen(s);
	bool quote = s[strcspn(s, ",\"\r\n")] != '\0' || (n > 0 && strchr(" \t", s[0]) != NULL) ||
		     (n > 0 && strchr(" \t", s[n - 1]) != NULL);
	if (!first)
		putc(',', f);
	if (!quote) {
		fputs(s, f);
		return;
	}
	putc('"', f);
	for (; *s != '\0'; s++) {
		if (*s == '"')
			putc('"', f);
		putc(*s, f);
	}
	putc('"', f);
}

int ser_table_put_csv(const struct ser_table *t, const char *const *pairs, const bool *skip, const char *const *first,
		      FILE *f, struct ser_err *e)
{
	size_t *order = ser_calloc(t->n_col, sizeof *order), n = 0;
	int rc = 0;
	for (; *first != NULL; first++) {
		ptrdiff_t c = ser_table_col(t, *first);
		if (c >= 0 && (skip == NULL || !skip[c]))
			order[n++] = (size_t)c;
	}
	size_t n_first = n;
	for (size_t c = 0; c < t->n_col; c++) {
		bool had = skip != NULL && skip[c];
		for (size_t k = 0; k < n_first; k++)
			had = had || order[k] == c;
		if (!had)
			order[n++] = c;
	}
	for (size_t k = 0; k < n && rc == 0; k++) {
		const char *name = t->col[order[k]].name, *to = translate(pairs, name, 1);
		if (strcmp(translate(pairs, name, 0), name) != 0)
			rc = ser_fail(e, SER_EDATA, "column \"%s\" would be mistaken for \"%s\"", name,
				      translate(pairs, name, 0));
		else
			put_field(f, to, k == 0);
	}
	for (size_t i = 0; i < t->n_row && rc == 0; i++) {
		putc('\n', f);
		for (size_t k = 0; k < n; k++)
			put_field(f, t->col[order[k]].cell[i], k == 0);
		/* a single empty field would be a blank line */
		if (n == 1 && t->col[order[0]].cell[i][0] == '\0')
			fputs("\"\"", f);
	}
	if (rc == 0)
		putc('\n', f);
	free(order);
	return rc;
}

/* ---- ids of rows that have none ---- */

/* A column of ids, where there is none. */
static void derive_ids(struct ser_table *t)
{
	if (ser_table_col(t, "id") >= 0)
		return;
	char **id = ser_derived_ids(t);
	size_t col = ser_table_add_col(t, "id");
	for (size_t i = 0; i < t->n_row; i++)
		ser_table_set(t, i, col, id[i], strlen(id[i]));
	ser_derived_ids_free(id, t->n_row);
}

/* ---- a manifest's columns, or what they are called there ---- */

static const char *const no_pairs[] = {NULL};

/* What parts the names of the header row, quoted or not. */
static char separator(const struct ser_buf *b)
{
	bool quoted = false;
	for (const char *s = b->s; *s != '\0' && (quoted || *s != '\n'); s++) {
		quoted = quoted != (*s == '"');
		if (!quoted && strchr(",;\t", *s) != NULL)
			return *s;
	}
	return ',';
}

int ser_csv_read(struct ser_table *t, const char *path, const char *const *columns, struct ser_err *e)
{
	struct ser_buf b = {0};
	const char *name = strcmp(path, "-") == 0 ? "<stdin>" : path;
	int rc = ser_slurp_lines(path, &b, e);
	if (rc == 0)
		rc = ser_table_parse(t, b.s, b.n, separator(&b), name, e);
	ser_buf_free(&b);
	for (const char *const *p = columns; rc == 0 && p != NULL && *p != NULL; p += 2)
		if (ser_table_col(t, *p) < 0)
			rc = ser_fail(e, SER_EDATA, "%s:1: no column \"%s\"", name, *p);
	if (rc == 0 && columns != NULL)
		rc = ser_table_rename(t, columns, name, e);
	if (rc == 0 && ser_table_col(t, "path") < 0)
		rc = ser_fail(e, SER_EDATA, "%s:1: no column \"path\"; --columns path=NAME says how it is called there",
			      name);
	if (rc == 0)
		derive_ids(t);
	return rc;
}

int ser_csv_write(const struct ser_table *t, FILE *f, struct ser_err *e)
{
	static const char *const first[] = {"id", "path", "spk", "emo", NULL};
	return ser_table_put_csv(t, no_pairs, NULL, first, f, e);
}

/* ---- audformat ---- */

static const char *const aud[] = {"file",   "path", "speaker",  "spk",  "emotion", "emo",
				  "gender", "sex",  "language", "lang", NULL};
static const char *const sexes[] = {"female", "f", "male", "m", NULL};

static void translate_column(struct ser_table *t, const char *name, const char *const *pairs, int from)
{
	ptrdiff_t c = ser_table_col(t, name);
	for (size_t i = 0; c >= 0 && i < t->n_row; i++) {
		const char *s = translate(pairs, t->col[c].cell[i], from);
		ser_table_set(t, i, (size_t)c, s, strlen(s));
	}
}

/* One to `most` digits; steps past them. */
static bool parse_digits(const char **s, int most, int64_t *x)
{
	int n = 0;
	for (*x = 0; n < most && **s >= '0' && **s <= '9'; n++)
		*x = 10 * *x + (*(*s)++ - '0');
	return n > 0;
}

static bool parse_char(const char **s, char c)
{
	if (**s != c)
		return false;
	++*s;
	return true;
}

/* "0 days 00:00:01.500000" (either part and the fraction may be missing) in nanoseconds; pandas' text of a Timedelta, which has at
 * most 106751 days. */
static bool parse_delta(const char *s, int64_t *ns)
{
	int64_t d = 0, h, m, sec;
	const char *days = strstr(s, " day");
	if (days != NULL) {
		if (!parse_digits(&s, 6, &d) || s != days || d > 106750)
			return false;
		s += strncmp(s, " days", 5) == 0 ? 5 : 4;
		if (*s == '\0') {
			*ns = d * 86400 * 1000000000;
			return true;
		}
		if (!parse_char(&s, ' '))
			return false;
	}
	if (!parse_digits(&s, 4, &h) || !parse_char(&s, ':') || !parse_digits(&s, 2, &m) || !parse_char(&s, ':') ||
	    !parse_digits(&s, 2, &sec) || m > 59 || sec > 59 || (days != NULL && h > 23))
		return false;
	int64_t frac = 0;
	if (*s == '.') {
		int n = 0;
		for (s++; *s >= '0' && *s <= '9' && n < 9; s++, n++)
			frac = 10 * frac + (*s - '0');
		if (n == 0)
			return false;
		for (; n < 9; n++)
			frac *= 10;
	}
	*ns = ((d * 24 + h) * 3600 + m * 60 + sec) * 1000000000 + frac;
	return *s == '\0';
}

static void put_delta(char out[64], int64_t ns)
{
	int64_t s = ns / 1000000000, frac = ns % 1000000000;
	int n = snprintf(out, 64, "%lld days %02d:%02d:%02d", (long long)(s / 86400), (int)(s / 3600 % 24),
			 (int)(s / 60 % 60), (int)(s % 60));
	if (frac % 1000 != 0)
		snprintf(out + n, 64 - (size_t)n, ".%09d", (int)frac);
	else if (frac != 0)
		snprintf(out + n, 64 - (size_t)n, ".%06d", (int)(frac / 1000));
}

/* Seconds as short as they are exact. */
static void put_seconds(char out[64], int64_t ns)
{
	int n = snprintf(out, 64, "%lld.%09lld", (long long)(ns / 1000000000), (long long)(ns % 1000000000));
	while (out[n - 1] == '0')
		out[--n] = '\0';
	if (out[n - 1] == '.')
		out[--n] = '\0';
}

static int deltas_to_seconds(struct ser_table *t, const char *name, const char *file, struct ser_err *e)
{
	ptrdiff_t c = ser_table_col(t, name);
	for (size_t i = 0; c >= 0 && i < t->n_row; i++) {
		const char *s = t->col[c].cell[i];
		int64_t ns;
		char text[64] = "";
		if (s[0] != '\0' && strcmp(s, "NaT") != 0) {
			if (!parse_delta(s, &ns))
				return ser_fail(e, SER_EDATA,
						"%s: row %zu: %s \"%s\" is no timedelta such as \"0 days 00:00:01.5\"",
						file, i + 1, name, s);
			put_seconds(text, ns);
		}
		ser_table_set(t, i, (size_t)c, text, strlen(text));
	}
	return 0;
}

int ser_audformat_read(struct ser_table *t, const char *path, struct ser_err *e)
{
	const char *name = strcmp(path, "-") == 0 ? "<stdin>" : path;
	struct ser_buf b = {0};
	int rc = ser_slurp_lines(path, &b, e);
	if (rc == 0)
		rc = ser_table_parse(t, b.s, b.n, ',', name, e);
	ser_buf_free(&b);
	if (rc == 0)
		rc = ser_table_rename(t, aud, name, e);
	if (rc == 0 && ser_table_col(t, "path") < 0)
		rc = ser_fail(e, SER_EDATA, "%s:1: no column \"file\"", name);
	if (rc == 0)
		rc = deltas_to_seconds(t, "start", name, e);
	if (rc == 0)
		rc = deltas_to_seconds(t, "end", name, e);
	if (rc != 0)
		return rc;
	translate_column(t, "sex", sexes, 0);
	for (size_t i = 0; i < t->n_row; i++) /* the whole file is no segment */
		if (strcmp(ser_table_get(t, i, "start"), "0") == 0 && ser_table_get(t, i, "end")[0] == '\0')
			ser_table_set(t, i, (size_t)ser_table_col(t, "start"), "", 0);
	derive_ids(t);
	return 0;
}

static int seconds_to_deltas(struct ser_table *t, const char *name, bool end, struct ser_err *e)
{
	ptrdiff_t c = ser_table_col(t, name);
	for (size_t i = 0; c >= 0 && i < t->n_row; i++) {
		const char *s = t->col[c].cell[i];
		double x = 0;
		char text[64] = "", back[64];
		if (s[0] != '\0' && ser_parse_real(s, 0, 1e8, &x, e) != 0) {
			ser_fail_in(e, "id \"%s\": %s", ser_table_get(t, i, "id"), name);
			return e->code = SER_EDATA;
		}
		int64_t ns = llround(x * 1e9);
		put_seconds(back, ns);
		double y = 0;
		ser_parse_real(back, 0, 1e8, &y, NULL);
		if (y != x)
			return ser_fail(e, SER_EDATA, "id \"%s\": %s %s is finer than a nanosecond",
					ser_table_get(t, i, "id"), name, s);
		if (s[0] != '\0' || !end)
			put_delta(text, ns);
		ser_table_set(t, i, (size_t)c, text, strlen(text));
	}
	return 0;
}

/* A copy, whose cells are the original's until they are set anew. */
static void borrow(struct ser_table *to, const struct ser_table *t)
{
	for (size_t c = 0; c < t->n_col; c++)
		ser_table_add_col(to, t->col[c].name);
	for (size_t i = 0; i < t->n_row; i++)
		ser_table_add_row(to);
	for (size_t c = 0; c < t->n_col; c++)
		for (size_t i = 0; i < t->n_row; i++)
			to->col[c].cell[i] = t->col[c].cell[i];
}

int ser_audformat_write(const struct ser_table *from, FILE *f, struct ser_err *e)
{
	static const char *const first[] = {"path", "start", "end", NULL};
	struct ser_err own;
	struct ser_table t = {0};
	e = e != NULL ? e : &own;
	if (ser_table_col(from, "path") < 0)
		return ser_fail(e, SER_EDATA, "no column \"path\"");
	borrow(&t, from);
	bool segments = false, same_ids = ser_table_col(&t, "id") >= 0;
	for (size_t i = 0; i < t.n_row; i++)
		segments =
			segments || ser_table_get(&t, i, "start")[0] != '\0' || ser_table_get(&t, i, "end")[0] != '\0';
	char **id = ser_derived_ids(&t);
	for (size_t i = 0; i < t.n_row && same_ids; i++)
		same_ids = strcmp(id[i], ser_table_get(&t, i, "id")) == 0;
	ser_derived_ids_free(id, t.n_row);
	if (segments) {
		ser_table_add_col(&t, "start");
		ser_table_add_col(&t, "end");
	}
	bool *skip = ser_calloc(t.n_col, sizeof *skip);
	for (size_t c = 0; c < t.n_col; c++) {
		const char *name = t.col[c].name;
		bool empty = true;
		for (size_t i = 0; i < t.n_row; i++)
			empty = empty && t.col[c].cell[i][0] == '\0';
		skip[c] = (same_ids && strcmp(name, "id") == 0) ||
			  (!segments && (strcmp(name, "start") == 0 || strcmp(name, "end") == 0)) ||
			  (empty && (strcmp(name, "spk") == 0 || strcmp(name, "emo") == 0));
	}
	int rc = segments ? seconds_to_deltas(&t, "start", false, e) : 0;
	if (rc == 0 && segments)
		rc = seconds_to_deltas(&t, "end", true, e);
	translate_column(&t, "sex", sexes, 1);
	if (rc == 0)
		rc = ser_table_put_csv(&t, aud, skip, first, f, e);
	free(skip);
	ser_table_free(&t);
	return rc;
}
