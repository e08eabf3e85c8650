/* SPDX-License-Identifier: MIT */
/* Gradient of the divergence of the map's similarities q from the data's p (van der Maaten and Hinton 2008, eq. 5):
 *   dC/dy_i = 4 sum_j (p_ij - q_ij) t_ij (y_i - y_j),   t_ij = 1/(1 + |y_i - y_j|^2),   q_ij = t_ij / Z,   Z = sum t.
 * The part of p is a sum over neighbours; the part of q, over all pairs, is what takes the time: sums of t^2 (y_i - y_j)
 * and of t, by sixteen points at a time or by a quadtree. Sums run in a fixed order whatever the threads. */
#include "la/la.h"
#include "ml/project.h"
#include "ml/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct ser_tsne_opt ser_tsne_default = {.method = SER_TSNE_AUTO,
					      .metric = SER_EUCLIDEAN,
					      .perplexity = 30,
					      .exaggeration = 12,
					      .theta = 0.5,
					      .n_iter = 1000,
					      .n_thread = 1};

enum { EARLY = 250, LANES = 16, BLOCK = 64 };

struct cell {
	float x, y; /* centre of mass */
	float side;
	uint32_t n;       /* points */
	int32_t child[4]; /* -1: none */
};

struct tsne {
	const struct ser_tsne_opt *o;
	size_t n, n_pad; /* n_pad: whole vectors; the points beyond n lie far away and are not counted */
	struct ser_rows rows;
	size_t n_near;  /* neighbours of each point before symmetrising */
	uint32_t *near; /* [n,n_near] */
	double *p_near; /* [n,n_near] conditional similarities */
	double *ws;     /* per thread [2n] */
	size_t *from;   /* [n + 1] similarities of point i: to[from[i]] ... */
	uint32_t *to;
	float *p;
	float *x, *y;        /* [n_pad] the map */
	float *gx, *gy;      /* [n] gradient */
	double *fx, *fy, *z; /* [n] repulsion of each point */
	double scale;        /* exaggeration or 1 */
	double sum_z;
	double *kl; /* [n] */
	struct cell *cell;
	size_t n_cell, cap_cell;
	struct ser_la *la;
};

/* ---- similarities of the data ---- */

struct ranked {
	double d;
	uint32_t j;
};

static int by_distance(const void *a, const void *b)
{
	const struct ranked *p = a, *q = b;
	return p->d < q->d ? -1 : p->d > q->d ? 1 : p->j < q->j ? -1 : p->j > q->j;
}

/* Put the m least of r[0..n) first, in no order. */
static void select_least(struct ranked *r, size_t n, size_t m)
{
	size_t lo = 0, hi = n;
	while (hi - lo > 1) {
		struct ranked pivot = r[lo + (hi - lo) / 2];
		size_t i = lo, j = hi - 1;
		for (;;) {
			while (by_distance(&r[i], &pivot) < 0)
				i++;
			while (by_distance(&r[j], &pivot) > 0)
				j--;
			if (i >= j)
				break;
			struct ranked t = r[i];
			r[i++] = r[j];
			r[j--] = t;
		}
		if (j + 1 > m)
			hi = j + 1 == hi ? hi - 1 : j + 1;
		else if (j + 1 < m)
			lo = j + 1;
		else
			return;
	}
}

/* p_j ~ exp(-beta d_j^2) with beta such that the entropy is log(perplexity), by bisection. */
static void conditional(const struct ranked *r, size_t m, double perplexity, double *p)
{
	double beta = 1, lo = -INFINITY, hi = INFINITY, want = log(perplexity), least = r[0].d * r[0].d;
	for (int step = 0; step < 200; step++) {
		double sum = 0, mean = 0;
		for (size_t j = 0; j < m; j++) {
			double d = r[j].d * r[j].d - least;
			p[j] = exp(-beta * d);
			sum += p[j];
			mean += d * p[j];
		}
		double diff = log(sum) + beta * mean / sum - want;
		for (size_t j = 0; j < m; j++)
			p[j] /= sum;
		if (fabs(diff) <= 1e-7)
			return;
		*(diff > 0 ? &lo : &hi) = beta;
		beta = diff > 0 ? (isinf(hi) ? 2 * beta : (beta + hi) / 2) : (isinf(lo) ? beta / 2 : (beta + lo) / 2);
	}
}

