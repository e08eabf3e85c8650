/* SPDX-License-Identifier: MIT */
#include "train/svm.h"

#include "ml/logistic.h"

#include <limits.h>
#include <linear.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The training records, as the solver wants them. */
struct rows {
	size_t n, d, n_class;
	size_t *item;  /* [n] */
	float *x;      /* [n, d] */
	int *y, *fold; /* [n] class; validation fold */
	const char **name;
};

/* Coefficients of standardised features and their standardisation. */
struct fit {
	double *w;          /* [n_class, d + 1]: weights and offset */
	double *mean, *std; /* [d]; std 0: constant in training, and left out */
};

static void rows_free(struct rows *r)
{
	free(r->item);
	free(r->x);
	free(r->y);
	free(r->fold);
	free(r->name);
}

static void fit_free(struct fit *f)
{
	free(f->w);
	free(f->mean);
	free(f->std);
}

/* ---- data ---- */

static int take_rows(struct rows *r, const struct ser_dataset *d, const struct ser_split *s, const char *label,
		     struct ser_err *e)
{
	const struct ser_label *l = ser_dataset_classes(d, label, e);
	*r = (struct rows){.d = d->field[0].dim};
	if (l == NULL)
		return e->code;
	int *class_of = ser_malloc(l->n_class + 1, sizeof *class_of);
	r->item = ser_malloc(d->n, sizeof *r->item);
	r->name = ser_calloc(l->n_class + 1, sizeof *r->name);
	for (size_t c = 0; c < l->n_class; c++)
		class_of[c] = -1;
	for (size_t i = 0; i < d->n; i++)
		if (s->role[i] == SER_ROLE_TRAIN && l->code[i] >= 0) {
			r->item[r->n++] = i;
			class_of[l->code[i]] = 0;
		}
	for (size_t c = 0; c < l->n_class; c++) /* classes stay sorted */
		if (class_of[c] == 0) {
			class_of[c] = (int)r->n_class;
			r->name[r->n_class++] = l->text[c];
		}
	r->x = ser_malloc(ser_mul(r->n, r->d), sizeof *r->x);
	r->y = ser_malloc(r->n, sizeof *r->y);
	r->fold = ser_calloc(r->n, sizeof *r->fold);
	int rc = 0;
	if (r->n_class < 2)
		rc = ser_fail(e, SER_EDATA,
			      "label \"%s\" has %zu class%s among the training records, expected at least 2", label,
			      r->n_class, ser_plural(r->n_class, "", "es"));
	for (size_t k = 0; rc == 0 && k < r->n; k++) {
		const struct ser_item *it = &d->item[r->item[k]];
		if (it->piece[0].n_frame != 1)
			rc = ser_fail(e, SER_EDATA,
				      "record \"%s\" has %zu frame%s, expected one vector: functionals or an embedding",
				      it->id, it->piece[0].n_frame, ser_s(it->piece[0].n_frame));
		else
			ser_dataset_read(d, 0, r->item[k], 0, 1, r->x + k * r->d);
		r->y[k] = class_of[l->code[r->item[k]]];
	}
	free(class_of);
	return rc;
}

struct draw {
	uint64_t h;
	size_t spk;
};

static int by_draw(const void *a, const void *b)
{
	const struct draw *x = a, *y = b;
	return x->h != y->h ? (x->h < y->h ? -1 : 1) : (x->spk > y->spk) - (x->spk < y->spk);
}

/* Whole speakers dealt to folds in an order drawn from the seed and their names; a record without a speaker is one of
 * its own. The number of folds, which is 0 when there is nothing to hold out. */
static size_t deal_speakers(struct rows *r, const struct ser_dataset *d, const struct ser_svm_opts *o)
{
	const struct ser_label *l = ser_dataset_label(d, o->spk);
	size_t *of = ser_malloc(r->n, sizeof *of), *fold = ser_calloc(l->n_class + r->n, sizeof *fold), n = 0;
	bool *met = ser_calloc(l->n_class + r->n, sizeof *met);
	struct draw *w = ser_malloc(r->n, sizeof *w);
	for (size_t k = 0; k < r->n; k++) {
		int32_t c = l->code[r->item[k]];
		const char *name = c >= 0 ? l->text[c] : d->item[r->item[k]].id;
		of[k] = c >= 0 ? (size_t)c : l->n_class + k;
		if (met[of[k]])
			continue;
		struct ser_rng rng;
		ser_rng_seed_key(&rng, o->seed ^ 0x73766d5fu, name, strlen(name));
		met[of[k]] = true;
		w[n++] = (struct draw){ser_rng_next(&rng), of[k]};
	}
	qsort(w, n, sizeof *w, by_draw);
	size_t n_fold = o->n_fold < n ? o->n_fold : n;
	n_fold = n_fold < 2 ? 0 : n_fold;
	for (size_t i = 0; i < n && n_fold > 0; i++)
		fold[w[i].spk] = i % n_fold;
	for (size_t k = 0; k < r->n; k++)
		r->fold[k] = (int)fold[of[k]];
	free(of);
	free(fold);
	free(met);
	free(w);
	return n_fold;
}

