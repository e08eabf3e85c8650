/* SPDX-License-Identifier: MIT */
#include "corpus/protocol.h"

#include <stdlib.h>
#include <string.h>

/* ---- columns ---- */

static const char *const *ids(const struct ser_folds *f)
{
	return f->t->col[ser_table_col(f->t, "id")].cell;
}

/* The cells of a column: NULL where there are no rows. False, *e SER_EDATA, when there is no such column. */
static bool column(const struct ser_folds *f, const char *name, const char *const **cell, struct ser_err *e)
{
	ptrdiff_t c = ser_table_col(f->t, name);
	if (c >= 0)
		*cell = f->t->col[c].cell;
	else
		ser_fail(e, SER_EDATA, "%s: no column \"%s\"", f->o->name, name);
	return c >= 0;
}

int ser_folds_need(const struct ser_folds *f, const char *name, struct ser_err *e)
{
	const char *const *cell;
	if (!column(f, name, &cell, e))
		return SER_EDATA;
	for (size_t i = 0; i < f->n; i++)
		if (cell[i][0] == '\0')
			return ser_fail(e, SER_EDATA, "%s: \"%s\" has no %s", f->o->name, ids(f)[i], name);
	return 0;
}

void ser_folds_init(struct ser_folds *f, const struct ser_folds_opts *o, struct ser_table *t)
{
	*f = (struct ser_folds){.o = o, .t = t, .n = t->n_row};
	ser_assert(ser_table_col(t, "id") >= 0);
}

void ser_folds_free(struct ser_folds *f)
{
	free(f->fold);
	free(f->split);
	free(f->level);
	ser_fold_lists_free(&f->lists);
	*f = (struct ser_folds){0};
}

/* ---- protocols ---- */

/* Spread the records with want[i] (NULL: all) over parts, whole values of o->by together. */
static int spread(const struct ser_folds *f, const bool *want, const double *weight, size_t n_part, size_t *part,
		  struct ser_err *e)
{
	const char *const *by;
	const char *const *label;
	if (!column(f, f->o->by, &by, e) || !column(f, f->o->label, &label, e))
		return SER_EDATA;
	const char **s = ser_calloc(2 * f->n, sizeof *s);
	size_t *x = ser_calloc(3 * f->n, sizeof *x), *at = x + 2 * f->n, m = 0;
	for (size_t i = 0; i < f->n; i++) {
		if (want != NULL && !want[i])
			continue;
		s[m] = by[i];
		s[f->n + m] = label[i];
		at[m++] = i;
	}
	size_t n_group = ser_fold_codes(s, m, x, NULL);
	size_t n_label = ser_fold_codes(s + f->n, m, x + f->n, NULL);
	size_t *p = ser_calloc(m, sizeof *p);
	struct ser_rng r;
	ser_rng_seed(&r, f->o->seed);
	int rc = ser_fold_spread(m, x, n_group, x + f->n, n_label, weight, n_part, &r, p, e);
	if (rc != 0)
		ser_fail(e, rc, "%zu different value%s of \"%s\" cannot fill %zu part%s", n_group, ser_s(n_group),
			 f->o->by, n_part, ser_s(n_part));
	for (size_t i = 0; i < m && rc == 0; i++)
		part[at[i]] = p[i];
	free(p);
	free(x);
	free(s);
	return rc;
}

/* Parts are folds. */
static void parts_to_folds(struct ser_folds *f, const size_t *part)
{
	f->fold = ser_calloc(f->n, sizeof *f->fold);
	for (size_t i = 0; i < f->n; i++)
		f->fold[i] = (int)part[i];
}

static int spread_to_folds(struct ser_folds *f, const double *weight, size_t n_part, struct ser_err *e)
{
	size_t *part = ser_calloc(f->n, sizeof *part);
	int rc = spread(f, NULL, weight, n_part, part, e);
	if (rc == 0)
		parts_to_folds(f, part);
	free(part);
	return rc;
}

int ser_folds_each(struct ser_folds *f, struct ser_err *e)
{
	const char *const *by;
	if (!column(f, f->o->by, &by, e))
		return SER_EDATA;
	size_t *part = ser_calloc(f->n, sizeof *part), n = ser_fold_codes(by, f->n, part, NULL);
	if (n >= 2)
		parts_to_folds(f, part);
	free(part);
	return n >= 2 ? 0
		      : ser_fail(e, SER_EDATA, "%s: %zu different value%s of \"%s\", at least 2 are needed", f->o->name,
				 n, ser_s(n), f->o->by);
}

