/* SPDX-License-Identifier: MIT */
/* Values and gradients of every operator, gradients of whole models and ten optimiser steps against PyTorch, in single
 * precision; the numbers are in tests/golden, made by tests/ref/nn_golden.py. */
#include "nn/nn.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "nn_cases.h"

struct golden {
	struct ser_map *name;
	size_t *at, *n;
	double *v;
};

static struct golden ops, models;

static void load(struct golden *g, const char *path)
{
	struct ser_err e;
	char *text, *line, *save = NULL;
	size_t n, cap = 0, cap_v = 0, n_v = 0, cap_n = 0;
	if (ser_read_file(path, 1 << 24, &text, &n, &e) < 0)
		fail_msg("%s", e.msg);
	g->name = ser_map_new();
	for (line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		char *tab = strchr(line, '\t'), *p;
		size_t i = ser_map_add(g->name, line, (size_t)(tab - line), NULL), k = strtoul(tab + 1, &p, 10);
		g->at = ser_grow(g->at, &cap, i + 1, sizeof *g->at);
		g->n = ser_grow(g->n, &cap_n, i + 1, sizeof *g->n);
		g->at[i] = n_v;
		g->n[i] = k;
		for (size_t j = 0; j < k; j++) {
			g->v = ser_grow(g->v, &cap_v, n_v + 1, sizeof *g->v);
			g->v[n_v++] = strtod(p, &p);
		}
	}
	free(text);
}

static void drop(struct golden *g)
{
	ser_map_free(g->name);
	free(g->at);
	free(g->n);
	free(g->v);
}

static int drop_all(void **state)
{
	(void)state;
	drop(&ops);
	drop(&models);
	return 0;
}

static const double *find(const struct golden *g, const char *name, size_t n)
{
	ptrdiff_t i = ser_map_find(g->name, name, strlen(name));
	if (i < 0)
		return NULL;
	if (g->n[i] != n)
		fail_msg("%s: %zu values, PyTorch has %zu", name, n, g->n[i]);
	return g->v + g->at[i];
}

/* Largest difference against the largest value. */
static void compare(const char *name, size_t n, const real *x, const double *y, double tol)
{
	double worst = 0, most = 1e-3;
	for (size_t i = 0; i < n; i++) {
		double err = fabs((double)x[i] - y[i]);
		worst = !(err <= worst) ? err : worst;
		most = fmax(most, fabs(y[i]));
	}
	if (!(worst <= tol * most))
		fail_msg("%s: off by %g of %g", name, worst, most);
}

static void check_op(void **state)
{
	const struct kase *k = *state;
	struct ser_err e = {0};
	struct ser_params *p = ser_params_new(1);
	struct ser_tape *t = ser_tape_new(NULL, p);
	char name[120];
	for (int i = 0; i < 6 && k->in[i].r > 0; i++) {
		snprintf(name, sizeof name, "x%d", i);
		ser_params_add(p, name, 0, (struct ser_init){0}, 2, (size_t[]){k->in[i].r, k->in[i].c});
		lcg((uint32_t)i + 1, p->slice[i].n, p->val + p->slice[i].at);
	}
	if (strncmp(k->name, "batch_norm", 10) == 0) {
		struct ser_slice *v = &p->slice[p->n_slice - 1];
		v[-1].flags = v->flags = SER_P_BUFFER;
		for (size_t j = 0; j < v->n; j++)
			p->val[v->at + j] = (real)(fabs((double)p->val[v->at + j]) + 0.5);
	}
	int loss, y = case_run(t, k, SER_TAPE_GRAD | k->mode, &loss);
	struct ser_node Y = ser_tape_node(t, y);
	compare(k->name, Y.n_row * Y.n_col, Y.val, find(&ops, k->name, Y.n_row * Y.n_col), 2e-6);
	assert_int_equal(ser_tape_backward(t, loss, 1, &e), 0);
	for (size_t i = 0; i < p->n_slice; i++) {
		const struct ser_slice *s = &p->slice[i];
		snprintf(name, sizeof name, "%s/%zu", k->name, i);
		const real *g = p->grad + s->at;
		if (find(&ops, name, s->n <= 24 ? s->n : 1) == NULL)
			continue;
		real mix[1024], sum;
		ser_assert(s->n <= 1024);
		lcg(7, s->n, mix);
		sum = (real)ser_la_dot(s->n, g, mix);
		compare(name, s->n <= 24 ? s->n : 1, s->n <= 24 ? g : &sum, find(&ops, name, s->n <= 24 ? s->n : 1),
			2e-5);
	}
	case_done();
	ser_tape_free(t);
	ser_params_free(p);
}

