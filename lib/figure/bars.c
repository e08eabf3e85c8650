/* SPDX-License-Identifier: MIT */
#include "figure/private.h"

#include <stdlib.h>
#include <string.h>

struct ser_bars {
	struct ser_bars_opt o;
	struct ser_arena arena; /* of what the reports say of themselves */
	struct report *report;
	const struct ser_figure_text **text;
	size_t n, cap[2];
};

/* What a chart shows: n_score rows of each report, as cells [report, score] in this order. */
struct choice {
	size_t n_score, n_cell;
	const char **score; /* [n_score] as asked for */
	char **shown;       /* [n_score] as people write it */
	ptrdiff_t *row;     /* [n_cell] */
	size_t *at;         /* [n_cell] the bar, n_series a group */
	struct ser_map *group, *series;
	const char *kind, *over; /* of the intervals; NULL: there are none */
};

static const struct {
	const char *name, *over;
} intervals[] = {{"spk", "speakers"}, {"group", "groups"}, {"utt", "records"}, {"trial", "trials"}};
enum { N_INTERVAL = sizeof intervals / sizeof *intervals };

bool ser_bars_knows_interval(const char *name)
{
	for (int i = 0; i < N_INTERVAL; i++)
		if (strcmp(intervals[i].name, name) == 0)
			return true;
	return false;
}

struct ser_bars *ser_bars_new(const struct ser_bars_opt *o)
{
	struct ser_bars *b = ser_calloc(1, sizeof *b);
	b->o = *o;
	return b;
}

void ser_bars_free(struct ser_bars *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->n; i++)
		report_free(&b->report[i]);
	free(b->report);
	free(b->text);
	ser_arena_free(&b->arena);
	free(b);
}

int ser_bars_add(struct ser_bars *b, const struct ser_figure_text *t, struct ser_err *e)
{
	b->report = ser_grow(b->report, &b->cap[0], b->n + 1, sizeof *b->report);
	b->text = ser_grow(b->text, &b->cap[1], b->n + 1, sizeof *b->text);
	b->text[b->n] = t;
	struct report *r = &b->report[b->n++];
	int rc = report_read(r, t, b->o.table, &b->arena, e);
	if (rc == SER_OK && report_value(r) == NULL)
		rc = ser_fail(e, SER_EDATA, "%s: table \"%s\" has no column value, mean, difference or recall",
			      t->shown, b->o.table);
	return rc;
}

void ser_bars_inputs(const struct ser_bars *b, struct ser_header *h)
{
	for (size_t i = 0; i < b->n; i++)
		input_add(h, b->text[i]->name, &b->report[i].about);
}

/* ---- words ---- */

/* A score as people write it. */
static char *pretty(const char *name)
{
	static const char *const known[][2] = {{"uar", "UAR"},
					       {"war", "accuracy (WAR)"},
					       {"macro_f1", "macro F1"},
					       {"micro_f1", "micro F1"},
					       {"ccc", "CCC"},
					       {"nmi", "NMI"},
					       {"ami", "AMI"},
					       {"ari", "ARI"},
					       {"mcc", "MCC"},
					       {"mse", "MSE"},
					       {"mae", "MAE"},
					       {"eer", "EER"},
					       {"min_dcf", "minDCF"},
					       {"v_measure", "V-measure"},
					       {"hungarian", "Hungarian accuracy"},
					       {"pearson", "Pearson's r"},
					       {"spearman", "Spearman's rho"},
					       {"kappa", "Cohen's kappa"}};
	struct ser_buf b = {0};
	const char *after = "";
	if (strncmp(name, "pooled.", 7) == 0)
		name += 7;
	if (strncmp(name, "fold_mean.", 10) == 0) {
		name += 10;
		after = ", mean of folds";
	}
	for (size_t i = 0; i < sizeof known / sizeof *known && b.n == 0; i++)
		if (strcmp(name, known[i][0]) == 0)
			ser_buf_str(&b, known[i][1]);
	for (const char *s = b.n == 0 ? name : ""; *s != '\0'; s++)
		ser_buf_add(&b, *s == '_' ? " " : s, 1);
	ser_buf_str(&b, after);
	return b.s;
}

static void remark(struct ser_buf *sub, const struct ser_bars *b, const struct choice *c, bool chance)
{
	const struct ser_val *level = ser_val_get(&b->report[0].about, "level");
	double x = level != NULL && level->kind == SER_REAL ? level->u.f : 0;
	if (level != NULL && level->kind == SER_STR)
		ser_parse_real(level->u.str.s, 0, 1, &x, NULL);
	if (c->kind != NULL && x > 0)
		ser_buf_printf(sub, "Intervals: %.4g %%, over %s.", 100 * x, c->over);
	else if (c->kind != NULL)
		ser_buf_printf(sub, "Intervals over %s.", c->over);
	if (chance)
		ser_buf_printf(sub, "%sDashed: chance.", sub->n > 0 ? " " : "");
}