int ser_folds_kfold(struct ser_folds *f, size_t k, struct ser_err *e)
{
	double *w = ser_calloc(k, sizeof *w);
	for (size_t i = 0; i < k; i++)
		w[i] = 1;
	int rc = spread_to_folds(f, w, k, e);
	free(w);
	return rc;
}

int ser_folds_holdout(struct ser_folds *f, double frac, struct ser_err *e)
{
	return spread_to_folds(f, (double[]){frac, 1 - frac}, 2, e);
}

/* Folds that a description lists by the values of one column. */
static int published_builtin(struct ser_folds *f, const char *what, const char *colon, struct ser_err *e)
{
	char *name = ser_strndup(what, (size_t)(colon - what));
	struct ser_corpus *c = ser_corpus_builtin(name, e);
	const char *field;
	const char *const *cell;
	int rc = c == NULL ? e->code : ser_corpus_fold_field(c, colon + 1, &field, e);
	if (rc == 0)
		rc = ser_folds_need(f, field, e);
	if (rc == 0 && !column(f, field, &cell, e))
		rc = SER_EDATA;
	if (rc == 0) {
		f->fold = ser_calloc(f->n, sizeof *f->fold);
		for (size_t i = 0; i < f->n && rc == 0; i++) {
			f->fold[i] = ser_corpus_fold_of(c, colon + 1, cell[i]);
			if (f->fold[i] == 0)
				rc = ser_fail(e, SER_EDATA, "%s: \"%s\": %s \"%s\" is in no fold of %s", f->o->name,
					      ids(f)[i], field, cell[i], what);
		}
	}
	ser_corpus_free(c);
	free(name);
	return rc;
}

int ser_folds_published(struct ser_folds *f, const char *what, struct ser_err *e)
{
	const char *colon = strchr(what, ':');
	if (colon != NULL)
		return published_builtin(f, what, colon, e);
	int rc = ser_fold_lists_read(&f->lists, what, f->n, ids(f), e);
	if (rc != 0)
		return rc;
	f->fold = ser_calloc(f->n, sizeof *f->fold);
	for (size_t i = 0; i < f->n; i++) {
		size_t n_test = 0;
		int in = -1;
		for (size_t k = 0; k < f->lists.n_fold; k++)
			if (f->lists.part[k][i] == SER_FOLD_TEST && n_test++ == 0)
				in = f->lists.fold[k];
		if (n_test != 1 && f->o->test_fold < 0)
			return ser_fail(e, SER_EDATA,
					"\"%s\" is in %zu test lists of %s: choose a fold with --test-fold", ids(f)[i],
					n_test, what);
		f->fold[i] = n_test == 1 ? in : -1;
	}
	return 0;
}

int ser_folds_subset(struct ser_folds *f, const int *percent, size_t n_percent, struct ser_err *e)
{
	const char *const *cell;
	if (!column(f, f->o->label, &cell, e))
		return SER_EDATA;
	size_t *label = ser_calloc(f->n, sizeof *label);
	size_t n_label = ser_fold_codes(cell, f->n, label, NULL);
	bool *want = ser_calloc(f->n, sizeof *want), split = false;
	for (size_t i = 0; i < f->n; i++)
		split = split || ser_table_get(f->t, i, "split")[0] != '\0';
	for (size_t i = 0; i < f->n; i++)
		want[i] = !split || strcmp(ser_table_get(f->t, i, "split"), "train") == 0;
	f->level = ser_calloc(f->n, sizeof *f->level);
	ser_fold_subsets(f->n, ids(f), label, n_label, want, percent, n_percent, f->o->seed, f->level);
	free(want);
	free(label);
	return 0;
}

size_t ser_folds_percents(const char *text, int percent[static SER_FOLDS_MAX_PERCENT], struct ser_err *e)
{
	size_t n = 0;
	bool ok = true;
	char *copy = ser_strdup(text);
	for (char *save = NULL, *w = strtok_r(copy, ",", &save); ok && w != NULL; w = strtok_r(NULL, ",", &save)) {
		int64_t p;
		ok = ser_parse_int(w, n > 0 ? percent[n - 1] + 1 : 1, 100, &p, e) == 0;
		if (ok)
			percent[n++] = (int)p;
	}
	free(copy);
	if (ok && (n == 0 || percent[n - 1] != 100))
		percent[n++] = 100;
	return ok ? n : 0;
}

