/* SPDX-License-Identifier: MIT */
#include "stat/metrics.h"
#include "page/private.h"
#include "stream/replay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what sections share ---- */

static const char *key(const struct ser_map *m, size_t i)
{
	return i == SIZE_MAX ? "" : ser_map_key(m, i, NULL);
}

static const struct ser_val *about(const struct ser_val *report)
{
	return ser_val_get(report, "about");
}

static const struct ser_val *pooled(const struct ser_val *report, const char *score)
{
	return report_find(report, "scores", "set", "pooled", "score", score);
}

/* The interval over speakers or, where there is none, over utterances. */
static const char *interval(const struct ser_val *row, double *lo, double *hi)
{
	*lo = report_num(row, "spk_lo");
	*hi = report_num(row, "spk_hi");
	if (isfinite(*lo))
		return "speakers";
	*lo = report_num(row, "utt_lo");
	*hi = report_num(row, "utt_hi");
	return isfinite(*lo) ? "utterances" : NULL;
}

/* A heading of its own where there are several systems. */
static void system_head(struct ser_buf *b, const struct ser_page *p, const struct system *s)
{
	if (p->n_system > 1)
		h_put(b, "<h3>%s</h3>\n", s->name);
}

static void chart(struct ser_buf *b, int rc, const struct ser_err *e, struct ser_buf *svg, const char *what,
		  const char *caption)
{
	if (rc == SER_OK)
		h_chart(b, svg->s, what, caption);
	else
		h_put(b, "<p class=\"note\">No picture: %s.</p>\n", e->msg);
	ser_buf_free(svg);
}

static void clock_text(struct ser_buf *b, double s)
{
	if (s >= 3600)
		ser_buf_printf(b, "%.1f h", s / 3600);
	else
		ser_buf_printf(b, s >= 60 ? "%.0f min" : "%.1f s", s >= 60 ? s / 60 : s);
}

/* ---- overview ---- */

static void leak(struct ser_buf *b, const struct ser_val *report)
{
	const struct ser_val *v = ser_val_get(about(report), "train_test_speaker_overlap");
	if (v == NULL || v->kind != SER_INT)
		h_put(b, "<p class=\"check unknown\"><span aria-hidden=\"true\">?</span> It is not known who was "
			 "trained on.</p>");
	else if (v->u.i == 0)
		h_put(b, "<p class=\"check good\"><span aria-hidden=\"true\">\xe2\x9c\x93</span> No speaker is both "
			 "trained on and scored.</p>");
	else
		h_put(b,
		      "<p class=\"check bad\"><span aria-hidden=\"true\">!</span> Speakers both trained on and scored: "
		      "%d (%s).</p>",
		      (long long)v->u.i, report_str(about(report), "shared_speakers"));
}

void section_overview(struct ser_buf *b, struct ser_page *p)
{
	if (p->n_system == 0)
		return;
	h_put(b, "<div class=\"cards\">\n");
	for (size_t i = 0; i < p->n_system; i++) {
		const struct ser_val *r = p->system[i].report.kind == SER_MAP ? &p->system[i].report : NULL,
				     *a = about(r), *uar = pooled(r, "uar");
		double lo, hi, k = report_num(a, "classes");
		const char *over = interval(uar, &lo, &hi);
		h_put(b,
		      "<article class=\"card\"><h3>%s</h3>\n<p class=\"big\"><strong>%p</strong> %% <abbr "
		      "title=\"unweighted average recall\">UAR</abbr></p>\n",
		      p->system[i].name, report_num(uar, "value"));
		h_bar(b, report_num(uar, "value"), lo, hi, k > 0 ? 1 / k : NAN);
		if (over != NULL)
			h_put(b, "<p>%p to %p, %r %% interval over %r; chance is %p</p>\n", lo, hi,
			      ser_format_real(100 * p->o.score.level, (char[32]){0}), over, k > 0 ? 1 / k : NAN);
		h_put(b, "<p>%d utterance%s, ", (long long)report_num(a, "n"), ser_s(report_num(a, "n")));
		if (report_num(a, "speakers") > 0)
			h_put(b, "%d speaker%s, ", (long long)report_num(a, "speakers"),
			      ser_s(report_num(a, "speakers")));
		h_put(b, "%d class%s", (long long)k, ser_plural(k, "", "es"));
		if (report_num(a, "folds") > 1)
			h_put(b, ", %d fold%s", (long long)report_num(a, "folds"), ser_s(report_num(a, "folds")));
		h_put(b, "</p>\n");
		leak(b, r);
		h_put(b, "</article>\n");
	}
	h_put(b, "</div>\n");
}

