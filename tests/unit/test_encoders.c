/* SPDX-License-Identifier: MIT */
/* Pretrained transformer encoders against a reference in double precision (tests/ref/encoders.py): hidden states, losses and
 * gradients of every parameter of tiny networks whose weights a formula gives; and sizes of the published ones. */
#include "model/model.h"
#include "train/private.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "golden.h"

enum { MAX_HYPER = 32, N_WAVE = 32000 };
struct net {
	const char *golden, *arch, *hyper[MAX_HYPER];
};

#define SPEECH "conv_dim=16", "dim=32", "ffn=64", "layers=2", "heads=4", "pos_groups=4", "normalize=0"
#define TEXT   "vocab=100", "dim=32", "heads=4", "ffn=64", "layers=2", "positions=40", "pooler=1"
#define LARGE  "conv_norm=1", "pre_norm=1"
#define EMOTION2VEC                                                                                                    \
	"conv_dim=16", "dim=48", "ffn=192", "heads=12", "prenet=2", "layers=2", "pos_groups=4", "normalize=0"
static const struct net nets[] = {
	{"w2v2_base", "wav2vec2", {SPEECH}},
	{"w2v2_base", "hubert", {SPEECH}},
	{"w2v2_large", "wav2vec2", {SPEECH, LARGE, "conv_bias=1"}},
	{"wavlm_base", "wavlm", {SPEECH}},
	{"wavlm_large", "wavlm", {SPEECH, LARGE}},
	{"data2vec", "data2vec-audio", {SPEECH}},
	{"emotion2vec", "emotion2vec", {EMOTION2VEC}},
	{"data2vec2",
	 "emotion2vec",
	 {"conv_dim=16", "dim=48", "ffn=192", "heads=12", "prenet=0", "layers=1", "extra=0", "pos_groups=4",
	  "normalize=0"}},
	{"whisper", "whisper", {"dim=32", "heads=4", "layers=2", "positions=100"}},
	{"roberta", "roberta", {TEXT}},
	{"bert", "bert", {TEXT}},
	/* of variances no larger than what norms add to them */
	{"w2v2_large_small", "wav2vec2", {SPEECH, LARGE, "conv_bias=1"}},
	{"emotion2vec_small", "emotion2vec", {EMOTION2VEC}},
	{"roberta_small", "roberta", {TEXT}},
	{"bert_small", "bert", {TEXT}},
};

static bool is_text(const char *arch)
{
	return strcmp(arch, "roberta") == 0 || strcmp(arch, "bert") == 0;
}

static void hypers(const struct ser_arch *a, const char *const *text, double *h)
{
	for (size_t i = 0; a->hyper[i].name != NULL; i++)
		h[i] = a->hyper[i].dflt;
	for (; *text != NULL; text++) {
		size_t n = strcspn(*text, "="), i = 0;
		while (a->hyper[i].name != NULL &&
		       (strlen(a->hyper[i].name) != n || strncmp(a->hyper[i].name, *text, n) != 0))
			i++;
		assert_non_null(a->hyper[i].name);
		h[i] = strtod(*text + n + 1, NULL);
	}
	assert_true(a->check == NULL || a->check(h) == NULL);
}

static struct source own, oracle;

/* Pairs of a reference's names and ours, to NULL, when they are no encoder's */
static const char *const *renamed;

/* Ours of a reference's parameter: what stands beside an encoder has its name already */
static void our_name(const char *s, size_t len, char *name, size_t n)
{
	for (const char *const *r = renamed; r != NULL && r[0] != NULL; r += 2)
		if (strlen(r[0]) == len && memcmp(r[0], s, len) == 0) {
			snprintf(name, n, "%s", r[1]);
			return;
		}
	bool beside = strncmp(s, "mix.", 4) == 0 || strncmp(s, "heads.", 6) == 0;
	snprintf(name, n, "%s%.*s", beside ? "" : "encoder.", (int)len, s);
}

/* The parameters by the formula; all of the reference's must be there */
static void fill(struct ser_params *p, const struct ser_val *list)
{
	for (size_t k = 0; k < list->u.list.n; k++) {
		const struct ser_val *v = &list->u.list.v[k];
		char name[256];
		our_name(need(v, "name")->u.str.s, need(v, "name")->u.str.n, name, sizeof name);
		int i = ser_params_find(p, name);
		if (i < 0)
			fail_msg("no parameter %s", name);
		const struct ser_slice *s = &p->slice[i];
		float *x = ser_malloc(s->n, sizeof *x);
		size_t n = 1;
		for (size_t d = 0; d < need(v, "shape")->u.list.n; d++)
			n *= (size_t)number(&need(v, "shape")->u.list.v[d]);
		assert_int_equal(n, s->n);
		for (size_t j = 0; j < n; j++)
			x[j] = (float)(number(need(v, "base")) +
				       number(need(v, "amp")) * unit((uint32_t)j, (uint32_t)number(need(v, "seed"))));
		ser_model_slice_in(s, x, p->val + s->at);
		free(x);
	}
}

/* The same by their names from a file of weights: equal values */
static void check_file(struct ser_params *p, const char *path, const char *prefix)
{
	struct ser_st *st;
	struct ser_err e;
	if (ser_st_open(&st, path, &e) != SER_OK)
		fail_msg("%s", e.msg);
	for (size_t k = 0; k < st->n_tensor; k++) {
		char name[256];
		const struct ser_st_tensor *w = &st->tensor[k];
		assert_int_equal(strncmp(w->name, prefix, strlen(prefix)), 0);
		snprintf(name, sizeof name, "encoder.%s", w->name + strlen(prefix));
		int i = ser_params_find(p, name);
		assert_true(i >= 0 && p->slice[i].n == w->n);
		float *x = ser_malloc(w->n, sizeof *x), *y = ser_malloc(w->n, sizeof *y);
		size_t shape[SER_MAX_DIM];
		ser_st_f4(w, x);
		ser_model_slice_out(&p->slice[i], p->val + p->slice[i].at, y, shape);
		for (int d = 0; d < p->slice[i].ndim && p->slice[i].ndim == w->ndim; d++)
			assert_int_equal(shape[d], w->shape[d]);
		assert_memory_equal(x, y, w->n * sizeof *x);
		free(x);
		free(y);
	}
	ser_st_free(st);
}