/* Whom all reports hold their systems against: its file's name up to the first dot; NULL: they don't say, or not the same. */
static char *compared_with(const struct ser_bars *b)
{
	char *name = NULL;
	for (size_t i = 0; i < b->n; i++) {
		const struct ser_val *v = ser_val_get(&b->report[i].about, "second");
		const char *s = v != NULL && v->kind == SER_STR ? v->u.str.s : "";
		const char *slash = strrchr(s, '/');
		char *own = ser_strdup(slash != NULL ? slash + 1 : s);
		own[strcspn(own, ".")] = '\0';
		bool same = *own != '\0' && (i == 0 || strcmp(own, name) == 0);
		free(name);
		name = own;
		if (!same) {
			free(name);
			return NULL;
		}
	}
	return name;
}

static void titles(struct ser_buf *axis, struct ser_buf *head, const struct ser_bars *b, const struct choice *c)
{
	const char *value = report_value(&b->report[0]);
	bool named = b->n == 1 && !b->text[0]->nameless;
	if (c->n_score > 1)
		ser_buf_str(axis, strcmp(value, "recall") == 0 ? "recall" : "score");
	else
		ser_buf_str(axis, c->shown[0]);
	if (strcmp(value, "difference") == 0) {
		char *with = compared_with(b);
		ser_buf_printf(axis, ": difference from %s", with != NULL ? with : "the second system");
		free(with);
	}
	if (c->n_score == 1)
		ser_buf_str(head, axis->s);
	else
		ser_buf_printf(head, "%s%s%s", named ? b->text[0]->name : "", named ? ": " : "", b->o.table);
}

/* ---- which bars ---- */

static int choose_rows(struct choice *c, const struct ser_bars *b, struct ser_err *e)
{
	c->n_score = b->o.n_score > 0                    ? b->o.n_score
		     : strcmp(b->o.table, "scores") == 0 ? 1
							 : ser_map_len(b->report[0].row);
	c->n_cell = ser_mul(b->n, c->n_score);
	c->score = ser_malloc(c->n_score, sizeof *c->score);
	c->shown = ser_malloc(c->n_score, sizeof *c->shown);
	c->row = ser_malloc(c->n_cell, sizeof *c->row);
	for (size_t k = 0; k < c->n_score; k++) {
		c->score[k] = b->o.n_score > 0 ? b->o.score[k] : ser_map_key(b->report[0].row, k, NULL);
		c->shown[k] = pretty(c->score[k]);
	}
	for (size_t i = 0; i < c->n_cell; i++) {
		size_t file = i / c->n_score, k = i % c->n_score;
		c->row[i] = report_row(&b->report[file], c->score[k]);
		if (c->row[i] < 0)
			return ser_fail(e, SER_EDATA, "%s: table \"%s\" has no row \"%s\"", b->text[file]->shown,
					b->o.table, c->score[k]);
	}
	return SER_OK;
}

/* Groups and bars in them: as named; else files by score; else one bar a group. */
static int choose_places(struct choice *c, const struct ser_bars *b, struct ser_err *e)
{
	size_t n_named = 0;
	for (size_t i = 0; i < b->n; i++)
		n_named += b->text[i]->group != NULL;
	if (n_named > 0 && (n_named < b->n || c->n_score > 1))
		return ser_fail(e, SER_EUSAGE, "GROUP/NAME=FILE is for all files or none, and for one --score");
	c->group = ser_map_new();
	c->series = ser_map_new();
	c->at = ser_malloc(c->n_cell, sizeof *c->at);
	for (int pass = 0; pass < 2; pass++) /* places are right in the second, when all series are there */
		for (size_t i = 0; i < c->n_cell; i++) {
			const struct ser_figure_text *t = b->text[i / c->n_score];
			const char *g = n_named > 0      ? t->group
					: c->n_score > 1 ? c->shown[i % c->n_score]
							 : t->name,
				   *s = n_named > 0 || (c->n_score > 1 && b->n > 1) ? t->name : "";
			size_t gi = ser_map_add(c->group, g, strlen(g), NULL),
			       si = ser_map_add(c->series, s, strlen(s), NULL);
			c->at[i] = gi * ser_map_len(c->series) + si;
		}
	return SER_OK;
}

/* The kind of interval that was asked for, or the first that every bar has. */
static int choose_interval(struct choice *c, const struct ser_bars *b, struct ser_err *e)
{
	for (int k = 0; k < N_INTERVAL && c->kind == NULL; k++) {
		bool all = true, wanted = b->o.interval != NULL;
		double lo, hi;
		if (wanted && strcmp(b->o.interval, intervals[k].name) != 0)
			continue;
		for (size_t i = 0; i < c->n_cell; i++) {
			const struct report *r = &b->report[i / c->n_score];
			bool here = report_interval(r, (size_t)c->row[i], intervals[k].name, &lo, &hi);
			if (!here && wanted)
				return ser_fail(e, SER_EDATA, "%s: there is no interval over %s",
						b->text[i / c->n_score]->shown, intervals[k].over);
			all = all && here;
		}
		if (all) {
			c->kind = intervals[k].name;
			c->over = intervals[k].over;
		}
	}
	return SER_OK;
}