/* ---- scores ---- */

/* The accuracy of guessing each true class as often as it occurs, sum_k (n_k / n)^2, and how many classes there are, *k. NaN where two
 * systems were scored against other truths. */
static double guessed(const struct ser_page *p, size_t *k)
{
	double hit = NAN;
	for (size_t i = 0; i < p->n_system; i++) {
		const struct system *s = &p->system[i];
		size_t n_class = ser_map_len(s->class), n_there = 0;
		double *n = ser_calloc(n_class + 1, sizeof *n), sum = 0;
		for (size_t j = 0; j < s->n; j++)
			n[s->guess[j].truth]++;
		for (size_t c = 0; c < n_class; c++) {
			sum += n[c] * n[c];
			n_there += n[c] > 0;
		}
		free(n);
		sum /= (double)s->n * (double)s->n;
		if (i > 0 && (sum != hit || n_there != *k))
			return NAN;
		hit = sum;
		*k = n_there;
	}
	return hit;
}

void section_scores(struct ser_buf *b, struct ser_page *p)
{
	static const char *const score[] = {"uar", "war", "macro_f1", "kappa", "mcc"};
	enum { N = sizeof score / sizeof *score };
	size_t n_class = 0;
	double chance = guessed(p, &n_class);
	if (p->n_system == 0)
		return;
	h_table(b, "Scores over all folds",
		"system|#UAR|#from|#to|#accuracy (WAR)|#macro F1|#Cohen\xe2\x80\x99s \xce\xba|#MCC", true);
	for (size_t i = 0; i < p->n_system; i++) {
		const struct ser_val *r = &p->system[i].report;
		h_put(b, "<tr><th scope=\"row\">%s</th>", p->system[i].name);
		for (int k = 0; k < N; k++) {
			const struct ser_val *row = pooled(r, score[k]);
			double lo, hi;
			h_put(b, "<td class=\"num\">%f</td>", report_num(row, "value"));
			interval(row, &lo, &hi);
			if (k == 0)
				h_put(b, "<td class=\"num\">%f</td><td class=\"num\">%f</td>", lo, hi);
		}
		h_put(b, "</tr>\n");
	}
	if (isfinite(chance)) {
		const double each = 1 / (double)n_class, by[] = {each, NAN, NAN, chance, each, 0, 0};
		h_put(b, "<tr><th scope=\"row\">chance: each class as often as it occurs</th>");
		for (size_t i = 0; i < sizeof by / sizeof *by; i++)
			h_put(b, "<td class=\"num\">%f</td>", by[i]);
		h_put(b, "</tr>\n");
	}
	h_table_end(b);
	if (p->n_system > 1 && p->n_system <= 40) {
		struct ser_figure_text *t = ser_calloc(p->n_system, sizeof *t);
		struct ser_bars *bars = ser_bars_new(&(struct ser_bars_opt){.table = "scores"});
		struct ser_buf svg = {0};
		struct ser_err e;
		int rc = SER_OK;
		for (size_t i = 0; i < p->n_system && rc == SER_OK; i++) {
			t[i] = (struct ser_figure_text){.shown = p->system[i].name,
							.name = p->system[i].name,
							.s = p->system[i].json.s,
							.n = p->system[i].json.n};
			rc = ser_bars_add(bars, &t[i], &e);
		}
		if (rc == SER_OK)
			rc = ser_bars_draw(bars, &(struct ser_plot_opt){.title = ""}, &svg, &e);
		chart(b, rc, &e, &svg, "UAR of each system as bars, with intervals", NULL);
		ser_bars_free(bars);
		free(t);
	}
}

/* ---- confusion ---- */

