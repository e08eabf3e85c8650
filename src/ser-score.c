/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "cli/report.h"
#include "ml/ml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ---- */

static bool json, tsv, bca, allow_shared, per_group, det;
static int n_boot = 2000, n_perm = 1000, metric = SER_COSINE, task, top = 300;
static double level = 0.95;
static int64_t seed;
static const char *label, *by, *fold = "fold", *pred = "pred", *cluster = "cluster", *field = "emb", *trials, *cohort;
static struct ser_verify_opt cost;

static const char *speaker(void)
{
	return by != NULL ? by : "spk";
}

static struct ser_boot_opt boot(const struct ser_cli *c)
{
	return (struct ser_boot_opt){
		.n_boot = n_boot > 0 ? (size_t)n_boot : 1, /* without intervals: one draw, not shown */
		.level = level,
		.seed = (uint64_t)seed,
		.n_thread = c->n_thread,
		.bca = bca && n_boot > 0,
	};
}

/* ---- reading ---- */

/* Speakers that were trained on and are scored, from what the streams' headers say of a tensor. */
struct overlap {
	struct ser_map *train, *shared; /* train: of the segment at hand */
	bool known;                     /* the segment says who was trained on */
	size_t n, n_known;              /* records; of them, those of such segments */
};

/* What is scored; names are the keys of the maps. */
struct items {
	struct ser_map *id, *spk, *fold, *name; /* name: classes */
	struct overlap overlap;
	size_t n, *spk_of, *fold_of, cap[4];
	int *truth, *pred;
	double *x, *y; /* truth and prediction as numbers */
	bool no_spk, by_file;
};

static void items_free(struct items *s)
{
	struct ser_map *m[] = {s->id, s->spk, s->fold, s->name, s->overlap.shared};
	for (size_t i = 0; i < sizeof m / sizeof *m; i++)
		ser_map_free(m[i]);
	free(s->spk_of);
	free(s->fold_of);
	free(s->truth);
	free(s->pred);
	free(s->x);
	free(s->y);
}

static _Noreturn void die_at(struct ser_cli *c, struct ser_record *r, const char *what)
{
	struct ser_err e;
	ser_record_fail(r, &e, SER_EDATA, "%s", what);
	ser_cli_die(c, &e);
}

static const char *text(struct ser_cli *c, struct ser_record *r, const char *name)
{
	const char *s;
	struct ser_err e;
	if (ser_record_str(r, name, &s, &e) != 0)
		ser_cli_die(c, &e);
	return s;
}

static double number(struct ser_cli *c, struct ser_record *r, const char *name)
{
	double x;
	struct ser_err e;
	if (ser_record_real(r, name, &x, &e) != 0)
		ser_cli_die(c, &e);
	return x;
}

static size_t put(struct ser_map *m, const char *s)
{
	return ser_map_add(m, s, strlen(s), NULL);
}

static void put_list(struct ser_map *m, const struct ser_val *list)
{
	for (size_t i = 0; list != NULL && i < list->u.list.n; i++)
		if (list->u.list.v[i].kind == SER_STR)
			ser_map_add(m, list->u.list.v[i].u.str.s, list->u.list.v[i].u.str.n, NULL);
}

/* What the header says about a tensor: a list by name, or NULL. */
static const struct ser_val *said(const struct ser_header *h, const char *tensor, const char *what)
{
	const struct ser_val *dim = ser_header_dim(h, tensor), *v = dim != NULL ? ser_val_get(dim, what) : NULL;
	return v != NULL && v->kind == SER_LIST ? v : NULL;
}

static void overlap_segment(struct overlap *o, const struct ser_header *h, const char *tensor)
{
	const struct ser_val *list = said(h, tensor, "train_speakers");
	if (o->shared == NULL)
		o->shared = ser_map_new();
	ser_map_free(o->train);
	o->train = ser_map_new();
	o->known = list != NULL;
	put_list(o->train, list);
}

/* spk NULL: the record doesn't say who speaks. */
static void overlap_record(struct overlap *o, const char *spk)
{
	o->n++;
	o->n_known += o->known && spk != NULL;
	if (spk != NULL && ser_map_find(o->train, spk, strlen(spk)) >= 0)
		put(o->shared, spk);
}

static void overlap_end(struct overlap *o)
{
	ser_map_free(o->train);
	o->train = NULL;
}

/* Class of the greatest posterior, the first among equals, by the header's class names. */
static const char *best_class(struct ser_cli *c, struct ser_record *r, const struct ser_header *h, struct ser_buf *b)
{
	const struct ser_val *names = said(h, "post", "classes");
	const float *p;
	size_t k, best = 0;
	struct ser_err e;
	if (ser_record_get(r, "post") == NULL)
		die_at(c, r, "there is neither a label \"pred\" nor a tensor \"post\"");
	if (ser_record_f4(r, "post", 1, &p, &k, &e) != 0)
		ser_cli_die(c, &e);
	if (names == NULL || names->u.list.n != k || k == 0)
		die_at(c, r, "the header does not name the classes of \"post\"");
	for (size_t i = 0; i < k; i++) {
		if (isnan(p[i]))
			die_at(c, r, "\"post\" is not a number");
		if (p[i] > p[best])
			best = i;
	}
	b->n = 0;
	ser_val_text(b, &names->u.list.v[best]);
	return b->s;
}

