/* SPDX-License-Identifier: MIT */
/* Normalisations as operators. */
#include "nn/private.h"
#include "nn/kern.h"

#include <math.h>
#include <string.h>

static size_t channels(struct ser_tape *t, int x, int gain, int bias)
{
	int p = gain >= 0 ? gain : bias;
	size_t n = p >= 0 ? tape_at(t, p)->n_row * tape_at(t, p)->n_col : tape_at(t, x)->n_col;
	ser_assert(tape_at(t, x)->n_col % n == 0);
	ser_assert(bias < 0 || tape_at(t, bias)->n_row * tape_at(t, bias)->n_col == n);
	return n;
}

static void add_double(real *g, const double *d, size_t n)
{
	for (size_t i = 0; g != NULL && i < n; i++)
		g[i] += (real)d[i];
}

/* ---- batch norm ---- */

/* One pass over x, forward to out or back from dy to out, per column */
struct affine {
	enum kern_relu relu;
	size_t n_col;
	const real *x, *dy, *a, *b, *c;
	real *out;
	size_t ld; /* of out: its rows are so far apart; dy, where it is out, too */
	bool add;
};

static void affine_fwd(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct affine *f = ctx;
	kern_affine_fwd(f->relu, r1 - r0, f->n_col, f->x + r0 * f->n_col, f->a, f->b, f->out + r0 * f->ld, f->ld);
}

static void affine_bwd(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct affine *f = ctx;
	kern_affine_bwd(r1 - r0, f->n_col, f->dy + r0 * f->n_col, f->n_col, f->x != NULL ? f->x + r0 * f->n_col : NULL,
			f->a, f->b, f->c, f->add, f->out + r0 * f->n_col);
}

static void affine_bwd_over(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct affine *f = ctx;
	kern_affine_bwd_over(f->relu == RELU_BEFORE, r1 - r0, f->n_col, f->x + r0 * f->n_col, f->a, f->b, f->c,
			     f->out + r0 * f->ld, f->ld);
}

static void relu_over(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct affine *f = ctx;
	kern_relu_over((r1 - r0) * f->n_col, f->out + r0 * f->n_col);
}

/* Sums of x and its squares, over max(x, 0) where that comes first. */
static void sum_part(const void *ctx, size_t r0, size_t n, double *s, double *q)
{
	const struct affine *f = ctx;
	for (size_t r = 0, m; r < n; r += m) {
		m = n - r < AT_ONCE ? n - r : AT_ONCE;
		if (f->relu == RELU_BEFORE)
			kern_relu_over(m * f->n_col, f->out + (r0 + r) * f->n_col);
		kern_col_sum(m, f->n_col, f->x + (r0 + r) * f->n_col, f->n_col, s, q);
	}
}

/* dx over dy, and its sums. */
static void over_part(const void *ctx, size_t r0, size_t n, double *s, double *q)
{
	const struct affine *f = ctx;
	for (size_t r = r0, m; r < r0 + n; r += m) {
		m = r0 + n - r < AT_ONCE ? r0 + n - r : AT_ONCE;
		kern_affine_bwd_over(f->relu == RELU_BEFORE, m, f->n_col, f->x + r * f->n_col, f->a, f->b, f->c,
				     f->out + r * f->ld, f->ld);
		kern_col_sum(m, f->n_col, f->out + r * f->ld, f->ld, s, q);
	}
}

/* Sums of dy and dy x, over dy without what ReLU stops where that came last. */
static void dot_part(const void *ctx, size_t r0, size_t n, double *s, double *q)
{
	const struct affine *f = ctx;
	if (f->relu == RELU_AFTER)
		kern_affine_mask(n, f->n_col, f->x + r0 * f->n_col, f->a, f->b, f->out + r0 * f->n_col);
	kern_col_dot(n, f->n_col, f->dy + r0 * f->ld, f->ld, f->x + r0 * f->n_col, s, q);
}