static void neighbours(void *arg, size_t i, int worker)
{
	struct tsne *s = arg;
	double *dist = s->ws + (size_t)worker * 3 * s->n;
	struct ranked *r = (struct ranked *)(dist + s->n);
	size_t m = 0;
	ser_rows_distances(&s->rows, i, 0, dist);
	for (size_t j = 0; j < s->n; j++)
		if (j != i)
			r[m++] = (struct ranked){dist[j], (uint32_t)j};
	if (s->n_near < m)
		select_least(r, m, s->n_near);
	qsort(r, s->n_near, sizeof *r, by_distance);
	conditional(r, s->n_near, s->o->perplexity, s->p_near + i * s->n_near);
	for (size_t j = 0; j < s->n_near; j++)
		s->near[i * s->n_near + j] = r[j].j;
}

struct edge {
	uint32_t j;
	double p;
};

static int by_end(const void *a, const void *b)
{
	const struct edge *p = a, *q = b;
	return p->j < q->j ? -1 : p->j > q->j;
}

/* p_ij = (p_j|i + p_i|j)/(2n), as a list of the others for each point */
static void symmetrise(struct tsne *s)
{
	size_t n = s->n, k = s->n_near, *start = ser_calloc(n + 2, sizeof *start);
	for (size_t e = 0; e < n * k; e++) {
		start[e / k + 2]++;
		start[s->near[e] + 2]++;
	}
	for (size_t i = 2; i < n + 2; i++)
		start[i] += start[i - 1];
	struct edge *all = ser_malloc(2 * n * k, sizeof *all);
	for (size_t e = 0; e < n * k; e++) {
		uint32_t i = (uint32_t)(e / k), j = s->near[e];
		all[start[i + 1]++] = (struct edge){j, s->p_near[e]};
		all[start[j + 1]++] = (struct edge){i, s->p_near[e]};
	}
	s->from = ser_calloc(n + 1, sizeof *s->from);
	s->to = ser_malloc(2 * n * k, sizeof *s->to);
	s->p = ser_malloc(2 * n * k, sizeof *s->p);
	size_t m = 0;
	for (size_t i = 0; i < n; i++) {
		qsort(all + start[i], start[i + 1] - start[i], sizeof *all, by_end);
		for (size_t e = start[i]; e < start[i + 1]; e++) {
			double p = all[e].p;
			if (e + 1 < start[i + 1] && all[e + 1].j == all[e].j)
				p += all[++e].p;
			s->to[m] = all[e].j;
			s->p[m++] = (float)(p / (2 * (double)n));
		}
		s->from[i + 1] = m;
	}
	free(all);
	free(start);
}

/* ---- repulsion: all pairs ---- */

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

SER_CLONES static void repel(const float *x, const float *y, size_t n_pad, size_t i0, size_t i1, double *fx, double *fy,
			     double *z)
{
	for (size_t i = i0; i < i1; i++) {
		double sx = 0, sy = 0, sz = 0;
		for (size_t j0 = 0; j0 < n_pad; j0 += 1024) { /* float sums of at most 64 terms a lane */
			size_t j1 = j0 + 1024 < n_pad ? j0 + 1024 : n_pad;
			lanes ax = {0}, ay = {0}, az = {0};
			for (size_t j = j0; j < j1; j += LANES) {
				lanes dx = x[i] - *(const lanes *)(x + j), dy = y[i] - *(const lanes *)(y + j);
				lanes t = 1.0f / (1.0f + dx * dx + dy * dy), tt = t * t;
				az += t;
				ax += tt * dx;
				ay += tt * dy;
			}
			for (int l = 0; l < LANES; l++) {
				sx += ax[l];
				sy += ay[l];
				sz += az[l];
			}
		}
		fx[i] = sx;
		fy[i] = sy;
		z[i] = sz - 1; /* the point itself */
	}
}

static void repel_block(void *arg, size_t b, int worker)
{
	struct tsne *s = arg;
	size_t i1 = (b + 1) * BLOCK < s->n ? (b + 1) * BLOCK : s->n;
	(void)worker;
	repel(s->x, s->y, s->n_pad, b * BLOCK, i1, s->fx, s->fy, s->z);
}

/* ---- repulsion: quadtree ---- */

static int32_t cell_new(struct tsne *s, float side)
{
	s->cell = ser_grow(s->cell, &s->cap_cell, s->n_cell + 1, sizeof *s->cell);
	s->cell[s->n_cell] = (struct cell){.side = side, .child = {-1, -1, -1, -1}};
	return (int32_t)s->n_cell++;
}