/* Rows [from, from + n) of y against the stated first numbers, sum and length, and against the whole array where there is one.
 * skip: rows of the reference before them */
static void check_rows(const struct source *s, const char *what, const struct ser_val *want, struct ser_node y,
		       size_t skip, bool whole)
{
	const struct ser_val *first = need(want, "first8"), *file = ser_val_get(want, "file");
	size_t n = y.n_row * y.n_col;
	double sum = 0, l2 = 0;
	for (size_t i = 0; i < n; i++) {
		sum += (double)y.val[i];
		l2 += (double)y.val[i] * (double)y.val[i];
	}
	for (size_t i = 0; skip == 0 && i < first->u.list.n; i++)
		if (!(fabs(number(&first->u.list.v[i]) - (double)y.val[i]) <= 5e-5))
			fail_msg("%s: element %zu is %g, expected %g", what, i, (double)y.val[i],
				 number(&first->u.list.v[i]));
	if (whole && (!(fabs(sqrt(l2) - number(need(want, "l2"))) <= 1e-5 * sqrt(l2)) ||
		      !(fabs(sum - number(need(want, "sum"))) <= 5e-5 * sqrt((double)n))))
		fail_msg("%s: sum %g, length %g, expected %g, %g", what, sum, sqrt(l2), number(need(want, "sum")),
			 number(need(want, "l2")));
	if (s->folder == NULL || file == NULL)
		return;
	char path[512], *text;
	size_t size;
	struct ser_err e;
	snprintf(path, sizeof path, "%s/%.*s", s->folder, (int)file->u.str.n, file->u.str.s);
	if (ser_read_file(path, 1 << 24, &text, &size, &e) != SER_OK)
		fail_msg("%s", e.msg);
	assert_true(size >= (skip * y.n_col + n) * sizeof(float));
	for (size_t i = 0; i < n; i++) {
		float v;
		memcpy(&v, text + (skip * y.n_col + i) * sizeof v, sizeof v);
		if (!(fabs((double)v - (double)y.val[i]) <= 5e-5))
			fail_msg("%s: element %zu is %g, expected %g", what, i, (double)y.val[i], (double)v);
	}
	free(text);
}

/* Gradients: those that cancel, as keys' biases do, are compared with the largest length of all */
static void check_grads(const char *what, struct ser_params *p, const struct ser_val *want)
{
	double largest = 0;
	for (size_t k = 0; k < want->u.map.n; k++)
		largest = fmax(largest, number(need(&want->u.map.f[k].val, "l2")));
	for (size_t k = 0; k < want->u.map.n; k++) {
		const struct ser_field *f = &want->u.map.f[k];
		const struct ser_val *first = need(&f->val, "first8");
		char name[256];
		our_name(f->name, f->name_len, name, sizeof name);
		int i = ser_params_find(p, name);
		assert_true(i >= 0);
		const struct ser_slice *s = &p->slice[i];
		float *g = ser_malloc(s->n, sizeof *g);
		size_t shape[SER_MAX_DIM];
		double sum = 0, l2 = 0, size = number(need(&f->val, "l2"));
		ser_model_slice_out(s, p->grad + s->at, g, shape);
		for (size_t j = 0; j < s->n; j++) {
			sum += (double)g[j];
			l2 += (double)g[j] * (double)g[j];
		}
		double room = 1e-4 * size + 1e-7 * largest;
		if (!(fabs(sqrt(l2) - size) <= room))
			fail_msg("%s: length of the gradient of %s is %g, expected %g", what, name, sqrt(l2), size);
		if (!(fabs(sum - number(need(&f->val, "sum"))) <= room * sqrt((double)s->n)))
			fail_msg("%s: sum of the gradient of %s is %g, expected %g", what, name, sum,
				 number(need(&f->val, "sum")));
		for (size_t j = 0; j < first->u.list.n; j++)
			if (!(fabs((double)g[j] - number(&first->u.list.v[j])) <= room))
				fail_msg("%s: gradient %zu of %s is %g, expected %g", what, j, name, (double)g[j],
					 number(&first->u.list.v[j]));
		free(g);
	}
}

struct input {
	real *x;
	size_t seg[3], n_seg, n_col;
};

static struct input input_of(const struct source *s, const struct net *net)
{
	struct input in = {.n_seg = 1, .n_col = 1};
	if (is_text(net->arch)) {
		static const real ids[] = {0, 31, 7,  55, 2,  0,
					   9, 80, 44, 13, 66, 2}; /* the first without its padding */
		in.x = ser_malloc(12, sizeof *in.x);
		memcpy(in.x, ids, sizeof ids);
		in.n_seg = 2;
		in.seg[1] = 5;
		in.seg[2] = 12;
		return in;
	}
	if (strcmp(net->arch, "whisper") == 0) { /* [80, 200] there */
		in.n_col = 80;
		in.seg[1] = 200;
		in.x = ser_malloc((size_t)80 * 200, sizeof *in.x);
		char *text = NULL;
		if (s->folder != NULL) {
			char path[512];
			size_t size;
			struct ser_err e;
			snprintf(path, sizeof path, "%s/whisper.logmel80.f32", s->folder);
			if (ser_read_file(path, 1 << 24, &text, &size, &e) != SER_OK ||
			    size != 80 * 200 * sizeof(float))
				fail_msg("%s", path);
		}
		for (size_t m = 0; m < 80; m++)
			for (size_t i = 0; i < 200; i++) {
				float v = (float)unit((uint32_t)(m * 200 + i), 78);
				if (text != NULL)
					memcpy(&v, text + (m * 200 + i) * sizeof v, sizeof v);
				in.x[i * 80 + m] = (real)v;
			}
		free(text);
		return in;
	}
	in.seg[1] = N_WAVE;
	in.x = ser_malloc(N_WAVE, sizeof *in.x);
	for (uint32_t i = 0; i < N_WAVE; i++)
		in.x[i] = (real)(float)(0.3 * sin(0.05 * i) + 0.15 * sin(0.31 * i + 0.5) + 0.05 * unit(i, 77));
	return in;
}

static struct ser_encoded build(struct ser_tape *t, const struct ser_arch *a, const double *h, const real *x,
				const size_t *seg, size_t n_seg, size_t n_col)
{
	ser_tape_enter(t, "encoder");
	struct ser_encoded y = a->build(t, h, ser_tape_input(t, x, seg[n_seg], n_col, seg, n_seg));
	ser_tape_leave(t);
	return y;
}

