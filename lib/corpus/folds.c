/* SPDX-License-Identifier: MIT */
#include "corpus/private.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct str {
	const char *s;
	size_t at;
};

static int by_str(const void *a, const void *b)
{
	return strcmp(((const struct str *)a)->s, ((const struct str *)b)->s);
}

size_t ser_fold_codes(const char *const *s, size_t n, size_t *code, const char ***name)
{
	struct str *o = ser_calloc(n, sizeof *o);
	for (size_t i = 0; i < n; i++)
		o[i] = (struct str){s[i], i};
	qsort(o, n, sizeof *o, by_str);
	if (name != NULL)
		*name = ser_calloc(n, sizeof **name);
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		k += i > 0 && strcmp(o[i].s, o[i - 1].s) != 0;
		code[o[i].at] = k;
		if (name != NULL)
			(*name)[k] = o[i].s;
	}
	free(o);
	return n > 0 ? k + 1 : 0;
}

/* ---- spreading groups over parts ---- */

struct spread {
	size_t n_part, n_label;
	const double *weight; /* of mean 1 */
	const double *total;  /* [n_label] */
	double *count;        /* [n_part,n_label] */
};

/* mean over labels of std over parts of count / (total * weight) */
static double cost(const struct spread *s)
{
	double sum = 0;
	for (size_t c = 0; c < s->n_label; c++) {
		double mean = 0, var = 0;
		if (s->total[c] == 0)
			continue;
		for (size_t p = 0; p < s->n_part; p++)
			mean += s->count[p * s->n_label + c] / (s->total[c] * s->weight[p]);
		mean /= (double)s->n_part;
		for (size_t p = 0; p < s->n_part; p++) {
			double d = s->count[p * s->n_label + c] / (s->total[c] * s->weight[p]) - mean;
			var += d * d;
		}
		sum += sqrt(var / (double)s->n_part);
	}
	return sum / (double)s->n_label;
}

static void move(struct spread *s, size_t part, const double *group, double sign)
{
	for (size_t c = 0; c < s->n_label; c++)
		s->count[part * s->n_label + c] += sign * group[c];
}

/* The part's records as a share of what it should have. */
static double filled(const struct spread *s, size_t part)
{
	double sum = 0;
	for (size_t c = 0; c < s->n_label; c++)
		sum += s->count[part * s->n_label + c];
	return sum / s->weight[part];
}

static size_t best_part(struct spread *s, const double *group)
{
	size_t best = 0;
	double least = INFINITY, least_n = INFINITY;
	for (size_t p = 0; p < s->n_part; p++) {
		move(s, p, group, 1);
		double v = cost(s);
		move(s, p, group, -1);
		double n = filled(s, p);
		bool close = fabs(v - least) <= 1e-8 + 1e-5 * fabs(least);
		if (close ? n < least_n : v < least) {
			least = v;
			least_n = n;
			best = p;
		}
	}
	return best;
}

/* Give each part without group the one whose move leaves the least cost. */
static void fill_empty(struct spread *s, const double *group, size_t n_group, size_t *of)
{
	size_t *n = ser_calloc(s->n_part, sizeof *n);
	for (size_t g = 0; g < n_group; g++)
		n[of[g]]++;
	for (size_t p = 0; p < s->n_part; p++) {
		if (n[p] > 0)
			continue;
		size_t best = n_group;
		double least = INFINITY;
		for (size_t g = 0; g < n_group; g++) {
			const double *h = group + g * s->n_label;
			if (n[of[g]] < 2)
				continue;
			move(s, of[g], h, -1);
			move(s, p, h, 1);
			double v = cost(s);
			move(s, p, h, -1);
			move(s, of[g], h, 1);
			if (v < least) {
				least = v;
				best = g;
			}
		}
		ser_assert(best < n_group);
		move(s, of[best], group + best * s->n_label, -1);
		move(s, p, group + best * s->n_label, 1);
		n[of[best]]--;
		n[p]++;
		of[best] = p;
	}
	free(n);
}

struct ranked {
	double var;
	size_t rank, group;
};

static int by_var(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->var != y->var)
		return x->var > y->var ? -1 : 1;
	return (x->rank > y->rank) - (x->rank < y->rank);
}