/* ---- the solver ---- */

static void silent(const char *text)
{
	(void)text;
}

static void standardise(struct fit *f, const struct rows *r, const size_t *row, size_t n, bool really)
{
	f->mean = ser_calloc(r->d, sizeof *f->mean);
	f->std = ser_calloc(r->d, sizeof *f->std);
	for (size_t j = 0; j < r->d; j++) {
		double sum = 0, sq = 0;
		for (size_t k = 0; k < n && really; k++)
			sum += r->x[row[k] * r->d + j];
		f->mean[j] = sum / (double)n;
		for (size_t k = 0; k < n && really; k++) {
			double c = r->x[row[k] * r->d + j] - f->mean[j];
			sq += c * c;
		}
		f->std[j] = really ? ser_spread(f->mean[j], sq / (double)n) : 1;
	}
}

static double scaled(const struct fit *f, size_t j, float x)
{
	return f->std[j] > 0 ? ((double)x - f->mean[j]) / f->std[j] : 0;
}

/* The rows that one fit is made to. */
struct part {
	size_t n, *row; /* which */
	size_t n_class; /* classes among them */
	int *class;     /* [n_class] which */
	double *weight; /* [n_class] what an error counts */
};

static void solve_hinge(struct fit *f, const struct rows *r, const struct part *p, double cost, double tol)
{
	size_t width = r->d + 2;
	struct feature_node *node = ser_malloc(ser_mul(p->n, width), sizeof *node), **x = ser_malloc(p->n, sizeof *x);
	double *y = ser_malloc(p->n, sizeof *y);
	for (size_t k = 0; k < p->n; k++) {
		const float *v = r->x + p->row[k] * r->d;
		struct feature_node *at = x[k] = node + k * width;
		for (size_t j = 0; j < r->d; j++)
			*at++ = (struct feature_node){(int)j + 1, scaled(f, j, v[j])};
		*at++ = (struct feature_node){(int)r->d + 1, 1};
		*at = (struct feature_node){-1, 0};
		y[k] = r->y[p->row[k]];
	}
	const struct problem prob = {.l = (int)p->n, .n = (int)r->d + 1, .y = y, .x = x, .bias = 1};
	const struct parameter par = {.solver_type = L2R_L2LOSS_SVC,
				      .eps = tol,
				      .C = cost,
				      .nr_weight = (int)p->n_class,
				      .weight_label = p->class,
				      .weight = p->weight};
	struct model *m = train(&prob, &par);
	for (int c = 0; c < m->nr_class; c++)
		for (size_t j = 0; j <= r->d; j++) /* of two classes liblinear keeps one machine */
			f->w[(size_t)m->label[c] * (r->d + 1) + j] = m->nr_class > 2
									     ? m->w[j * (size_t)m->nr_class + (size_t)c]
								     : c == 0 ? m->w[j]
									      : -m->w[j];
	free_and_destroy_model(&m);
	free(node);
	free(x);
	free(y);
}

static void solve_logistic(struct fit *f, const struct rows *r, const struct part *p, double cost, double tol)
{
	size_t d = r->d;
	double *x = ser_malloc(ser_mul(p->n, d), sizeof *x), *w = ser_malloc(ser_mul(p->n_class, d + 1), sizeof *w);
	int *y = ser_malloc(p->n, sizeof *y), *code = ser_malloc(r->n_class, sizeof *code);
	for (size_t c = 0; c < p->n_class; c++)
		code[p->class[c]] = (int)c;
	for (size_t k = 0; k < p->n; k++) {
		const float *v = r->x + p->row[k] * d;
		for (size_t j = 0; j < d; j++)
			x[k * d + j] = scaled(f, j, v[j]);
		y[k] = code[r->y[p->row[k]]];
	}
	ser_logistic_fit(x, y, p->n, d, p->n_class, p->weight, cost, tol, w);
	for (size_t c = 0; c < p->n_class; c++)
		memcpy(f->w + (size_t)p->class[c] * (d + 1), w + c * (d + 1), (d + 1) * sizeof *w);
	free(x);
	free(w);
	free(y);
	free(code);
}