static void one(const struct source *s, const struct net *net)
{
	const struct ser_arch *a = ser_arch_find(net->arch);
	const struct ser_val *want = need(&s->all, net->golden), *out = need(want, "outputs");
	assert_non_null(a);
	double h[MAX_HYPER];
	hypers(a, net->hyper, h);
	struct ser_err e = {0};
	struct ser_params *p = ser_params_new(1);
	struct ser_la *la = ser_la_new(2);
	struct ser_tape *t = ser_tape_new(la, p);
	struct input in = input_of(s, net);
	ser_tape_reset(t, SER_TAPE_SHAPE, 1);
	build(t, a, h, NULL, in.seg, in.n_seg, in.n_col);
	fill(p, need(want, "params"));
	if (s->folder != NULL) {
		char path[512], prefix[64];
		const struct ser_val *hf = need(want, "hf_prefix");
		snprintf(path, sizeof path, "%s/%s.safetensors", s->folder, net->golden);
		snprintf(prefix, sizeof prefix, "%.*s", (int)hf->u.str.n, hf->u.str.s);
		check_file(p, path, prefix);
	}
	ser_tape_reset(t, SER_TAPE_GRAD, 1);
	struct ser_encoded y = build(t, a, h, in.x, in.seg, in.n_seg, in.n_col);
	bool text = is_text(net->arch);
	for (size_t i = 0; i <= y.n_layer; i++) {
		char name[64];
		snprintf(name, sizeof name,
			 i == y.n_layer && !text && ser_val_get(out, "last") != NULL ? "last" : "hidden_%zu", i);
		const struct ser_val *v = ser_val_get(out, name);
		if (v == NULL && strcmp(net->arch, "emotion2vec") == 0)
			continue;
		struct ser_node n = ser_tape_node(t, y.layer[i]);
		if (text) { /* the reference has two rows of padding between */
			struct ser_node part = n;
			part.n_row = 5;
			check_rows(s, name, v, part, 0, false);
			part.n_row = 7;
			part.val = n.val + 5 * n.n_col;
			check_rows(s, name, v, part, 7, false);
			continue;
		}
		check_rows(s, name, v, n, 0, true);
	}
	if (text)
		check_rows(s, "pooled", need(out, "pooled"), ser_tape_node(t, y.emb), 0, true);
	struct ser_node last = ser_tape_node(t, text ? y.emb : y.frames);
	size_t n = last.n_row * last.n_col;
	real *mix = ser_malloc(n, sizeof *mix);
	for (size_t i = 0; i < n; i++)
		mix[i] = (real)unit((uint32_t)i, 99);
	int loss = ser_nn_mul(t, text ? y.emb : y.frames,
			      ser_tape_input(t, mix, last.n_row, last.n_col, last.seg, last.n_seg));
	loss = ser_nn_scale(t, ser_nn_sum(t, loss), 1 / (double)n);
	if (!(fabs(ser_tape_scalar(t, loss) - number(need(want, "loss"))) <= 1e-6))
		fail_msg("%s: loss %g, expected %g", net->golden, ser_tape_scalar(t, loss), number(need(want, "loss")));
	ser_params_zero_grad(p);
	assert_int_equal(ser_tape_backward(t, loss, 1, &e), 0);
	check_grads(net->golden, p, need(want, "grads"));
	free(mix);
	free(in.x);
	ser_tape_free(t);
	ser_la_free(la);
	ser_params_free(p);
}

/* The first 20,000 samples as in a batch that is padded to all: frames of the padding masked, or heard as silence */
static void padded(const struct source *s, const struct net *net, bool mask)
{
	const struct ser_val *want = need(&s->all, net->golden),
			     *last = ser_val_get(need(want, "outputs"),
						 mask ? "batch_row1_last_valid" : "batch_row1_last");
	const struct ser_arch *a = ser_arch_find(net->arch);
	struct net as = *net;
	size_t n = 0, seg[] = {0, 20000}, both[] = {0, 20000, 20000 + N_WAVE};
	if (last == NULL)
		return;
	while (as.hyper[n] != NULL)
		n++;
	as.hyper[n] = "pad_to=32000";
	as.hyper[n + 1] = mask ? "pad_mask=1" : "pad_mask=0";
	double h[MAX_HYPER];
	hypers(a, as.hyper, h);
	struct ser_params *p = ser_params_new(1);
	struct ser_tape *t = ser_tape_new(NULL, p);
	struct input in = input_of(s, net);
	in.x = ser_realloc(in.x, both[2], sizeof *in.x);
	memmove(in.x + both[1], in.x, N_WAVE * sizeof *in.x);
	ser_tape_reset(t, SER_TAPE_SHAPE, 1);
	build(t, a, h, NULL, seg, 1, 1);
	fill(p, need(want, "params"));
	ser_tape_reset(t, 0, 1);
	check_rows(s, net->golden, last, ser_tape_node(t, build(t, a, h, in.x, seg, 1, 1).frames), 0, true);
	ser_tape_reset(t, 0, 1);
	struct ser_node f = ser_tape_node(t, build(t, a, h, in.x, both, 2, 1).frames);
	f.n_row = f.seg[1];
	check_rows(s, net->golden, last, f, 0, true);
	assert_int_equal(f.n_row, mask ? 62 : 99);
	assert_int_equal(f.seg[2] - f.seg[1], 99);
	free(in.x);
	ser_tape_free(t);
	ser_params_free(p);
}

static void goldens(void **state)
{
	(void)state;
	assert_true(load(&own, "tests/golden/encoders.json", NULL));
	for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
		one(&own, &nets[i]);
	for (size_t i = 0; i < 2 * sizeof nets / sizeof *nets; i++)
		padded(&own, &nets[i / 2], i % 2 != 0);
	ser_arena_free(&own.arena);
}

/* The same and whole arrays, where the folder with all of the reference's files is beside the project's */
static void whole_arrays(void **state)
{
	(void)state;
	if (!load(&oracle, "../shared/encoders/oracle/manifest.json", "../shared/encoders/oracle")) {
		print_message("../shared/encoders/oracle is not here\n");
		skip();
	}
	for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
		if (ser_val_get(&oracle.all, nets[i].golden) != NULL) {
			one(&oracle, &nets[i]);
			padded(&oracle, &nets[i], true);
		}
	ser_arena_free(&oracle.arena);
}

