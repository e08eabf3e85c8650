/* SPDX-License-Identifier: MIT */
#include "corpus/corpus.h"

#include <stdlib.h>
#include <string.h>

/* CREMA-D's tabulatedVotes.csv; the leading digit of its row numbers says what people were given: the voice, the face or both. */
struct ser_votes_columns ser_votes_cremad(int modality)
{
	static const char *const name[] = {"A", "D", "F", "H", "N", "S"}, *const emotion[] = {"anger",   "disgust",
											      "fear",    "happiness",
											      "neutral", "sadness"};
	return (struct ser_votes_columns){"fileName", 6, name, emotion, "numResponses", "", (char)('0' + modality)};
}

/* Row i's votes: of the columns from [c->n], which add up to that of column `sum`, if there is one. */
static int check_row(const struct ser_table *v, size_t i, const struct ser_votes_columns *c, const char *name,
		     const ptrdiff_t *from, ptrdiff_t sum, struct ser_err *e)
{
	double all = 0, x, said;
	for (size_t k = 0; k < c->n; k++) {
		if (ser_parse_real(v->col[from[k]].cell[i], 0, 1000000, &x, e) != 0) {
			ser_fail_in(e, "votes: \"%s\": column %s", name, c->name[k]);
			return e->code = SER_EDATA;
		}
		all += x;
	}
	if (sum < 0 || (ser_parse_real(v->col[sum].cell[i], 0, 6000000, &said, e) == 0 && said == all))
		return 0;
	return ser_fail(e, SER_EDATA, "votes: \"%s\" has %g of them, %s is \"%s\"", name, all, c->sum,
			v->col[sum].cell[i]);
}

static int find_col(const struct ser_table *v, const char *name, ptrdiff_t *at, struct ser_err *e)
{
	*at = ser_table_col(v, name);
	if (*at >= 0)
		return 0;
	struct ser_buf b = {0};
	for (size_t k = 0; k < v->n_col && k < 12; k++)
		ser_buf_printf(&b, " %.40s", v->col[k].name);
	ser_fail(e, SER_EDATA, "votes: no column \"%s\"; there are:%s%s", name, b.s != NULL ? b.s : "",
		 v->n_col > 12 ? " ..." : "");
	ser_buf_free(&b);
	return SER_EDATA;
}

int ser_votes_add(struct ser_table *t, const char *text, size_t n, const struct ser_votes_columns *c, size_t *n_without,
		  struct ser_err *e)
{
	struct ser_table v = {0};
	size_t line = strcspn(text, "\n");
	int rc = ser_table_parse(&v, text, n, memchr(text, '\t', line < n ? line : n) != NULL ? '\t' : ',', "votes", e);
	ptrdiff_t from[SER_MANIFEST_MAX_COL], key = -1, number = -1,
					      sum = c->sum != NULL ? ser_table_col(&v, c->sum) : -1,
					      id = ser_table_col(t, "id");
	for (size_t k = 0; k < c->n && rc == 0; k++)
		rc = find_col(&v, c->name[k], &from[k], e);
	if (rc == 0)
		rc = find_col(&v, c->id, &key, e);
	if (rc == 0 && c->number != NULL)
		rc = find_col(&v, c->number, &number, e);
	if (rc == 0 && id < 0)
		rc = ser_fail(e, SER_EDATA, "no column \"id\"");
	struct ser_map *m = ser_map_new();
	size_t *row = ser_calloc(v.n_row, sizeof *row), to[SER_MANIFEST_MAX_COL];
	for (size_t i = 0; i < v.n_row && rc == 0; i++) {
		if (number >= 0 && v.col[number].cell[i][0] != c->digit)
			continue;
		const char *s = v.col[key].cell[i];
		bool is_new;
		size_t k = ser_map_add(m, s, strlen(s), &is_new);
		if (!is_new)
			rc = ser_fail(e, SER_EDATA, "votes: \"%s\" twice", s);
		else
			rc = check_row(&v, i, c, s, from, sum, e);
		row[k] = i;
	}
	*n_without = 0;
	for (size_t k = 0; k < c->n && rc == 0; k++) {
		struct ser_buf b = {0};
		ser_buf_printf(&b, "vote.%s", c->emotion[k]);
		to[k] = ser_table_add_col(t, b.s);
		ser_buf_free(&b);
	}
	for (size_t i = 0; i < t->n_row && rc == 0; i++) {
		const char *s = t->col[id].cell[i];
		ptrdiff_t at = ser_map_find(m, s, strlen(s));
		*n_without += at < 0;
		for (size_t k = 0; k < c->n; k++) {
			const char *x = at < 0 ? "" : v.col[from[k]].cell[row[at]];
			ser_table_set(t, i, to[k], x, strlen(x));
		}
	}
	free(row);
	ser_map_free(m);
	ser_table_free(&v);
	return rc;
}