/* Fit to all rows but those of the fold `without` (-1: to all). A class that they lack scores -infinity. */
static void solve(struct fit *f, const struct rows *r, int without, double cost, const struct ser_svm_opts *o)
{
	double *count = ser_calloc(r->n_class, sizeof *count);
	struct part p = {.row = ser_malloc(r->n, sizeof *p.row),
			 .class = ser_malloc(r->n_class, sizeof *p.class),
			 .weight = ser_malloc(r->n_class, sizeof *p.weight)};
	for (size_t k = 0; k < r->n; k++)
		if (r->fold[k] != without) {
			p.row[p.n++] = k;
			count[r->y[k]]++;
		}
	standardise(f, r, p.row, p.n, o->standardise);
	f->w = ser_calloc(ser_mul(r->n_class, r->d + 1), sizeof *f->w);
	for (size_t c = 0; c < r->n_class; c++) {
		f->w[c * (r->d + 1) + r->d] = count[c] > 0 ? 0 : -HUGE_VAL;
		if (count[c] > 0) {
			p.class[p.n_class] = (int)c;
			p.weight[p.n_class++] = o->class_weight ? (double)p.n / ((double)r->n_class * count[c]) : 1;
		}
	}
	if (p.n_class > 1)
		(o->loss == SER_SVM_LOGISTIC ? solve_logistic : solve_hinge)(f, r, &p, cost, o->tol);
	free(p.row);
	free(p.class);
	free(p.weight);
	free(count);
}

static int decide(const struct fit *f, const struct rows *r, size_t k)
{
	int best = 0;
	double top = -HUGE_VAL;
	for (size_t c = 0; c < r->n_class; c++) {
		const double *w = f->w + c * (r->d + 1);
		double v = w[r->d];
		for (size_t j = 0; j < r->d; j++)
			v += w[j] * scaled(f, j, r->x[k * r->d + j]);
		if (v > top) {
			top = v;
			best = (int)c;
		}
	}
	return best;
}

/* With the i-th of the costs. */
static double validate(const struct rows *r, size_t n_fold, size_t i, const struct ser_svm_opts *o)
{
	double *hit = ser_calloc(2 * r->n_class, sizeof *hit), *all = hit + r->n_class, uar = 0;
	for (size_t v = 0; v < n_fold; v++) {
		struct fit f;
		solve(&f, r, (int)v, o->cost[i], o);
		for (size_t k = 0; k < r->n; k++)
			if (r->fold[k] == (int)v) {
				all[r->y[k]]++;
				hit[r->y[k]] += decide(&f, r, k) == r->y[k];
			}
		fit_free(&f);
		if (o->step != NULL)
			o->step(o->ctx, i * n_fold + v + 1, o->n_cost * n_fold + 1);
	}
	for (size_t c = 0; c < r->n_class; c++)
		uar += hit[c] / all[c] / (double)r->n_class;
	free(hit);
	return uar;
}

/* ---- the model ---- */

static real *slice(struct ser_model *m, const char *name)
{
	int i = ser_params_find(m->params, name);
	ser_assert(i >= 0);
	return m->params->val + m->params->slice[i].at;
}

/* The architecture linear sees each dimension's mean and deviation over time; of a single frame the latter says
 * nothing, and its weights are zero. */