int ser_nn_batch_norm(struct ser_tape *t, int x, int gain, int bias, int mean, int var, double momentum, double eps)
{
	struct node X = *tape_at(t, x);
	size_t C = tape_at(t, mean)->n_col;
	ser_assert(tape_at(t, mean)->n_row == 1 && tape_at(t, var)->n_col == C && X.n_col % C == 0);
	ser_assert(gain < 0 || tape_at(t, gain)->n_col == C);
	ser_assert(bias < 0 || tape_at(t, bias)->n_col == C);
	void *saved;
	int y = tape_op(t, OP_BATCH_NORM, 3, (int[]){x, gain, bias}, X.n_row, X.n_col, X.seg, X.n_seg, &saved,
			sizeof(struct batch_norm));
	struct batch_norm *s = saved;
	*s = (struct batch_norm){.run_mean = mean,
				 .run_var = var,
				 .n_ch = C,
				 .n_row = X.n_row * (X.n_col / C),
				 .momentum = momentum,
				 .eps = eps,
				 .batch = (t->mode & SER_TAPE_TRAIN) != 0};
	s->mean = ser_arena_alloc(&t->arena, 4 * C, sizeof *s->mean);
	s->inv = s->mean + C;
	s->a = s->inv + C;
	s->b = s->a + C;
	return y;
}

/* The statistics in use and the affine map that they make: once, however often the result is computed. */
static void norm_begin(struct ser_tape *t, struct batch_norm *s, enum kern_relu relu, real *x, const struct rec *r)
{
	size_t C = s->n_ch;
	real *rm = tape_val(t, s->run_mean), *rv = tape_val(t, s->run_var);
	if (s->ready)
		return;
	s->ready = true;
	if (s->batch) {
		struct ser_arena_mark m = ser_arena_mark(&t->arena);
		double *sum = ser_arena_calloc(&t->arena, 2 * C + 1, sizeof *sum);
		struct affine f = {.relu = relu, .n_col = C, .x = x, .out = x};
		tape_col_sums(t, s->n_row, C, sum_part, &f, sum, sum + C);
		sum[2 * C] = (double)s->n_row;
		if (t->all_sum != NULL)
			t->all_sum(t->all_sum_ctx, sum, 2 * C + 1);
		double n = s->n = sum[2 * C];
		for (size_t c = 0; c < C; c++) {
			double u = sum[c] / n, v = fmax(sum[C + c] / n - u * u, 0);
			s->mean[c] = (real)u;
			s->inv[c] = (real)(1 / sqrt(v + s->eps));
			if ((t->mode & SER_TAPE_GRAD) == 0)
				continue;
			rm[c] = (real)((double)rm[c] + s->momentum * (u - (double)rm[c]));
			rv[c] = (real)((double)rv[c] + s->momentum * (n > 1 ? v * n / (n - 1) - (double)rv[c] : 0));
		}
		ser_arena_rewind(&t->arena, m);
	} else {
		for (size_t c = 0; c < C; c++) {
			s->mean[c] = rm[c];
			s->inv[c] = (real)(1 / sqrt((double)rv[c] + s->eps));
		}
	}
	const real *g = tape_val(t, r->in[1]), *h = tape_val(t, r->in[2]);
	for (size_t c = 0; c < C; c++) {
		s->a[c] = g != NULL ? s->inv[c] * g[c] : s->inv[c];
		s->b[c] = (h != NULL ? h[c] : 0) - s->mean[c] * s->a[c];
	}
}

void tape_norm_after(struct ser_tape *t, const struct rec *r, struct ser_la_after *f)
{
	struct batch_norm *s = r->saved;
	norm_begin(t, s, RELU_NONE, NULL, r);
	f->scale = s->a;
	f->shift = s->b;
}

/* x becomes max(x, 0), once: backward reads it so. */
static void relu_first(struct ser_tape *t, int x, struct node *X, const struct batch_norm *s)
{
	struct affine f = {.n_col = s->n_ch, .out = X->val};
	if (!tape_at(t, x)->taken)
		ser_la_range(t->la, s->n_row, grain_rows(s->n_ch), relu_over, &f);
	tape_at(t, x)->taken = true;
}

static void forth(struct ser_tape *t, const struct rec *r, enum kern_relu relu)
{
	struct batch_norm *s = r->saved;
	struct node X = tape_x(t, r), Y = *tape_at(t, r->out);
	bool sums = s->batch && !s->ready; /* what forms them leaves max(x, 0) */
	norm_begin(t, s, relu, X.val, r);
	if (relu == RELU_BEFORE && sums)
		tape_at(t, r->in[0])->taken = true;
	else if (relu == RELU_BEFORE && Y.need)
		relu_first(t, r->in[0], &X, s);
	struct affine f = {.relu = relu, .n_col = s->n_ch, .x = X.val, .a = s->a, .b = s->b, .out = Y.val};
	f.ld = Y.ld == Y.n_col ? s->n_ch : Y.ld;
	ser_la_range(t->la, s->n_row, grain_rows(s->n_ch), affine_fwd, &f);
}