/* A batch of unequal lengths gives what its utterances give one by one. */
static void batches(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
		const struct ser_arch *a = ser_arch_find(nets[i].arch);
		double h[MAX_HYPER];
		hypers(a, nets[i].hyper, h);
		struct ser_params *p = ser_params_new(1);
		struct ser_tape *t = ser_tape_new(NULL, p);
		size_t n_col = strcmp(nets[i].arch, "whisper") == 0 ? 80 : 1, least = n_col > 1 ? 40 : 9000;
		bool text = is_text(nets[i].arch);
		size_t seg[] = {0, text ? 9 : least, text ? 12 : 2 * least - least / 3, text ? 30 : 3 * least};
		real *x = ser_malloc(seg[3] * n_col, sizeof *x), *each[3];
		for (uint32_t j = 0; j < seg[3] * n_col; j++)
			x[j] = text ? (real)(j * 7 % 100) : (real)unit(j, 5);
		ser_tape_reset(t, SER_TAPE_SHAPE, 1);
		build(t, a, h, NULL, seg, 3, n_col);
		size_t n[3];
		for (size_t b = 0; b < 3; b++) {
			size_t alone[] = {0, seg[b + 1] - seg[b]};
			ser_tape_reset(t, 0, 1);
			struct ser_encoded y = build(t, a, h, x + seg[b] * n_col, alone, 1, n_col);
			struct ser_node f = ser_tape_node(t, y.frames);
			n[b] = f.n_row * f.n_col;
			each[b] = ser_malloc(n[b], sizeof(real));
			memcpy(each[b], f.val, n[b] * sizeof(real));
		}
		ser_tape_reset(t, 0, 1);
		struct ser_node f = ser_tape_node(t, build(t, a, h, x, seg, 3, n_col).frames);
		assert_int_equal(f.n_row * f.n_col, n[0] + n[1] + n[2]);
		const real *v = f.val;
		for (size_t b = 0; b < 3; b++) {
			for (size_t j = 0; j < n[b]; j++)
				if (!(fabs((double)v[j] - (double)each[b][j]) <= 1e-5))
					fail_msg("%s: element %zu of utterance %zu is %g in a batch, %g alone",
						 nets[i].arch, j, b, (double)v[j], (double)each[b][j]);
			v += n[b];
			free(each[b]);
		}
		free(x);
		ser_tape_free(t);
		ser_params_free(p);
	}
}

/* Spans, dropout and layers left out: a training step of each runs, is the same for the same seed and not for another. */
static void training(void **state)
{
	(void)state;
	const struct net net = {NULL, "wavlm", {SPEECH, "mask=0.3", "mask_span=3", "layerdrop=0.5", "act_dropout=0.1"}};
	const struct ser_arch *a = ser_arch_find(net.arch);
	double h[MAX_HYPER], loss[3];
	struct ser_err e = {0};
	hypers(a, net.hyper, h);
	struct ser_params *p = ser_params_new(1);
	struct ser_tape *t = ser_tape_new(NULL, p);
	struct input in = input_of(NULL, &net);
	ser_tape_reset(t, SER_TAPE_SHAPE, 1);
	build(t, a, h, NULL, in.seg, 1, 1);
	for (int i = 0; i < 3; i++) {
		ser_tape_reset(t, SER_TAPE_GRAD | SER_TAPE_TRAIN, i < 2 ? 3 : 4);
		int y = ser_nn_sum(t, ser_nn_tanh(t, build(t, a, h, in.x, in.seg, 1, 1).emb));
		loss[i] = ser_tape_scalar(t, y);
		ser_params_zero_grad(p);
		assert_int_equal(ser_tape_backward(t, y, 1, &e), 0);
	}
	assert_true(loss[0] == loss[1] && loss[0] != loss[2]);
	const struct ser_slice *s = &p->slice[ser_params_find(p, "encoder.masked_spec_embed")];
	assert_true(ser_la_dot(s->n, p->grad + s->at, p->grad + s->at) > 0);
	free(in.x);
	ser_tape_free(t);
	ser_params_free(p);
}

/* Of WavLM's original */
static void buckets(void **state)
{
	(void)state;
	static const int want[][2] = {{0, 0},      {-1, 1},     {1, 161},   {-79, 79},  {80, 240},  {82, 240},
				      {83, 241},   {100, 247},  {200, 271}, {400, 295}, {600, 310}, {-100, 87},
				      {-400, 135}, {-799, 159}, {798, 319}, {800, 319}, {-800, 159}};
	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		assert_int_equal(ser_nn_attn_bucket(want[i][0], 320, 800), want[i][1]);
}

/* Published sizes: without memory for the parameters */
static void sizes(void **state)
{
	(void)state;
#define BIG "dim=1024", "ffn=4096", "layers=24", "heads=16"
	static const struct {
		struct net net;
		size_t n_col, n;
	} want[] = {
		{{NULL, "wav2vec2", {NULL}}, 1, 94371712},
		{{NULL, "wav2vec2", {BIG}}, 1, 315428992},
		{{NULL, "wav2vec2", {BIG, LARGE, "conv_bias=1"}}, 1, 315438720},
		{{NULL, "hubert", {NULL}}, 1, 94371712},
		{{NULL, "hubert", {BIG, LARGE}}, 1, 315435136},
		{{NULL, "wavlm", {NULL}}, 1, 94381936},
		{{NULL, "wavlm", {BIG, LARGE}}, 1, 315453120},
		{{NULL, "data2vec-audio", {NULL}}, 1, 93164288},
		{{NULL, "data2vec-audio", {BIG}}, 1, 313276416},
		{{NULL, "emotion2vec", {NULL}}, 1, 93171212},
		{{NULL, "whisper", {"dim=384", "layers=4", "heads=6"}}, 80, 8208384},
		{{NULL, "whisper", {NULL}}, 80, 20590592},
		{{NULL, "whisper", {"dim=768", "layers=12", "heads=12"}}, 80, 88154112},
		{{NULL, "whisper", {"dim=1024", "layers=24", "heads=16"}}, 80, 307216384},
		{{NULL, "whisper", {"dim=1280", "layers=32", "heads=20"}}, 128, 636968960},
		{{NULL, "roberta", {NULL}}, 1, 124055040},
		{{NULL, "roberta", {"pooler=1"}}, 1, 124645632},
		{{NULL, "roberta", {BIG, "pooler=1"}}, 1, 355359744},
		{{NULL, "bert", {"pooler=1"}}, 1, 109482240},
	};
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		const struct ser_arch *a = ser_arch_find(want[i].net.arch);
		double h[MAX_HYPER];
		hypers(a, want[i].net.hyper, h);
		struct ser_params *p = ser_params_new(1);
		p->outline = true;
		struct ser_tape *t = ser_tape_new(NULL, p);
		ser_tape_reset(t, SER_TAPE_SHAPE, 1);
		build(t, a, h, NULL, (size_t[]){0, a->min_frame(h) + 10}, 1, want[i].n_col);
		if (ser_params_count(p, false) != want[i].n)
			fail_msg("%s: %zu parameters, expected %zu", want[i].net.arch, ser_params_count(p, false),
				 want[i].n);
		ser_tape_free(t);
		ser_params_free(p);
	}
}