int ser_fold_spread(size_t n, const size_t *group, size_t n_group, const size_t *label, size_t n_label,
		    const double *weight, size_t n_part, struct ser_rng *shuffle, size_t *part, struct ser_err *e)
{
	if (n_group < n_part)
		return ser_fail(e, SER_EUSAGE, "%zu group%s cannot fill %zu part%s", n_group, ser_s(n_group), n_part,
				ser_s(n_part));
	double *w = ser_calloc(n_part, sizeof *w), sum = 0;
	for (size_t p = 0; p < n_part; p++)
		sum += weight[p];
	for (size_t p = 0; p < n_part; p++)
		w[p] = weight[p] * (double)n_part / sum;
	double *count = ser_calloc(ser_mul(n_group, n_label), sizeof *count);
	double *total = ser_calloc(n_label, sizeof *total);
	struct spread s = {n_part, n_label, w, total, ser_calloc(ser_mul(n_part, n_label), sizeof(double))};
	for (size_t i = 0; i < n; i++) {
		ser_assert(group[i] < n_group && label[i] < n_label);
		count[group[i] * n_label + label[i]]++;
		total[label[i]]++;
	}
	struct ranked *r = ser_calloc(n_group, sizeof *r);
	size_t *of = ser_calloc(n_group, sizeof *of);
	for (size_t g = 0; g < n_group; g++)
		r[g].group = g;
	if (shuffle != NULL)
		ser_rng_shuffle(shuffle, r, n_group, sizeof *r);
	for (size_t g = 0; g < n_group; g++) {
		/* n^2 times the variance, of whole numbers and so exact: equal ones are equal */
		double q = 0, m = 0;
		for (size_t c = 0; c < n_label; c++) {
			double x = count[r[g].group * n_label + c];
			q += x * x;
			m += x;
		}
		r[g].var = q * (double)n_label - m * m;
		r[g].rank = g;
	}
	qsort(r, n_group, sizeof *r, by_var);
	for (size_t g = 0; g < n_group; g++) {
		const double *h = count + r[g].group * n_label;
		size_t p = best_part(&s, h);
		move(&s, p, h, 1);
		of[r[g].group] = p;
	}
	fill_empty(&s, count, n_group, of);
	for (size_t i = 0; i < n; i++)
		part[i] = of[group[i]];
	free(of);
	free(r);
	free(s.count);
	free(total);
	free(count);
	free(w);
	return 0;
}

/* ---- nested subsets ---- */

struct draw {
	uint64_t key;
	const char *id;
	size_t at;
};

static int by_draw(const void *a, const void *b)
{
	const struct draw *x = a, *y = b;
	return x->key != y->key ? (x->key > y->key) - (x->key < y->key) : strcmp(x->id, y->id);
}

void ser_fold_subsets(size_t n, const char *const *id, const size_t *label, size_t n_label, const bool *want,
		      const int *percent, size_t n_percent, uint64_t seed, int *level)
{
	ser_assert(n_percent > 0 && percent[n_percent - 1] == 100);
	struct draw *d = ser_calloc(n, sizeof *d);
	for (size_t c = 0; c < n_label; c++) {
		size_t m = 0;
		for (size_t i = 0; i < n; i++) {
			if (label[i] != c)
				continue;
			level[i] = 0;
			if (want != NULL && !want[i])
				continue;
			struct ser_rng r;
			ser_rng_seed_key(&r, seed, id[i], strlen(id[i]));
			d[m++] = (struct draw){ser_rng_next(&r), id[i], i};
		}
		qsort(d, m, sizeof *d, by_draw);
		for (size_t i = 0, p = 0; i < m; i++) {
			for (;; p++) { /* share of m, rounded half up, at least 1 */
				size_t k = (m * (size_t)percent[p] + 50) / 100;
				if (i < (k > 0 ? k : 1))
					break;
			}
			level[d[i].at] = percent[p];
		}
	}
	free(d);
}

size_t ser_fold_shared(size_t n, const size_t *part, const size_t *value, size_t n_value, bool *shared)
{
	size_t *first = ser_malloc(n_value, sizeof *first), n_shared = 0;
	for (size_t v = 0; v < n_value; v++) {
		first[v] = SIZE_MAX;
		shared[v] = false;
	}
	for (size_t i = 0; i < n; i++) {
		size_t v = value[i];
		if (v == SIZE_MAX || part[i] == SIZE_MAX)
			continue;
		if (first[v] == SIZE_MAX)
			first[v] = part[i];
		else if (first[v] != part[i] && !shared[v]) {
			shared[v] = true;
			n_shared++;
		}
	}
	free(first);
	return n_shared;
}

/* ---- EmoBox' lists ---- */

static int by_int(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	return (x > y) - (x < y);
}

/* The record that an entry means, or -1. */
static ptrdiff_t entry_record(const json_t *o, const struct ser_map *id)
{
	const char *key = json_string_value(json_object_get(o, "key"));
	const char *set = json_string_value(json_object_get(o, "dataset"));
	const char *wav = json_string_value(json_object_get(o, "wav"));
	ptrdiff_t r = key != NULL ? ser_map_find(id, key, strlen(key)) : -1;
	if (r < 0 && key != NULL && set != NULL) {
		size_t n = strlen(set);
		if (strncmp(key, set, n) == 0 && key[n] == '-')
			r = ser_map_find(id, key + n + 1, strlen(key + n + 1));
	}
	if (r < 0 && wav != NULL) {
		const char *slash = strrchr(wav, '/'), *s = slash != NULL ? slash + 1 : wav, *dot = strrchr(s, '.');
		r = ser_map_find(id, s, dot != NULL ? (size_t)(dot - s) : strlen(s));
	}
	return r;
}