/* counts [k,k]: rows the truth */
static double *count(const struct system *s, double **row, double **col)
{
	size_t k = ser_map_len(s->class);
	double *n = ser_calloc(ser_mul(k, k), sizeof *n);
	*row = ser_calloc(k, sizeof **row);
	*col = ser_calloc(k, sizeof **col);
	for (size_t i = 0; i < s->n; i++) {
		n[s->guess[i].truth * k + s->guess[i].pred]++;
		(*row)[s->guess[i].truth]++;
		(*col)[s->guess[i].pred]++;
	}
	return n;
}

static void share(struct ser_buf *b, const char *class, double part, double of)
{
	h_put(b, "<span class=\"%r\">", class);
	if (of > 0)
		h_put(b, "%p", part / of);
	else
		h_put(b, "\xe2\x80\x93");
	h_put(b, "</span>");
}

void section_confusion(struct ser_buf *b, struct ser_page *p)
{
	static const char *const way[3][2] = {
		{"r", "% of the truth (recall)"}, {"c", "% of the prediction (precision)"}, {"n", "counts"}};
	for (size_t i = 0; i < p->n_system; i++) {
		const struct system *s = &p->system[i];
		size_t k = ser_map_len(s->class);
		double *row, *col, *n = count(s, &row, &col);
		system_head(b, p, s);
		h_put(b, "<div class=\"confusion\" role=\"group\" aria-label=\"Confusion matrix of %s\">\n", s->name);
		for (int w = 0; w < 3; w++)
			h_put(b,
			      "<input type=\"radio\" class=\"by-%r\" name=\"by%d\" id=\"by-%r%d\"%r><label "
			      "for=\"by-%r%d\">%r</label>\n",
			      way[w][0], (long long)i, way[w][0], (long long)i, w == 0 ? " checked" : "", way[w][0],
			      (long long)i, way[w][1]);
		h_put(b, "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Confusion matrix, "
			 "scrolls\"><table class=\"matrix\">"
			 "<caption>Rows: the true class. Columns: the predicted class.</caption>"
			 "<thead><tr><td></td>");
		for (size_t c = 0; c < k; c++)
			h_put(b, "<th scope=\"col\">%s</th>", key(s->class, c));
		h_put(b, "<th scope=\"col\" class=\"sum\">all</th></tr></thead><tbody>\n");
		for (size_t r = 0; r < k; r++) {
			h_put(b, "<tr><th scope=\"row\">%s</th>", key(s->class, r));
			for (size_t c = 0; c < k; c++) {
				double v = n[r * k + c], of_row = row[r] > 0 ? v / row[r] : 0,
				       of_col = col[c] > 0 ? v / col[c] : 0;
				ser_buf_printf(b,
					       "<td class=\"%s%s%s\" style=\"--r:%.3f;--c:%.3f\"><span "
					       "class=\"n\">%.0f</span>",
					       r == c ? "hit" : "miss", of_row > 0.55 ? " dark-r" : "",
					       of_col > 0.55 ? " dark-c" : "", of_row, of_col, v);
				share(b, "r", v, row[r]);
				share(b, "c", v, col[c]);
				h_put(b, "</td>");
			}
			ser_buf_printf(b, "<td class=\"sum\">%.0f</td></tr>\n", row[r]);
		}
		h_put(b, "<tr><th scope=\"row\" class=\"sum\">all</th>");
		for (size_t c = 0; c < k; c++)
			ser_buf_printf(b, "<td class=\"sum\">%.0f</td>", col[c]);
		ser_buf_printf(b, "<td class=\"sum\">%zu</td></tr>\n</tbody></table></div></div>\n", s->n);
		free(n);
		free(row);
		free(col);
	}
}

/* ---- classes ---- */