/* Learning rates by layer find the layers: seven convolutions, then the transformer's, with what lies before each. */
static void layers(void **state)
{
	(void)state;
	static const struct {
		struct net net;
		const char *name;
		size_t layer, n;
	} want[] = {
		{{NULL, "wav2vec2", {SPEECH}}, "feature_extractor.conv_layers.6.conv.weight", 6, 9},
		{{NULL, "wav2vec2", {SPEECH}}, "encoder.pos_conv_embed.conv.weight_v", 7, 9},
		{{NULL, "wavlm", {SPEECH}}, "encoder.layers.0.attention.rel_attn_embed.weight", 7, 9},
		{{NULL, "hubert", {SPEECH, LARGE}}, "encoder.layers.1.layer_norm.weight", 8, 10},
		{{NULL, "hubert", {SPEECH, LARGE}}, "encoder.layer_norm.weight", 9, 10},
		{{NULL, "whisper", {"dim=32", "heads=4", "layers=2"}}, "layers.1.fc1.weight", 3, 5},
		{{NULL, "roberta", {TEXT}}, "embeddings.word_embeddings.weight", 0, 3},
		{{NULL, "roberta", {TEXT}}, "encoder.layer.1.output.dense.bias", 1, 3},
	};
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		const struct ser_arch *a = ser_arch_find(want[i].net.arch);
		double h[MAX_HYPER];
		char name[256];
		hypers(a, want[i].net.hyper, h);
		struct ser_params *p = ser_params_new(1);
		struct ser_tape *t = ser_tape_new(NULL, p);
		ser_tape_reset(t, SER_TAPE_SHAPE, 1);
		build(t, a, h, NULL, (size_t[]){0, a->min_frame(h) + 10}, 1, strcmp(a->name, "whisper") == 0 ? 80 : 1);
		size_t *layer = ser_malloc(p->n_slice, sizeof *layer);
		assert_int_equal(ser_train_layers(p, "encoder", layer), want[i].n);
		snprintf(name, sizeof name, "encoder.%s", want[i].name);
		assert_int_equal(layer[ser_params_find(p, name)], want[i].layer);
		free(layer);
		ser_tape_free(t);
		ser_params_free(p);
	}
}

/* ---- what fine-tuning puts beside an encoder ---- */

static struct ser_model *tuned(enum ser_mix mix, enum ser_head_pool pool, size_t rank)
{
	const char *const hyper[] = {SPEECH, "dropout=0", "attn_dropout=0"};
	struct ser_model *m;
	struct ser_err e;
	assert_int_equal(ser_model_new(&m, "wav2vec2", hyper, sizeof hyper / sizeof *hyper, 1, &e), 0);
	ser_model_input(m, "wave", 1, NULL, SER_NORM_NONE);
	m->enc[0].adapt = (struct ser_adapt){mix, rank, 3 * (double)rank};
	const char *const out[] = {"a", "b", "c"};
	struct ser_head h = {.name = "emo", .kind = SER_HEAD_VALUE, .out = out, .n_out = 3, .pool = pool};
	if (pool != SER_POOL_NONE)
		h.source = (struct ser_source){.n = 1, .term = {{0, SER_PART_FRAMES}}};
	ser_model_head_add(m, &h, &e);
	if (ser_model_build(m, &e) != 0)
		fail_msg("%s", e.msg);
	return m;
}

/* Its loss, mean(out * unit(99)); with GRAD in mode backward too */
static double tuned_loss(struct ser_model *m, struct ser_tape *t, unsigned mode, const real *x, const size_t *seg,
			 size_t n_seg, struct ser_node *frames)
{
	struct ser_err e;
	real mix[16];
	ser_tape_reset(t, mode, 4);
	struct ser_encoded y = ser_model_encode(m, t, 0, ser_tape_input(t, x, seg[n_seg], 1, seg, n_seg));
	int out = ser_model_head(m, t, 0, ser_model_source(m, t, &m->head[0].source, &y));
	for (size_t i = 0; i < 3 * n_seg; i++)
		mix[i] = (real)unit((uint32_t)i, 99);
	int loss = ser_nn_sum(t, ser_nn_mul(t, out, ser_tape_input(t, mix, n_seg, 3, NULL, 0)));
	loss = ser_nn_scale(t, loss, 1 / (double)(3 * n_seg));
	if (frames != NULL)
		*frames = ser_tape_node(t, y.frames);
	double v = ser_tape_scalar(t, loss);
	ser_params_zero_grad(m->params);
	if ((mode & SER_TAPE_GRAD) != 0)
		assert_int_equal(ser_tape_backward(t, loss, 1, &e), 0);
	return v;
}

static const struct {
	const char *name;
	enum ser_mix mix;
	enum ser_head_pool pool;
} adapted[] = {{"sum", SER_MIX_SUM, SER_POOL_MEAN},
	       {"norm", SER_MIX_NORM, SER_POOL_ASP},
	       {"cov", SER_MIX_SUM, SER_POOL_COV},
	       {"max", SER_MIX_SUM, SER_POOL_MAX}};