/* ---- whole models ---- */

static const size_t CUM[] = {0, 9, 13, 20, 32, 37, 43};
static const int32_t Y_LABEL[] = {0, 1, 2, 1, 0, 2};
static const real Y_WEIGHT[] = {1, 2, 0.5};

static int conv_net(struct ser_tape *t, int x)
{
	struct ser_conv c1 = {.k = 5, .stride = 1, .dil = 1, .pad = 2, .groups = 1};
	struct ser_conv c2 = {.k = 3, .stride = 2, .dil = 1, .pad = 1, .groups = 1};
	int h = ser_nn_relu(t, ser_layer_batch_norm(t, "bn1", ser_layer_conv1d(t, "conv1", x, 8, &c1, true), 8));
	h = ser_nn_relu(t, ser_layer_batch_norm(t, "bn2", ser_layer_conv1d(t, "conv2", h, 8, &c2, true), 8));
	h = ser_layer_linear(t, "out", ser_layer_attn_stats(t, "pool", h, 4, false), 3, true);
	return ser_nn_cross_entropy(t, h, Y_LABEL, &(struct ser_loss){.class_w = Y_WEIGHT});
}

static int attn_net(struct ser_tape *t, int x)
{
	int h = ser_layer_linear(t, "in", x, 8, true);
	h = ser_layer_layer_norm(t, "ln1", ser_nn_add(t, h, ser_layer_mha(t, "mha", h, 2, 3, 0)), 8);
	int f = ser_layer_linear(t, "ff2", ser_nn_gelu(t, ser_layer_linear(t, "ff1", h, 16, true)), 8, true);
	h = ser_nn_pool_mean(t, ser_layer_layer_norm(t, "ln2", ser_nn_add(t, h, f), 8));
	int w = ser_layer_param(t, "classes", 0, (struct ser_init){0}, 2, (size_t[]){3, 8});
	int c = ser_nn_linear(t, ser_nn_l2_norm(t, h, 1e-12), ser_nn_l2_norm(t, w, 1e-12), -1);
	return ser_nn_aam(t, c, 1, Y_LABEL, 0.2, 30, NULL);
}

static int crnn(struct ser_tape *t, int x)
{
	int h = ser_layer_batch_norm(t, "bn", ser_layer_conv2d(t, "conv", x, 10, 3, &k3, &k3, true), 3);
	h = ser_layer_lstm(t, "rnn", ser_nn_max_pool2d(t, ser_nn_relu(t, h), 10, 2, 2), 4, true);
	h = ser_nn_l2_norm(t, ser_layer_linear(t, "out", ser_nn_pool_mean(t, h), 5, true), 1e-12);
	return ser_nn_supcon(t, h, Y_LABEL, 0.2);
}