void section_classes(struct ser_buf *b, struct ser_page *p)
{
	for (size_t i = 0; i < p->n_system; i++) {
		const struct system *s = &p->system[i];
		const struct ser_val *t = ser_val_get(&s->report, "classes");
		system_head(b, p, s);
		h_table(b, "Each class, over all folds",
			"class|#utterances|#recall|#from|#to|!recall, with interval|#precision|#F1", true);
		for (size_t k = 0; t != NULL && t->kind == SER_LIST && k < t->u.list.n; k++) {
			const struct ser_val *row = &t->u.list.v[k];
			double lo, hi;
			interval(row, &lo, &hi);
			h_put(b,
			      "<tr><th scope=\"row\">%s</th><td class=\"num\">%d</td><td class=\"num\">%f</td><td "
			      "class=\"num\">%f</td>"
			      "<td class=\"num\">%f</td><td>",
			      report_str(row, "class"), (long long)report_num(row, "n"), report_num(row, "recall"), lo,
			      hi);
			h_bar(b, report_num(row, "recall"), lo, hi, 1 / (double)t->u.list.n);
			h_put(b, "</td><td class=\"num\">%f</td><td class=\"num\">%f</td></tr>\n",
			      report_num(row, "precision"), report_num(row, "f1"));
		}
		h_table_end(b);
	}
}

/* ---- speakers ---- */

struct voice {
	size_t spk, n, right;
	double uar;
};

static int by_uar(const void *x, const void *y)
{
	const struct voice *a = x, *b = y;
	return a->uar != b->uar ? (a->uar > b->uar ? 1 : -1) : a->spk > b->spk ? 1 : -1;
}

static void speakers_of(struct ser_buf *b, const struct ser_page *p, const struct system *s)
{
	size_t n_spk = ser_map_len(s->spk), k = ser_map_len(s->class);
	struct voice *v = ser_calloc(n_spk, sizeof *v);
	double *n = ser_calloc(ser_mul(n_spk, k), sizeof *n), *hit = ser_calloc(ser_mul(n_spk, k), sizeof *hit);
	for (size_t i = 0; i < s->n; i++) {
		const struct guess *g = &s->guess[i];
		if (g->spk == SIZE_MAX)
			continue;
		n[g->spk * k + g->truth]++;
		hit[g->spk * k + g->truth] += g->truth == g->pred;
		v[g->spk].n++;
		v[g->spk].right += g->truth == g->pred;
	}
	for (size_t i = 0; i < n_spk; i++) {
		size_t there = 0;
		v[i].spk = i;
		for (size_t c = 0; c < k; c++)
			if (n[i * k + c] > 0) {
				v[i].uar += hit[i * k + c] / n[i * k + c];
				there++;
			}
		v[i].uar = there > 0 ? v[i].uar / (double)there : 0;
	}
	qsort(v, n_spk, sizeof *v, by_uar);
	system_head(b, p, s);
	h_table(b, "Each speaker, the hardest first; UAR is over the classes that the speaker has",
		"speaker|#utterances|#UAR|!UAR, 0 to 1|#accuracy", true);
	for (size_t i = 0; i < n_spk; i++) {
		h_put(b, "<tr><th scope=\"row\">%s</th><td class=\"num\">%d</td><td class=\"num\">%f</td><td>",
		      key(s->spk, v[i].spk), (long long)v[i].n, v[i].uar);
		h_bar(b, v[i].uar, NAN, NAN, 1 / (double)k);
		h_put(b, "</td><td class=\"num\">%f</td></tr>\n", (double)v[i].right / (double)v[i].n);
	}
	h_table_end(b);
	free(v);
	free(n);
	free(hit);
}

void section_speakers(struct ser_buf *b, struct ser_page *p)
{
	for (size_t i = 0; i < p->n_system; i++)
		if (ser_map_len(p->system[i].spk) > 1)
			speakers_of(b, p, &p->system[i]);
}

/* ---- calibration ---- */

void section_calibration(struct ser_buf *b, struct ser_page *p)
{
	enum { BINS = 10 };
	size_t n_drawn = 0;
	for (size_t i = 0; i < p->n_system; i++) {
		const struct system *s = &p->system[i];
		double *sure = ser_malloc(s->n, sizeof *sure), mean[BINS], right[BINS], n_of[BINS];
		bool *hit = ser_malloc(s->n, sizeof *hit);
		size_t n = 0;
		for (size_t k = 0; k < s->n; k++)
			if (isfinite(s->guess[k].sure)) {
				hit[n] = s->guess[k].truth == s->guess[k].pred;
				sure[n++] = s->guess[k].sure;
			}
		if (n > 0) {
			struct ser_buf svg = {0}, cap = {0};
			struct ser_err e;
			double ece = ser_calibration(sure, hit, NULL, n, BINS, mean, right, n_of);
			struct ser_plot_reliability d = {BINS, mean, right, n_of};
			ser_buf_printf(
				&cap,
				"How often predictions were right, by their posterior. Orange: less often than it "
				"said; light blue: more often. Expected calibration error (%d bins): %.4f.",
				BINS, ece);
			h_put(b, n_drawn++ == 0 ? "<div class=\"pair\"><div>\n" : "<div>\n");
			system_head(b, p, s);
			int rc = ser_plot_reliability(&(struct ser_plot_opt){.title = ""}, &d, &svg, &e);
			chart(b, rc, &e, &svg, "Reliability diagram", cap.s);
			h_put(b, "</div>\n");
			ser_buf_free(&cap);
		}
		free(sure);
		free(hit);
	}
	if (n_drawn > 0)
		h_put(b, "</div>\n");
}