/* "vote.anger" -> "hot.anger" */
static size_t label_col(struct ser_table *t, const char *prefix, const char *vote)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s%s", prefix, vote + strlen("vote"));
	size_t c = ser_table_add_col(t, b.s);
	ser_buf_free(&b);
	return c;
}

static int row_labels(struct ser_table *t, size_t i, enum ser_votes what, double threshold, const size_t *vote,
		      const size_t *to, size_t k, size_t *n_tie, struct ser_err *e)
{
	double n[SER_MANIFEST_MAX_COL], sum = 0, most = 0;
	size_t best = 0, n_best = 0;
	for (size_t c = 0; c < k; c++) {
		const char *s = t->col[vote[c]].cell[i];
		n[c] = 0;
		if (s[0] != '\0' && ser_parse_real(s, 0, 1000000, &n[c], e) != 0) {
			ser_fail_in(e, "\"%s\": %s", ser_table_get(t, i, "id"), t->col[vote[c]].name);
			return e->code = SER_EDATA;
		}
		sum += n[c];
		if (n[c] > most || (n[c] == most && most > 0)) {
			n_best = n[c] > most ? 1 : n_best + 1;
			best = c;
			most = n[c];
		}
	}
	if (what == SER_VOTES_PLURALITY) {
		const char *name = n_best == 1 ? t->col[vote[best]].name + strlen("vote.") : "";
		*n_tie += n_best > 1;
		ser_table_set(t, i, to[0], name, strlen(name));
		return 0;
	}
	for (size_t c = 0; c < k; c++) {
		char s[32] = "";
		double share = sum > 0 ? n[c] / sum : 0;
		if (sum > 0 && what == SER_VOTES_MULTI_HOT)
			snprintf(s, sizeof s, "%d", share > threshold);
		else if (sum > 0)
			ser_format_real(share, s);
		ser_table_set(t, i, to[c], s, strlen(s));
	}
	return 0;
}

int ser_votes_label(struct ser_table *t, enum ser_votes what, double threshold, size_t *n_tie, struct ser_err *e)
{
	struct ser_err own;
	e = e != NULL ? e : &own;
	size_t vote[SER_MANIFEST_MAX_COL], to[SER_MANIFEST_MAX_COL], k = 0, n_col = t->n_col;
	*n_tie = 0;
	for (size_t c = 0; c < n_col && k < SER_MANIFEST_MAX_COL; c++)
		if (strncmp(t->col[c].name, "vote.", 5) == 0)
			vote[k++] = c;
	if (k < 2)
		return ser_fail(e, SER_EDATA, "%zu column%s vote.X, at least 2 are needed", k, ser_s(k));
	for (size_t c = 0; c < k; c++)
		to[c] = what == SER_VOTES_PLURALITY
				? ser_table_add_col(t, "emo")
				: label_col(t, what == SER_VOTES_MULTI_HOT ? "hot" : "prob", t->col[vote[c]].name);
	int rc = 0;
	for (size_t i = 0; i < t->n_row && rc == 0; i++)
		rc = row_labels(t, i, what, threshold > 0 ? threshold : 1.0 / (double)k, vote, to, k, n_tie, e);
	return rc;
}
