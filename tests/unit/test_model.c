/* SPDX-License-Identifier: MIT */
/* lib/model against PyTorch (tests/ref/model.py), and the safetensors reader against files that are wrong. */
#include "model/model.h"
#include "nn/private.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const char *const archs[] = {"convpool", "cnn",   "crnn",       "conv-attn", "xvector", "mlp",
				    "linear",   "ecapa", "chunk-lstm", "chunk-cnn", "blstm",   "conformer"};
/* of chunks, every way to aggregate them */
static const char *const goldens[] = {"convpool",
				      "cnn",
				      "crnn",
				      "blstm",
				      "blstm-gru",
				      "conv-attn",
				      "conformer",
				      "xvector",
				      "mlp",
				      "linear",
				      "ecapa",
				      "chunk-lstm-mean",
				      "chunk-lstm-rnn-attention",
				      "chunk-cnn-gated",
				      "chunk-cnn-self-attention",
				      "deepemocluster"};
enum { N_ARCH = sizeof archs / sizeof *archs, N_GOLDEN = sizeof goldens / sizeof *goldens };

static struct ser_st *golden(void)
{
	struct ser_st *s;
	struct ser_err e = {0};
	assert_int_equal(ser_st_open(&s, "tests/golden/model_out.st", &e), 0);
	return s;
}

static float *tensor(const struct ser_st *s, const char *name, size_t *rows, size_t *cols)
{
	const struct ser_st_tensor *t = ser_st_find(s, name);
	assert_non_null(t);
	assert_int_equal(t->ndim, 2);
	float *x = ser_malloc(t->n, sizeof *x);
	ser_st_f4(t, x);
	*rows = t->shape[0];
	*cols = t->shape[1];
	return x;
}

static void compare(const real *got, const float *want, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(fabs((double)got[i] - (double)want[i]) <= 1e-5 * (1 + fabs((double)want[i]))))
			fail_msg("element %zu is %g, expected %g", i, (double)got[i], (double)want[i]);
}

static void equals_pytorch(void **state)
{
	struct ser_st *s = golden();
	struct ser_err e = {0};
	struct ser_model *m;
	char path[100], post_name[100];
	size_t t[2], d, rows, cols;
	const char *name = *state;
	bool chunk = strcmp(name, "deepemocluster") == 0; /* of 40 frames */
	const float *x[2] = {tensor(s, chunk ? "x1" : "x0", &t[0], &d), tensor(s, chunk ? "x2" : "x1", &t[1], &d)};
	snprintf(path, sizeof path, "tests/golden/model_%s.st", name);
	snprintf(post_name, sizeof post_name, "%s.post", name);
	if (ser_model_load(&m, path, &e) != 0)
		fail_msg("%s", e.msg);
	float *emb = tensor(s, name, &rows, &cols), *post = tensor(s, post_name, &rows, &d);
	assert_int_equal(cols, m->enc[0].n_emb);
	struct ser_tape *tape = ser_tape_new(NULL, m->params);
	ser_tape_reset(tape, 0, 0);
	struct ser_encoded y = ser_model_encode(m, tape, 0, ser_tape_batch(tape, 2, x, t, m->enc[0].n_in));
	struct ser_node u = ser_tape_node(tape, y.emb);
	struct ser_node p = ser_tape_node(tape, ser_nn_softmax(tape, ser_model_head(m, tape, 0, y.emb)));
	assert_int_equal(u.n_row, 2);
	compare(u.val, emb, 2 * cols);
	compare(p.val, post, 2 * 3);

	/* One utterance alone gives the same bytes as in a batch. */
	struct ser_runner *run = ser_runner_new(m, NULL, 1);
	for (int i = 0; i < 2; i++) {
		struct ser_record r = {0};
		struct ser_tape *own;
		int z;
		size_t shape[2] = {t[i], m->enc[0].n_in};
		ser_record_set(&r, "id", ser_str("a"));
		ser_record_set_copy(&r, "feat", ser_f4(x[i], 2, shape));
		assert_int_equal(ser_runner_do(run, 0, 1, &(struct ser_record *){&r}, &own, &z, &e), t[i]);
		u = ser_tape_node(tape, y.emb);
		struct ser_node v = ser_tape_node(own, z);
		assert_int_equal(v.n_row, 1);
		float alone[64];
		assert_true(cols <= 64);
		for (size_t k = 0; k < cols; k++)
			alone[k] = (float)v.val[k];
		compare(v.val, emb + (size_t)i * cols, cols);
		ser_tape_reset(tape, 0, 0);
		y = ser_model_encode(m, tape, 0, ser_tape_batch(tape, 2, x, t, m->enc[0].n_in));
		u = ser_tape_node(tape, y.emb);
		for (size_t k = 0; k < cols; k++)
			assert_true(alone[k] == (float)u.val[(size_t)i * cols + k]);
		ser_record_free(&r);
	}
	ser_runner_free(run);
	ser_tape_free(tape);
	ser_model_free(m);
	free((void *)x[0]);
	free((void *)x[1]);
	free(emb);
	free(post);
	ser_st_free(s);
}

/* Transposed, flattened or with an axis more, a tensor of as many elements is refused. */
static void other_shapes(struct ser_st *f, enum ser_model_source from)
{
	struct ser_model *m;
	struct ser_err e;
	size_t tried = 0;
	for (size_t i = 0; i < f->n_tensor; i++) {
		struct ser_st_tensor *t = &f->tensor[i], was = *t;
		if (t->ndim == 0 || strstr(t->name, "num_batches") != NULL || strncmp(t->name, "projection", 10) == 0)
			continue;
		if (t->ndim > 1 && t->shape[0] != t->shape[1]) {
			t->shape[0] = was.shape[1];
			t->shape[1] = was.shape[0];
			assert_int_equal(ser_model_import(&m, f, from, "feat", NULL, &e), SER_EDATA);
			*t = was;
		}
		t->ndim = 1;
		t->shape[0] = t->n;
		if (was.ndim > 1)
			assert_int_equal(ser_model_import(&m, f, from, "feat", NULL, &e), SER_EDATA);
		*t = was;
		memmove(t->shape + 1, was.shape, (size_t)was.ndim * sizeof *t->shape);
		t->ndim++;
		t->shape[0] = 1;
		assert_int_equal(ser_model_import(&m, f, from, "feat", NULL, &e), SER_EDATA);
		*t = was;
		tried++;
	}
	assert_true(tried > 20);
}