static const struct model {
	const char *name;
	int (*net)(struct ser_tape *t, int x);
	/* parameters in the order and with the scale and offset that the script has */
	struct {
		const char *name;
		double scale, offset;
	} fill[24];
} all_models[] = {
	{"conv_net",
	 conv_net,
	 {{"conv1.weight", 0.2, 0},
	  {"conv1.bias", 0.1, 0},
	  {"bn1.weight", 0.2, 1},
	  {"bn1.bias", 0.1, 0},
	  {"conv2.weight", 0.2, 0},
	  {"conv2.bias", 0.1, 0},
	  {"bn2.weight", 0.2, 1},
	  {"bn2.bias", 0.1, 0},
	  {"pool.att.0.weight", 0.3, 0},
	  {"pool.att.0.bias", 0.1, 0},
	  {"pool.att.1.weight", 0.3, 0},
	  {"pool.att.1.bias", 0.1, 0},
	  {"out.weight", 0.3, 0},
	  {"out.bias", 0.1, 0}}},
	{"attn_net",
	 attn_net,
	 {{"in.weight", 0.3, 0},
	  {"in.bias", 0.1, 0},
	  {"mha.in_proj_weight", 0.3, 0},
	  {"mha.in_proj_bias", 0.1, 0},
	  {"mha.out_proj.weight", 0.3, 0},
	  {"mha.out_proj.bias", 0.1, 0},
	  {"mha.rel_bias", 0.5, 0},
	  {"ln1.weight", 0.2, 1},
	  {"ln1.bias", 0.1, 0},
	  {"ff1.weight", 0.3, 0},
	  {"ff1.bias", 0.1, 0},
	  {"ff2.weight", 0.3, 0},
	  {"ff2.bias", 0.1, 0},
	  {"ln2.weight", 0.2, 1},
	  {"ln2.bias", 0.1, 0},
	  {"classes", 1, 0}}},
	{"crnn",
	 crnn,
	 {{"conv.weight", 0.3, 0},
	  {"conv.bias", 0.1, 0},
	  {"bn.weight", 0.2, 1},
	  {"bn.bias", 0.1, 0},
	  {"rnn.weight_ih_l0", 0.3, 0},
	  {"rnn.weight_hh_l0", 0.3, 0},
	  {"rnn.bias_ih_l0", 0.1, 0},
	  {"rnn.bias_hh_l0", 0.1, 0},
	  {"rnn.weight_ih_l0_reverse", 0.3, 0},
	  {"rnn.weight_hh_l0_reverse", 0.3, 0},
	  {"rnn.bias_ih_l0_reverse", 0.1, 0},
	  {"rnn.bias_hh_l0_reverse", 0.1, 0},
	  {"out.weight", 0.3, 0},
	  {"out.bias", 0.1, 0}}},
};

static struct ser_params *model_new(const struct model *m, struct ser_tape **t, struct ser_la *la)
{
	struct ser_params *p = ser_params_new(1);
	*t = ser_tape_new(la, p);
	ser_tape_reset(*t, SER_TAPE_SHAPE, 0);
	m->net(*t, ser_tape_input(*t, NULL, 43, 10, CUM, 6));
	size_t n = 0;
	for (; m->fill[n].name != NULL; n++) {
		int i = ser_params_find(p, m->fill[n].name);
		if (i < 0)
			fail_msg("%s has no parameter %s", m->name, m->fill[n].name);
		struct ser_slice *s = &p->slice[i];
		s->flags &= ~(unsigned)SER_P_NO_DECAY; /* PyTorch decays all it is given */
		lcg(1000 + (uint32_t)n + 1, s->n, p->val + s->at);
		for (size_t j = 0; j < s->n; j++) {
			float v = (float)p->val[s->at + j];
			p->val[s->at + j] = (real)(v * (float)m->fill[n].scale + (float)m->fill[n].offset);
		}
	}
	size_t n_train = 0;
	for (size_t i = 0; i < p->n_slice; i++)
		n_train += (p->slice[i].flags & SER_P_BUFFER) == 0;
	assert_int_equal(n, n_train);
	return p;
}

static double model_step(const struct model *m, struct ser_tape *t, unsigned mode)
{
	static real x[430];
	struct ser_err e = {0};
	lcg(500, 430, x);
	ser_tape_reset(t, mode, 0);
	int loss = m->net(t, ser_tape_input(t, x, 43, 10, CUM, 6));
	if ((mode & SER_TAPE_GRAD) != 0) {
		ser_params_zero_grad(ser_tape_params(t));
		assert_int_equal(ser_tape_backward(t, loss, 1, &e), 0);
	}
	return ser_tape_scalar(t, loss);
}