static void choice_free(struct choice *c)
{
	for (size_t k = 0; c->shown != NULL && k < c->n_score; k++)
		free(c->shown[k]);
	free(c->shown);
	free(c->score);
	free(c->row);
	free(c->at);
	ser_map_free(c->group);
	ser_map_free(c->series);
}

/* ---- the chart ---- */

static bool is_one_of(const char *s, const char *const *list)
{
	while (*list != NULL && strcmp(s, *list) != 0)
		list++;
	return *list != NULL;
}

/* What chance gives: the report's own word, or what comes of guessing each of K classes as often as it occurs. Recall, precision and F1
 * of a class are its share p then: their means over the classes 1/K, weighted by the classes and over all items the sum of p^2. */
static bool chance_of(const struct report *r, size_t row, const char *score, double *x)
{
	static const char *const each[] = {"uar", "macro_f1", "macro_precision", NULL}, *const all[] = {
												"war", "micro_f1",
												"weighted_f1", NULL};
	const char *value = report_value(r), *dot = strrchr(score, '.'), *name = dot != NULL ? dot + 1 : score;
	const struct ser_val *k = ser_val_get(&r->about, "classes");
	bool pooled = dot == NULL || strncmp(score, "pooled.", 7) == 0, of_value = strcmp(value, "value") == 0;
	if (report_get(r, row, "chance", x))
		return true;
	if (of_value && pooled && r->n_item > 0 && is_one_of(name, all)) {
		*x = r->square / (r->n_item * r->n_item);
		return true;
	}
	if (k == NULL || (strcmp(value, "recall") != 0 && !(of_value && is_one_of(name, each))))
		return false;
	double n = k->kind == SER_INT ? (double)k->u.i : k->kind == SER_REAL ? k->u.f : 0;
	if (k->kind == SER_STR && ser_parse_real(k->u.str.s, 1, 1e9, &n, NULL) != 0)
		return false;
	*x = 1 / n;
	return n >= 1;
}

static int fill(struct ser_plot_bar *bar, bool *chance, const struct choice *c, const struct ser_bars *b,
		struct ser_err *e)
{
	for (size_t i = 0; i < c->n_cell; i++) {
		const struct report *r = &b->report[i / c->n_score];
		const struct ser_figure_text *t = b->text[i / c->n_score];
		struct ser_plot_bar *to = &bar[c->at[i]];
		size_t row = (size_t)c->row[i];
		if (to->present)
			return ser_fail(e, SER_EUSAGE, "two bars are named \"%s\": name them apart, NAME=FILE",
					t->name);
		if (!report_get(r, row, report_value(r), &to->value))
			return ser_fail(e, SER_EDATA, "%s: row \"%s\" has no value", t->shown,
					c->score[i % c->n_score]);
		to->present = true;
		to->has_interval = c->kind != NULL && report_interval(r, row, c->kind, &to->lo, &to->hi);
		to->has_chance = chance_of(r, row, c->score[i % c->n_score], &to->chance);
		*chance = *chance || to->has_chance;
	}
	return SER_OK;
}

static int draw(struct choice *c, const struct ser_bars *b, const struct ser_plot_opt *opt, struct ser_buf *svg,
		struct ser_err *e)
{
	size_t n_group = ser_map_len(c->group), n_series = ser_map_len(c->series);
	struct ser_plot_bar *bar = ser_calloc(ser_mul(n_group, n_series), sizeof *bar);
	const char **name = ser_malloc(n_group + n_series, sizeof *name);
	struct ser_buf head = {0}, sub = {0}, axis = {0};
	struct ser_plot_opt o = *opt;
	bool chance = false;
	for (size_t i = 0; i < n_group; i++)
		name[i] = ser_map_key(c->group, i, NULL);
	for (size_t i = 0; i < n_series; i++)
		name[n_group + i] = ser_map_key(c->series, i, NULL);
	int rc = fill(bar, &chance, c, b, e);
	if (rc == SER_OK) {
		remark(&sub, b, c, chance);
		titles(&axis, &head, b, c);
		o.title = o.title != NULL ? o.title : head.s;
		o.subtitle = sub.s;
		o.x_label = axis.s;
		struct ser_plot_bars d = {n_group, n_series, name, name + n_group, bar};
		rc = ser_plot_bars(&o, &d, svg, e);
	}
	ser_buf_free(&head);
	ser_buf_free(&sub);
	ser_buf_free(&axis);
	free(name);
	free(bar);
	return rc;
}

int ser_bars_draw(struct ser_bars *b, const struct ser_plot_opt *o, struct ser_buf *svg, struct ser_err *e)
{
	struct choice c = {0};
	if (b->n == 0)
		return ser_fail(e, SER_EDATA, "there is no report to draw");
	int rc = choose_rows(&c, b, e);
	if (rc == SER_OK)
		rc = choose_places(&c, b, e);
	if (rc == SER_OK)
		rc = choose_interval(&c, b, e);
	if (rc == SER_OK)
		rc = draw(&c, b, o, svg, e);
	choice_free(&c);
	return rc;
}