/* The same tensors, the last first. */
static void reverse(struct ser_st *f)
{
	ser_map_free(f->name);
	f->name = ser_map_new();
	for (size_t i = 0, k = f->n_tensor - 1; i < k; i++, k--) {
		struct ser_st_tensor t = f->tensor[i];
		f->tensor[i] = f->tensor[k];
		f->tensor[k] = t;
	}
	for (size_t i = 0; i < f->n_tensor; i++)
		ser_map_add(f->name, f->tensor[i].name, strlen(f->tensor[i].name), NULL);
}

/* Networks under SpeechBrain's and WeSpeaker's names, defined and run in PyTorch. */
static void imports(void **state)
{
	static const struct {
		const char *name;
		enum ser_model_source from;
	} kinds[] = {{"speechbrain", SER_FROM_SPEECHBRAIN},
		     {"wespeaker", SER_FROM_WESPEAKER},
		     {"wespeaker_glob", SER_FROM_WESPEAKER}};
	(void)state;
	struct ser_st *s = golden(), *f;
	struct ser_err e = {0};
	size_t t[2], d, rows, cols;
	const float *x[2] = {tensor(s, "x0", &t[0], &d), tensor(s, "x1", &t[1], &d)};
	for (size_t k = 0; k < 3; k++) {
		char path[100];
		struct ser_model *m;
		snprintf(path, sizeof path, "tests/golden/import_%s.st", kinds[k].name);
		assert_int_equal(ser_st_open(&f, path, &e), 0);
		if (ser_model_import(&m, f, kinds[k].from, "feat", NULL, &e) != 0)
			fail_msg("%s", e.msg);
		float *emb = tensor(s, kinds[k].name, &rows, &cols);
		struct ser_tape *tape = ser_tape_new(NULL, m->params);
		ser_tape_reset(tape, 0, 0);
		struct ser_encoded y = ser_model_encode(m, tape, 0, ser_tape_batch(tape, 2, x, t, m->enc[0].n_in));
		compare(ser_tape_node(tape, y.emb).val, emb, rows * cols);
		ser_tape_free(tape);
		size_t n_val = m->params->n;
		real *val = ser_malloc(n_val, sizeof *val);
		memcpy(val, m->params->val, n_val * sizeof *val);
		ser_model_free(m);
		free(emb);
		enum ser_model_source other =
			kinds[k].from == SER_FROM_WESPEAKER ? SER_FROM_SPEECHBRAIN : SER_FROM_WESPEAKER;
		assert_int_equal(ser_model_import(&m, f, other, "feat", NULL, &e), SER_EDATA);
		/* without one of its tensors, and with one too many */
		for (size_t i = 0; i < f->n_tensor; i += 7) {
			const char *name = f->tensor[i].name;
			if (strstr(name, "num_batches") != NULL || strncmp(name, "projection", 10) == 0)
				continue;
			struct ser_map *all = f->name;
			f->name = ser_map_new();
			for (size_t j = 0; j < f->n_tensor; j++)
				ser_map_add(f->name, j == i ? "elsewhere" : f->tensor[j].name,
					    strlen(j == i ? "elsewhere" : f->tensor[j].name), NULL);
			assert_int_equal(ser_model_import(&m, f, kinds[k].from, "feat", NULL, &e), SER_EDATA);
			ser_map_free(f->name);
			f->name = all;
		}
		other_shapes(f, kinds[k].from);
		reverse(f);
		if (ser_model_import(&m, f, kinds[k].from, "feat", NULL, &e) != 0)
			fail_msg("%s", e.msg);
		assert_memory_equal(m->params->val, val, n_val * sizeof *val);
		ser_model_free(m);
		free(val);
		ser_st_free(f);
	}
	free((void *)x[0]);
	free((void *)x[1]);
	ser_st_free(s);
}

static void foreign_file(void **state)
{
	(void)state;
	struct ser_st *s = golden();
	float f[5];
	double g[3];
	assert_string_equal(ser_st_meta(s, "quote"), "a \"b\" \\ \xc3\xa9");
	assert_null(ser_st_meta(s, "nothing"));
	assert_null(ser_st_find(s, "nothing"));
	ser_st_f8(ser_st_find(s, "whole"), g);
	assert_true(g[0] == 1 && g[1] == -2 && g[2] == 3);
	assert_int_equal(ser_st_find(s, "scalar")->ndim, 0);
	ser_st_f8(ser_st_find(s, "scalar"), g);
	assert_true(g[0] == 2.5);
	ser_st_f4(ser_st_find(s, "half"), f);
	assert_true(f[0] == 1.5f && f[1] == -0.25f && f[2] == 65504 && f[3] == 0x1p-24f && isinf(f[4]) && f[4] > 0);
	ser_st_free(s);
}

/* ---- files that are wrong ---- */

static int parse(const char *head, size_t n_data, struct ser_err *e)
{
	struct ser_buf b = {0};
	struct ser_st *s;
	uint64_t n = strlen(head);
	for (int i = 0; i < 8; i++)
		ser_buf_add(&b, &(char){(char)(n >> 8 * i)}, 1);
	ser_buf_str(&b, head);
	while (n_data-- > 0)
		ser_buf_add(&b, "", 1);
	int rc = ser_st_parse(&s, b.s, b.n, e);
	ser_st_free(s);
	ser_buf_free(&b);
	return rc;
}