static void check_model(void **state)
{
	const struct model *m = *state;
	char name[120];
	struct ser_tape *t;
	struct ser_params *p = model_new(m, &t, NULL);
	model_step(m, t, SER_TAPE_GRAD | SER_TAPE_TRAIN);
	double all = 0;
	for (size_t i = 0; i < p->n_slice; i++)
		for (size_t j = 0; j < p->slice[i].n; j++)
			all = fmax(all, fabs((double)p->grad[p->slice[i].at + j]));
	for (int i = 0; m->fill[i].name != NULL; i++) {
		const struct ser_slice *s = &p->slice[ser_params_find(p, m->fill[i].name)];
		snprintf(name, sizeof name, "%s/%s", m->name, s->name);
		const double *g = find(&models, name, s->n);
		assert_non_null(g);
		double worst = 0;
		for (size_t j = 0; j < s->n; j++) {
			double err = fabs((double)p->grad[s->at + j] - g[j]);
			worst = !(err <= worst) ? err : worst;
		}
		if (!(worst <= 2e-5 * all))
			fail_msg("%s: off by %g of %g", name, worst, all);
	}
	ser_tape_free(t);
	ser_params_free(p);
	static const char *const kinds[] = {"adam", "adamw", "sgd"};
	for (int k = 0; k < 3; k++) {
		struct ser_opt_opts o = ser_opt_defaults();
		o.kind = k == 0 ? SER_OPT_ADAM : k == 1 ? SER_OPT_ADAMW : SER_OPT_SGD;
		o.weight_decay = 0.05;
		o.nesterov = true;
		struct ser_err e = {0};
		struct ser_opt *opt;
		p = model_new(m, &t, NULL);
		assert_int_equal(ser_opt_new(&opt, &o, p, NULL, &e), 0);
		snprintf(name, sizeof name, "%s/%s", m->name, kinds[k]);
		const double *want = find(&models, name, 10);
		assert_non_null(want);
		for (int i = 0; i < 10; i++) {
			double got = model_step(m, t, SER_TAPE_GRAD | SER_TAPE_TRAIN);
			if (!(fabs(got - want[i]) <= 1e-4))
				fail_msg("%s: loss %d is %.8g, PyTorch's %.8g", name, i, got, want[i]);
			ser_opt_step(opt, k == 2 ? 0.05 : 0.003);
		}
		assert_true(want[9] < want[0]);
		ser_opt_free(opt);
		ser_tape_free(t);
		ser_params_free(p);
	}
}

/* One thread and several give the same bytes: parameters after five steps. */
static void check_threads(void **state)
{
	const struct model *m = *state;
	struct ser_params *p[3];
	for (int n = 0; n < 3; n++) {
		struct ser_tape *t;
		struct ser_err e = {0};
		struct ser_opt *opt;
		struct ser_opt_opts o = ser_opt_defaults();
		struct ser_la *la = ser_la_new(n + 1);
		p[n] = model_new(m, &t, la);
		assert_int_equal(ser_opt_new(&opt, &o, p[n], la, &e), 0);
		for (int i = 0; i < 5; i++) {
			model_step(m, t, SER_TAPE_GRAD | SER_TAPE_TRAIN);
			ser_opt_step(opt, 0.01);
		}
		ser_opt_free(opt);
		ser_tape_free(t);
		ser_la_free(la);
		assert_memory_equal(p[n]->val, p[0]->val, p[0]->n * sizeof(real));
	}
	for (int n = 0; n < 3; n++)
		ser_params_free(p[n]);
}

int main(void)
{
	enum { N = sizeof cases / sizeof *cases, M = sizeof all_models / sizeof *all_models };
	struct CMUnitTest tests[N + 2 * M];
	size_t n = 0;
	load(&ops, "tests/golden/nn_ops.txt");
	load(&models, "tests/golden/nn_models.txt");
	for (int i = 0; i < N; i++)
		if (ser_map_find(ops.name, cases[i].name, strlen(cases[i].name)) >= 0)
			tests[n++] = (struct CMUnitTest){cases[i].name, check_op, NULL, NULL, (void *)&cases[i]};
	for (int i = 0; i < M; i++) {
		tests[n++] = (struct CMUnitTest){all_models[i].name, check_model, NULL, NULL, (void *)&all_models[i]};
		tests[n++] = (struct CMUnitTest){"threads", check_threads, NULL, NULL, (void *)&all_models[i]};
	}
	return _cmocka_run_group_tests("pytorch", tests, n, NULL, drop_all);
}