/* ---- errors ---- */

static int by_sure(const void *x, const void *y)
{
	const struct guess *a = x, *b = y;
	double u = isfinite(a->sure) ? a->sure : 0, v = isfinite(b->sure) ? b->sure : 0;
	return u != v ? (u < v ? 1 : -1) : a->item > b->item ? 1 : a->item < b->item ? -1 : 0;
}

static void errors_of(struct ser_buf *b, struct ser_page *p, const struct system *s)
{
	size_t n = 0;
	struct guess *wrong = ser_malloc(s->n, sizeof *wrong);
	for (size_t i = 0; i < s->n; i++)
		if (s->guess[i].truth != s->guess[i].pred)
			wrong[n++] = s->guess[i];
	qsort(wrong, n, sizeof *wrong, by_sure);
	system_head(b, p, s);
	h_put(b, "<p>%d of %d predictions are wrong%r</p>\n", (long long)n, (long long)s->n,
	      n > p->o.n_error ? "; these are the surest of them." : ".");
	n = n < p->o.n_error ? n : p->o.n_error;
	if (n > 0) {
		h_table(b, "Wrong predictions, the surest first", "utterance|speaker|true|predicted|#posterior", true);
		for (size_t i = 0; i < n; i++)
			h_put(b,
			      "<tr><th scope=\"row\">%s</th><td>%s</td><td>%s</td><td>%s</td><td "
			      "class=\"num\">%f</td></tr>\n",
			      key(p->item_id, wrong[i].item), key(s->spk, wrong[i].spk), key(s->class, wrong[i].truth),
			      key(s->class, wrong[i].pred), wrong[i].sure);
		h_table_end(b);
	}
	size_t shown = 0;
	const char *h = p->n_system > 1 ? "h4" : "h3"; /* below the system's heading, where there is one */
	for (size_t i = 0; i < n && shown < p->o.n_sound; i++) {
		struct item *it = &p->item[wrong[i].item];
		if (it->path == NULL || it->heard)
			continue;
		it->heard = true;
		h_put(b, "<div class=\"sound\"><%r>%s</%r><p>%s, predicted as %s</p>", h,
		      key(p->item_id, wrong[i].item), h, key(s->class, wrong[i].truth), key(s->class, wrong[i].pred));
		page_sound(b, p, key(p->item_id, wrong[i].item), it);
		h_put(b, "</div>\n");
		shown++;
	}
	free(wrong);
}

void section_errors(struct ser_buf *b, struct ser_page *p)
{
	for (size_t i = 0; i < p->n_system && p->o.n_error > 0; i++)
		errors_of(b, p, &p->system[i]);
}

/* ---- training ---- */

void section_training(struct ser_buf *b, struct ser_page *p)
{
	const size_t most = SER_PLOT_MAX_SERIES;
	char *copy = NULL;
	for (size_t from = 0; from < p->n_log; from += most) {
		struct ser_logs *l = ser_logs_new();
		struct ser_buf svg = {0};
		struct ser_err e;
		int rc = SER_OK;
		for (size_t i = from; i < p->n_log && i < from + most && rc == SER_OK; i++)
			rc = ser_logs_add(l, &p->log[i].t, &e);
		if (rc == SER_OK)
			rc = ser_logs_draw(l, &(struct ser_logs_opt){.x = "epoch"}, &(struct ser_plot_opt){.title = ""},
					   &svg, &e);
		chart(b, rc, &e, &svg, "Training curves by epoch", NULL);
		ser_logs_free(l);
	}
	free(copy);
}