static int read_list(struct ser_fold_lists *l, const char *path, enum ser_fold_part what, unsigned char *part,
		     const struct ser_map *id, struct ser_err *e)
{
	struct lines in;
	json_t *o;
	int rc = ser_lines_open(&in, path, e);
	if (rc != 0)
		return rc;
	while ((rc = ser_lines_json(&in, &o, e)) > 0) {
		ptrdiff_t r = entry_record(o, id);
		json_decref(o);
		if (r < 0) {
			l->n_unknown++;
		} else if (part[r] != SER_FOLD_NONE) {
			rc = ser_fail(e, SER_EDATA, "%s:%zu: \"%s\" is in this fold's lists twice", path, in.at,
				      ser_map_key(id, (size_t)r, NULL));
			break;
		} else {
			part[r] = (unsigned char)what;
		}
	}
	ser_lines_close(&in);
	return rc;
}

/* Both lists of one fold, by the ends of their names. */
static int read_fold(struct ser_fold_lists *l, const char *dir, size_t k, const struct ser_map *id, struct ser_err *e)
{
	struct ser_buf b = {0}, end[2] = {{0}, {0}};
	ser_buf_printf(&b, "%s/fold_%d", dir, l->fold[k]);
	ser_buf_printf(&end[0], "_train_fold_%d.jsonl", l->fold[k]);
	ser_buf_printf(&end[1], "_test_fold_%d.jsonl", l->fold[k]);
	size_t n = b.n;
	int found[2] = {0, 0}, rc = 0;
	DIR *d = opendir(b.s);
	if (d == NULL)
		rc = ser_fail(e, SER_EIO, "%s: cannot read the folder: %s", b.s, strerror(errno));
	for (const struct dirent *f; rc == 0 && (f = readdir(d)) != NULL;) {
		size_t len = strlen(f->d_name);
		for (int w = 0; w < 2 && rc == 0; w++) {
			if (len <= end[w].n || strcmp(f->d_name + len - end[w].n, end[w].s) != 0)
				continue;
			b.n = n;
			ser_buf_printf(&b, "/%s", f->d_name);
			if (found[w]++ > 0)
				rc = ser_fail(e, SER_EDATA, "%s: a second list for the same fold", b.s);
			else
				rc = read_list(l, b.s, w == 0 ? SER_FOLD_TRAIN : SER_FOLD_TEST, l->part[k], id, e);
		}
	}
	if (d != NULL)
		closedir(d);
	b.s[n] = '\0';
	for (int w = 0; w < 2 && rc == 0; w++)
		if (found[w] == 0)
			rc = ser_fail(e, SER_EDATA, "%s: no list ...%s", b.s, end[w].s);
	ser_buf_free(&b);
	ser_buf_free(&end[0]);
	ser_buf_free(&end[1]);
	return rc;
}

int ser_fold_lists_read(struct ser_fold_lists *l, const char *dir, size_t n, const char *const *id, struct ser_err *e)
{
	*l = (struct ser_fold_lists){0};
	DIR *d = opendir(dir);
	if (d == NULL)
		return ser_fail(e, SER_EIO, "%s: cannot read the folder: %s", dir, strerror(errno));
	size_t cap = 0;
	for (const struct dirent *f; (f = readdir(d)) != NULL;) {
		int64_t k;
		if (strncmp(f->d_name, "fold_", 5) != 0 || ser_parse_int(f->d_name + 5, 0, 9999, &k, NULL) != 0)
			continue;
		l->fold = ser_grow(l->fold, &cap, l->n_fold + 1, sizeof *l->fold);
		l->fold[l->n_fold++] = (int)k;
	}
	closedir(d);
	if (l->n_fold == 0)
		return ser_fail(e, SER_EDATA, "%s: no folders fold_1, fold_2, ... in it", dir);
	qsort(l->fold, l->n_fold, sizeof *l->fold, by_int);
	struct ser_map *m = ser_map_new();
	for (size_t i = 0; i < n; i++)
		ser_map_add(m, id[i], strlen(id[i]), NULL);
	ser_assert(ser_map_len(m) == n);
	l->part = ser_calloc(l->n_fold, sizeof *l->part);
	int rc = 0;
	for (size_t k = 0; k < l->n_fold && rc == 0; k++) {
		l->part[k] = ser_calloc(n, 1);
		rc = read_fold(l, dir, k, m, e);
	}
	ser_map_free(m);
	if (rc != 0)
		ser_fold_lists_free(l);
	return rc;
}

void ser_fold_lists_free(struct ser_fold_lists *l)
{
	for (size_t k = 0; k < l->n_fold && l->part != NULL; k++)
		free(l->part[k]);
	free(l->part);
	free(l->fold);
	*l = (struct ser_fold_lists){0};
}