static void wrong_files(void **state)
{
	(void)state;
	static const struct {
		const char *head;
		size_t n_data;
		const char *says;
	} t[] = {
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 7, "cut off"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 9, "belong to none"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "do not fit"},
		{"{\"a\":{\"dtype\":\"F31\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "dtype"},
		{"{\"a\":{\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "dtype"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, "shape"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,8]}}", 8, "shape"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "data_offsets"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", 8, "data_offsets"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "expected a map"},
		{"{\"a\":[]}", 0, "expected a map"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12, "a hole"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
		 "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
		 12, "overlap"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
		 "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}",
		 16, "duplicate"},
		{"{\"__metadata__\":{\"a\":1}}", 0, "not a string"},
		{"{\"__metadata__\":[]}", 0, "not a map"},
		{"{\"a\":", 0, "JSON"},
		{"[]", 0, "not a safetensors"},
		{" {}", 0, "not a safetensors"},
	};
	struct ser_err e = {0};
	struct ser_st *s;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		assert_int_equal(parse(t[i].head, t[i].n_data, &e), SER_EDATA);
		if (strstr(e.msg, t[i].says) == NULL)
			fail_msg("%s: \"%s\" does not say \"%s\"", t[i].head, e.msg, t[i].says);
	}
	assert_int_equal(parse("{}", 0, &e), 0);
	assert_int_equal(parse("{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}  ", 0, &e), 0);
	assert_int_equal(ser_st_parse(&s, "\x10\0\0\0\0\0\0\0{}", 10, &e), SER_EDATA);
	assert_int_equal(ser_st_parse(&s, "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, &e), SER_EDATA);
	assert_int_equal(ser_st_parse(&s, "\x02\0\0", 3, &e), SER_EDATA);
	assert_int_equal(ser_st_open(&s, "tests/golden/none", &e), SER_EIO);
	assert_int_equal(ser_st_open(&s, "tests/golden", &e), SER_EIO);
}

/* Each byte of a small model changed in turn: it loads or it is refused with a sentence, and nothing else. */
static void changed_bytes(void **state)
{
	(void)state;
	struct ser_err e = {0};
	char *p;
	size_t n, n_head;
	assert_int_equal(ser_read_file("tests/golden/model_linear.st", 1 << 20, &p, &n, &e), 0);
	n_head = 8 + (size_t)(unsigned char)p[0] + 256 * (size_t)(unsigned char)p[1];
	for (size_t i = 0; i < n_head; i++)
		for (int k = 0; k < 3; k++) {
			char was = p[i];
			struct ser_st *s;
			p[i] = (char)(k == 0 ? 0 : k == 1 ? was ^ 1 : '9');
			if (ser_st_parse(&s, p, n, &e) == 0) {
				struct ser_model *m;
				int rc = ser_model_from_st(&m, s, &e);
				assert_true(rc == 0 || (rc == SER_EDATA && e.msg[0] != '\0'));
				ser_model_free(m);
				ser_st_free(s);
			}
			p[i] = was;
		}
	for (size_t i = 0; i < n; i++) {
		struct ser_st *s;
		assert_int_equal(ser_st_parse(&s, p, i, &e), SER_EDATA);
	}
	free(p);
}

/* ---- models ---- */

static struct ser_model *fresh(const char *arch, const char *const *hyper, size_t n, size_t dim)
{
	struct ser_model *m;
	struct ser_err e = {0};
	struct ser_head h = {
		.name = "x", .kind = SER_HEAD_CLASS, .field = "emo", .n_out = 2, .dropout = 0.25, .n_hidden = 3};
	h.out = (const char *const[]){"a\n\"b\"", "c"};
	if (ser_model_new(&m, arch, hyper, n, 7, &e) != 0)
		fail_msg("%s", e.msg);
	ser_model_input(m, "feat", dim, NULL, SER_NORM_GLOBAL);
	assert_int_equal(ser_model_head_add(m, &h, &e), 0);
	assert_int_equal(ser_model_head_add(m, &h, &e), SER_EUSAGE);
	if (ser_model_build(m, &e) != 0)
		fail_msg("%s", e.msg);
	return m;
}

/* What makes a network small, of the hyper-parameters that it has */
static size_t small_hypers(const struct ser_arch *a, const char **out)
{
	static const char *const all[] = {"emb=4",        "dim=8",        "layers=1",     "heads=2",
					  "ffn=8",        "conv_dim=4",   "vocab=50",     "prenet=1",
					  "pos_groups=2", "pos_kernel=5", "positions=40", "pos_layers=1"};
	size_t n = 0;
	for (size_t i = 0; strncmp(a->name, "con", 3) != 0 && i < sizeof all / sizeof *all; i++)
		for (size_t j = 0; a->hyper[j].name != NULL; j++)
			if (strncmp(all[i], a->hyper[j].name, strcspn(all[i], "=")) == 0 &&
			    strlen(a->hyper[j].name) == strcspn(all[i], "="))
				out[n++] = all[i];
	return n;
}

static void save_and_load(void **state)
{
	(void)state;
	char a[] = "/tmp/ser-test-a-XXXXXX", b[] = "/tmp/ser-test-b-XXXXXX", *p, *q;
	close(mkstemp(a));
	close(mkstemp(b));
	struct ser_err e = {0};
	for (size_t i = 0; ser_archs[i] != NULL; i++) {
		const char *small[16];
		size_t n_small = small_hypers(ser_archs[i], small), dim = ser_archs[i]->n_in > 0 ? 1 : 10;
		struct ser_model *m = fresh(ser_archs[i]->name, small, n_small, dim), *n;
		size_t na, nb;
		ser_val_set(&m->arena, &m->train, "x", ser_real(1e300));
		assert_int_equal(ser_model_save(m, a, &e), 0);
		if (ser_model_load(&n, a, &e) != 0)
			fail_msg("%s", e.msg);
		assert_int_equal(ser_model_save(n, b, &e), 0);
		assert_int_equal(ser_read_file(a, 1 << 30, &p, &na, &e), 0);
		assert_int_equal(ser_read_file(b, 1 << 30, &q, &nb, &e), 0);
		assert_int_equal(na, nb);
		assert_memory_equal(p, q, na);
		assert_int_equal((unsigned char)p[0] % 8, 0);
		assert_string_equal(n->head[0].out[0], "a\n\"b\"");
		free(p);
		free(q);
		m->params->val[0] = (real)NAN;
		assert_int_equal(ser_model_save(m, a, &e), SER_EDATA);
		ser_model_free(m);
		ser_model_free(n);
	}
	unlink(a);
	unlink(b);
}

/* Sizes by the authors' code, with the output net and the moving statistics of batch norm, as Keras counts: of the convolutions
 * with the mean 269,611; each LSTM layer 135,720. What each aggregate adds. */
static void chunk_sizes(void **state)
{
	(void)state;
	static const struct {
		const char *arch, *aggregate;
		size_t n;
	} want[] = {{"chunk-cnn", "mean", 269611},
		    {"chunk-cnn", "gated", 269611 + 131},
		    {"chunk-cnn", "rnn-attention", 269611 + 2 * 130 * 130 + 130 + 130 * 130 + 130 * 260},
		    {"chunk-cnn", "self-attention", 269611 + 3 * 130 * 150 + 150 * 130 + 130 + 2 * 130},
		    {"chunk-lstm", "mean", 2 * 135720 + 4 * 130 + 17161}};
	struct ser_err e = {0};
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		char how[40];
		const char *hyper = how, *const value = "act";
		struct ser_model *m;
		snprintf(how, sizeof how, "aggregate=%s", want[i].aggregate);
		assert_int_equal(ser_model_new(&m, want[i].arch, &hyper, 1, 1, &e), 0);
		ser_model_input(m, "feat", 130, NULL, SER_NORM_NONE);
		ser_model_head_add(m,
				   &(struct ser_head){.name = "v",
						      .kind = SER_HEAD_VALUE,
						      .out = &value,
						      .n_out = 1,
						      .n_hidden = 130,
						      .n_layer = 1,
						      .n_sub = 1},
				   &e);
		assert_int_equal(ser_model_build(m, &e), 0);
		size_t n = 0;
		for (size_t k = 0; k < m->params->n_slice; k++)
			n += m->params->slice[k].n;
		assert_int_equal(n, want[i].n);
		ser_model_free(m);
	}
	/* Trainable, of both heads of DeepEmoCluster. */
	for (size_t k = 10; k <= 30; k += 20) {
		const char *name[30], *const value = "act";
		struct ser_model *m;
		for (size_t i = 0; i < k; i++)
			name[i] = "c";
		assert_int_equal(ser_model_new(&m, "deepemocluster", NULL, 0, 1, &e), 0);
		ser_model_input(m, "feat", 128, NULL, SER_NORM_NONE);
		struct ser_head h = {.name = "cluster",
				     .kind = SER_HEAD_CLASS,
				     .out = name,
				     .n_out = k,
				     .n_hidden = 256,
				     .n_layer = 1,
				     .n_sub = 1};
		ser_model_head_add(m, &h, &e);
		h.name = "values";
		h.kind = SER_HEAD_VALUE;
		h.out = &value;
		h.n_out = 1;
		ser_model_head_add(m, &h, &e);
		assert_int_equal(ser_model_build(m, &e), 0);
		assert_int_equal(ser_params_count(m->params, true), k == 10 ? 831979 : 837119);
		ser_model_free(m);
	}
	struct ser_model *m;
	const char *const wrong[] = {"aggregate=median", "aggregate=1"}, *const few = "frames=10";
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(ser_model_new(&m, "chunk-cnn", &wrong[i], 1, 1, &e), SER_EUSAGE);
		assert_non_null(strstr(e.msg, "expected one of mean, gated, rnn-attention, self-attention"));
	}
	assert_int_equal(ser_model_new(&m, "chunk-cnn", &few, 1, 1, &e), 0);
	ser_model_input(m, "feat", 130, NULL, SER_NORM_NONE);
	assert_int_equal(ser_model_build(m, &e), SER_EUSAGE);
	ser_model_free(m);
}