static int to_model(struct ser_model **out, const struct ser_dataset *d, const struct rows *r, const struct fit *f,
		    const struct ser_svm_opts *o, struct ser_err *e)
{
	struct ser_model *m;
	const struct ser_head head = {.name = o->label,
				      .kind = SER_HEAD_CLASS,
				      .field = o->label,
				      .out = r->name,
				      .n_out = r->n_class,
				      .n_sub = 1};
	if (ser_model_new(&m, "linear", NULL, 0, 0, e) != 0)
		return e->code;
	ser_model_input(m, d->field[0].name, d->field[0].dim, ser_header_dim(&d->header, d->field[0].name),
			SER_NORM_GLOBAL);
	if (ser_model_head_add(m, &head, e) < 0 || ser_model_build(m, e) != 0) {
		ser_model_free(m);
		return e->code;
	}
	struct ser_buf name = {0};
	ser_buf_printf(&name, "heads.%s.out.weight", o->label);
	real *weight = slice(m, name.s);
	name.n = 0;
	ser_buf_printf(&name, "heads.%s.out.bias", o->label);
	real *bias = slice(m, name.s), *mean = slice(m, "input.mean"), *std = slice(m, "input.std");
	memset(weight, 0, r->n_class * m->enc[0].n_emb * sizeof *weight);
	for (size_t c = 0; c < r->n_class; c++) {
		for (size_t j = 0; j < r->d; j++)
			weight[c * m->enc[0].n_emb + j] = (real)f->w[c * (r->d + 1) + j];
		bias[c] = (real)f->w[c * (r->d + 1) + r->d];
	}
	for (size_t j = 0; j < r->d; j++) {
		mean[j] = (real)f->mean[j];
		std[j] = (real)f->std[j];
	}
	ser_buf_free(&name);
	*out = m;
	return 0;
}

static void describe(struct ser_model *m, const struct ser_dataset *d, const struct ser_split *s, const struct rows *r,
		     const struct ser_svm_opts *o, const struct ser_svm_choice *choice)
{
	const struct ser_label *l = ser_dataset_label(d, o->spk);
	struct ser_map *names = ser_map_new();
	struct ser_val speakers = ser_val_list();
	for (size_t k = 0; k < r->n; k++)
		if (l->code[r->item[k]] >= 0)
			ser_map_add(names, l->text[l->code[r->item[k]]], strlen(l->text[l->code[r->item[k]]]), NULL);
	for (size_t i = 0; i < ser_map_len(names); i++)
		ser_val_push(&m->arena, &speakers, ser_str(ser_map_key(names, i, NULL)));
	ser_map_free(names);
	ser_val_set(&m->arena, &m->train, "task", ser_str("svm"));
	ser_val_set(&m->arena, &m->train, "loss", ser_str(o->loss == SER_SVM_LOGISTIC ? "logistic" : "squared-hinge"));
	ser_val_set(&m->arena, &m->train, "seed", ser_int((int64_t)o->seed));
	ser_val_set(&m->arena, &m->train, "records", ser_int((int64_t)r->n));
	ser_val_set(&m->arena, &m->train, "left_out", ser_int((int64_t)s->n_out));
	ser_val_set(&m->arena, &m->train, "cost", ser_real(o->cost[choice->best]));
	if (choice->n_fold > 0)
		ser_val_set(&m->arena, &m->train, "dev_uar", ser_real(choice->uar[choice->best]));
	ser_val_set(&m->arena, &m->train, "speakers", speakers);
	ser_train_speakers_add(m, ser_train_speakers_of(&d->header, d->field[0].name));
}

int ser_svm_fit(struct ser_model **out, const struct ser_dataset *d, const struct ser_split *s,
		const struct ser_svm_opts *o, struct ser_svm_choice *choice, struct ser_err *e)
{
	struct rows r;
	struct fit f;
	ser_assert(o->n_cost > 0 && o->n_cost <= SER_SVM_MAX_COST);
	set_print_string_function(silent);
	*choice = (struct ser_svm_choice){0};
	int rc = take_rows(&r, d, s, o->label, e);
	if (rc == 0 && ser_mul(r.d + 1, r.n_class) > INT_MAX - 8)
		rc = ser_fail(e, SER_EDATA, "%zu features and %zu class%s, more than the solvers count", r.d, r.n_class,
			      ser_plural(r.n_class, "", "es"));
	if (rc == 0) {
		choice->n_fold = o->n_cost > 1 ? deal_speakers(&r, d, o) : 0;
		for (size_t i = 0; i < o->n_cost; i++) {
			choice->uar[i] = choice->n_fold > 0 ? validate(&r, choice->n_fold, i, o) : NAN;
			if (choice->uar[i] > choice->uar[choice->best])
				choice->best = i;
		}
		solve(&f, &r, -1, o->cost[choice->best], o);
		size_t n_fit = o->n_cost * choice->n_fold + 1;
		if (o->step != NULL)
			o->step(o->ctx, n_fit, n_fit);
		rc = to_model(out, d, &r, &f, o, e);
		fit_free(&f);
	}
	if (rc == 0)
		describe(*out, d, s, &r, o, choice);
	rows_free(&r);
	return rc;
}