void fwd_batch_norm(struct ser_tape *t, struct rec *r)
{
	forth(t, r, RELU_NONE);
}

void fwd_relu_batch_norm(struct ser_tape *t, struct rec *r)
{
	forth(t, r, RELU_BEFORE);
}

void fwd_batch_norm_relu(struct ser_tape *t, struct rec *r)
{
	forth(t, r, RELU_AFTER);
}

/* h = (x - m) i, y = g h + b:  db = sum dy, dg = sum dy h,
 * dx += g i (dy - db/n - h dg/n) = dy (g i) + x (-g i^2 dg/n) + g i (m i dg - db)/n;  with fixed statistics dx += g i dy.
 * From sum [2C], dy's and dy x's: the parameters' gradients, and dx += dy k[c] + x k[C+c] + k[2C+c]; k [3C] */
static void norm_back(struct ser_tape *t, const struct rec *r, const struct batch_norm *s, double *sum, real *k)
{
	size_t C = s->n_ch;
	for (size_t c = 0; c < C; c++)
		sum[C + c] = (sum[C + c] - (double)s->mean[c] * sum[c]) * (double)s->inv[c];
	add_double(tape_grad(t, r->in[1]), sum + C, C);
	add_double(tape_grad(t, r->in[2]), sum, C);
	if (s->batch && t->all_sum != NULL)
		t->all_sum(t->all_sum_ctx, sum, 2 * C);
	const real *g = tape_val(t, r->in[1]);
	for (size_t c = 0; c < C; c++) {
		double i = (double)s->inv[c], gi = g != NULL ? (double)g[c] * i : i;
		k[c] = (real)gi;
		k[C + c] = s->batch ? (real)(-gi * i * sum[C + c] / s->n) : 0;
		k[2 * C + c] = s->batch ? (real)(gi * ((double)s->mean[c] * i * sum[C + c] - sum[c]) / s->n) : 0;
	}
}

static void back(struct ser_tape *t, const struct rec *r, enum kern_relu relu)
{
	const struct batch_norm *s = r->saved;
	struct node X = *tape_at(t, r->in[0]), Y = *tape_at(t, r->out);
	size_t C = s->n_ch;
	if (relu == RELU_BEFORE)
		relu_first(t, r->in[0], &X, s);
	real beta = 1, *dx = relu == RELU_NONE ? tape_grad_beta(t, r->in[0], &beta) : NULL;
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	struct affine f = {.relu = relu, .n_col = C, .x = X.val, .dy = Y.grad, .a = s->a, .b = s->b, .out = Y.grad};
	f.ld = Y.grad_ld == Y.n_col ? C : Y.grad_ld;
	double *sum = ser_arena_calloc(&t->arena, 2 * C, sizeof *sum);
	real *k = tape_alloc(t, 3 * C);
	tape_col_sums(t, s->n_row, C, dot_part, &f, sum, sum + C);
	norm_back(t, r, s, sum, k);
	f.a = k;
	f.b = k + C;
	f.c = k + 2 * C;
	f.add = beta != 0;
	if (relu != RELU_NONE) {
		ser_assert(X.grad == NULL); /* something else used x */
		bool wanted = tape_pass_grad(t, r, 0);
		ser_assert(wanted == X.need);
		if (wanted && X.n_bias == C)
			tape_grad_sums(t, r->in[0], over_part, &f);
		else if (wanted)
			ser_la_range(t->la, s->n_row, grain_rows(C), affine_bwd_over, &f);
	} else if (dx != NULL) {
		f.x = s->batch ? X.val : NULL;
		f.out = dx;
		f.ld = C;
		ser_la_range(t->la, s->n_row, grain_rows(C), affine_bwd, &f);
	}
	ser_arena_rewind(&t->arena, m);
}

void bwd_batch_norm(struct ser_tape *t, const struct rec *r)
{
	back(t, r, RELU_NONE);
}

void bwd_relu_batch_norm(struct ser_tape *t, const struct rec *r)
{
	back(t, r, RELU_BEFORE);
}