/* Points item[0..m) of the square at (x0,y0): its cell, and those below. Points that coincide share a leaf. */
static int32_t cell_build(struct tsne *s, uint32_t *item, size_t m, float x0, float y0, float side, int depth)
{
	int32_t at = cell_new(s, side);
	double sx = 0, sy = 0;
	for (size_t k = 0; k < m; k++) {
		sx += s->x[item[k]];
		sy += s->y[item[k]];
	}
	s->cell[at].n = (uint32_t)m;
	s->cell[at].x = (float)(sx / (double)m);
	s->cell[at].y = (float)(sy / (double)m);
	if (m == 1 || depth == 48)
		return at;
	float half = side / 2, xm = x0 + half, ym = y0 + half;
	size_t cut[5] = {0, 0, 0, 0, m};
	/* three stable-in-effect partitions: by y, then each half by x */
	for (int q = 0; q < 3; q++) {
		size_t lo = q == 0 ? 0 : q == 1 ? 0 : cut[2], hi = q == 0 ? m : q == 1 ? cut[2] : m, mid = lo;
		for (size_t k = lo; k < hi; k++)
			if (q == 0 ? s->y[item[k]] < ym : s->x[item[k]] < xm) {
				uint32_t t = item[k];
				item[k] = item[mid];
				item[mid++] = t;
			}
		cut[q == 0 ? 2 : q == 1 ? 1 : 3] = mid;
	}
	for (int q = 0; q < 4; q++)
		if (cut[q + 1] > cut[q]) {
			int32_t c = cell_build(s, item + cut[q], cut[q + 1] - cut[q], q % 2 == 0 ? x0 : xm,
					       q < 2 ? y0 : ym, half, depth + 1);
			s->cell[at].child[q] = c;
		}
	return at;
}

static void tree_build(struct tsne *s)
{
	float x0 = s->x[0], x1 = x0, y0 = s->y[0], y1 = y0;
	uint32_t *item = ser_malloc(s->n, sizeof *item);
	for (size_t i = 0; i < s->n; i++) {
		item[i] = (uint32_t)i;
		x0 = fminf(x0, s->x[i]);
		x1 = fmaxf(x1, s->x[i]);
		y0 = fminf(y0, s->y[i]);
		y1 = fmaxf(y1, s->y[i]);
	}
	float side = fmaxf(x1 - x0, y1 - y0);
	s->n_cell = 0;
	cell_build(s, item, s->n, x0, y0, side > 0 ? side * 1.0001f : 1, 0);
	free(item);
}

static void tree_walk(const struct tsne *s, size_t i)
{
	int32_t stack[256];
	int top = 0;
	double sx = 0, sy = 0, sz = 0;
	float limit = (float)(s->o->theta * s->o->theta);
	stack[top++] = 0;
	while (top > 0) {
		const struct cell *c = &s->cell[stack[--top]];
		float dx = s->x[i] - c->x, dy = s->y[i] - c->y, d = dx * dx + dy * dy;
		bool leaf = c->child[0] < 0 && c->child[1] < 0 && c->child[2] < 0 && c->child[3] < 0;
		if (leaf || c->side * c->side < limit * d) {
			float t = 1 / (1 + d), n = (float)c->n;
			sz += n * t;
			sx += n * t * t * dx;
			sy += n * t * t * dy;
			continue;
		}
		for (int q = 3; q >= 0; q--)
			if (c->child[q] >= 0)
				stack[top++] = c->child[q];
	}
	s->fx[i] = sx;
	s->fy[i] = sy;
	s->z[i] = sz - 1;
}

static void tree_block(void *arg, size_t b, int worker)
{
	const struct tsne *s = arg;
	(void)worker;
	for (size_t i = b * BLOCK; i < (b + 1) * BLOCK && i < s->n; i++)
		tree_walk(s, i);
}

/* ---- gradient ---- */

static void gradient_block(void *arg, size_t b, int worker)
{
	struct tsne *s = arg;
	(void)worker;
	for (size_t i = b * BLOCK; i < (b + 1) * BLOCK && i < s->n; i++) {
		float x = s->x[i], y = s->y[i];
		double ax = 0, ay = 0;
		for (size_t e = s->from[i]; e < s->from[i + 1]; e++) {
			float dx = x - s->x[s->to[e]], dy = y - s->y[s->to[e]], w = s->p[e] / (1 + dx * dx + dy * dy);
			ax += w * dx;
			ay += w * dy;
		}
		s->gx[i] = (float)(4 * (s->scale * ax - s->fx[i] / s->sum_z));
		s->gy[i] = (float)(4 * (s->scale * ay - s->fy[i] / s->sum_z));
	}
}

