/* SPDX-License-Identifier: MIT */
/* Records found by texts, and texts by records: two embeddings in one space (Radford et al. 2021). */
#include "score/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int ser_score_add_pair(struct ser_score_set *s, struct ser_record *r, struct ser_err *e)
{
	const char *label;
	const float *x;
	size_t d;
	double sq = 0;
	if (ser_score_add_voice(s, r, e) != SER_OK || ser_record_str(r, s->o->label, &label, e) != SER_OK ||
	    ser_record_f4(r, s->o->text, 1, &x, &d, e) != SER_OK)
		return e->code;
	if (d != s->d)
		return ser_record_fail(r, e, SER_EDATA, "\"%s\" has %zu dimensions, \"%s\" has %zu", s->o->text, d,
				       s->o->field, s->d);
	for (size_t t = 0; t < d; t++)
		sq += (double)x[t] * x[t];
	if (!(sq > 0) || !isfinite(sq))
		return ser_record_fail(r, e, SER_EDATA, "\"%s\" has no direction: its length is 0 or not finite",
				       s->o->text);
	s->text = ser_grow(s->text, &s->cap[3], ser_mul(s->n + 1, d), sizeof *s->text);
	s->truth = ser_grow(s->truth, &s->cap[2], s->n + 1, sizeof *s->truth);
	for (size_t t = 0; t < d; t++)
		s->text[s->n * d + t] = x[t] / sqrt(sq);
	s->truth[s->n] = (int)ser_score_put(s->name, label);
	return SER_OK;
}

enum { R1, R5, R10, MRR, TAU, N_STAT };
static const char *const stats[N_STAT] = {"recall@1", "recall@5", "recall@10", "mrr", "ordinal_tau"};

struct work {
	const struct ser_score_set *s;
	size_t n_text, *text; /* distinct texts: a record of each */
	double *stat;         /* [n, N_STAT] of each record; TAU is NaN where its label has no place in the order */
	bool by_spk;
};

static double cosine(const double *a, const double *b, size_t d)
{
	double s = 0;
	for (size_t t = 0; t < d; t++)
		s += a[t] * b[t];
	return s;
}

/* The first place of a thing of the label among n of scores c and labels; equal scores of other labels stand before it. */
static size_t first_place(const double *c, const int *label, size_t n, int mine)
{
	double best = -HUGE_VAL;
	size_t place = 1;
	for (size_t j = 0; j < n; j++)
		best = label[j] == mine && c[j] > best ? c[j] : best;
	for (size_t j = 0; j < n; j++)
		place += label[j] != mine && c[j] >= best;
	return place;
}

static void by_place(double *out, size_t place)
{
	out[R1] = place <= 1;
	out[R5] = place <= 5;
	out[R10] = place <= 10;
	out[MRR] = 1 / (double)place;
}

/* Kendall's tau-b of x and y [n]; NaN when one of them is constant. */
static double kendall(const double *x, const double *y, size_t n)
{
	double s = 0, nx = 0, ny = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++) {
			int a = (x[i] > x[j]) - (x[i] < x[j]), b = (y[i] > y[j]) - (y[i] < y[j]);
			s += a * b;
			nx += a != 0;
			ny += b != 0;
		}
	return nx > 0 && ny > 0 ? s / sqrt(nx * ny) : (double)NAN;
}

/* Place of a class in the order, or -1. */
static int in_order(const struct ser_score_set *s, int class)
{
	for (size_t k = 0; k < s->o->order.n; k++)
		if (strcmp(ser_map_key(s->name, (size_t) class, NULL), s->o->order.s[k]) == 0)
			return (int)k;
	return -1;
}

static void find_texts(struct work *w)
{
	const struct ser_score_set *s = w->s;
	struct ser_map *seen = ser_map_new();
	char *key = ser_malloc(sizeof(int) + s->d * sizeof(double), 1);
	w->text = ser_malloc(s->n, sizeof *w->text);
	for (size_t i = 0; i < s->n; i++) {
		bool new;
		memcpy(key, &s->truth[i], sizeof(int));
		memcpy(key + sizeof(int), s->text + i * s->d, s->d * sizeof(double));
		ser_map_add(seen, key, sizeof(int) + s->d * sizeof(double), &new);
		if (new)
			w->text[w->n_text++] = i;
	}
	free(key);
	ser_map_free(seen);
}

/* Of each record, all distinct texts before it. */
static void texts_of_records(struct work *w)
{
	const struct ser_score_set *s = w->s;
	size_t k = w->n_text, n;
	double *c = ser_malloc(3 * k, sizeof *c), *x = c + k, *y = x + k;
	int *label = ser_malloc(k, sizeof *label);
	for (size_t j = 0; j < k; j++)
		label[j] = s->truth[w->text[j]];
	for (size_t i = 0; i < s->n; i++) {
		double *out = w->stat + i * N_STAT;
		int mine = in_order(s, s->truth[i]);
		n = 0;
		for (size_t j = 0; j < k; j++)
			c[j] = cosine(s->unit + i * s->d, s->text + w->text[j] * s->d, s->d);
		by_place(out, first_place(c, label, k, s->truth[i]));
		for (size_t j = 0; j < k && mine >= 0; j++) {
			int other = in_order(s, label[j]);
			if (other < 0)
				continue;
			x[n] = c[j];
			y[n++] = -abs(other - mine);
		}
		out[TAU] = kendall(x, y, n);
	}
	free(c);
	free(label);
}