void bwd_batch_norm_relu(struct ser_tape *t, const struct rec *r)
{
	back(t, r, RELU_AFTER);
}

/* ---- batch norm, ReLU and max pooling ---- */

/* What of x and y belongs to segment b */
struct part {
	struct kern_pool g;
	size_t n, from, to;
};

static struct part part(const struct max_pool *s, size_t b)
{
	size_t n_out = s->n_freq / s->kf * s->n_ch;
	return (struct part){{.n_freq = s->n_freq, .n_ch = s->n_ch, .kt = s->kt, .kf = s->kf},
			     s->in_seg[b + 1] - s->in_seg[b],
			     s->in_seg[b] * s->n_freq * s->n_ch,
			     s->out_seg[b] * n_out};
}

static void norm_pool_fwd(void *ctx, size_t b, int worker)
{
	const struct max_pool *s = ctx;
	struct part p = part(s, b);
	kern_norm_pool_fwd(&p.g, p.n, s->x + p.from, s->norm->a, s->norm->b, s->ws[worker], s->y + p.to,
			   s->place + p.to);
}

static void norm_pool_sums(void *ctx, size_t b, int worker)
{
	const struct max_pool *s = ctx;
	struct part p = part(s, b);
	size_t C = s->n_ch;
	kern_norm_pool_sums(&p.g, p.n, s->x + p.from, s->y + p.to, s->dy + p.to, s->place + p.to, s->ws[worker],
			    s->sum + b * 2 * C, s->sum + b * 2 * C + C);
}

static void norm_pool_bwd(void *ctx, size_t b, int worker)
{
	(void)worker;
	const struct max_pool *s = ctx;
	struct part p = part(s, b);
	kern_norm_pool_bwd(&p.g, p.n, s->k, s->y + p.to, s->dy + p.to, s->place + p.to, s->dx + p.from);
}

static real **scratch(struct ser_tape *t, size_t n)
{
	size_t n_thread = (size_t)ser_la_threads(t->la);
	real **ws = ser_arena_alloc(&t->arena, n_thread, sizeof *ws);
	for (size_t i = 0; i < n_thread; i++)
		ws[i] = tape_alloc(t, n);
	return ws;
}

void fwd_norm_pool(struct ser_tape *t, struct rec *r)
{
	struct max_pool *s = r->saved;
	struct node X = *tape_at(t, r->in[0]), Y = *tape_at(t, r->out);
	norm_begin(t, s->norm, RELU_AFTER, X.val, r);
	s->x = X.val;
	s->y = Y.val;
	s->place = tape_state(t, r, ser_mul(Y.n_row, Y.n_col), sizeof *s->place);
	s->ws = scratch(t, ser_mul(s->kt, X.n_col));
	ser_la_for(t->la, X.n_seg, norm_pool_fwd, s);
}

/* The gradient of the norm's result is dy where a window's largest was, if above 0, and 0 elsewhere; that of x lies over x. */
void bwd_norm_pool(struct ser_tape *t, const struct rec *r)
{
	struct max_pool s = *(struct max_pool *)r->saved;
	struct node Y = *tape_at(t, r->out);
	size_t C = s.n_ch, n_seg = Y.n_seg;
	s.x = tape_val(t, r->in[0]);
	s.y = Y.val;
	s.dy = Y.grad;
	tape_grad(t, r->in[1]);
	tape_grad(t, r->in[2]);
	bool wanted = tape_grad_over(t, r->in[0]);
	s.dx = tape_at(t, r->in[0])->grad;
	s.sum = ser_arena_calloc(&t->arena, ser_mul(n_seg + 1, 2 * C), sizeof *s.sum);
	real *k = tape_alloc(t, 3 * C);
	s.k = k;
	s.ws = scratch(t, C);
	ser_la_for(t->la, n_seg, norm_pool_sums, &s);
	double *all = s.sum + n_seg * 2 * C;
	for (size_t b = 0; b < n_seg; b++)
		for (size_t c = 0; c < 2 * C; c++)
			all[c] += s.sum[b * 2 * C + c];
	norm_back(t, r, s.norm, all, k);
	if (wanted)
		ser_la_for(t->la, n_seg, norm_pool_bwd, &s);
}

/* ---- layer norm ---- */