/* Adapters, mixtures of layers and poolings against PyTorch; merged adapters give the same */
static void adapters(void **state)
{
	(void)state;
	struct input in = input_of(NULL, &nets[0]);
	size_t seg[] = {0, 8000};
	assert_true(load(&own, "tests/golden/adapt.json", NULL));
	for (size_t i = 0; i < sizeof adapted / sizeof *adapted; i++) {
		const struct ser_val *want = need(&own.all, adapted[i].name);
		struct ser_model *m = tuned(adapted[i].mix, adapted[i].pool, 2);
		struct ser_tape *t = ser_tape_new(NULL, m->params);
		struct ser_node frames;
		assert_int_equal(ser_params_count(m->params, false) - ser_params_count(m->params, true), 0);
		fill(m->params, need(want, "params"));
		double v = tuned_loss(m, t, SER_TAPE_GRAD, in.x, seg, 1, &frames);
		if (!(fabs(v - number(need(want, "loss"))) <= 1e-5 * fabs(v) + 1e-6))
			fail_msg("%s: loss %g, expected %g", adapted[i].name, v, number(need(want, "loss")));
		check_grads(adapted[i].name, m->params, need(want, "grads"));
		tuned_loss(m, t, 0, in.x, seg, 1, &frames);
		check_rows(&own, adapted[i].name, need(need(want, "outputs"), "frames"), frames, 0, true);
		size_t n = m->params->n_slice;
		ser_model_merge(m);
		assert_int_equal(m->params->n_slice, n - 2 * 2 * 6); /* A and B of six products in each of two layers */
		double merged = tuned_loss(m, t, 0, in.x, seg, 1, NULL);
		if (!(fabs(merged - v) <= 1e-4 * fabs(v) + 1e-6))
			fail_msg("%s: loss %g with merged adapters, %g before", adapted[i].name, merged, v);
		ser_tape_free(t);
		ser_model_free(m);
	}
	free(in.x);
	ser_arena_free(&own.arena);
}

/* Of what is trained beside a frozen encoder: central differences in the double build. What is frozen gets no gradient, and lies not in
 * what may change. */
static void slopes_of_adapters(void **state)
{
	(void)state;
	struct input in = input_of(NULL, &nets[0]);
	size_t seg[] = {0, 3000, 5500};
	for (size_t i = 0; i < sizeof adapted / sizeof *adapted; i++) {
		struct ser_model *m = tuned(adapted[i].mix, adapted[i].pool, 2);
		struct ser_params *p = m->params;
		struct ser_tape *t = ser_tape_new(NULL, p);
		for (size_t k = 0; k < p->n_slice; k++) /* B is 0 when new */
			for (size_t j = 0; strstr(p->slice[k].name, ".lora_B.") != NULL && j < p->slice[k].n; j++)
				p->val[p->slice[k].at + j] = (real)(0.2 * unit((uint32_t)j, (uint32_t)k));
		ser_model_freeze_base(m, 0);
		assert_true(ser_params_live(p) < p->n / 2);
		real *all = ser_calloc(p->n, sizeof *all), *live = ser_calloc(ser_params_live(p), sizeof *live);
		ser_params_get(p, p->val, live);
		ser_params_put(p, live, all);
		for (size_t k = 0; k < p->n_slice; k++)
			for (size_t j = p->slice[k].at; j < p->slice[k].at + p->slice[k].n; j++)
				assert_true(all[j] == ((p->slice[k].flags & SER_P_FROZEN) != 0 ? 0 : p->val[j]));
		tuned_loss(m, t, SER_TAPE_GRAD, in.x, seg, 2, NULL);
		memcpy(all, p->grad, p->n * sizeof *all);
		for (size_t k = 0; k < p->n_slice; k++) {
			const struct ser_slice *s = &p->slice[k];
			double largest = 0;
			bool frozen = (s->flags & SER_P_FROZEN) != 0;
			assert_int_equal(frozen,
					 strncmp(s->name, "encoder.", 8) == 0 && strstr(s->name, ".lora_") == NULL);
			for (size_t j = 0; j < s->n; j++)
				largest = fmax(largest, fabs((double)all[s->at + j]));
			assert_true(frozen ? largest == 0 : largest > 0);
			for (size_t j = 0; sizeof(real) > 4 && !frozen && j < s->n; j += s->n / 4 + 1) {
				real *v = p->val + s->at + j, old = *v;
				*v = old + (real)1e-5;
				double up = tuned_loss(m, t, 0, in.x, seg, 2, NULL);
				*v = old - (real)1e-5;
				double down = tuned_loss(m, t, 0, in.x, seg, 2, NULL), num = (up - down) / 2e-5;
				*v = old;
				if (!(fabs(num - (double)all[s->at + j]) <= 1e-6 * fmax(largest, 1e-3)))
					fail_msg("%s: gradient %zu of %s is %g, by differences %g", adapted[i].name, j,
						 s->name, (double)all[s->at + j], num);
			}
		}
		free(all);
		free(live);
		ser_tape_free(t);
		ser_model_free(m);
	}
	free(in.x);
}

/* What is frozen, by the names of what is not and is */
static void frozen_parts(void **state)
{
	(void)state;
	static const struct {
		const char *what, *frozen, *not ;
	} want[] = {
		{"extractor", "encoder.feature_extractor.conv_layers.6.conv.weight",
		 "encoder.feature_projection.layer_norm.weight"},
		{"below:0", "encoder.encoder.layer_norm.weight", "encoder.encoder.layers.0.layer_norm.weight"},
		{"below:1", "encoder.encoder.layers.0.final_layer_norm.bias",
		 "encoder.encoder.layers.1.attention.q_proj.weight"},
		{"below:2", "encoder.encoder.layers.1.final_layer_norm.bias", "mix.weight"},
		{"all", "encoder.masked_spec_embed", "heads.emo.out.weight"},
	};
	struct ser_err e;
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		struct ser_model *m = tuned(SER_MIX_SUM, SER_POOL_NONE, 0);
		assert_int_equal(ser_model_freeze(m, 0, want[i].what, &e), 0);
		const struct ser_slice *s = m->params->slice;
		assert_true((s[ser_params_find(m->params, want[i].frozen)].flags & SER_P_FROZEN) != 0);
		assert_true((s[ser_params_find(m->params, want[i].not )].flags & SER_P_FROZEN) == 0);
		assert_int_equal(ser_model_freeze(m, 0, "below:3", &e), SER_EUSAGE);
		assert_int_equal(ser_model_freeze(m, 0, "below", &e), SER_EUSAGE);
		ser_model_free(m);
	}
}