static void repulsion(struct tsne *s, bool tree)
{
	size_t n_block = (s->n + BLOCK - 1) / BLOCK;
	if (tree)
		tree_build(s);
	ser_la_for(s->la, n_block, tree ? tree_block : repel_block, s);
	s->sum_z = 0;
	for (size_t i = 0; i < s->n; i++)
		s->sum_z += s->z[i];
}

static void kl_block(void *arg, size_t b, int worker)
{
	struct tsne *s = arg;
	(void)worker;
	for (size_t i = b * BLOCK; i < (b + 1) * BLOCK && i < s->n; i++) {
		double kl = 0;
		for (size_t e = s->from[i]; e < s->from[i + 1]; e++) {
			double dx = (double)s->x[i] - s->x[s->to[e]], dy = (double)s->y[i] - s->y[s->to[e]];
			double q = 1 / (1 + dx * dx + dy * dy) / s->sum_z;
			if (s->p[e] > 0)
				kl += s->p[e] * log(s->p[e] / q);
		}
		s->kl[i] = kl;
	}
}

static double divergence(struct tsne *s)
{
	double kl = 0;
	ser_la_for(s->la, (s->n + BLOCK - 1) / BLOCK, kl_block, s);
	for (size_t i = 0; i < s->n; i++)
		kl += s->kl[i];
	return kl;
}

/* Gradient descent with momentum and gains (Jacobs 1988) as scikit-learn's; returns the iterations done. */
static size_t descend(struct tsne *s, bool tree, double rate)
{
	size_t n = s->n, n_block = (n + BLOCK - 1) / BLOCK, it, best_it = EARLY;
	float *vx = ser_calloc(n, sizeof *vx), *vy = ser_calloc(n, sizeof *vy);
	float *gain_x = ser_malloc(n, sizeof *gain_x), *gain_y = ser_malloc(n, sizeof *gain_y);
	double best = INFINITY;
	for (it = 0; it < s->o->n_iter; it++) {
		if (it == 0 || it == EARLY)
			for (size_t i = 0; i < n; i++) {
				vx[i] = vy[i] = 0;
				gain_x[i] = gain_y[i] = 1;
			}
		float momentum = it < EARLY ? 0.5f : 0.8f;
		s->scale = it < EARLY ? s->o->exaggeration : 1;
		repulsion(s, tree);
		ser_la_for(s->la, n_block, gradient_block, s);
		double norm = 0;
		for (int axis = 0; axis < 2; axis++) {
			float *at = axis == 0 ? s->x : s->y, *v = axis == 0 ? vx : vy,
			      *gain = axis == 0 ? gain_x : gain_y;
			const float *g = axis == 0 ? s->gx : s->gy;
			for (size_t i = 0; i < n; i++) {
				gain[i] = v[i] * g[i] < 0 ? gain[i] + 0.2f : gain[i] * 0.8f;
				gain[i] = gain[i] < 0.01f ? 0.01f : gain[i];
				v[i] = momentum * v[i] - (float)rate * gain[i] * g[i];
				at[i] += v[i];
				norm += (double)g[i] * gain[i] * g[i] * gain[i];
			}
		}
		if (s->o->step != NULL)
			s->o->step(s->o->ctx, it + 1, s->o->n_iter);
		if (it >= EARLY && (it + 1) % 50 == 0) {
			double kl = divergence(s); /* by the Z of the step before: near enough to see progress */
			if (kl < best) {
				best = kl;
				best_it = it;
			} else if (it - best_it > 300) {
				it++;
				break;
			}
			if (sqrt(norm) <= 1e-7) {
				it++;
				break;
			}
		}
	}
	free(vx);
	free(vy);
	free(gain_x);
	free(gain_y);
	return it;
}

/* ---- the whole ---- */

static int check(const struct ser_tsne_opt *o, size_t n, struct ser_err *e)
{
	if (!(o->perplexity >= 1) || !(o->exaggeration >= 1) || !(o->rate >= 0) || !(o->theta >= 0) ||
	    o->n_iter < EARLY)
		return ser_fail(e, SER_EUSAGE,
				"perplexity %g, exaggeration %g, rate %g, theta %g, %zu iterations: expected at least "
				"1, 1, 0, 0, %d",
				o->perplexity, o->exaggeration, o->rate, o->theta, o->n_iter, EARLY);
	if (n < 4 || n > INT32_MAX / 8 || !(o->perplexity < (double)n))
		return ser_fail(e, SER_EDATA,
				"%zu rows with perplexity %g: expected at least 4, and a perplexity below their number",
				n, o->perplexity);
	return SER_OK;
}