struct layer_norm {
	size_t n_ch, n_row;
	double eps;
	real *mean, *inv; /* [n_row] */
	const real *x, *gain, *bias, *dy;
	real *y, *dx;
	double *part; /* [n_part][2C]: dgain, dbias */
	size_t grain;
};

static void layer_norm_fwd(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct layer_norm *s = ctx;
	kern_layer_norm_fwd(r1 - r0, s->n_ch, s->x + r0 * s->n_ch, s->gain, s->bias, s->eps, s->y + r0 * s->n_ch,
			    s->mean + r0, s->inv + r0);
}

static void layer_norm_bwd(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct layer_norm *s = ctx;
	double *p = s->part + r0 / s->grain * 2 * s->n_ch;
	kern_layer_norm_bwd(r1 - r0, s->n_ch, s->x + r0 * s->n_ch, s->gain, s->mean + r0, s->inv + r0,
			    s->dy + r0 * s->n_ch, s->dx != NULL ? s->dx + r0 * s->n_ch : NULL, p, p + s->n_ch);
}

int ser_nn_layer_norm(struct ser_tape *t, int x, int gain, int bias, double eps)
{
	struct node X = *tape_at(t, x);
	size_t C = channels(t, x, gain, bias);
	void *saved;
	int y = tape_op(t, OP_LAYER_NORM, 3, (int[]){x, gain, bias}, X.n_row, X.n_col, X.seg, X.n_seg, &saved,
			sizeof(struct layer_norm));
	*(struct layer_norm *)saved = (struct layer_norm){.n_ch = C, .eps = eps};
	return y;
}

void fwd_layer_norm(struct ser_tape *t, struct rec *r)
{
	struct layer_norm *s = r->saved;
	struct node X = tape_x(t, r);
	s->n_row = X.n_row * (X.n_col / s->n_ch);
	s->mean = tape_state(t, r, s->n_row, sizeof *s->mean);
	s->inv = tape_state(t, r, s->n_row, sizeof *s->inv);
	s->x = X.val;
	s->gain = tape_val(t, r->in[1]);
	s->bias = tape_val(t, r->in[2]);
	s->y = tape_val(t, r->out);
	ser_la_range(t->la, s->n_row, grain_rows(s->n_ch), layer_norm_fwd, s);
}

void bwd_layer_norm(struct ser_tape *t, const struct rec *r)
{
	struct layer_norm s = *(struct layer_norm *)r->saved;
	s.x = tape_at(t, r->in[0])->val;
	s.dy = tape_at(t, r->out)->grad;
	s.dx = tape_grad(t, r->in[0]);
	s.grain = grain_rows(s.n_ch);
	real *dg = tape_grad(t, r->in[1]), *db = tape_grad(t, r->in[2]);
	size_t n_part = (s.n_row + s.grain - 1) / s.grain;
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	s.part = ser_arena_calloc(&t->arena, ser_mul(n_part, 2 * s.n_ch), sizeof *s.part);
	ser_la_range(t->la, s.n_row, s.grain, layer_norm_bwd, &s);
	for (size_t i = 0; i < n_part; i++) {
		add_double(dg, s.part + i * 2 * s.n_ch, s.n_ch);
		add_double(db, s.part + i * 2 * s.n_ch + s.n_ch, s.n_ch);
	}
	ser_arena_rewind(&t->arena, m);
}

/* ---- group norm ---- */

struct group_norm {
	size_t n_ch, n_group, n_seg, width; /* width: rows of [.., C] in one row of x */
	const size_t *seg;                  /* NULL: each row */
	double eps;
	real *mean, *inv; /* [n_seg][n_group] */
	const real *x, *gain, *bias, *dy;
	real *y, *dx;
	double *part; /* [n_seg][2C] */
};

static void group_norm_item(void *ctx, size_t b, int worker)
{
	(void)worker;
	const struct group_norm *s = ctx;
	size_t r0 = s->seg != NULL ? s->seg[b] : b, r1 = s->seg != NULL ? s->seg[b + 1] : b + 1;
	size_t n = (r1 - r0) * s->width, at = r0 * s->width * s->n_ch, g = b * s->n_group;
	if (s->dy == NULL)
		kern_group_norm_fwd(n, s->n_ch, s->n_group, s->x + at, s->gain, s->bias, s->eps, s->y + at, s->mean + g,
				    s->inv + g);
	else
		kern_group_norm_bwd(n, s->n_ch, s->n_group, s->x + at, s->gain, s->mean + g, s->inv + g, s->dy + at,
				    s->dx != NULL ? s->dx + at : NULL, s->part + b * 2 * s->n_ch,
				    s->part + b * 2 * s->n_ch + s->n_ch);
}