/* SUPERB's head as the reference has it: sum of layers, product, mean over valid frames, product, cross entropy */
static void superb(void **state)
{
	(void)state;
	if (!load(&oracle, "../shared/encoders/oracle/manifest.json", "../shared/encoders/oracle")) {
		print_message("../shared/encoders/oracle is not here\n");
		skip();
	}
	static const struct {
		const char *theirs, *ours;
	} names[] = {{"layer_weights", "mix.weight"},
		     {"projector.weight", "heads.projector.weight"},
		     {"projector.bias", "heads.projector.bias"},
		     {"classifier.weight", "heads.classifier.weight"},
		     {"classifier.bias", "heads.classifier.bias"}};
	enum { N_NAME = sizeof names / sizeof *names };
	const struct net *net = &nets[2];
	const struct ser_arch *a = ser_arch_find(net->arch);
	struct ser_val *want = ser_val_get(&oracle.all, "ser_head"), *list = ser_val_get(want, "params"),
		       *grads = ser_val_get(want, "grads");
	for (size_t k = 0; k < N_NAME; k++) { /* under our names */
		ser_val_set(&oracle.arena, &list->u.list.v[k], "name", ser_str(names[k].ours));
		for (size_t j = 0; j < grads->u.map.n; j++)
			if (strcmp(grads->u.map.f[j].name, names[k].theirs) == 0) {
				grads->u.map.f[j].name = names[k].ours;
				grads->u.map.f[j].name_len = strlen(names[k].ours);
			}
	}
	double h[MAX_HYPER], v = 0;
	hypers(a, net->hyper, h);
	struct ser_err e;
	struct ser_params *p = ser_params_new(1);
	struct ser_tape *t = ser_tape_new(NULL, p);
	struct input in = input_of(NULL, net);
	size_t seg[] = {0, N_WAVE, N_WAVE + 20000};
	real *x = ser_malloc(seg[2], sizeof *x);
	memcpy(x, in.x, N_WAVE * sizeof *x);
	memcpy(x + N_WAVE, in.x, 20000 * sizeof *x);
	for (int pass = 0; pass < 2; pass++) {
		ser_tape_reset(t, pass == 0 ? SER_TAPE_SHAPE : SER_TAPE_GRAD, 1);
		struct ser_encoded y = build(t, a, h, x, seg, 2, 1);
		ser_tape_enter(t, "mix");
		ser_adapt_mix(t, SER_MIX_SUM, &y);
		ser_tape_leave(t);
		ser_tape_enter(t, "heads");
		int u = ser_nn_pool_mean(t, ser_layer_linear(t, "projector", y.frames, 16, true));
		u = ser_layer_linear(t, "classifier", u, 4, true);
		ser_tape_leave(t);
		if (pass == 0) {
			fill(p, need(need(&oracle.all, "w2v2_large"), "params"));
			fill(p, list);
			ser_params_flag(p, "encoder.", SER_P_FROZEN, true);
			continue;
		}
		check_rows(&oracle, "logits", need(need(want, "outputs"), "logits"), ser_tape_node(t, u), 0, true);
		int loss = ser_nn_cross_entropy(t, u, (const int32_t[]){2, 0}, NULL);
		v = ser_tape_scalar(t, loss);
		ser_params_zero_grad(p);
		assert_int_equal(ser_tape_backward(t, loss, 1, &e), 0);
	}
	if (!(fabs(v - number(need(want, "loss"))) <= 1e-5))
		fail_msg("loss %g, expected %g", v, number(need(want, "loss")));
	check_grads("ser_head", p, grads);
	free(x);
	free(in.x);
	ser_tape_free(t);
	ser_params_free(p);
	ser_arena_free(&oracle.arena);
}

/* ---- losses of pretraining ---- */

/* A parameter of a test alone */
static int number_param(struct ser_tape *t, const char *name, size_t n, size_t d)
{
	return ser_layer_param(t, name, 0, (struct ser_init){SER_INIT_CONST, 0}, 2, (size_t[]){n, d});
}

static void check_loss(const struct source *s, const char *name, struct ser_tape *t, int loss)
{
	const struct ser_val *want = need(&s->all, name);
	struct ser_err e;
	double v = ser_tape_scalar(t, loss), w = number(need(want, "loss"));
	if (!(fabs(v - w) <= 2e-6 * fabs(w)))
		fail_msg("%s is %.9g, expected %.9g", name, v, w);
	ser_params_zero_grad(ser_tape_params(t));
	assert_int_equal(ser_tape_backward(t, loss, 1, &e), 0);
	check_grads(name, ser_tape_params(t), need(want, "grads"));
}