/* Of each distinct text, all records before it: means [4]. */
static void records_of_texts(const struct work *w, double mean[4])
{
	const struct ser_score_set *s = w->s;
	double *c = ser_malloc(s->n, sizeof *c), one[4];
	memset(mean, 0, 4 * sizeof *mean);
	for (size_t j = 0; j < w->n_text; j++) {
		for (size_t i = 0; i < s->n; i++)
			c[i] = cosine(s->text + w->text[j] * s->d, s->unit + i * s->d, s->d);
		by_place(one, first_place(c, s->truth, s->n, s->truth[w->text[j]]));
		for (int q = 0; q < 4; q++)
			mean[q] += one[q];
	}
	for (int q = 0; q < 4; q++)
		mean[q] /= (double)w->n_text;
	free(c);
}

/* The distance of the two means (Liang et al. 2022). */
static double gap(const struct ser_score_set *s)
{
	double sum = 0;
	for (size_t t = 0; t < s->d; t++) {
		double m = 0;
		for (size_t i = 0; i < s->n; i++)
			m += s->unit[i * s->d + t] - s->text[i * s->d + t];
		sum += m / (double)s->n * (m / (double)s->n);
	}
	return sqrt(sum);
}

static void draw(void *ctx, const uint32_t *count, double *out, int worker)
{
	const struct work *w = ctx;
	double n[N_STAT] = {0};
	(void)worker;
	memset(out, 0, N_STAT * sizeof *out);
	for (size_t i = 0; i < w->s->n; i++) {
		double c = count[w->by_spk ? w->s->spk_of[i] : i];
		for (int q = 0; q < N_STAT; q++)
			if (!isnan(w->stat[i * N_STAT + (size_t)q])) {
				out[q] += c * w->stat[i * N_STAT + (size_t)q];
				n[q] += c;
			}
	}
	for (int q = 0; q < N_STAT; q++)
		out[q] = n[q] > 0 ? out[q] / n[q] : (double)NAN;
}

static void row(struct ser_report *rep, const struct ser_score_opt *o, const char *way, const char *name, double value,
		const struct ser_ci *utt, const struct ser_ci *spk)
{
	ser_report_row(rep, (struct ser_val[]){ser_str(way), ser_str(name), ser_real(value),
					       ser_score_bound(o, utt != NULL ? utt->lo : 0, utt != NULL),
					       ser_score_bound(o, utt != NULL ? utt->hi : 0, utt != NULL),
					       ser_score_bound(o, spk != NULL ? spk->lo : 0, spk != NULL),
					       ser_score_bound(o, spk != NULL ? spk->hi : 0, spk != NULL)});
}

static struct ser_report *fill(const struct ser_score_opt *o, const struct work *w, struct ser_ci ci[2][N_STAT],
			       bool spk)
{
	struct ser_report *rep = ser_report_new();
	double back[4];
	records_of_texts(w, back);
	ser_report_about(rep, "label", ser_str(o->label));
	ser_report_about(rep, "records", ser_int((int64_t)w->s->n));
	ser_report_about(rep, "texts", ser_int((int64_t)w->n_text));
	ser_report_about(rep, "speakers", ser_score_n_speaker(w->s));
	ser_overlap_about(rep, &w->s->overlap, "");
	ser_score_about_draws(rep, o);
	ser_report_table(rep, "scores", "Retrieval; intervals over utterances and over speakers",
			 (const char *const[]){"of", "score", "value", "utt_lo", "utt_hi", "spk_lo", "spk_hi"}, 7, 2);
	for (int q = 0; q < (o->order.n > 0 ? N_STAT : TAU); q++)
		row(rep, o, "texts", stats[q], ci[0][q].value, &ci[0][q], spk ? &ci[1][q] : NULL);
	for (int q = 0; q < TAU; q++)
		row(rep, o, "records", stats[q], back[q], NULL, NULL);
	row(rep, o, "both", "modality_gap", gap(w->s), NULL, NULL);
	return rep;
}

struct ser_report *ser_score_report_retrieval(const struct ser_score_opt *o, const struct ser_score_set *s,
					      struct ser_err *e)
{
	struct work w = {.s = s};
	struct ser_ci ci[2][N_STAT];
	struct ser_boot_opt boot = ser_score_boot(o);
	struct ser_report *rep = NULL;
	bool spk = ser_score_has_speakers(s);
	int rc = SER_OK;
	ser_assert(s->kind == SER_SCORE_PAIRS);
	if (ser_map_len(s->name) < 2) {
		ser_fail(e, SER_EDATA, "all records have the same label: there is nothing to find");
		return NULL;
	}
	for (size_t i = 0; i < o->order.n; i++)
		if (ser_map_find(s->name, o->order.s[i], strlen(o->order.s[i])) < 0) {
			ser_fail(e, SER_EUSAGE, "--order: no record is labelled \"%s\"", o->order.s[i]);
			return NULL;
		}
	find_texts(&w);
	w.stat = ser_malloc(ser_mul(s->n, N_STAT), sizeof *w.stat);
	texts_of_records(&w);
	for (int u = 0; rc == SER_OK && u < (spk ? 2 : 1); u++) {
		w.by_spk = u == 1;
		rc = ser_boot(&boot, u == 1 ? ser_map_len(s->spk) : s->n, N_STAT, draw, &w, ci[u], NULL, e);
	}
	if (rc == SER_OK)
		rc = ser_overlap_check(&s->overlap, o->allow_shared, e);
	if (rc == SER_OK)
		rep = fill(o, &w, ci, spk);
	free(w.text);
	free(w.stat);
	return rep;
}