/* The published sizes: 6.2 and 14.7 million. */
static void ecapa_sizes(void **state)
{
	(void)state;
	const char *const c512[] = {"channels=512"}, *const c1024[] = {"channels=1024"};
	struct ser_model *m = fresh("ecapa", c512, 1, 80);
	size_t head = 192 * 3 + 3 + 3 * 2 + 2;
	assert_int_equal(ser_params_count(m->params, false) - head, 6194048);
	ser_model_free(m);
	m = fresh("ecapa", c1024, 1, 80);
	assert_int_equal(ser_params_count(m->params, false) - head, 14660416);
	ser_model_free(m);
}

static void refuses(void **state)
{
	(void)state;
	static const struct {
		const char *arch, *hyper, *says;
	} t[] = {
		{"resnet", "emb=4", "none of"},   {"cnn", "emb", "name=value"},       {"cnn", "emb=x", "\"x\""},
		{"cnn", "emb=0", "whole number"}, {"cnn", "emb=2.5", "whole number"}, {"cnn", "kernel=4", "odd"},
		{"cnn", "dropout=nan", "nan"},    {"cnn", "nose=1", "no hyper"},
	};
	struct ser_err e = {0};
	struct ser_model *m;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		assert_int_equal(ser_model_new(&m, t[i].arch, &t[i].hyper, 1, 0, &e), SER_EUSAGE);
		if (strstr(e.msg, t[i].says) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", e.msg, t[i].says);
	}
	const char *const odd[] = {"channels=20"};
	assert_int_equal(ser_model_new(&m, "ecapa", odd, 1, 0, &e), 0);
	ser_model_input(m, "feat", 10, NULL, SER_NORM_NONE);
	assert_int_equal(ser_model_build(m, &e), SER_EUSAGE);
	ser_model_free(m);
	assert_int_equal(ser_model_load(&m, "tests/golden/model_out.st", &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "not a model"));
}

static void other_features(void **state)
{
	(void)state;
	struct ser_err e = {0};
	struct ser_model *m;
	struct ser_header h;
	ser_header_init(&h);
	assert_int_equal(ser_model_load(&m, "tests/golden/model_linear.st", &e), 0);
	assert_int_equal(ser_model_check_header(m, &h, &e), SER_EDATA); /* says nothing about feat */
	struct ser_val axes = ser_val_list();
	ser_val_push(&h.arena, &axes, ser_str("frame"));
	ser_val_push(&h.arena, &axes, ser_str("bin"));
	ser_val_set(&h.arena, ser_header_dim_add(&h, "feat"), "axes", axes);
	assert_int_equal(ser_model_check_header(m, &h, &e), 0);
	ser_val_set(&h.arena, ser_header_dim(&h, "feat"), "shift_s", ser_real(0.01));
	assert_int_equal(ser_model_check_header(m, &h, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "shift_s of field \"feat\" was nothing, this stream's is 0.01"));
	ser_header_free(&h);

	struct ser_record r = {0};
	float x[24] = {0}, *buf = NULL;
	size_t cap = 0;
	ser_record_set(&r, "id", ser_str("u"));
	ser_record_set(&r, "feat", ser_f4(x, 2, (size_t[]){2, 11}));
	assert_int_equal(ser_model_features(m, 0, &r, &buf, &cap, &e), SER_EDATA);
	ser_record_set(&r, "feat", ser_f4(x, 2, (size_t[]){0, 12}));
	assert_int_equal(ser_model_features(m, 0, &r, &buf, &cap, &e), SER_EDATA);
	ser_record_set(&r, "feat", ser_f4(x, 2, (size_t[]){2, 12}));
	assert_int_equal(ser_model_features(m, 0, &r, &buf, &cap, &e), 2);
	ser_record_set(&r, "feat", ser_f4(x, 1, (size_t[]){12}));
	assert_int_equal(ser_model_features(m, 0, &r, &buf, &cap, &e), 1);
	x[5] = NAN;
	assert_int_equal(ser_model_features(m, 0, &r, &buf, &cap, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "frame 0, dimension 5"));
	free(buf);
	ser_record_free(&r);
	ser_model_free(m);
}