/* ---- training, development and test data ---- */

bool ser_folds_split(struct ser_folds *f)
{
	const struct ser_fold_lists *l = &f->lists;
	size_t k = 0, n_test = 0;
	while (k < l->n_fold && l->fold[k] != f->o->test_fold)
		k++;
	if (l->n_fold > 0 && k == l->n_fold)
		return false;
	f->split = ser_calloc(f->n, sizeof *f->split);
	for (size_t i = 0; i < f->n; i++) {
		bool in = f->fold[i] == f->o->test_fold;
		int what = l->n_fold > 0 ? l->part[k][i] : in ? SER_FOLD_TEST : SER_FOLD_TRAIN;
		f->split[i] = what == SER_FOLD_TEST ? "test" : what == SER_FOLD_TRAIN ? "train" : "";
		n_test += what == SER_FOLD_TEST;
	}
	return n_test > 0;
}

static bool train(const struct ser_folds *f, size_t i)
{
	return f->split[i][0] == 't' && f->split[i][1] == 'r';
}

bool ser_folds_dev_fold(struct ser_folds *f, int dev)
{
	int next = -1, least = -1, test = f->o->test_fold;
	bool found = false;
	for (size_t i = 0; i < f->n && !found; i++) {
		int k = f->fold[i];
		if (k < 0) /* in no list: of no fold, whatever `dev` stands for */
			continue;
		found = k == dev;
		if (k == test)
			continue;
		if (least < 0 || k < least)
			least = k;
		if (k > test && (next < 0 || k < next))
			next = k;
	}
	if (!found && dev != SER_FOLDS_NEXT)
		return false;
	if (!found)
		dev = next >= 0 ? next : least;
	for (size_t i = 0; i < f->n; i++)
		if (train(f, i) && f->fold[i] >= 0 && f->fold[i] == dev)
			f->split[i] = "dev";
	return true;
}

int ser_folds_dev_frac(struct ser_folds *f, double frac, struct ser_err *e)
{
	size_t *part = ser_calloc(f->n, sizeof *part);
	bool *want = ser_calloc(f->n, sizeof *want);
	for (size_t i = 0; i < f->n; i++)
		want[i] = train(f, i);
	int rc = spread(f, want, (double[]){frac, 1 - frac}, 2, part, e);
	for (size_t i = 0; i < f->n && rc == 0; i++)
		if (want[i] && part[i] == 0)
			f->split[i] = "dev";
	free(want);
	free(part);
	return rc;
}

/* ---- what the parts share ---- */

struct check {
	const struct ser_folds *f;
	void (*say)(void *ctx, const char *sentence);
	void *ctx;
	bool shared_speakers;
	size_t n_bad; /* findings to be refused */
	struct ser_buf line;
};

static void list_values(struct ser_buf *b, const bool *shared, const char *const *name, size_t n)
{
	size_t shown = 0, left = 0;
	for (size_t v = 0; v < n; v++) {
		if (!shared[v])
			continue;
		if (shown < 10) {
			ser_buf_printf(b, " %s", name[v]);
			shown++;
		} else {
			left++;
		}
	}
	if (left > 0)
		ser_buf_printf(b, " and %zu more", left);
}

/* Say what records of different parts have in common; returns how many values. */
static size_t say_shared(struct check *c, const char *where, const size_t *part, const char *what,
			 const char *const *cell)
{
	const struct ser_folds *f = c->f;
	size_t *code = ser_calloc(f->n, sizeof *code);
	const char **name;
	size_t n = ser_fold_codes(cell, f->n, code, &name);
	for (size_t i = 0; i < f->n; i++)
		if (cell[i][0] == '\0')
			code[i] = SIZE_MAX;
	bool *shared = ser_calloc(n, sizeof *shared);
	size_t found = ser_fold_shared(f->n, part, code, n, shared);
	if (cell == f->o->sound) /* digests say nothing: name a record that has it */
		for (size_t i = f->n; i-- > 0;)
			if (code[i] != SIZE_MAX)
				name[code[i]] = ids(f)[i];
	if (found > 0) {
		c->line.n = 0;
		ser_buf_printf(&c->line, "%s: %zu of %zu %s%s %s in more than one:", where, found, n, what, ser_s(n),
			       ser_plural(found, "is", "are"));
		list_values(&c->line, shared, name, n);
		c->say(c->ctx, c->line.s);
	}
	free(shared);
	free(name);
	free(code);
	return found;
}