/* A prediction for the label out of the tensor "post" [K] whose header names its columns. */
static double column_of(struct ser_cli *c, struct ser_record *r, const struct ser_header *h)
{
	const struct ser_val *names = said(h, "post", "classes");
	const float *p;
	size_t k;
	struct ser_err e;
	if (ser_record_get(r, "post") == NULL)
		die_at(c, r, "there is no prediction");
	if (ser_record_f4(r, "post", 1, &p, &k, &e) != 0)
		ser_cli_die(c, &e);
	for (size_t i = 0; names != NULL && names->u.list.n == k && i < k; i++)
		if (ser_val_is_str(&names->u.list.v[i], label))
			return p[i];
	if (k == 1 && names == NULL)
		return p[0];
	die_at(c, r, "the header does not say which column of \"post\" predicts the label");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Classes in the header's order, then, by name, those that only the records have. */
static void order_classes(struct items *s, size_t n_said)
{
	size_t k = ser_map_len(s->name);
	struct ser_map *sorted = ser_map_new();
	const char **name = ser_malloc(k, sizeof *name);
	for (size_t i = 0; i < k; i++)
		name[i] = ser_map_key(s->name, i, NULL);
	qsort(name + n_said, k - n_said, sizeof *name, by_name);
	for (size_t i = 0; i < k; i++)
		put(sorted, name[i]);
	for (size_t i = 0; i < s->n; i++) {
		s->truth[i] = (int)put(sorted, ser_map_key(s->name, (size_t)s->truth[i], NULL));
		s->pred[i] = (int)put(sorted, ser_map_key(s->name, (size_t)s->pred[i], NULL));
	}
	free(name);
	ser_map_free(s->name);
	s->name = sorted;
}

static void read_items(struct ser_cli *c, char *const *file, int n_file, bool numbers, struct items *s)
{
	struct ser_in *in = ser_in_files(c, file, n_file);
	struct ser_record r = {0};
	struct ser_buf b = {0};
	bool segment = true, next;
	size_t n_said = 0;
	*s = (struct items){.id = ser_map_new(), .spk = ser_map_new(), .fold = ser_map_new(), .name = ser_map_new()};
	for (; ser_in_next(in, &r, &next); s->n++) {
		const struct ser_header *h = ser_in_header(in);
		const char *spk = NULL;
		if (segment || next)
			overlap_segment(&s->overlap, h, "post");
		if (s->n == 0) {
			s->no_spk = by == NULL && ser_record_get(&r, speaker()) == NULL;
			s->by_file = ser_record_get(&r, fold) == NULL;
			put_list(s->name, said(h, "post", "classes"));
			n_said = ser_map_len(s->name);
		}
		segment = false;
		put(s->id, ser_record_id(&r));
		s->spk_of = ser_grow(s->spk_of, &s->cap[0], s->n + 1, sizeof *s->spk_of);
		s->spk_of[s->n] = 0;
		if (!s->no_spk) {
			spk = text(c, &r, speaker());
			s->spk_of[s->n] = put(s->spk, spk);
		}
		overlap_record(&s->overlap, spk);
		s->fold_of = ser_grow(s->fold_of, &s->cap[1], s->n + 1, sizeof *s->fold_of);
		s->fold_of[s->n] = put(s->fold, s->by_file ? ser_in_name(in) : text(c, &r, fold));
		if (numbers) {
			s->x = ser_grow(s->x, &s->cap[2], s->n + 1, sizeof *s->x);
			s->y = ser_grow(s->y, &s->cap[3], s->n + 1, sizeof *s->y);
			s->x[s->n] = number(c, &r, label);
			s->y[s->n] = ser_record_get(&r, pred) != NULL ? number(c, &r, pred) : column_of(c, &r, h);
		} else {
			s->truth = ser_grow(s->truth, &s->cap[2], s->n + 1, sizeof *s->truth);
			s->pred = ser_grow(s->pred, &s->cap[3], s->n + 1, sizeof *s->pred);
			s->truth[s->n] = (int)put(s->name, text(c, &r, label));
			s->pred[s->n] = (int)put(s->name, ser_record_get(&r, pred) != NULL ? text(c, &r, pred)
											   : best_class(c, &r, h, &b));
		}
	}
	if (s->n == 0)
		ser_cli_fail(c, SER_EDATA, "%s: there are no records to score", ser_in_name(in));
	if (!numbers)
		order_classes(s, n_said);
	overlap_end(&s->overlap);
	ser_buf_free(&b);
	ser_record_free(&r);
	ser_in_close(in);
}

/* ---- what every report says ---- */

static void about_overlap(struct ser_cli *c, struct ser_report *rep, const struct overlap *o, bool refuse,
			  const char *who)
{
	struct ser_buf b = {0}, key = {0};
	size_t n = ser_map_len(o->shared);
	for (size_t i = 0; i < n; i++)
		ser_buf_printf(&b, "%s%s", i > 0 ? " " : "", ser_map_key(o->shared, i, NULL));
	if (n > 0 && refuse && !allow_shared)
		ser_cli_fail(c, SER_EPROTO,
			     "%zu speaker%s trained on and scored: %s (--allow-shared-speakers scores all the same)", n,
			     n > 1 ? "s were" : " was", b.s);
	ser_buf_printf(&key, "train_test_speaker_overlap%s", who);
	if (n > 0 || o->n_known == o->n)
		ser_report_about(rep, key.s, ser_int((int64_t)n));
	else
		ser_report_about(rep, key.s, ser_str("unknown"));
	if (n > 0) {
		key.n = 0;
		ser_buf_printf(&key, "shared_speakers%s", who);
		ser_report_about(rep, key.s, ser_str(b.s));
	}
	if (o->n_known > 0 && o->n_known < o->n) {
		key.n = 0;
		ser_buf_printf(&key, "training_unknown_for%s", who);
		ser_report_about(rep, key.s, ser_int((int64_t)(o->n - o->n_known)));
	}
	ser_buf_free(&b);
	ser_buf_free(&key);
}

static void about_draws(struct ser_report *rep)
{
	ser_report_about(rep, "seed", ser_int(seed));
	ser_report_about(rep, "replicates", ser_int(n_boot));
	ser_report_about(rep, "level", ser_real(level));
	ser_report_about(rep, "interval", ser_str(bca ? "bca" : "percentile"));
}

static void about_items(struct ser_cli *c, struct ser_report *rep, const struct items *s)
{
	ser_report_about(rep, "label", ser_str(label));
	ser_report_about(rep, "n", ser_int((int64_t)s->n));
	ser_report_about(rep, "folds", ser_int((int64_t)ser_map_len(s->fold)));
	ser_report_about(rep, "folds_are", ser_str(s->by_file ? "files" : "labels"));
	ser_report_about(rep, "speakers", s->no_spk ? ser_str("unknown") : ser_int((int64_t)ser_map_len(s->spk)));
	about_overlap(c, rep, &s->overlap, true, "");
	about_draws(rep);
}

/* A list of the names where count is 0. */
static void absent(struct ser_buf *b, const struct items *s, const struct ser_class_row *row)
{
	for (size_t k = 0; k < ser_map_len(s->name); k++)
		if (!(row[k].support > 0))
			ser_buf_printf(b, "%s%s", b->n > 0 ? " " : "", ser_map_key(s->name, k, NULL));
}

static struct ser_val bound(double x, bool shown)
{
	return shown && n_boot > 0 ? ser_real(x) : ser_nil();
}

static const char *const score_columns[] = {"set", "score", "value", "utt_lo", "utt_hi", "spk_lo", "spk_hi"};

static void score_rows(struct ser_report *rep, const char *set, const char *(*name)(int), int n,
		       const struct ser_ci *utt, const struct ser_ci *spk)
{
	for (int i = 0; i < n; i++)
		ser_report_row(rep, (struct ser_val[]){ser_str(set), ser_str(name(i)), ser_real(utt[i].value),
						       bound(utt[i].lo, true), bound(utt[i].hi, true),
						       bound(spk != NULL ? spk[i].lo : 0, spk != NULL),
						       bound(spk != NULL ? spk[i].hi : 0, spk != NULL)});
}

static const char *ec_name(int i)
{
	return ser_ec_name((enum ser_ec)i);
}

static const char *er_name(int i)
{
	return ser_er_name((enum ser_er)i);
}

static void print(struct ser_report *rep)
{
	ser_report_print(rep, json ? SER_REPORT_JSON : tsv ? SER_REPORT_TSV : SER_REPORT_TEXT);
	ser_report_free(rep);
}

static void need(struct ser_cli *c, int rc, const struct ser_err *e)
{
	if (rc != SER_OK)
		ser_cli_die(c, e);
}

static struct ser_eval_sets sets_of(const struct items *s, bool speakers)
{
	return (struct ser_eval_sets){s->n, s->fold_of, ser_map_len(s->fold), speakers ? s->spk_of : NULL,
				      ser_map_len(s->spk)};
}

static size_t speakers_of_fold(const struct items *s, size_t f)
{
	size_t n = 0;
	bool *seen = ser_calloc(ser_map_len(s->spk) + 1, sizeof *seen);
	for (size_t i = 0; i < s->n; i++)
		if (s->fold_of[i] == f && !seen[s->spk_of[i]]) {
			seen[s->spk_of[i]] = true;
			n++;
		}
	free(seen);
	return n;
}

/* ---- classes ---- */

static void classes(struct ser_cli *c)
{
	struct items s;
	struct ser_err e;
	read_items(c, c->operand, c->n_operand, false, &s);
	size_t k = ser_map_len(s.name), n_fold = ser_map_len(s.fold);
	bool spk = !s.no_spk && ser_map_len(s.spk) > 1;
	struct ser_ci pooled[2][SER_EC_N], mean[2][SER_EC_N], *recall[2];
	struct ser_boot_opt o = boot(c);
	for (int u = 0; u < 2; u++) {
		struct ser_eval_sets sets = sets_of(&s, u == 1);
		recall[u] = ser_calloc(k, sizeof *recall[u]);
		if (u == 0 || spk)
			need(c,
			     ser_eval_classes(&sets, s.truth, s.pred, NULL, k, &o, pooled[u], mean[u], recall[u], &e),
			     &e);
	}
	double *conf = ser_malloc(ser_mul(k, k), sizeof *conf);
	struct ser_class_row *row = ser_malloc(k, sizeof *row);
	struct ser_class_score score;
	need(c, ser_confusion(s.truth, s.pred, NULL, s.n, k, conf, &e), &e);
	ser_score_classes(conf, k, &score, row);

	struct ser_report *rep = ser_report_new();
	struct ser_buf b = {0};
	about_items(c, rep, &s);
	ser_report_about(rep, "classes", ser_int((int64_t)k));
	absent(&b, &s, row);
	if (b.n > 0) { /* they have no recall: UAR is over the others */
		ser_report_about(rep, "classes_absent_from_truth", ser_str(b.s));
		ser_cli_warn(c, "absent from the truth, so not in UAR: %s", b.s);
	}
	ser_report_table(rep, "scores", n_fold > 1 ? "Scores, pooled over all items and averaged over folds" : "Scores",
			 score_columns, 7, 2);
	score_rows(rep, "pooled", ec_name, SER_EC_N, pooled[0], spk ? pooled[1] : NULL);
	if (n_fold > 1) {
		score_rows(rep, "fold_mean", ec_name, SER_EC_N, mean[0], spk ? mean[1] : NULL);
		ser_report_table(
			rep, "folds", "Each fold",
			(const char *const[]){"fold", "n", "speakers", "classes_absent", "uar", "war", "macro_f1"}, 7,
			1);
		double *part = ser_malloc(ser_mul(k, k), sizeof *part);
		for (size_t f = 0; f < n_fold; f++) {
			struct ser_class_score one;
			memset(part, 0, k * k * sizeof *part);
			for (size_t i = 0; i < s.n; i++)
				if (s.fold_of[i] == f)
					part[(size_t)s.truth[i] * k + (size_t)s.pred[i]]++;
			ser_score_classes(part, k, &one, NULL);
			ser_report_row(rep, (struct ser_val[]){
						    ser_str(ser_map_key(s.fold, f, NULL)), ser_int((int64_t)one.n),
						    s.no_spk ? ser_nil() : ser_int((int64_t)speakers_of_fold(&s, f)),
						    ser_int((int64_t)one.n_absent), ser_real(one.uar),
						    ser_real(one.war), ser_real(one.macro_f1)});
		}
		free(part);
	}
	ser_report_table(rep, "classes", "Each class, pooled",
			 (const char *const[]){"class", "n", "recall", "utt_lo", "utt_hi", "spk_lo", "spk_hi",
					       "precision", "f1"},
			 9, 1);
	for (size_t i = 0; i < k; i++)
		ser_report_row(rep, (struct ser_val[]){ser_str(ser_map_key(s.name, i, NULL)),
						       ser_int((int64_t)row[i].support), ser_real(recall[0][i].value),
						       bound(recall[0][i].lo, true), bound(recall[0][i].hi, true),
						       bound(recall[1][i].lo, spk), bound(recall[1][i].hi, spk),
						       ser_real(row[i].precision), ser_real(row[i].f1)});
	const char **column = ser_malloc(k + 1, sizeof *column);
	struct ser_val *cell = ser_malloc(k + 1, sizeof *cell);
	column[0] = "truth";
	for (size_t i = 0; i < k; i++)
		column[i + 1] = ser_map_key(s.name, i, NULL);
	ser_report_table(rep, "confusion", "Confusion matrix, pooled: rows are the truth, columns the prediction",
			 column, k + 1, 1);
	for (size_t i = 0; i < k; i++) {
		cell[0] = ser_str(column[i + 1]);
		for (size_t j = 0; j < k; j++)
			cell[j + 1] = ser_int((int64_t)conf[i * k + j]);
		ser_report_row(rep, cell);
	}
	print(rep);
	ser_buf_free(&b);
	free(column);
	free(cell);
	free(conf);
	free(row);
	free(recall[0]);
	free(recall[1]);
	items_free(&s);
}

/* ---- regress ---- */

static void regress(struct ser_cli *c)
{
	struct items s;
	struct ser_err e;
	read_items(c, c->operand, c->n_operand, true, &s);
	size_t n_fold = ser_map_len(s.fold);
	bool spk = !s.no_spk && ser_map_len(s.spk) > 1;
	struct ser_ci pooled[2][SER_ER_N], mean[2][SER_ER_N];
	struct ser_boot_opt o = boot(c);
	for (int u = 0; u < (spk ? 2 : 1); u++) {
		struct ser_eval_sets sets = sets_of(&s, u == 1);
		need(c, ser_eval_regress(&sets, s.x, s.y, NULL, &o, pooled[u], mean[u], &e), &e);
	}
	struct ser_report *rep = ser_report_new();
	about_items(c, rep, &s);
	ser_report_table(rep, "scores", n_fold > 1 ? "Scores, pooled over all items and averaged over folds" : "Scores",
			 score_columns, 7, 2);
	score_rows(rep, "pooled", er_name, SER_ER_N, pooled[0], spk ? pooled[1] : NULL);
	if (n_fold > 1) {
		score_rows(rep, "fold_mean", er_name, SER_ER_N, mean[0], spk ? mean[1] : NULL);
		ser_report_table(rep, "folds", "Each fold",
				 (const char *const[]){"fold", "n", "speakers", "ccc", "pearson", "spearman", "rmse"},
				 7, 1);
		double *x = ser_malloc(2 * s.n, sizeof *x), *ws = ser_malloc(2 * s.n, sizeof *ws);
		for (size_t f = 0; f < n_fold; f++) {
			size_t n = 0;
			for (size_t i = 0; i < s.n; i++)
				if (s.fold_of[i] == f) {
					x[n] = s.x[i];
					x[s.n + n++] = s.y[i];
				}
			struct ser_regress *r = ser_regress_new(x, x + s.n, n, &e);
			struct ser_regress_score one;
			if (r == NULL)
				ser_cli_die(c, &e);
			ser_regress_do(r, NULL, ws, &one);
			ser_regress_free(r);
			ser_report_row(rep, (struct ser_val[]){
						    ser_str(ser_map_key(s.fold, f, NULL)), ser_int((int64_t)n),
						    s.no_spk ? ser_nil() : ser_int((int64_t)speakers_of_fold(&s, f)),
						    ser_real(one.ccc), ser_real(one.pearson), ser_real(one.spearman),
						    ser_real(one.rmse)});
		}
		free(x);
		free(ws);
	}
	print(rep);
	items_free(&s);
}

/* ---- compare ---- */

static void compare(struct ser_cli *c)
{
	struct items s[2];
	struct ser_err e;
	bool numbers = task == 1;
	if (c->n_operand != 2)
		ser_cli_usage(c, "compare wants two streams, the first system's and the second's");
	for (int y = 0; y < 2; y++) {
		read_items(c, c->operand + y, 1, numbers, &s[y]);
	}
	/* the second system's items in the first's order, its classes by the first's numbers */
	struct items *a = &s[0], *b = &s[1];
	if (a->n != b->n)
		ser_cli_fail(c, SER_EDATA, "%s has %zu records, %s %zu: two systems are compared on the same items",
			     c->operand[0], a->n, c->operand[1], b->n);
	int *pred2 = ser_malloc(a->n, sizeof *pred2);
	double *y2 = ser_malloc(a->n, sizeof *y2);
	size_t only[2] = {0, 0}, both = 0;
	for (size_t i = 0; i < a->n; i++) {
		size_t len;
		const char *id = ser_map_key(a->id, i, &len);
		ptrdiff_t at = ser_map_find(b->id, id, len);
		if (at < 0)
			ser_cli_fail(c, SER_EDATA, "%s: there is no record \"%s\", which %s has", c->operand[1], id,
				     c->operand[0]);
		size_t j = (size_t)at;
		bool same = numbers ? a->x[i] == b->x[j]
				    : strcmp(ser_map_key(a->name, (size_t)a->truth[i], NULL),
					     ser_map_key(b->name, (size_t)b->truth[j], NULL)) == 0;
		if (!same)
			ser_cli_fail(c, SER_EDATA, "record \"%s\" has another \"%s\" in %s than in %s", id, label,
				     c->operand[0], c->operand[1]);
		if (numbers) {
			y2[i] = b->y[j];
			continue;
		}
		pred2[i] = (int)put(a->name, ser_map_key(b->name, (size_t)b->pred[j], NULL));
		bool hit = a->pred[i] == a->truth[i], hit2 = pred2[i] == a->truth[i];
		only[0] += hit && !hit2;
		only[1] += hit2 && !hit;
		both += hit && hit2;
	}
	bool spk = !a->no_spk && ser_map_len(a->spk) > 1;
	size_t k = ser_map_len(a->name), n_score = numbers ? SER_ER_N : SER_EC_N, n_fold = ser_map_len(a->fold);
	struct ser_ci diff[2][2][SER_EC_N], alone[2][2][SER_EC_N]; /* [unit or system][pooled, mean] */
	struct ser_boot_opt o = boot(c), once = o;
	once.n_boot = 1;
	once.bca = false;
	for (int u = 0; u < 2; u++) {
		struct ser_eval_sets sets = sets_of(a, u == 1), all = sets_of(a, false);
		if (numbers) {
			if (u == 0 || spk)
				need(c, ser_eval_regress(&sets, a->x, a->y, y2, &o, diff[u][0], diff[u][1], &e), &e);
			need(c,
			     ser_eval_regress(&all, a->x, u == 0 ? a->y : y2, NULL, &once, alone[u][0], alone[u][1],
					      &e),
			     &e);
		} else {
			if (u == 0 || spk)
				need(c,
				     ser_eval_classes(&sets, a->truth, a->pred, pred2, k, &o, diff[u][0], diff[u][1],
						      NULL, &e),
				     &e);
			need(c,
			     ser_eval_classes(&all, a->truth, u == 0 ? a->pred : pred2, NULL, k, &once, alone[u][0],
					      alone[u][1], NULL, &e),
			     &e);
		}
	}
	struct ser_report *rep = ser_report_new();
	ser_report_about(rep, "first", ser_str(c->operand[0]));
	ser_report_about(rep, "second", ser_str(c->operand[1]));
	ser_report_about(rep, "label", ser_str(label));
	ser_report_about(rep, "n", ser_int((int64_t)a->n));
	ser_report_about(rep, "folds", ser_int((int64_t)n_fold));
	ser_report_about(rep, "speakers", a->no_spk ? ser_str("unknown") : ser_int((int64_t)ser_map_len(a->spk)));
	about_overlap(c, rep, &a->overlap, true, "_first");
	about_overlap(c, rep, &b->overlap, true, "_second");
	about_draws(rep);
	ser_report_table(rep, "differences",
			 "First minus second, with intervals of the difference and two-sided p-values",
			 (const char *const[]){"set", "score", "first", "second", "difference", "utt_lo", "utt_hi",
					       "utt_p", "spk_lo", "spk_hi", "spk_p"},
			 11, 2);
	for (int m = 0; m < (n_fold > 1 ? 2 : 1); m++)
		for (size_t i = 0; i < n_score; i++) {
			const struct ser_ci *d = &diff[0][m][i], *p = &diff[1][m][i];
			ser_report_row(
				rep, (struct ser_val[]){ser_str(m == 0 ? "pooled" : "fold_mean"),
							ser_str(numbers ? er_name((int)i) : ec_name((int)i)),
							ser_real(alone[0][m][i].value), ser_real(alone[1][m][i].value),
							ser_real(d->value), bound(d->lo, true), bound(d->hi, true),
							bound(d->p, true), bound(spk ? p->lo : 0, spk),
							bound(spk ? p->hi : 0, spk), bound(spk ? p->p : 0, spk)});
		}
	if (!numbers) {
		ser_report_table(
			rep, "mcnemar", "McNemar's exact test on which items are right",
			(const char *const[]){"items", "both_right", "first_only", "second_only", "both_wrong", "p"}, 6,
			1);
		ser_report_row(rep, (struct ser_val[]){ser_int((int64_t)a->n), ser_int((int64_t)both),
						       ser_int((int64_t)only[0]), ser_int((int64_t)only[1]),
						       ser_int((int64_t)(a->n - both - only[0] - only[1])),
						       ser_real(ser_mcnemar(only[0], only[1]))});
	}
	print(rep);
	free(pred2);
	free(y2);
	items_free(a);
	items_free(b);
}

/* ---- clusters ---- */

/* Scores of a group: those of ser_score_clusters(), the silhouette of the clusters and that of the label. */
enum { SIL_CLUSTER = SER_CS_N, SIL_LABEL, N_SCORE };

static const char *cluster_score_name(int i)
{
	return i == SIL_CLUSTER ? "silhouette" : i == SIL_LABEL ? "silhouette_label" : ser_cs_name((enum ser_cs)i);
}

struct embedded {
	struct ser_map *group, *name;
	struct overlap overlap;
	size_t n, d, *of, cap[4];
	int *truth, *cluster;
	float *x; /* NULL: no embeddings */
};

static void read_embedded(struct ser_cli *c, struct embedded *s)
{
	struct ser_in *in = ser_in_open(c);
	struct ser_record r = {0};
	struct ser_err e;
	bool grouped = false, has_x = false, segment = true, next;
	*s = (struct embedded){.group = ser_map_new(), .name = ser_map_new()};
	for (; ser_in_next(in, &r, &next); s->n++) {
		int64_t q;
		if (segment || next)
			overlap_segment(&s->overlap, ser_in_header(in), field);
		segment = false;
		if (s->n == 0) {
			grouped = by != NULL || ser_record_get(&r, speaker()) != NULL;
			has_x = ser_cli_given(c, "field") || ser_record_get(&r, field) != NULL;
		}
		s->of = ser_grow(s->of, &s->cap[0], s->n + 1, sizeof *s->of);
		s->of[s->n] = put(s->group, grouped ? text(c, &r, speaker()) : "all");
		overlap_record(&s->overlap, grouped ? text(c, &r, speaker()) : NULL);
		s->truth = ser_grow(s->truth, &s->cap[1], s->n + 1, sizeof *s->truth);
		s->truth[s->n] = (int)put(s->name, text(c, &r, label));
		if (ser_record_int(&r, cluster, &q, &e) != 0)
			ser_cli_die(c, &e);
		if (q < 0 || q > 1000000)
			die_at(c, &r, "the cluster is not in 0 to 1000000");
		s->cluster = ser_grow(s->cluster, &s->cap[2], s->n + 1, sizeof *s->cluster);
		s->cluster[s->n] = (int)q;
		if (!has_x)
			continue;
		const float *v;
		size_t d;
		if (ser_record_f4(&r, field, 1, &v, &d, &e) != 0)
			ser_cli_die(c, &e);
		s->d = s->n == 0 ? d : s->d;
		if (d != s->d || d == 0)
			die_at(c, &r, "the embedding has another dimension than the first");
		s->x = ser_grow(s->x, &s->cap[3], ser_mul(s->n + 1, d), sizeof *s->x);
		memcpy(s->x + s->n * d, v, d * sizeof *v);
	}
	if (s->n == 0)
		ser_cli_fail(c, SER_EDATA, "%s: there are no records to score", ser_in_name(in));
	overlap_end(&s->overlap);
	ser_record_free(&r);
	ser_in_close(in);
}

/* Observed scores [N_SCORE] of one group and those of n_perm shuffles, perm [n_perm,N_SCORE]; NaN where undefined. */
static void score_group(struct ser_cli *c, const struct embedded *s, size_t g, double *obs, double *perm, size_t *n_out)
{
	size_t n = 0, k = 0, n_class = ser_map_len(s->name);
	int *truth = ser_malloc(s->n, sizeof *truth), *own = ser_malloc(s->n, sizeof *own);
	float *x = s->x != NULL ? ser_malloc(ser_mul(s->n, s->d), sizeof *x) : NULL;
	const char *key = ser_map_key(s->group, g, NULL);
	struct ser_err e;
	for (size_t i = 0; i < s->n; i++)
		if (s->of[i] == g) {
			truth[n] = s->truth[i];
			own[n] = s->cluster[i];
			k = (size_t)own[n] >= k ? (size_t)own[n] + 1 : k;
			if (x != NULL)
				memcpy(x + n * s->d, s->x + i * s->d, s->d * sizeof *x);
			n++;
		}
	double *part = ser_malloc(ser_mul((size_t)n_perm + 1, SER_CS_N), sizeof *part);
	need(c, ser_score_clusters(truth, n_class, own, k, n, obs, &e), &e);
	need(c,
	     ser_cluster_permute(truth, n_class, own, k, n, (size_t)n_perm, (uint64_t)seed, key, c->n_thread, part, &e),
	     &e);
	for (size_t r = 0; r < (size_t)n_perm; r++)
		memcpy(perm + r * N_SCORE, part + r * SER_CS_N, SER_CS_N * sizeof *perm);
	obs[SIL_CLUSTER] = obs[SIL_LABEL] = NAN;
	for (size_t r = 0; r < (size_t)n_perm; r++)
		perm[r * N_SCORE + SIL_CLUSTER] = perm[r * N_SCORE + SIL_LABEL] = NAN;
	if (x != NULL) {
		double *dist = ser_malloc(ser_mul(n, n), sizeof *dist);
		if (ser_distances(x, n, s->d, (enum ser_metric)metric, c->n_thread, dist, &e) != SER_OK) {
			ser_fail_in(&e, "%s \"%s\"", speaker(), key);
			ser_cli_die(c, &e);
		}
		/* undefined for one cluster or one class: stays NaN */
		ser_silhouette_dist(dist, n, own, k, NULL, &obs[SIL_CLUSTER], &e);
		if (ser_silhouette_dist(dist, n, truth, n_class, NULL, &obs[SIL_LABEL], &e) == SER_OK) {
			ser_silhouette_permute(dist, n, truth, n_class, (size_t)n_perm, (uint64_t)seed, key,
					       c->n_thread, part, &e);
			for (size_t r = 0; r < (size_t)n_perm; r++)
				perm[r * N_SCORE + SIL_LABEL] = part[r];
		}
		free(dist);
	}
	*n_out = n;
	free(part);
	free(truth);
	free(own);
	free(x);
}

static void clusters(struct ser_cli *c)
{
	struct embedded s;
	struct ser_err e;
	read_embedded(c, &s);
	size_t n_group = ser_map_len(s.group), np = (size_t)n_perm;
	double *obs = ser_malloc(ser_mul(n_group, N_SCORE), sizeof *obs),
	       *perm = ser_malloc(ser_mul(np, N_SCORE), sizeof *perm);
	double *sum = ser_calloc(ser_mul(np, N_SCORE), sizeof *sum), *column = ser_malloc(n_group, sizeof *column);
	struct ser_chance *chance = ser_calloc(ser_mul(n_group, N_SCORE), sizeof *chance);
	size_t *size = ser_calloc(n_group, sizeof *size), n_def[N_SCORE] = {0};
	for (size_t g = 0; g < n_group; g++) {
		score_group(c, &s, g, obs + g * N_SCORE, perm, &size[g]);
		for (size_t i = 0; i < N_SCORE; i++) {
			double o = obs[g * N_SCORE + i];
			if (isnan(o))
				continue;
			n_def[i]++;
			chance[g * N_SCORE + i] = ser_chance(o, perm + i, np, N_SCORE);
			for (size_t r = 0; r < np; r++)
				sum[r * N_SCORE + i] += perm[r * N_SCORE + i];
		}
		ser_cli_progress(c, "groups", g + 1, n_group);
	}
	struct ser_report *rep = ser_report_new();
	ser_report_about(rep, "label", ser_str(label));
	ser_report_about(rep, "cluster", ser_str(cluster));
	ser_report_about(rep, "n", ser_int((int64_t)s.n));
	ser_report_about(rep, "classes", ser_int((int64_t)ser_map_len(s.name)));
	ser_report_about(rep, "groups", ser_int((int64_t)n_group));
	ser_report_about(rep, "groups_by", ser_str(by != NULL || n_group > 1 ? speaker() : "none"));
	about_overlap(c, rep, &s.overlap, false, "");
	ser_report_about(rep, "permutations", ser_int(n_perm));
	about_draws(rep);
	ser_report_table(
		rep, "scores", "Mean over groups; chance is the mean with labels shuffled inside each group",
		(const char *const[]){"score", "mean", "group_lo", "group_hi", "chance", "chance_sd", "p", "groups"}, 8,
		1);
	struct ser_boot_opt o = boot(c);
	for (size_t i = 0; i < N_SCORE; i++) {
		struct ser_ci ci;
		for (size_t g = 0; g < n_group; g++)
			column[g] = obs[g * N_SCORE + i];
		for (size_t r = 0; r < np; r++)
			sum[r * N_SCORE + i] /= (double)n_def[i];
		need(c, ser_eval_mean(column, n_group, &o, &ci, &e), &e);
		struct ser_chance ch = ser_chance(ci.value, sum + i, np, N_SCORE);
		bool shown = np > 0 && i != SIL_CLUSTER && n_def[i] > 0;
		ser_report_row(rep, (struct ser_val[]){ser_str(cluster_score_name((int)i)), ser_real(ci.value),
						       bound(ci.lo, n_group > 1), bound(ci.hi, n_group > 1),
						       shown ? ser_real(ch.mean) : ser_nil(),
						       shown ? ser_real(ch.sd) : ser_nil(),
						       shown ? ser_real(ch.p) : ser_nil(), ser_int((int64_t)n_def[i])});
	}
	if (per_group || json || tsv) {
		ser_report_table(rep, "groups", "Each group",
				 (const char *const[]){"group", "score", "n", "value", "chance", "chance_sd", "p"}, 7,
				 2);
		for (size_t g = 0; g < n_group; g++)
			for (size_t i = 0; i < N_SCORE; i++) {
				const struct ser_chance *ch = &chance[g * N_SCORE + i];
				double v = obs[g * N_SCORE + i];
				bool shown = np > 0 && i != SIL_CLUSTER && !isnan(v);
				ser_report_row(rep, (struct ser_val[]){ser_str(ser_map_key(s.group, g, NULL)),
								       ser_str(cluster_score_name((int)i)),
								       ser_int((int64_t)size[g]), ser_real(v),
								       shown ? ser_real(ch->mean) : ser_nil(),
								       shown ? ser_real(ch->sd) : ser_nil(),
								       shown ? ser_real(ch->p) : ser_nil()});
			}
	}
	print(rep);
	ser_map_free(s.group);
	ser_map_free(s.name);
	ser_map_free(s.overlap.shared);
	free(s.of);
	free(s.truth);
	free(s.cluster);
	free(s.x);
	free(obs);
	free(perm);
	free(sum);
	free(column);
	free(chance);
	free(size);
}

/* ---- verify ---- */

struct voices {
	struct ser_map *id, *spk;
	struct overlap overlap;
	size_t n, d, *of, cap[2];
	double *x; /* [n,d] of unit length */
	bool no_spk;
};

static void read_voices(struct ser_cli *c, char *const *file, int n_file, bool need_spk, struct voices *v)
{
	struct ser_in *in = ser_in_files(c, file, n_file);
	struct ser_record r = {0};
	struct ser_err e;
	bool segment = true, next;
	*v = (struct voices){.id = ser_map_new(), .spk = ser_map_new()};
	for (; ser_in_next(in, &r, &next); v->n++) {
		const float *x;
		const char *spk = NULL;
		size_t d;
		double sq = 0;
		if (segment || next)
			overlap_segment(&v->overlap, ser_in_header(in), field);
		segment = false;
		if (v->n == 0)
			v->no_spk = !need_spk && ser_record_get(&r, speaker()) == NULL;
		put(v->id, ser_record_id(&r));
		if (!v->no_spk)
			spk = text(c, &r, speaker());
		overlap_record(&v->overlap, spk);
		v->of = ser_grow(v->of, &v->cap[0], v->n + 1, sizeof *v->of);
		v->of[v->n] = spk != NULL ? put(v->spk, spk) : 0;
		if (ser_record_f4(&r, field, 1, &x, &d, &e) != 0)
			ser_cli_die(c, &e);
		v->d = v->n == 0 ? d : v->d;
		if (d != v->d || d == 0)
			die_at(c, &r, "the embedding has another dimension than the first");
		for (size_t t = 0; t < d; t++)
			sq += (double)x[t] * x[t];
		if (!(sq > 0) || !isfinite(sq))
			die_at(c, &r, "the embedding has no direction: its length is 0 or not finite");
		v->x = ser_grow(v->x, &v->cap[1], ser_mul(v->n + 1, d), sizeof *v->x);
		for (size_t t = 0; t < d; t++)
			v->x[v->n * d + t] = x[t] / sqrt(sq);
	}
	if (v->n == 0)
		ser_cli_fail(c, SER_EDATA, "%s: there are no embeddings", ser_in_name(in));
	overlap_end(&v->overlap);
	ser_record_free(&r);
	ser_in_close(in);
}

static void voices_free(struct voices *v)
{
	ser_map_free(v->id);
	ser_map_free(v->spk);
	ser_map_free(v->overlap.shared);
	free(v->of);
	free(v->x);
}

static double cosine(const double *a, const double *b, size_t d)
{
	double s = 0;
	for (size_t t = 0; t < d; t++)
		s += a[t] * b[t];
	return s;
}

/* Mean and deviation of each voice's greatest scores against the cohort: [n] each. */
struct cohort {
	const struct voices *v, *other;
	double *mean, *sd, *ws; /* ws [n_thread, other->n] */
};

static void against_cohort(void *arg, size_t i, int worker)
{
	const struct cohort *k = arg;
	size_t d = k->v->d, n = k->other->n;
	double *s = k->ws + (size_t)worker * n;
	for (size_t j = 0; j < n; j++)
		s[j] = cosine(k->v->x + i * d, k->other->x + j * d, d);
	ser_cohort_do(s, n, (size_t)top, &k->mean[i], &k->sd[i]);
}

struct pairs {
	size_t n, *a, *b, cap[4];
	double *score;
	bool *target;
};

static void add_trial(struct pairs *p, size_t a, size_t b, bool target)
{
	p->a = ser_grow(p->a, &p->cap[0], p->n + 1, sizeof *p->a);
	p->b = ser_grow(p->b, &p->cap[1], p->n + 1, sizeof *p->b);
	p->target = ser_grow(p->target, &p->cap[2], p->n + 1, sizeof *p->target);
	p->a[p->n] = a;
	p->b[p->n] = b;
	p->target[p->n++] = target;
}

static size_t voice(struct ser_cli *c, const struct voices *v, const char *id, size_t line)
{
	ptrdiff_t at = ser_map_find(v->id, id, strlen(id));
	if (at < 0)
		ser_cli_fail(c, SER_EDATA, "%s: line %zu: no record has the id \"%s\"", trials, line, id);
	return (size_t)at;
}

/* "1 id id" or "id id target": 1 or target, 0 or nontarget; blanks or tabs between. */
static void read_trials(struct ser_cli *c, const struct voices *v, struct pairs *p)
{
	char *all, *save;
	size_t n, line = 0;
	struct ser_err e;
	if (ser_read_file(trials, (size_t)1 << 31, &all, &n, &e) != 0)
		ser_cli_die(c, &e);
	for (char *at = all, *end; at < all + n; at = end + 1) {
		end = memchr(at, '\n', (size_t)(all + n - at));
		if (end == NULL)
			end = all + n;
		*end = '\0';
		line++;
		char *w[4];
		int m = 0;
		for (char *s = strtok_r(at, " \t\r", &save); s != NULL && m < 4; s = strtok_r(NULL, " \t\r", &save))
			w[m++] = s;
		if (m == 0)
			continue;
		int first = m == 3 && (strcmp(w[0], "0") == 0 || strcmp(w[0], "1") == 0);
		const char *key = m == 3 ? w[first ? 0 : 2] : "";
		bool yes = strcmp(key, "1") == 0 || strcmp(key, "target") == 0;
		if (!yes && strcmp(key, "0") != 0 && strcmp(key, "nontarget") != 0)
			ser_cli_fail(c, SER_EDATA, "%s: line %zu: expected two ids and target or nontarget (or 1 or 0)",
				     trials, line);
		add_trial(p, voice(c, v, w[first], line), voice(c, v, w[first + 1], line), yes);
	}
	free(all);
}

static void verify(struct ser_cli *c)
{
	struct voices v;
	struct pairs p = {0};
	struct ser_err e;
	read_voices(c, c->operand, c->n_operand, by != NULL || trials == NULL, &v);
	if (trials != NULL)
		read_trials(c, &v, &p);
	for (size_t i = 0; trials == NULL && i < v.n; i++)
		for (size_t j = i + 1; j < v.n; j++)
			add_trial(&p, i, j, v.of[i] == v.of[j]);
	p.score = ser_malloc(p.n, sizeof *p.score);
	for (size_t i = 0; i < p.n; i++)
		p.score[i] = cosine(v.x + p.a[i] * v.d, v.x + p.b[i] * v.d, v.d);
	if (cohort != NULL) { /* AS-norm */
		struct voices other;
		char *const file[] = {(char *)cohort};
		read_voices(c, file, 1, false, &other);
		if (other.d != v.d || other.n < 2)
			ser_cli_fail(c, SER_EDATA, "%s: %zu embeddings of %zu dimensions, expected at least 2 of %zu",
				     cohort, other.n, other.d, v.d);
		struct cohort k = {&v, &other, ser_malloc(v.n, sizeof(double)), ser_malloc(v.n, sizeof(double)),
				   ser_malloc(ser_mul((size_t)c->n_thread, other.n), sizeof(double))};
		ser_parallel_for(c->n_thread, v.n, against_cohort, &k);
		for (size_t i = 0; i < p.n; i++)
			p.score[i] = ((p.score[i] - k.mean[p.a[i]]) / k.sd[p.a[i]] +
				      (p.score[i] - k.mean[p.b[i]]) / k.sd[p.b[i]]) /
				     2;
		free(k.mean);
		free(k.sd);
		free(k.ws);
		voices_free(&other);
	}
	struct ser_verify *ver = ser_verify_new(p.score, p.target, p.n, &e);
	if (ver == NULL)
		ser_cli_die(c, &e);
	struct ser_verify_score s;
	struct ser_ci eer[2], dcf[2];
	struct ser_boot_opt o = boot(c);
	bool spk = !v.no_spk && ser_map_len(v.spk) > 1;
	ser_verify_do(ver, &cost, NULL, &s);
	if (isnan(s.eer))
		ser_cli_fail(c, SER_EDATA, "%g target and %g non-target trials: both kinds are needed", s.n_target,
			     s.n_nontarget);
	size_t *a = ser_malloc(p.n, sizeof *a), *b = ser_malloc(p.n, sizeof *b);
	for (size_t i = 0; i < p.n; i++) {
		a[i] = v.of[p.a[i]];
		b[i] = v.of[p.b[i]];
	}
	need(c, ser_eval_verify(ver, p.n, NULL, NULL, 0, &cost, &o, &eer[0], &dcf[0], &e), &e);
	if (spk)
		need(c, ser_eval_verify(ver, p.n, a, b, ser_map_len(v.spk), &cost, &o, &eer[1], &dcf[1], &e), &e);

	struct ser_report *rep = ser_report_new();
	ser_report_about(rep, "records", ser_int((int64_t)v.n));
	ser_report_about(rep, "speakers", v.no_spk ? ser_str("unknown") : ser_int((int64_t)ser_map_len(v.spk)));
	about_overlap(c, rep, &v.overlap, true, "");
	ser_report_about(rep, "normalisation", ser_str(cohort != NULL ? "as-norm" : "none"));
	if (cohort != NULL)
		ser_report_about(rep, "cohort_top", ser_int(top));
	ser_report_about(rep, "trials", ser_str(trials != NULL ? "list" : "all pairs"));
	ser_report_about(rep, "target", ser_int((int64_t)s.n_target));
	ser_report_about(rep, "nontarget", ser_int((int64_t)s.n_nontarget));
	ser_report_about(rep, "p_target", ser_real(cost.p_target));
	ser_report_about(rep, "c_miss", ser_real(cost.c_miss));
	ser_report_about(rep, "c_fa", ser_real(cost.c_fa));
	about_draws(rep);
	ser_report_table(
		rep, "scores", "Scores; intervals over trials and over speakers",
		(const char *const[]){"score", "value", "threshold", "trial_lo", "trial_hi", "spk_lo", "spk_hi"}, 7, 1);
	ser_report_row(rep, (struct ser_val[]){ser_str("eer"), ser_real(s.eer), ser_real(s.thr_eer),
					       bound(eer[0].lo, true), bound(eer[0].hi, true),
					       bound(spk ? eer[1].lo : 0, spk), bound(spk ? eer[1].hi : 0, spk)});
	ser_report_row(rep, (struct ser_val[]){ser_str("min_dcf"), ser_real(s.min_dcf), ser_real(s.thr_dcf),
					       bound(dcf[0].lo, true), bound(dcf[0].hi, true),
					       bound(spk ? dcf[1].lo : 0, spk), bound(spk ? dcf[1].hi : 0, spk)});
	if (det) {
		double *x = ser_malloc(ser_mul(3, p.n + 1), sizeof *x);
		size_t n = ser_verify_det(ver, x, x + p.n + 1, x + 2 * (p.n + 1));
		ser_report_table(rep, "det", "Detection error trade-off",
				 (const char *const[]){"point", "false_acceptance", "miss", "threshold"}, 4, 1);
		for (size_t i = 0; i < n; i++)
			ser_report_row(rep,
				       (struct ser_val[]){ser_int((int64_t)i), ser_real(x[i]), ser_real(x[p.n + 1 + i]),
							  ser_real(x[2 * (p.n + 1) + i])});
		free(x);
	}
	print(rep);
	ser_verify_free(ver);
	voices_free(&v);
	free(p.a);
	free(p.b);
	free(p.score);
	free(p.target);
	free(a);
	free(b);
}

int main(int argc, char **argv)
{
	static const char *const metrics[] = {"euclidean", "cosine", NULL}, *const tasks[] = {"classes", "regress",
											      NULL};
	cost = ser_verify_default;
#define LABEL                                                                                                          \
	{                                                                                                              \
		"label", 0, SER_OPTION_STR, &label, "NAME", 0, 0, NULL, SER_OPTION_NEEDED, "the true label"            \
	}
#define PRED                                                                                                           \
	{                                                                                                              \
		"pred", 0, SER_OPTION_STR, &pred, "NAME", 0, 0, NULL, 0,                                               \
			"the predicted label; without it, tensor post"                                                 \
	}
#define FOLD                                                                                                           \
	{                                                                                                              \
		"fold", 0, SER_OPTION_STR, &fold, "NAME", 0, 0, NULL, 0,                                               \
			"label of the fold; without it, a file is a fold"                                              \
	}
#define SHARED                                                                                                         \
	{                                                                                                              \
		"allow-shared-speakers", 0, SER_OPTION_FLAG, &allow_shared, NULL, 0, 0, NULL, 0,                       \
			"score speakers that were trained on too, and say so"                                          \
	}
#define FIELD                                                                                                          \
	{                                                                                                              \
		"field", 0, SER_OPTION_STR, &field, "NAME", 0, 0, NULL, 0, "tensor [D] of the embedding"               \
	}
	const struct ser_option opts[] = {
		{"by", 0, SER_OPTION_STR, &by, "NAME", 0, 0, NULL, 0, "label of the speaker (default spk, when there)"},
		{"json", 0, SER_OPTION_FLAG, &json, NULL, 0, 0, NULL, 0, "write JSON"},
		{"tsv", 0, SER_OPTION_FLAG, &tsv, NULL, 0, 0, NULL, 0,
		 "write one value a line: table, row, column, value"},
		{"seed", 0, SER_OPTION_I64, &seed, "N", 0, 0, NULL, 0, "random seed of the bootstrap and the shuffles"},
		{"n-boot", 0, SER_OPTION_INT, &n_boot, "N", 0, 10000000, NULL, 0,
		 "bootstrap replicates; 0: no intervals"},
		{"level", 0, SER_OPTION_REAL, &level, "X", 0.01, 0.9999, NULL, 0, "level of the intervals"},
		{"bca", 0, SER_OPTION_FLAG, &bca, NULL, 0, 0, NULL, 0, "BCa intervals instead of percentile ones"},
		{0},
	};
	const struct ser_option item_opts[] = {LABEL, PRED, FOLD, SHARED, {0}};
	const struct ser_option compare_opts[] = {
		LABEL,
		PRED,
		FOLD,
		SHARED,
		{"task", 0, SER_OPTION_CHOICE, &task, "NAME", 0, 0, tasks, 0, "what the predictions are"},
		{0},
	};
	const struct ser_option cluster_opts[] = {
		LABEL,
		{"cluster", 0, SER_OPTION_STR, &cluster, "NAME", 0, 0, NULL, 0, "integer label of the cluster"},
		{"n-perm", 0, SER_OPTION_INT, &n_perm, "N", 0, 1000000, NULL, 0, "shuffles for the chance level"},
		{"per-group", 0, SER_OPTION_FLAG, &per_group, NULL, 0, 0, NULL, 0,
		 "show each group too (JSON and TSV always do)"},
		FIELD,
		{"metric", 0, SER_OPTION_CHOICE, &metric, "NAME", 0, 0, metrics, 0, "distance of the silhouettes"},
		{0},
	};
	const struct ser_option verify_opts[] = {
		{"trials", 0, SER_OPTION_STR, &trials, "FILE", 0, 0, NULL, 0,
		 "trials to score, \"id id target|nontarget\" or \"1|0 id id\"; default: all pairs"},
		FIELD,
		SHARED,
		{"cohort", 0, SER_OPTION_STR, &cohort, "FILE", 0, 0, NULL, 0,
		 "normalise scores (AS-norm) by this stream of embeddings"},
		{"top", 0, SER_OPTION_INT, &top, "N", 2, 10000000, NULL, 0, "the N nearest of the cohort count"},
		{"p-target", 0, SER_OPTION_REAL, &cost.p_target, "X", 1e-6, 0.999999, NULL, 0,
		 "prior of a target trial"},
		{"c-miss", 0, SER_OPTION_REAL, &cost.c_miss, "X", 1e-6, 1e6, NULL, 0, "cost of a miss"},
		{"c-fa", 0, SER_OPTION_REAL, &cost.c_fa, "X", 1e-6, 1e6, NULL, 0, "cost of a false acceptance"},
		{"det", 0, SER_OPTION_FLAG, &det, NULL, 0, 0, NULL, 0, "also write the DET curve"},
		{0},
	};
	const struct ser_mode modes[] = {
		{"classes", "Predicted classes: UAR, WAR, F1, confusion matrix.", item_opts, NULL},
		{"regress", "Predicted numbers: CCC, correlations, errors.", item_opts, NULL},
		{"clusters", "Clusters against a label: purity, NMI, ARI ... beside chance.", cluster_opts, NULL},
		{"verify", "Speaker verification by cosine: EER, minDCF.", verify_opts, NULL},
		{"compare", "Two systems on the same items: paired bootstrap, McNemar.", compare_opts, "FIRST SECOND"},
		{0},
	};
	static void (*const run[])(struct ser_cli *) = {classes, regress, clusters, verify, compare};
	const struct ser_tool tool = {
		"ser-score", "Score predictions, clusters or embeddings, with confidence intervals.",
		"[FILE]...", opts,
		modes,       SER_CLI_IN | SER_CLI_THREADS};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);
	if (json && tsv)
		ser_cli_usage(&c, "--json and --tsv do not go together");
	run[c.mode](&c);
	return ser_cli_end(&c);
}