/* Groups of one channel: the w of one block, in a segment or in a strip of one */
static size_t block_of(const struct group_norm *s, size_t i, size_t *c0)
{
	*c0 = i * KERN_CHANNELS;
	return s->n_ch - *c0 < KERN_CHANNELS ? s->n_ch - *c0 : KERN_CHANNELS;
}

static size_t n_block(const struct group_norm *s)
{
	return (s->n_ch + KERN_CHANNELS - 1) / KERN_CHANNELS;
}

static void channel_norm(const struct group_norm *s, size_t c0, size_t w, const real *x, size_t n, const real *mean,
			 const real *inv, real *y)
{
	kern_channel_norm_fwd(n, w, s->n_ch, x + c0, mean + c0, inv + c0, s->gain != NULL ? s->gain + c0 : NULL,
			      s->bias != NULL ? s->bias + c0 : NULL, y + c0);
}

static void channel_norm_item(void *ctx, size_t i, int worker)
{
	(void)worker;
	const struct group_norm *s = ctx;
	double sum[KERN_CHANNELS] = {0}, sq[KERN_CHANNELS] = {0};
	size_t b = i / n_block(s), c0, w = block_of(s, i % n_block(s), &c0);
	size_t r0 = s->seg != NULL ? s->seg[b] : b, r1 = s->seg != NULL ? s->seg[b + 1] : b + 1;
	size_t n = (r1 - r0) * s->width, at = r0 * s->width * s->n_ch;
	real *mean = s->mean + b * s->n_ch, *inv = s->inv + b * s->n_ch;
	kern_col_sum(n, w, s->x + at + c0, s->n_ch, sum, sq);
	kern_channel_stats(n, w, sum, sq, s->eps, mean + c0, inv + c0);
	channel_norm(s, c0, w, s->x + at, n, mean, inv, s->y + at);
}

int ser_nn_group_norm(struct ser_tape *t, int x, int gain, int bias, size_t n_group, double eps)
{
	struct node X = *tape_at(t, x);
	size_t C = channels(t, x, gain, bias);
	ser_assert(n_group > 0 && C % n_group == 0);
	void *saved;
	int y = tape_op(t, OP_GROUP_NORM, 3, (int[]){x, gain, bias}, X.n_row, X.n_col, X.seg, X.n_seg, &saved,
			sizeof(struct group_norm));
	*(struct group_norm *)saved = (struct group_norm){.n_ch = C,
							  .n_group = n_group,
							  .n_seg = X.seg != NULL ? X.n_seg : X.n_row,
							  .width = X.n_col / C,
							  .seg = X.seg,
							  .eps = eps};
	return y;
}

void fwd_group_norm(struct ser_tape *t, struct rec *r)
{
	struct group_norm *s = r->saved;
	s->mean = tape_state(t, r, ser_mul(s->n_seg, s->n_group), sizeof *s->mean);
	s->inv = tape_state(t, r, ser_mul(s->n_seg, s->n_group), sizeof *s->inv);
	s->x = tape_x(t, r).val;
	s->gain = tape_val(t, r->in[1]);
	s->bias = tape_val(t, r->in[2]);
	s->y = tape_val(t, r->out);
	if (s->n_group == s->n_ch)
		ser_la_for(t->la, ser_mul(s->n_seg, n_block(s)), channel_norm_item, s);
	else
		ser_la_for(t->la, s->n_seg, group_norm_item, s);
}

bool tape_channel_norm_is(const struct rec *r)
{
	const struct group_norm *s = r->saved;
	return r->op == OP_GROUP_NORM && s->n_group == s->n_ch && s->width == 1 && s->seg != NULL;
}

struct channel_strip {
	struct group_norm norm;
	size_t n;
	double *sum;       /* [2C]; NULL: to be normed, with */
	const real *stats; /* [2C] */
};