static int say_all(struct check *c, const char *where, const size_t *part, struct ser_err *e)
{
	const struct ser_folds_opts *o = c->f->o;
	const char *const *spk;
	const char *const *text;
	if (!column(c->f, o->spk, &spk, e))
		return SER_EDATA;
	size_t n = say_shared(c, where, part, "speaker", spk);
	c->shared_speakers |= n > 0;
	c->n_bad += o->allow_shared ? 0 : n;
	if (o->check_text) {
		if (!column(c->f, "text", &text, e))
			return SER_EDATA;
		c->n_bad += say_shared(c, where, part, "text", text);
	}
	if (o->sound != NULL)
		c->n_bad += say_shared(c, where, part, "recording", o->sound);
	return 0;
}

/* Records that sound the same within one part are no leak, but worth knowing. */
static void say_twins(struct check *c)
{
	const struct ser_folds *f = c->f;
	const char *const *sound = f->o->sound;
	struct ser_map *m = ser_map_new();
	size_t *first = ser_calloc(f->n, sizeof *first);
	for (size_t i = 0; i < f->n; i++) {
		bool is_new;
		size_t k = ser_map_add(m, sound[i], strlen(sound[i]), &is_new);
		if (is_new) {
			first[k] = i;
		} else if (sound[i][0] != '\0') {
			c->line.n = 0;
			ser_buf_printf(&c->line, "\"%s\" and \"%s\" are the same recording", ids(f)[first[k]],
				       ids(f)[i]);
			c->say(c->ctx, c->line.s);
		}
	}
	free(first);
	ser_map_free(m);
}

int ser_folds_check(const struct ser_folds *f, void (*say)(void *ctx, const char *sentence), void *ctx,
		    struct ser_err *e)
{
	struct check c = {.f = f, .say = say, .ctx = ctx};
	const struct ser_fold_lists *l = &f->lists;
	size_t *part = ser_calloc(f->n, sizeof *part);
	char where[64];
	int rc = 0;
	if (f->o->sound != NULL)
		say_twins(&c);
	if (f->split != NULL) {
		for (size_t i = 0; i < f->n; i++) /* train, dev and test are told apart by their last letters */
			part[i] = f->split[i][0] != '\0' ? (size_t)f->split[i][strlen(f->split[i]) - 1] : SIZE_MAX;
		snprintf(where, sizeof where, "fold %d: training, development and test data", f->o->test_fold);
		rc = say_all(&c, where, part, e);
	} else if (l->n_fold > 0) {
		for (size_t k = 0; k < l->n_fold && rc == 0; k++) {
			for (size_t i = 0; i < f->n; i++)
				part[i] = l->part[k][i] != SER_FOLD_NONE ? l->part[k][i] : SIZE_MAX;
			snprintf(where, sizeof where, "fold %d: training and test data", l->fold[k]);
			rc = say_all(&c, where, part, e);
		}
	} else {
		for (size_t i = 0; i < f->n; i++)
			part[i] = (size_t)f->fold[i];
		rc = say_all(&c, "folds", part, e);
	}
	ser_buf_free(&c.line);
	free(part);
	if (rc != 0 || c.n_bad == 0)
		return rc;
	return ser_fail(e, SER_EPROTO, "%s: refused: what training has seen would be in the test%s", f->o->name,
			c.shared_speakers && !f->o->allow_shared ? " (--allow-shared-speakers allows it of speakers)"
								 : "");
}

/* ---- columns of the table ---- */

static void set_ints(const struct ser_folds *f, const char *name, const int *x, int least)
{
	size_t col = ser_table_add_col(f->t, name);
	for (size_t i = 0; i < f->n; i++) {
		char s[16];
		int n = x[i] >= least ? snprintf(s, sizeof s, "%d", x[i]) : 0;
		ser_table_set(f->t, i, col, s, (size_t)n);
	}
}

void ser_folds_store(const struct ser_folds *f)
{
	if (f->fold != NULL)
		set_ints(f, "fold", f->fold, 0);
	for (size_t i = 0; i < f->n && f->split != NULL; i++)
		ser_table_set(f->t, i, ser_table_add_col(f->t, "split"), f->split[i], strlen(f->split[i]));
	if (f->level != NULL)
		set_ints(f, "subset", f->level, 1);
}