/* A model of three encoders: written and read again, sources by their texts, a head on frames, integers of one axis as a column. */
static void encoders(void **state)
{
	(void)state;
	static const char *const text[] = {"vocab=7", "dim=4", "layers=1", "heads=2", "ffn=4", "positions=9"},
				 *const small[] = {"channels=4"};
	struct ser_err e = {0};
	struct ser_model *m = ser_model_empty(3), *again = NULL;
	assert_int_equal(ser_model_encoder_add(m, "text", "roberta", text, 6, &e), 0);
	ser_model_input(m, "tok", 1, NULL, SER_NORM_NONE);
	assert_int_equal(ser_model_encoder_add(m, "text", "mlp", NULL, 0, &e), SER_EUSAGE);
	assert_int_equal(ser_model_encoder_add(m, NULL, "mlp", NULL, 0, &e), SER_EUSAGE);
	assert_int_equal(ser_model_encoder_add(m, "voice", "cnn", small, 1, &e), 0);
	ser_model_input(m, "feat", 12, NULL, SER_NORM_GLOBAL);
	assert_int_equal(ser_model_encoder_add(m, "func", "linear", NULL, 0, &e), 0);
	ser_model_input(m, "func", 3, NULL, SER_NORM_GLOBAL);
	static const char *const out[] = {"a", "b"};
	struct ser_head h = {.name = "h", .kind = SER_HEAD_CLASS, .field = "emo", .out = out, .n_out = 2};
	assert_true(ser_model_head_add(m, &h, &e) >= 0); /* on all three */
	static const char *const bad[] = {"", "voice+", "voices", "voice:", "voice:all", "text:frames+voice"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(ser_model_source_parse(m, bad[i], &h.source, &e), SER_EUSAGE);
	static const char *const good[] = {"text:first+func+voice:mean", "text:frames"};
	for (size_t i = 0; i < 2; i++) {
		struct ser_buf b = {0};
		assert_int_equal(ser_model_source_parse(m, good[i], &h.source, &e), 0);
		ser_model_source_text(m, &h.source, &b);
		assert_string_equal(b.s, good[i]);
		ser_buf_free(&b);
		h.name = i == 0 ? "parts" : "frames";
		assert_true(ser_model_head_add(m, &h, &e) >= 0);
	}
	assert_int_equal(ser_model_build(m, &e), 0);
	assert_true(ser_params_flag(m->params, "encoder.voice.", 0, true) > 0);
	assert_true(ser_params_find(m->params, "input.voice.mean") >= 0);
	assert_true(ser_params_find(m->params, "input.func.std") >= 0);

	char path[] = "/tmp/ser-test-encoders-XXXXXX";
	int fd = mkstemp(path);
	close(fd);
	if (ser_model_save(m, path, &e) != 0 || ser_model_load(&again, path, &e) != 0)
		fail_msg("%s", e.msg);
	unlink(path);
	assert_int_equal(again->n_enc, 3);
	assert_int_equal(again->n_head, 3);
	assert_int_equal(again->params->n, m->params->n);
	assert_memory_equal(again->params->val, m->params->val, m->params->n * sizeof *m->params->val);

	/* each head through a runner that reads what it must, and by hand */
	struct ser_record r = {0};
	int32_t tok[] = {1, 6, 0, 2};
	float feat[20 * 12], func[] = {1, 2, 3};
	for (size_t i = 0; i < sizeof feat / sizeof *feat; i++)
		feat[i] = sinf((float)i);
	ser_record_set(&r, "id", ser_str("u"));
	ser_record_set(&r, "tok", ser_tensor(SER_I4, tok, 1, (size_t[]){4}));
	for (size_t k = 0; k < 2; k++) {
		struct ser_tape *t;
		int y;
		size_t head = k == 0 ? 2 : 1;
		struct ser_runner *run = ser_runner_new(again, &again->head[head].source, 1);
		if (k == 1) {
			assert_int_equal(ser_runner_do(run, 0, 1, &(struct ser_record *){&r}, &t, &y, &e), SER_EDATA);
			assert_non_null(strstr(e.msg, "no field \"feat\""));
			ser_record_set(&r, "feat", ser_f4(feat, 2, (size_t[]){20, 12}));
			ser_record_set(&r, "func", ser_f4(func, 1, (size_t[]){3}));
		}
		if (ser_runner_do(run, 0, 1, &(struct ser_record *){&r}, &t, &y, &e) < 0)
			fail_msg("%s", e.msg);
		struct ser_node p = ser_tape_node(t, ser_model_head(again, t, head, y));
		assert_int_equal(p.n_row, k == 0 ? 4 : 1);
		assert_int_equal(p.n_col, 2);
		ser_runner_free(run);
	}
	tok[1] = 7;
	float *x = NULL;
	size_t cap = 0;
	ser_record_set(&r, "tok", ser_tensor(SER_I4, tok, 1, (size_t[]){4}));
	assert_int_equal(ser_model_features(again, 0, &r, &x, &cap, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "has 7 at 1, no token of 7"));
	free(x);
	ser_record_free(&r);
	ser_model_free(again);
	ser_model_free(m);
}

/* What a runner makes of x [d], by a worker */
static struct ser_node run_one(struct ser_runner *run, int worker, const float *x, size_t d)
{
	struct ser_record r = {0};
	struct ser_tape *t;
	struct ser_err e = {0};
	int y;
	ser_record_set(&r, "id", ser_str("a"));
	ser_record_set_copy(&r, "feat", ser_f4(x, 1, &d));
	assert_int_equal(ser_runner_do(run, worker, 1, &(struct ser_record *){&r}, &t, &y, &e), 1);
	ser_record_free(&r);
	return ser_tape_node(t, y);
}

/* Weights that are given back once packed change no byte; they are gone, what else is read stays. */
static void consumes(void **state)
{
	(void)state;
	enum { D = 3000 };
	struct ser_model *m;
	struct ser_err e = {0};
	float x[D];
	for (size_t i = 0; i < D; i++)
		x[i] = sinf((float)i);
	assert_int_equal(ser_model_new(&m, "mlp", NULL, 0, 1, &e), 0);
	ser_model_input(m, "feat", D, NULL, SER_NORM_NONE);
	assert_int_equal(ser_model_build(m, &e), 0);
	struct ser_runner *all = ser_runner_new(m, NULL, 1), *run = ser_runner_new(m, NULL, 2);
	struct ser_node want = run_one(all, 0, x, D);
	ser_runner_consume(run);
	for (int i = 0; i < 4; i++) {
		struct ser_node y = run_one(run, i % 2, x, D);
		assert_memory_equal(y.val, want.val, want.n_col * sizeof *y.val);
	}
	size_t n_gone = 0;
	for (size_t i = 0; i < m->params->n_slice; i++) {
		const struct ser_slice *s = &m->params->slice[i];
		bool gone = (s->flags & SER_P_GONE) != 0;
		assert_int_equal(gone, s->ndim == 2);
		n_gone += gone;
		if (gone && s->shape[1] == D)
			assert_true(m->params->val[s->at + s->n / 2] == 0); /* what a page is that was given back */
	}
	assert_true(n_gone > 0);
	ser_runner_free(run);
	ser_runner_free(all);
	ser_model_free(m);
}

/* Convolutions over waveforms by strips: the bytes of all at once, in less memory, of utterances of one strip, of several, of a few
 * frames. */
static void strips(void **state)
{
	(void)state;
	enum { N = 3, LONGEST = 128000, N_HYPER = 8 }; /* of 128 channels two strips and a bit */
	const char *h[N_HYPER] = {"dim=16",       "layers=1",     "heads=2",      "ffn=16",
				  "pos_groups=2", "pos_kernel=8", "conv_dim=128", "conv_norm=0"};
	const size_t n_frame[N] = {LONGEST, 7000, 401};
	float *x = ser_malloc(LONGEST, sizeof *x);
	const float *at[N] = {x, x, x};
	struct ser_la *two = ser_la_new(2);
	for (size_t i = 0; i < LONGEST; i++)
		x[i] = sinf((float)(i * i % 9973));
	for (int norm = 0; norm < 2; norm++) { /* over time in the first layer; in every layer over channels */
		h[N_HYPER - 1] = norm == 0 ? "conv_norm=0" : "conv_norm=1";
		struct ser_model *m;
		struct ser_err e = {0};
		assert_int_equal(ser_model_new(&m, "hubert", h, N_HYPER, 1, &e), 0);
		ser_model_input(m, "feat", 1, NULL, SER_NORM_NONE);
		assert_int_equal(ser_model_build(m, &e), 0);
		real *want = NULL;
		size_t n = 0, bytes = 0;
		for (int i = 0; i < 3; i++) {
			struct ser_tape *t = ser_tape_new(i == 2 ? two : NULL, m->params);
			tape_switch_off(t, i == 0 ? TAPE_STRIPS : 0);
			for (int k = 0; k < 2; k++) {
				ser_tape_reset(t, SER_TAPE_FIXED, 0);
				int frames = ser_model_encode(m, t, 0, ser_tape_batch(t, N, at, n_frame, 1)).frames;
				struct ser_node y = ser_tape_node(t, frames);
				if (i == 0 && k == 0) {
					n = y.n_row * y.n_col;
					want = ser_malloc(n, sizeof *want);
					memcpy(want, y.val, n * sizeof *want);
				}
				assert_int_equal(y.n_row, 399 + 21 + 1);
				assert_memory_equal(y.val, want, n * sizeof *want);
			}
			bytes = i == 0 ? ser_tape_bytes(t) : bytes;
			assert_true(i == 0 || ser_tape_bytes(t) < bytes / 3 * 2);
			ser_tape_free(t);
		}
		free(want);
		ser_model_free(m);
	}
	ser_la_free(two);
	free(x);
}

/* A step with the convolutions frozen: by strips and with blocks computed again the bytes are the same, the memory less. With bf16
 * products what they gave is kept as bf16: less again, and gradients as near as such numbers are. */
static void tunes(void **state)
{
	(void)state;
	enum { N = 2, LONGEST = 32000, N_PLAN = 6 };
	const char *const hyper[] = {"dim=32",       "layers=6",     "heads=1",     "ffn=4096",
				     "conv_dim=256", "pos_groups=2", "pos_kernel=8"};
	const unsigned off[N_PLAN] = {31 | TAPE_STRIPS, TAPE_STRIPS, 0, 0, TAPE_NARROW, 0};
	const size_t n_frame[N] = {LONGEST, 7000};
	float *x = ser_malloc(LONGEST, sizeof *x);
	const float *at[N] = {x, x};
	size_t bytes[N_PLAN] = {0};
	real *want = NULL;
	for (size_t i = 0; i < LONGEST; i++)
		x[i] = sinf((float)(i * i % 9973));
	for (int i = 0; i < N_PLAN; i++) {
		struct ser_model *m;
		struct ser_err e = {0};
		assert_int_equal(ser_model_new(&m, "hubert", hyper, 7, 1, &e), 0);
		ser_model_input(m, "feat", 1, NULL, SER_NORM_NONE);
		assert_int_equal(ser_model_build(m, &e), 0);
		assert_true(ser_params_flag(m->params, "encoder.feature_extractor.", SER_P_FROZEN, true) > 0);
		struct ser_la *la = ser_la_new(1);
		if (i >= 4 && !ser_la_set_precision(la, SER_LA_BF16)) {
			ser_la_free(la);
			ser_model_free(m);
			break;
		}
		struct ser_tape *t = ser_tape_new(la, m->params);
		tape_switch_off(t, off[i]);
		ser_tape_recompute(t, i == 3);
		ser_tape_reset(t, SER_TAPE_GRAD | SER_TAPE_TRAIN, 5);
		int u = ser_model_encode(m, t, 0, ser_tape_batch(t, N, at, n_frame, 1)).emb;
		int loss = ser_nn_sum(t, ser_nn_mul(t, u, ser_nn_tanh(t, u)));
		assert_int_equal(ser_tape_backward(t, loss, 1, &e), 0);
		bytes[i] = ser_tape_bytes(t);
		size_t n = m->params->n;
		if (i == 0 || i == 4) {
			free(want);
			want = ser_malloc(n, sizeof *want);
			memcpy(want, m->params->grad, n * sizeof *want);
		}
		double d = 0;
		for (size_t k = 0; k < n; k++) {
			double one = (double)m->params->grad[k] - (double)want[k];
			assert_true(i >= 4 || one == 0);
			d += one * one;
		}
		double size = ser_la_dot(n, want, want);
		assert_true(size > 1e-6 && d <= 1e-4 * size && (i < 5 || d > 0));
		ser_tape_free(t);
		ser_la_free(la);
		ser_model_free(m);
	}
	assert_true(bytes[2] < bytes[0] / 2 && bytes[3] < bytes[2]);
	assert_true(bytes[4] == 0 || bytes[5] < bytes[4]);
	free(want);
	free(x);
}

/* Is what a stream says of a field's front-end what a model wants? why: what it is told otherwise. */
static void fronts(void **state)
{
	(void)state;
	static const struct {
		const char *want, *have, *why;
	} c[] = {
		{"fbank a=1 b=2", "fbank a=1 b=2", NULL},
		{"fbank a=1 b=2", "fbank b=2 a=1", NULL},
		{"fbank a=1", "fbank a=1 new=false off=none more=0", NULL}, /* options of a later version, not used */
		{"fbank a=1 new=false", "fbank a=1", NULL},
		{"fbank a=1", "fbank a=2", "is to have a=1, not 2;"},
		{"fbank a=1", "mfcc a=1", "is to have kind=fbank, not mfcc;"},
		{"fbank a=1 warp=0.9", "fbank a=1", "is to have warp=0.9;"},
		{"fbank a=1", "fbank a=1 warp=0.9", "is to have no warp=0.9;"},
		{"fbank aa=1 a=0", "fbank a=0 aa=2", "is to have aa=1, not 2;"},
		{"my own", "my other", "was \"my own\", this stream's is \"my other\""},
		{"my own", "my", "was \"my own\""},
	};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct ser_model *m;
		struct ser_err e = {0};
		struct ser_header h;
		ser_header_init(&h);
		assert_int_equal(ser_model_new(&m, "linear", NULL, 0, 0, &e), 0);
		ser_val_set(&h.arena, ser_header_dim_add(&h, "feat"), "front", ser_str(c[i].want));
		ser_model_input(m, "feat", 2, ser_header_dim(&h, "feat"), SER_NORM_NONE);
		ser_val_set(&h.arena, ser_header_dim(&h, "feat"), "front", ser_str(c[i].have));
		int rc = ser_model_check_header(m, &h, &e);
		if (rc != (c[i].why == NULL ? 0 : SER_EDATA) || (rc != 0 && strstr(e.msg, c[i].why) == NULL))
			fail_msg("%s, %s: %d %s", c[i].want, c[i].have, rc, e.msg);
		ser_header_free(&h);
		ser_model_free(m);
	}
}

