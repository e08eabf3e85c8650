/* SPDX-License-Identifier: MIT */
#include "corpus/corpus.h"

#include <stdlib.h>
#include <string.h>

/* Row i: whole numbers in columns from [6], which add up to that of column `all`, if there is one */
static int check_row(const struct ser_table *v, size_t i, const char *name, const ptrdiff_t *from, ptrdiff_t all,
		     struct ser_err *e)
{
	int64_t sum = 0, n, said;
	for (int k = 0; k < 6; k++) {
		if (ser_parse_int(v->col[from[k]].cell[i], 0, 1000000, &n, e) != 0) {
			ser_fail_in(e, "votes: \"%s\": column %s", name, v->col[from[k]].name);
			return e->code = SER_EDATA;
		}
		sum += n;
	}
	if (all < 0 || (ser_parse_int(v->col[all].cell[i], 0, 6000000, &said, e) == 0 && said == sum))
		return 0;
	return ser_fail(e, SER_EDATA, "votes: \"%s\" has %lld of them, numResponses is \"%s\"", name, (long long)sum,
			v->col[all].cell[i]);
}

int ser_votes_cremad(struct ser_table *t, const char *csv, size_t n, int modality, size_t *n_without, struct ser_err *e)
{
	static const char *const col[][2] = {{"A", "vote.anger"},     {"D", "vote.disgust"}, {"F", "vote.fear"},
					     {"H", "vote.happiness"}, {"N", "vote.neutral"}, {"S", "vote.sadness"}};
	struct ser_table v = {0};
	int rc = ser_table_parse(&v, csv, n, ',', "votes", e);
	ptrdiff_t from[6], file = ser_table_col(&v, "fileName"), number = ser_table_col(&v, ""),
			   all = ser_table_col(&v, "numResponses");
	for (int k = 0; k < 6 && rc == 0; k++) {
		from[k] = ser_table_col(&v, col[k][0]);
		if (from[k] < 0 || file < 0 || number < 0)
			rc = ser_fail(e, SER_EDATA, "votes: no columns A D F H N S, fileName and row number");
	}
	ptrdiff_t id = ser_table_col(t, "id");
	if (rc == 0 && id < 0)
		rc = ser_fail(e, SER_EDATA, "no column \"id\"");
	struct ser_map *m = ser_map_new();
	size_t *row = ser_calloc(v.n_row, sizeof *row);
	for (size_t i = 0; i < v.n_row && rc == 0; i++) {
		if (v.col[number].cell[i][0] != '0' + modality)
			continue;
		const char *s = v.col[file].cell[i];
		bool is_new;
		size_t k = ser_map_add(m, s, strlen(s), &is_new);
		if (!is_new)
			rc = ser_fail(e, SER_EDATA, "votes: \"%s\" twice", s);
		else
			rc = check_row(&v, i, s, from, all, e);
		row[k] = i;
	}
	*n_without = 0;
	size_t to[6];
	for (int k = 0; k < 6 && rc == 0; k++)
		to[k] = ser_table_add_col(t, col[k][1]);
	for (size_t i = 0; i < t->n_row && rc == 0; i++) {
		const char *s = t->col[id].cell[i];
		ptrdiff_t at = ser_map_find(m, s, strlen(s));
		*n_without += at < 0;
		for (int k = 0; k < 6; k++) {
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