static struct ser_model *headed(const struct ser_head *h, size_t n)
{
	struct ser_model *m;
	struct ser_err e;
	assert_int_equal(ser_model_new(&m, "linear", NULL, 0, 1, &e), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(ser_model_head_add(m, &h[i], &e), (int)i);
	return m;
}

static void hubert_loss(const struct source *s)
{
	static const char *const names[] = {"final_proj.weight",
					    "heads.units.proj.weight",
					    "final_proj.bias",
					    "heads.units.proj.bias",
					    "label_embs",
					    "heads.units.centre",
					    "states",
					    "states",
					    NULL};
	const struct ser_head h = {.name = "units", .kind = SER_HEAD_COSINE, .n_out = 5, .n_sub = 1, .n_proj = 16};
	struct ser_model *m = headed(&h, 1);
	struct ser_tape *t = ser_tape_new(NULL, m->params);
	int32_t unit_of[20];
	renamed = names;
	for (int i = 0; i < 20; i++)
		unit_of[i] = i * 7 % 5;
	for (int pass = 0; pass < 2; pass++) {
		ser_tape_reset(t, pass == 0 ? SER_TAPE_SHAPE : SER_TAPE_GRAD, 1);
		int x = number_param(t, "states", 20, 32);
		x = ser_nn_scale(t, ser_model_head(m, t, 0, x), 10);
		if (pass == 0) {
			fill(m->params, need(need(&s->all, "hubert_loss"), "params"));
			continue;
		}
		int loss = ser_nn_cross_entropy(t, x, unit_of, &(struct ser_loss){.norm = 1});
		check_rows(s, "logits", need(need(need(&s->all, "hubert_loss"), "outputs"), "logits"),
			   ser_tape_node(t, x), 0, true);
		check_loss(s, "hubert_loss", t, loss);
	}
	ser_tape_free(t);
	ser_model_free(m);
}

static void w2v2_loss(const struct source *s)
{
	static const char *const names[] = {"quantizer.codevectors",
					    "heads.q.quantizer.codevectors",
					    "quantizer.weight_proj.weight",
					    "heads.q.quantizer.weight_proj.weight",
					    "quantizer.weight_proj.bias",
					    "heads.q.quantizer.weight_proj.bias",
					    "project_q.weight",
					    "heads.q.project_q.weight",
					    "project_q.bias",
					    "heads.q.project_q.bias",
					    "project_hid.weight",
					    "heads.k.out.weight",
					    "project_hid.bias",
					    "heads.k.out.bias",
					    "extract_features",
					    "extract_features",
					    "context",
					    "context",
					    NULL};
	enum { N = 12, G = 2, V = 4, K = 5 };
	const struct ser_head h[] = {
		{.name = "k", .kind = SER_HEAD_UNIT, .n_out = 10},
		{.name = "q", .kind = SER_HEAD_CODES, .n_out = 10, .n_sub = G, .n_hidden = V, .n_proj = 6}};
	struct ser_model *m = headed(h, 2);
	struct ser_tape *t = ser_tape_new(NULL, m->params);
	static const real one[N] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, all = 1;
	struct sets sets = {0};
	renamed = names;
	for (int pass = 0; pass < 2; pass++) {
		ser_tape_reset(t, pass == 0 ? SER_TAPE_SHAPE : SER_TAPE_GRAD, 1);
		int k = ser_model_head(m, t, 0, number_param(t, "context", N, 32));
		struct ser_quantized q =
			ser_model_quantize(m, t, 1, number_param(t, "extract_features", N, 16), 1, NULL);
		if (pass == 0) {
			fill(m->params, need(need(&s->all, "w2v2_loss"), "params"));
			continue;
		}
		struct ser_node c = ser_tape_node(t, q.choice);
		for (size_t i = 0; i < N; i++) {
			train_sets_anchor(&sets, 2 * i);
			train_sets_member(&sets, true, 2 * i + 1);
			for (size_t n = 0; n < K; n++) {
				size_t j = (5 * i + 3 * n) % 11;
				j += j >= i;
				if (memcmp(c.val + i * G * V, c.val + j * G * V, G * V * sizeof *c.val) != 0)
					train_sets_member(&sets, false, 2 * j + 1);
			}
		}
		int z = ser_nn_reshape(t, ser_nn_concat(t, 2, (int[]){k, q.q}), 10, -1);
		int loss = ser_nn_pair_loss(t, z, &sets.r, 0.1, 1);
		int sum = ser_nn_matmul(t, ser_tape_input(t, one, 1, N, NULL, 0), ser_nn_reshape(t, q.prob, G * V, -1),
					false, 1);
		int used = ser_nn_scale(t, ser_nn_perplexity(t, ser_nn_reshape(t, sum, V, -1), N, 1), 1.0 / (G * V));
		int unused = ser_nn_sub(t, ser_tape_input(t, &all, 1, 1, NULL, 0), used);
		check_loss(s, "w2v2_loss", t, ser_nn_add(t, loss, ser_nn_scale(t, unused, 0.1 * N)));
	}
	train_sets_free(&sets);
	ser_tape_free(t);
	ser_model_free(m);
}

static void d2v_loss(const struct source *s)
{
	static const char *const names[] = {"teacher_a", "teacher_a", "teacher_b", "teacher_b",
					    "student",   "student",   NULL};
	static const int32_t mask[] = {2, 3, 4, 7, 8};
	struct ser_params *p = ser_params_new(1);
	struct ser_tape *t = ser_tape_new(NULL, p);
	real y[60] = {0}, target[30];
	renamed = names;
	for (int pass = 0; pass < 2; pass++) {
		ser_tape_reset(t, pass == 0 ? SER_TAPE_SHAPE : SER_TAPE_GRAD, 1);
		int a = number_param(t, "teacher_a", 10, 6), b = number_param(t, "teacher_b", 10, 6);
		int x = number_param(t, "student", 10, 6);
		if (pass == 0) {
			fill(p, need(need(&s->all, "d2v_loss"), "params"));
			continue;
		}
		train_teacher_add(10, 6, ser_tape_node(t, a).val, 0.5, y);
		train_teacher_add(10, 6, ser_tape_node(t, b).val, 0.5, y);
		for (int i = 0; i < 5; i++)
			memcpy(target + 6 * i, y + 6 * mask[i], 6 * sizeof *y);
		check_loss(s, "d2v_loss", t,
			   ser_nn_mse(t, ser_nn_rows(t, x, 5, mask), target, &(struct ser_loss){.norm = sqrt(6)}));
	}
	ser_tape_free(t);
	ser_params_free(p);
}

static void pretraining(void **state)
{
	(void)state;
	assert_true(load(&own, "tests/golden/pretrain.json", NULL));
	hubert_loss(&own);
	w2v2_loss(&own);
	d2v_loss(&own);
	ser_arena_free(&own.arena);
	if (load(&oracle, "../shared/encoders/oracle/manifest.json", "../shared/encoders/oracle")) {
		hubert_loss(&oracle);
		w2v2_loss(&oracle);
		d2v_loss(&oracle);
		ser_arena_free(&oracle.arena);
	}
	renamed = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets),      cmocka_unit_test(sizes),    cmocka_unit_test(goldens),
		cmocka_unit_test(whole_arrays), cmocka_unit_test(batches),  cmocka_unit_test(training),
		cmocka_unit_test(layers),       cmocka_unit_test(adapters), cmocka_unit_test(slopes_of_adapters),
		cmocka_unit_test(frozen_parts), cmocka_unit_test(superb),   cmocka_unit_test(pretraining),
	};
	return cmocka_run_group_tests_name("encoders", tests, NULL, NULL);
}