static void normalises(void **state)
{
	(void)state;
	struct ser_model *m;
	struct ser_err e = {0};
	assert_int_equal(ser_model_new(&m, "linear", NULL, 0, 0, &e), 0);
	ser_model_input(m, "feat", 2, NULL, SER_NORM_MEAN);
	float x[6] = {1, 10, 2, 30, 6, 50};
	ser_model_normalise(m, 0, x, 3);
	assert_true(x[0] == -2 && x[1] == -20 && x[2] == -1 && x[3] == 0 && x[4] == 3 && x[5] == 20);
	ser_model_input(m, "feat", 2, NULL, SER_NORM_MEANVAR);
	ser_model_normalise(m, 0, x, 3); /* deviations sqrt(14/3) and sqrt(800/3) */
	assert_true(fabsf(x[4] - 1.3887302f) < 1e-5f && fabsf(x[5] - 1.2247449f) < 1e-5f);

	/* some frames by the moments of all: the bytes of all */
	for (int norm = SER_NORM_MEAN; norm <= SER_NORM_MEANVAR; norm++) {
		float whole[10] = {1, 10, 2.7f, 30, 6, 50, -3, 0.1f, 5, 7}, part[4];
		double y[4];
		memcpy(part, whole + 4, sizeof part);
		ser_model_input(m, "feat", 2, NULL, norm);
		assert_int_equal(ser_model_n_moment(m, 0), norm == SER_NORM_MEAN ? 2 : 4);
		ser_model_moments(m, 0, whole, 5, y);
		ser_model_normalise(m, 0, whole, 5);
		ser_model_normalise_by(m, 0, y, part, 2);
		assert_memory_equal(part, whole + 4, sizeof part);
	}
	ser_model_input(m, "feat", 2, NULL, SER_NORM_NONE);
	assert_int_equal(ser_model_n_moment(m, 0), 0);
	ser_model_free(m);

	/* a dimension that was constant in training takes no part, whatever it is now */
	assert_int_equal(ser_model_new(&m, "linear", NULL, 0, 0, &e), 0);
	ser_model_input(m, "feat", 2, NULL, SER_NORM_GLOBAL);
	assert_int_equal(ser_model_build(m, &e), 0);
	m->params->val[m->params->slice[m->enc[0].mean].at + 1] = 3;
	m->params->val[m->params->slice[m->enc[0].std].at] = 2;
	m->params->val[m->params->slice[m->enc[0].std].at + 1] = 0;
	float y[4] = {4, 3, -4, 1e6f};
	ser_model_normalise(m, 0, y, 2);
	assert_true(y[0] == 2 && y[1] == 0 && y[2] == -2 && y[3] == 0);
	ser_model_free(m);
}