static void channel_strip_item(void *ctx, size_t i, int worker)
{
	(void)worker;
	const struct channel_strip *s = ctx;
	size_t c0, C = s->norm.n_ch, w = block_of(&s->norm, i, &c0);
	if (s->sum != NULL)
		kern_col_sum(s->n, w, s->norm.x + c0, C, s->sum + c0, s->sum + C + c0);
	else
		channel_norm(&s->norm, c0, w, s->norm.x, s->n, s->stats, s->stats + C, s->norm.y);
}

void tape_channel_sums(struct ser_tape *t, const struct rec *r, const real *x, size_t n, double *sum)
{
	struct channel_strip s = {.norm = *(struct group_norm *)r->saved, .n = n, .sum = sum};
	s.norm.x = x;
	ser_la_for(t->la, n_block(&s.norm), channel_strip_item, &s);
}

void tape_channel_stats(const struct rec *r, const double *sum, size_t n_all, real *stats)
{
	const struct group_norm *s = r->saved;
	kern_channel_stats(n_all, s->n_ch, sum, sum + s->n_ch, s->eps, stats, stats + s->n_ch);
}

void tape_channel_norm(struct ser_tape *t, const struct rec *r, real *x, size_t n, const real *stats)
{
	struct channel_strip s = {.norm = *(struct group_norm *)r->saved, .n = n, .stats = stats};
	s.norm.x = s.norm.y = x;
	s.norm.gain = tape_val(t, r->in[1]);
	s.norm.bias = tape_val(t, r->in[2]);
	ser_la_for(t->la, n_block(&s.norm), channel_strip_item, &s);
}

void bwd_group_norm(struct ser_tape *t, const struct rec *r)
{
	struct group_norm s = *(struct group_norm *)r->saved;
	s.x = tape_at(t, r->in[0])->val;
	s.dy = tape_at(t, r->out)->grad;
	s.dx = tape_grad(t, r->in[0]);
	real *dg = tape_grad(t, r->in[1]), *db = tape_grad(t, r->in[2]);
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	s.part = ser_arena_calloc(&t->arena, ser_mul(s.n_seg, 2 * s.n_ch), sizeof *s.part);
	ser_la_for(t->la, s.n_seg, group_norm_item, &s);
	for (size_t b = 0; b < s.n_seg; b++) {
		add_double(dg, s.part + b * 2 * s.n_ch, s.n_ch);
		add_double(db, s.part + b * 2 * s.n_ch + s.n_ch, s.n_ch);
	}
	ser_arena_rewind(&t->arena, m);
}

/* ---- rows to unit length ---- */

struct l2 {
	size_t n_col;
	double eps;
	const real *x, *y, *dy;
	real *out, *inv;
};

static void l2_fwd(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct l2 *s = ctx;
	kern_l2_norm_fwd(r1 - r0, s->n_col, s->x + r0 * s->n_col, s->eps, s->out + r0 * s->n_col, s->inv + r0);
}

static void l2_bwd(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct l2 *s = ctx;
	kern_l2_norm_bwd(r1 - r0, s->n_col, s->y + r0 * s->n_col, s->inv + r0, s->dy + r0 * s->n_col,
			 s->out + r0 * s->n_col);
}

int ser_nn_l2_norm(struct ser_tape *t, int x, double eps)
{
	struct node X = *tape_at(t, x);
	void *saved;
	int y = tape_op(t, OP_L2_NORM, 1, &x, X.n_row, X.n_col, X.seg, X.n_seg, &saved, sizeof(struct l2));
	*(struct l2 *)saved = (struct l2){.n_col = X.n_col, .eps = eps};
	return y;
}

void fwd_l2_norm(struct ser_tape *t, struct rec *r)
{
	struct l2 *s = r->saved;
	size_t n_row = tape_at(t, r->out)->n_row;
	s->x = tape_val(t, r->in[0]);
	s->out = tape_val(t, r->out);
	s->inv = tape_state(t, r, n_row, sizeof *s->inv);
	ser_la_range(t->la, n_row, grain_rows(s->n_col), l2_fwd, s);
}

void bwd_l2_norm(struct ser_tape *t, const struct rec *r)
{
	struct node Y = *tape_at(t, r->out);
	struct l2 s = *(struct l2 *)r->saved;
	s.y = Y.val;
	s.dy = Y.grad;
	s.out = tape_grad(t, r->in[0]);
	ser_la_range(t->la, Y.n_row, grain_rows(Y.n_col), l2_bwd, &s);
}