/* ---- maps ---- */

static void map_of(struct ser_buf *b, const struct map *m, struct ser_points *pts, const char *by)
{
	struct ser_buf svg = {0}, what = {0};
	struct ser_err e;
	size_t unnamed, place;
	if (pts == NULL)
		return;
	ser_buf_printf(&what, "Map of the utterances of %s, by %s", m->name, by);
	int rc = ser_points_draw(pts, &m->header, &(struct ser_plot_opt){.title = ""}, &svg, &unnamed, &place, &e);
	h_put(b, "<h3>%s, by %s</h3>\n", m->name, by);
	chart(b, rc, &e, &svg, what.s, "Each point is an utterance; pointing at it names it.");
	ser_buf_free(&what);
}

void section_maps(struct ser_buf *b, struct ser_page *p)
{
	for (size_t i = 0; i < p->n_map; i++) {
		map_of(b, &p->map[i], p->map[i].by_label, p->label_name != NULL ? p->label_name : "label");
		map_of(b, &p->map[i], p->map[i].by_spk, "speaker");
		map_of(b, &p->map[i], p->map[i].by_cluster, "cluster");
	}
}

/* ---- corpus ---- */

void section_corpus(struct ser_buf *b, struct ser_page *p)
{
	size_t n = ser_map_len(p->item_id), n_spk = ser_map_len(p->spk), k = ser_map_len(p->label);
	double all = 0, *dur = ser_calloc(k + 1, sizeof *dur);
	size_t *cell = ser_calloc(ser_mul(n_spk + 1, k + 1), sizeof *cell), known = 0; /* the last of each: not said */
	if (n == 0) {
		free(dur);
		free(cell);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct item *it = &p->item[i];
		size_t s = it->spk == SIZE_MAX ? n_spk : it->spk, l = it->label == SIZE_MAX ? k : it->label;
		cell[s * (k + 1) + l]++;
		if (it->dur_s > 0) {
			dur[l] += it->dur_s;
			all += it->dur_s;
			known++;
		}
	}
	h_put(b, "<p>%d utterance%s of %d speaker%s, %d label%s", (long long)n, ser_s(n), (long long)n_spk,
	      ser_s(n_spk), (long long)k, ser_s(k));
	if (known > 0) {
		struct ser_buf t = {0};
		clock_text(&t, all);
		h_put(b, "; %s of speech", t.s);
		if (known < n)
			h_put(b, " in the %d whose length is known", (long long)known);
		ser_buf_free(&t);
	}
	h_put(b, ".</p>\n");
	if (k > 0) {
		struct ser_buf columns = {0};
		h_table(b, "Utterances by label",
			known > 0 ? "label|#utterances|#share, %|!share|#speakers|#seconds"
				  : "label|#utterances|#share, %|!share|#speakers",
			true);
		for (size_t l = 0; l <= k; l++) {
			size_t sum = 0, who = 0;
			for (size_t s = 0; s <= n_spk; s++) {
				sum += cell[s * (k + 1) + l];
				who += s < n_spk && cell[s * (k + 1) + l] > 0;
			}
			if (sum == 0)
				continue;
			h_put(b, "<tr><th scope=\"row\">%s</th><td class=\"num\">%d</td><td class=\"num\">%p</td><td>",
			      l < k ? key(p->label, l) : "(none)", (long long)sum, (double)sum / (double)n);
			h_bar(b, (double)sum / (double)n, NAN, NAN, NAN);
			h_put(b, "</td><td class=\"num\">%d</td>", (long long)who);
			if (known > 0)
				ser_buf_printf(b, "<td class=\"num\">%.1f</td>", dur[l]);
			h_put(b, "</tr>\n");
		}
		h_table_end(b);
		if (n_spk > 0 && k <= 40) {
			ser_buf_str(&columns, "speaker|#all");
			for (size_t l = 0; l < k; l++) {
				ser_buf_str(&columns, "|#");
				for (const char *s = key(p->label, l); *s != '\0'; s++)
					ser_buf_add(&columns, *s == '|' ? "/" : s, 1);
			}
			h_put(b, "<details><summary>Each speaker\xe2\x80\x99s utterances by label</summary>\n");
			h_table(b, "Utterances by speaker and label", columns.s, true);
			for (size_t s = 0; s < n_spk; s++) {
				size_t sum = 0;
				for (size_t l = 0; l <= k; l++)
					sum += cell[s * (k + 1) + l];
				h_put(b, "<tr><th scope=\"row\">%s</th><td class=\"num\">%d</td>", key(p->spk, s),
				      (long long)sum);
				for (size_t l = 0; l < k; l++)
					h_put(b, "<td class=\"num\">%d</td>", (long long)cell[s * (k + 1) + l]);
				h_put(b, "</tr>\n");
			}
			h_table_end(b);
			h_put(b, "</details>\n");
			ser_buf_free(&columns);
		}
	}
	free(dur);
	free(cell);
}