/* Whatever the engine decides about memory and passes, and with blocks computed again: the bytes of outputs and gradients. */
static void plans(void **state)
{
	enum { N = 3, D = 12, MOST = 160 };
	static const char *const small[] = {"channels=16",
					    "mfa=24",
					    "last=24",
					    "emb=8",
					    "hidden=8",
					    "head_size=4",
					    "se=4",
					    "att=8",
					    "frames=20",
					    "chunks=4",
					    "aggregate=self-attention"};
	const unsigned off[] = {31, 0, TAPE_FUSE, TAPE_VIEW, TAPE_IN_PLACE, TAPE_RELEASE, TAPE_REBUILD, 0};
	const size_t n_frame[N] = {40, 23, 31};
	struct ser_err e = {0};
	struct ser_rng rng;
	float x[N][40 * D];
	ser_rng_seed(&rng, 4);
	for (size_t i = 0; i < N * 40 * D; i++)
		x[i / (40 * D)][i % (40 * D)] = (float)ser_rng_normal(&rng);
	const float *at[N] = {x[0], x[1], x[2]};
	const struct ser_arch *arch = ser_arch_find(*state);
	const char *hyper[16];
	size_t n_hyper = 0;
	for (size_t i = 0; i < sizeof small / sizeof *small; i++)
		for (const struct ser_hyper *h = arch->hyper; h->name != NULL; h++)
			if (strncmp(small[i], h->name, strlen(h->name)) == 0 && small[i][strlen(h->name)] == '=')
				hyper[n_hyper++] = small[i];
	real *grad = NULL, *val = NULL, out[3][MOST];
	for (int i = 0; i < 8; i++) {
		struct ser_model *m;
		if (ser_model_new(&m, *state, hyper, n_hyper, 7, &e) != 0)
			fail_msg("%s", e.msg);
		ser_model_input(m, "feat", D, NULL, SER_NORM_NONE);
		assert_int_equal(ser_model_build(m, &e), 0);
		struct ser_tape *t = ser_tape_new(NULL, m->params);
		tape_switch_off(t, off[i]);
		ser_tape_recompute(t, i == 7);
		/* training, and its gradient; inference; inference with weights that stay packed */
		const unsigned mode[] = {SER_TAPE_GRAD | SER_TAPE_TRAIN, 0, SER_TAPE_FIXED};
		for (int k = 0; k < 3; k++) {
			ser_tape_reset(t, mode[k], 5);
			int u = ser_model_encode(m, t, 0, ser_tape_batch(t, N, at, n_frame, D)).emb;
			int loss = ser_nn_sum(t, ser_nn_mul(t, u, ser_nn_tanh(t, u)));
			struct ser_node y = ser_tape_node(t, u);
			size_t n = y.n_row * y.n_col;
			assert_true(n <= MOST);
			if (i == 0)
				memcpy(out[k], y.val, n * sizeof *out[k]);
			assert_memory_equal(y.val, out[k], n * sizeof *out[k]);
			if (k == 0)
				assert_int_equal(ser_tape_backward(t, loss, 1, &e), 0);
		}
		size_t n = m->params->n;
		if (i == 0) {
			grad = ser_malloc(2 * n + 1, sizeof *grad);
			val = grad + n;
			for (size_t k = 0; k < n; k++) {
				grad[k] = m->params->grad[k];
				val[k] = m->params->val[k];
			}
		}
		for (size_t k = 0; k < n; k++)
			if (!(m->params->grad[k] == grad[k])) /* 0 is -0 */
				fail_msg("plan %d: gradient %zu is %.9g, expected %.9g", i, k,
					 (double)m->params->grad[k], (double)grad[k]);
		for (size_t k = 0; k < n; k++)
			assert_true(m->params->val[k] == val[k]); /* running statistics */
		ser_tape_free(t);
		ser_model_free(m);
	}
	free(grad);
}