static int place(struct tsne *s, const double *start, struct ser_err *e)
{
	size_t n = s->n, d = s->rows.d;
	double *at = ser_calloc(2 * n, sizeof *at), mean = 0, var = 0;
	if (start != NULL) {
		memcpy(at, start, 2 * n * sizeof *at);
	} else {
		float *x = ser_malloc(ser_mul(n, d), sizeof *x);
		for (size_t i = 0; i < n * d; i++)
			x[i] = (float)s->rows.x[i];
		struct ser_linear *p = ser_pca_new(x, n, d, 2, e);
		if (p != NULL)
			ser_linear_do(p, x, n, at);
		ser_linear_free(p);
		free(x);
		if (p == NULL) {
			free(at);
			return e != NULL ? e->code : SER_EDATA;
		}
	}
	for (size_t i = 0; i < n; i++)
		mean += at[2 * i] / (double)n;
	for (size_t i = 0; i < n; i++)
		var += (at[2 * i] - mean) * (at[2 * i] - mean) / (double)n;
	double scale = var > 0 ? 1e-4 / sqrt(var) : 1;
	for (size_t i = 0; i < n; i++) {
		s->x[i] = (float)(at[2 * i] * scale);
		s->y[i] = (float)(at[2 * i + 1] * scale);
	}
	for (size_t i = n; i < s->n_pad; i++)
		s->x[i] = s->y[i] = 1e18f; /* t is 0 at this distance: 1/(1 + 2e36) */
	free(at);
	return SER_OK;
}

int ser_tsne(const struct ser_tsne_opt *o, const float *x, size_t n, size_t d, const double *start, double *y,
	     struct ser_tsne_info *info, struct ser_err *e)
{
	struct tsne s = {.o = o, .n = n, .n_pad = (n + LANES - 1) / LANES * LANES};
	int rc = check(o, n, e);
	if (rc != SER_OK)
		return rc;
	bool tree = o->method == SER_TSNE_BARNESHUT || (o->method == SER_TSNE_AUTO && n > 10000);
	double rate = o->rate > 0 ? o->rate : fmax((double)n / o->exaggeration / 4, 50);
	if ((rc = ser_rows_init(&s.rows, x, n, d, o->metric, e)) != SER_OK)
		return rc;
	s.x = ser_malloc(s.n_pad, sizeof *s.x);
	s.y = ser_malloc(s.n_pad, sizeof *s.y);
	rc = place(&s, start, e);
	if (rc == SER_OK) {
		int n_thread = o->n_thread > 1 ? o->n_thread : 1;
		s.rows.metric = SER_EUCLIDEAN; /* unit rows, where the metric was the cosine */
		s.n_near = o->method == SER_TSNE_EXACT ? n - 1 : (size_t)(3 * o->perplexity + 1);
		if (s.n_near > n - 1)
			s.n_near = n - 1;
		s.near = ser_malloc(ser_mul(n, s.n_near), sizeof *s.near);
		s.p_near = ser_malloc(ser_mul(n, s.n_near), sizeof *s.p_near);
		s.ws = ser_malloc(ser_mul((size_t)n_thread, 3 * n), sizeof *s.ws);
		s.la = ser_la_new(n_thread);
		ser_la_for(s.la, n, neighbours, &s);
		symmetrise(&s);
		double *sums = ser_malloc(4 * n, sizeof *sums);
		s.fx = sums;
		s.fy = sums + n;
		s.z = sums + 2 * n;
		s.kl = sums + 3 * n;
		s.gx = ser_malloc(n, sizeof *s.gx);
		s.gy = ser_malloc(n, sizeof *s.gy);
		size_t done = descend(&s, tree, rate);
		if (info != NULL) {
			repulsion(&s, false);
			*info = (struct ser_tsne_info){divergence(&s), done};
		}
		for (size_t i = 0; i < n; i++) {
			y[2 * i] = s.x[i];
			y[2 * i + 1] = s.y[i];
		}
		free(sums);
	}
	ser_la_free(s.la);
	ser_rows_free(&s.rows);
	free(s.near);
	free(s.p_near);
	free(s.ws);
	free(s.from);
	free(s.to);
	free(s.p);
	free(s.x);
	free(s.y);
	free(s.gx);
	free(s.gy);
	free(s.cell);
	return rc;
}