/* ---- protocol ---- */

void section_protocol(struct ser_buf *b, struct ser_page *p)
{
	for (size_t i = 0; i < p->n_system; i++) {
		const struct system *s = &p->system[i];
		const struct ser_val *a = about(&s->report), *folds = ser_val_get(&s->report, "folds");
		system_head(b, p, s);
		leak(b, &s->report);
		h_put(b, "<p>Intervals: %r %%, %r bootstrap, %d replicates, seed %d. Folds are the %r.</p>\n",
		      ser_format_real(100 * p->o.score.level, (char[32]){0}), p->o.score.bca ? "BCa" : "percentile",
		      (long long)p->o.score.n_boot, (long long)p->o.score.seed,
		      strcmp(report_str(a, "folds_are"), "files") == 0 ? "files" : "values of a label");
		if (folds != NULL && folds->kind == SER_LIST) {
			h_table(b, "Each fold", "fold|#utterances|#speakers|#UAR|#accuracy (WAR)|#macro F1", true);
			for (size_t k = 0; k < folds->u.list.n; k++) {
				const struct ser_val *row = &folds->u.list.v[k];
				h_put(b,
				      "<tr><th scope=\"row\">%s</th><td class=\"num\">%d</td><td "
				      "class=\"num\">%d</td><td class=\"num\">%f</td>"
				      "<td class=\"num\">%f</td><td class=\"num\">%f</td></tr>\n",
				      report_str(row, "fold"), (long long)report_num(row, "n"),
				      (long long)report_num(row, "speakers"), report_num(row, "uar"),
				      report_num(row, "war"), report_num(row, "macro_f1"));
			}
			h_table_end(b);
		}
		h_table(b, "Who was trained on, by file", "file|#speakers trained on", true);
		for (size_t k = 0; k < ser_map_len(s->file); k++)
			if (s->train[k].known)
				h_put(b, "<tr><th scope=\"row\">%s</th><td class=\"num\">%d</td></tr>\n",
				      key(s->file, k), (long long)s->train[k].n_train);
			else
				h_put(b, "<tr><th scope=\"row\">%s</th><td class=\"num\">not said</td></tr>\n",
				      key(s->file, k));
		h_table_end(b);
	}
}

/* ---- reports that were given ---- */

static void cell(struct ser_buf *b, const struct ser_val *v)
{
	struct ser_buf t = {0};
	if (v != NULL && v->kind == SER_REAL)
		h_put(b, "<td class=\"num\">%f</td>", v->u.f);
	else if (v != NULL && v->kind == SER_INT)
		h_put(b, "<td class=\"num\">%d</td>", (long long)v->u.i);
	else {
		ser_buf_str(&t, "");
		if (v != NULL && v->kind != SER_LIST && v->kind != SER_MAP && v->kind != SER_TENSOR)
			ser_val_text(&t, v);
		h_put(b, "<td>%s</td>", t.s);
	}
	ser_buf_free(&t);
}