/* Rank, and alpha twice the rank unless it is said. */
static void adapter_sizes(void **state)
{
	struct ser_adapt a = {0};
	struct ser_err e;
	(void)state;
	assert_int_equal(ser_lora_parse(&a, "8", &e), 0);
	assert_true(a.rank == 8 && a.alpha == 16);
	assert_int_equal(ser_lora_parse(&a, "1024,0.5", &e), 0);
	assert_true(a.rank == 1024 && a.alpha == 0.5);
	const char *const wrong[] = {"", "0", "1025", "8,", "8,0", "8,x", ",8"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(ser_lora_parse(&a, wrong[i], &e), SER_EUSAGE);
}

int main(void)
{
	const struct CMUnitTest more[] = {
		cmocka_unit_test(imports),       cmocka_unit_test(foreign_file),  cmocka_unit_test(wrong_files),
		cmocka_unit_test(changed_bytes), cmocka_unit_test(save_and_load), cmocka_unit_test(ecapa_sizes),
		cmocka_unit_test(chunk_sizes),   cmocka_unit_test(refuses),       cmocka_unit_test(other_features),
		cmocka_unit_test(encoders),      cmocka_unit_test(strips),        cmocka_unit_test(tunes),
		cmocka_unit_test(consumes),      cmocka_unit_test(fronts),        cmocka_unit_test(normalises),
		cmocka_unit_test(adapter_sizes)};
	struct CMUnitTest t[N_GOLDEN + N_ARCH + sizeof more / sizeof *more];
	for (size_t i = 0; i < N_GOLDEN; i++)
		t[i] = (struct CMUnitTest){goldens[i], equals_pytorch, NULL, NULL, (void *)(uintptr_t)goldens[i]};
	static char name[N_ARCH][40];
	for (size_t i = 0; i < N_ARCH; i++) {
		snprintf(name[i], sizeof name[i], "plans of %s", archs[i]);
		t[N_GOLDEN + i] = (struct CMUnitTest){name[i], plans, NULL, NULL, (void *)(uintptr_t)archs[i]};
	}
	memcpy(t + N_GOLDEN + N_ARCH, more, sizeof more);
	return cmocka_run_group_tests(t, NULL, NULL);
}