static void table_of(struct ser_buf *b, const char *name, const struct ser_val *list)
{
	const struct ser_val *first = list->kind == SER_LIST && list->u.list.n > 0 ? &list->u.list.v[0] : NULL;
	struct ser_buf columns = {0};
	if (first == NULL || first->kind != SER_MAP || first->u.map.n == 0)
		return;
	for (size_t c = 0; c < first->u.map.n; c++) {
		enum ser_kind k = first->u.map.f[c].val.kind;
		ser_buf_printf(&columns, "%s%s", c > 0 ? "|" : "", k == SER_REAL || k == SER_INT ? "#" : "");
		for (const char *s = first->u.map.f[c].name; *s != '\0'; s++)
			ser_buf_add(&columns, *s == '|' ? "/" : s, 1);
	}
	h_table(b, name, columns.s, true);
	for (size_t i = 0; i < list->u.list.n; i++) {
		h_put(b, "<tr>");
		for (size_t c = 0; c < first->u.map.n; c++)
			cell(b, ser_val_get(&list->u.list.v[i], first->u.map.f[c].name));
		h_put(b, "</tr>\n");
	}
	h_table_end(b);
	ser_buf_free(&columns);
}

void section_reports(struct ser_buf *b, struct ser_page *p)
{
	for (size_t i = 0; i < p->n_report; i++) {
		const struct ser_val *r = &p->report[i].json, *a = about(r);
		h_put(b, "<h3>%s</h3>\n", p->report[i].t.name);
		for (size_t k = 0; k < r->u.map.n; k++)
			if (&r->u.map.f[k].val != a)
				table_of(b, r->u.map.f[k].name, &r->u.map.f[k].val);
		if (a->kind == SER_MAP && a->u.map.n > 0) {
			h_put(b, "<details><summary>What the report says of itself</summary>\n");
			h_table(b, "Facts", "!fact|!value", false);
			for (size_t k = 0; k < a->u.map.n; k++) {
				h_put(b, "<tr><th scope=\"row\">%s</th>", a->u.map.f[k].name);
				cell(b, &a->u.map.f[k].val);
				h_put(b, "</tr>\n");
			}
			h_table_end(b);
			h_put(b, "</details>\n");
		}
	}
}

/* ---- provenance ---- */

/* Tools, oldest first, with the seeds among their options. */
static void chain(struct ser_buf *b, const struct ser_val *prov)
{
	for (size_t i = 0; prov->kind == SER_LIST && i < prov->u.list.n; i++) {
		const struct ser_val *entry = &prov->u.list.v[i], *args = ser_val_get(entry, "args");
		h_put(b, "%r<code>%s</code>", i > 0 ? " \xe2\x86\x92 " : "", report_str(entry, "tool"));
		for (size_t k = 0; args != NULL && args->kind == SER_LIST && k < args->u.list.n; k++)
			if (args->u.list.v[k].kind == SER_STR && strncmp(args->u.list.v[k].u.str.s, "--seed=", 7) == 0)
				h_put(b, " (seed %s)", args->u.list.v[k].u.str.s + 7);
	}
}

void section_provenance(struct ser_buf *b, struct ser_page *p)
{
	h_table(b, "What this page is made of", "file|what it is|#records|!made by", true);
	for (size_t i = 0; i < p->n_input; i++) {
		const struct input *in = &p->input[i];
		h_put(b, "<tr><th scope=\"row\">%s</th><td>%r</td><td class=\"num\">", in->file, in->what);
		if (in->n_record > 0)
			h_put(b, "%d", (long long)in->n_record);
		h_put(b, "</td><td>");
		chain(b, &in->prov);
		h_put(b, "</td></tr>\n");
	}
	h_table_end(b);
	for (size_t i = 0; i < p->n_input; i++) {
		const struct input *in = &p->input[i];
		struct ser_buf script = {0};
		struct ser_err e;
		bool seen = false;
		for (size_t k = 0; k < i && !seen; k++)
			seen = ser_val_equal(&p->input[k].prov, &in->prov);
		if (seen || in->prov.kind != SER_LIST || in->prov.u.list.n == 0)
			continue;
		h_put(b, "<details><summary>Commands that make <code>%s</code> again</summary>\n", in->file);
		if (ser_replay(&in->prov, in->n_segment, &script, &e) == SER_OK)
			h_put(b, "<pre tabindex=\"0\"><code>%s</code></pre></details>\n", script.s);
		else
			h_put(b, "<p class=\"note\">Its provenance can\xe2\x80\x99t be run again: %s.</p></details>\n",
			      e.msg);
		ser_buf_free(&script);
	}
}
