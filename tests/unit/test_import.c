/* SPDX-License-Identifier: MIT */
/* Weights of other programs against what these programs make of a sound or a text with them (tests/ref/import_hf.py), and what
 * is refused of damaged and hostile files. */
#include "formats/pickle.h"
#include "model/import.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define GOLDEN "tests/golden/import/"

/* v[i] in [-1,1), as the reference has it */
static double unit(uint32_t i, uint32_t seed)
{
	uint32_t h = i * 0x9E3779B1u + (seed * 0x85EBCA77u + 0x165667B1u);
	h ^= h >> 15;
	h *= 0x2C1B3C6Du;
	h ^= h >> 12;
	h *= 0x297A2D39u;
	h ^= h >> 15;
	return (double)(h >> 8) / 8388608.0 - 1.0;
}

static double number(const struct ser_val *v)
{
	return v->kind == SER_INT ? (double)v->u.i : v->u.f;
}

/* What the reference's input is for a network: [*n_row, m->enc[0].n_in] */
static float *input_of(const struct ser_model *m, size_t *n_row)
{
	static const float ids[] = {0, 31, 7, 55, 9, 2};
	bool text = m->enc[0].arch->n_token != NULL, mel = m->enc[0].n_in == 80;
	*n_row = text ? 6 : mel ? 40 : 4000;
	float *x = ser_malloc(*n_row * m->enc[0].n_in, sizeof *x);
	for (size_t i = 0; i < *n_row * m->enc[0].n_in; i++)
		x[i] = text ? ids[i] : mel ? (float)unit((uint32_t)i, 78) : (float)(0.3 * unit((uint32_t)i, 77));
	return x;
}

/* The frames that m makes of it, against those of the reference */
static void check_frames(const struct ser_model *m, const struct ser_val *want)
{
	size_t n;
	float *x = input_of(m, &n);
	const float *rows = x;
	const struct ser_val *shape = ser_val_get(want, "shape"), *frames = ser_val_get(want, "frames");
	struct ser_tape *t = ser_tape_new(NULL, m->params);
	ser_tape_reset(t, SER_TAPE_FIXED, 0);
	struct ser_encoded y = ser_model_encode(m, t, 0, ser_tape_batch(t, 1, &rows, &n, m->enc[0].n_in));
	struct ser_node f = ser_tape_node(t, y.frames);
	assert_int_equal(f.n_row, number(&shape->u.list.v[0]));
	assert_int_equal(f.n_col, number(&shape->u.list.v[1]));
	for (size_t i = 0; i < f.n_row * f.n_col; i++)
		if (!(fabs((double)f.val[i] - number(&frames->u.list.v[i])) <= 2e-5))
			fail_msg("%s: element %zu is %g, expected %g", m->enc[0].arch->name, i, (double)f.val[i],
				 number(&frames->u.list.v[i]));
	ser_tape_free(t);
	free(x);
}

static struct ser_val load_json(const char *path, struct ser_arena *a)
{
	struct ser_err e = {0};
	struct ser_val v;
	char *text;
	size_t n;
	if (ser_read_file(path, 1 << 24, &text, &n, &e) != 0 || ser_val_from_json(a, text, n, &v, &e) != 0)
		fail_msg("%s", e.msg);
	v = ser_val_copy(a, &v);
	free(text);
	return v;
}

static int import_hf(struct ser_model **m, const char *path, const char *const *hyper, size_t n_hyper,
		     struct ser_encoder_notes *notes, struct ser_err *e)
{
	struct ser_weights *w;
	struct ser_val config, processor;
	*m = NULL;
	if (ser_weights_open(&w, path, e) != 0)
		return e->code;
	struct ser_encoder_about about = {.hyper = hyper, .n_hyper = n_hyper};
	if (ser_weights_json(w, path, "config.json", &config, e) == 1)
		about.config = &config;
	if (ser_weights_json(w, path, "preprocessor_config.json", &processor, e) == 1)
		about.processor = &processor;
	int rc = ser_encoder_import(m, w, SER_FROM_HF, &about, notes, e);
	ser_weights_free(w);
	return rc;
}

static void free_notes(struct ser_encoder_notes *n)
{
	ser_buf_free(&n->passed);
	ser_buf_free(&n->zero);
}

static void hugging_face(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		size_t n_passed;
	} nets[] = {{"wav2vec2", 3}, {"hubert", 0},  {"wavlm", 0}, {"data2vec-audio", 0},
		    {"whisper", 28}, {"roberta", 2}, {"bert", 0}};
	struct ser_arena a = {0};
	struct ser_val all = load_json(GOLDEN "want.json", &a);
	for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
		struct ser_err e = {0};
		struct ser_encoder_notes notes = {0};
		struct ser_model *m;
		char path[256];
		snprintf(path, sizeof path, GOLDEN "%s", nets[i].name);
		if (import_hf(&m, path, NULL, 0, &notes, &e) != 0)
			fail_msg("%s: %s", nets[i].name, e.msg);
		assert_string_equal(m->enc[0].arch->name, nets[i].name);
		assert_string_equal(m->enc[0].field, m->enc[0].arch->n_token != NULL ? "tok" : "feat");
		check_frames(m, ser_val_get(&all, nets[i].name));
		if (notes.n_passed != nets[i].n_passed)
			fail_msg("%s: %zu passed over: %s", nets[i].name, notes.n_passed, notes.passed.s);
		assert_int_equal(notes.n_zero, 0);
		free_notes(&notes);
		ser_model_free(m);
	}
	ser_arena_free(&a);
}

/* ---- what is refused ---- */

static void refused(const char *path, const char *config, const char *const *hyper, size_t n_hyper, const char *what)
{
	struct ser_err e = {0};
	struct ser_encoder_notes notes = {0};
	struct ser_weights *w;
	struct ser_model *m;
	struct ser_val v;
	if (ser_weights_open(&w, path, &e) != 0)
		fail_msg("%s", e.msg);
	if (ser_val_from_json(&w->all.arena, config, strlen(config), &v, &e) != 0)
		fail_msg("%s", e.msg);
	struct ser_encoder_about about = {.config = &v, .hyper = hyper, .n_hyper = n_hyper};
	assert_int_equal(ser_encoder_import(&m, w, SER_FROM_HF, &about, &notes, &e), SER_EDATA);
	assert_null(m);
	if (strstr(e.msg, what) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", e.msg, what);
	free_notes(&notes);
	ser_weights_free(w);
}

static void settings(void **state)
{
	(void)state;
	const char *bert = GOLDEN "bert/model.safetensors", *speech = GOLDEN "hubert/pytorch_model.bin";
	refused(bert, "{}", NULL, 0, "no \"model_type\"");
	refused(bert, "{\"model_type\":\"gpt2\"}", NULL, 0, "\"gpt2\" is none of wav2vec2, hubert, wavlm");
	refused(bert, "{\"model_type\":\"hubert\"}", NULL, 0,
		"no tensor \"feature_extractor.conv_layers.0.conv.weight\"");
	refused(bert, "{\"model_type\":\"bert\"}", NULL, 0, "how many attention heads");
	refused(bert, "{\"model_type\":\"bert\",\"num_attention_heads\":\"x\"}", NULL, 0,
		"num_attention_heads is \"x\"");
	refused(bert, "{\"model_type\":\"bert\",\"num_attention_heads\":3}", NULL, 0, "no multiple of heads");
	refused(bert, "{\"model_type\":\"bert\",\"num_attention_heads\":1e300}", NULL, 0, "heads of bert");
	refused(bert, "{\"model_type\":\"bert\",\"num_attention_heads\":2,\"num_hidden_layers\":12}", NULL, 0,
		"num_hidden_layers is 12, by its tensors it is 2");
	refused(bert, "{\"model_type\":\"bert\",\"num_attention_heads\":2,\"hidden_act\":\"relu\"}", NULL, 0,
		"only \"gelu\"");
	refused(bert, "{\"model_type\":\"bert\",\"num_attention_heads\":2}", (const char *[]){"layers=3"}, 1,
		"no tensor for \"encoder.layer.2.attention.self.query.weight\"");
	refused(bert, "{\"model_type\":\"bert\",\"num_attention_heads\":2}", (const char *[]){"layers=1"}, 1,
		"tensor \"bert.encoder.layer.1.attention.output.LayerNorm.beta\" has no place");
	refused(bert, "{\"model_type\":\"bert\",\"num_attention_heads\":2}", (const char *[]){"ffn=7"}, 1,
		"has the shape [24,16], expected [7,16]");
	refused(speech, "{\"model_type\":\"hubert\",\"num_attention_heads\":2,\"conv_stride\":[5,2,2,2,2,2,1]}", NULL,
		0, "conv_stride is [5,2,2,2,2,2,1]");
	refused(speech, "{\"model_type\":\"hubert\",\"num_attention_heads\":2,\"add_adapter\":true}", NULL, 0,
		"add_adapter is true");
}

/* The mean over tokens instead of the pooler, whose weights are then passed over */
static void without_pooler(void **state)
{
	(void)state;
	struct ser_err e = {0};
	struct ser_encoder_notes notes = {0};
	struct ser_model *m;
	assert_int_equal(import_hf(&m, GOLDEN "bert", (const char *[]){"pooler=0"}, 1, &notes, &e), 0);
	assert_string_equal(notes.passed.s, "bert.pooler.dense.bias, bert.pooler.dense.weight");
	free_notes(&notes);
	ser_model_free(m);
}

/* ---- files that are damaged, or want to be run ---- */

static void read_all(const char *path, char **p, size_t *n)
{
	struct ser_err e = {0};
	if (ser_read_file(path, 1 << 24, p, n, &e) != 0)
		fail_msg("%s", e.msg);
}

/* Read, and look at every element */
static bool reads(const char *p, size_t n, struct ser_err *e)
{
	struct ser_weights *w;
	if (ser_weights_parse(&w, p, n, e) != 0) {
		assert_int_equal(e->code, SER_EDATA);
		assert_true(strlen(e->msg) > 10);
		return false;
	}
	for (size_t i = 0; i < w->all.n_tensor; i++) {
		float *x = ser_malloc(w->all.tensor[i].n, sizeof *x);
		ser_st_f4(&w->all.tensor[i], x);
		free(x);
	}
	ser_weights_free(w);
	return true;
}

static void damaged(void **state)
{
	(void)state;
	static const char *const files[] = {GOLDEN "wav2vec2/pytorch_model.bin", GOLDEN "hubert/pytorch_model.bin"};
	for (size_t k = 0; k < 2; k++) {
		char *p, *cut;
		size_t n;
		struct ser_err e;
		struct ser_rng r;
		read_all(files[k], &p, &n);
		assert_true(reads(p, n, &e));
		for (size_t i = 1; i < n; i += 1 + i / 64) { /* in a block of its own, so that a step beyond is seen */
			cut = ser_malloc(i, 1);
			memcpy(cut, p, i);
			assert_false(reads(cut, i, &e));
			free(cut);
		}
		ser_rng_seed(&r, 5);
		for (int i = 0; i < 3000; i++) {
			size_t at = ser_rng_below(&r, i % 2 == 0 ? n : n < 4000 ? n : 4000);
			char old = p[at];
			p[at] = (char)ser_rng_below(&r, 256);
			reads(p, n, &e);
			p[at] = old;
		}
		free(p);
	}
}

static void pickled(const char *bytes, size_t n, const char *what)
{
	static const char *const known[] = {"collections OrderedDict", NULL};
	struct ser_arena a = {0};
	struct ser_pickled p;
	struct ser_err e = {0};
	char *own = ser_malloc(n, 1);
	memcpy(own, bytes, n);
	assert_int_equal(ser_pickle_parse(&p, own, n, known, &a, &e), SER_EDATA);
	if (strstr(e.msg, what) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", e.msg, what);
	free(own);
	ser_arena_free(&a);
}
#define PICKLED(bytes, what) pickled(bytes, sizeof(bytes) - 1, what)

static void hostile_pickles(void **state)
{
	(void)state;
	PICKLED("\x80\x02"
		"cos\nsystem\nX\x04\0\0\0true\x85R.",
		"os.system");
	PICKLED("\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.", "os.system");
	PICKLED("\x80\x02"
		"cbuiltins\neval\n.",
		"builtins.eval");
	PICKLED("\x80\x02"
		"ccollections\nOrderedDictX\n.",
		"collections.OrderedDictX");
	PICKLED("\x80\x02"
		"K\x01)R.",
		"calls what is no global");
	PICKLED("\x80\x02"
		"i__main__\nx\n.",
		"opcode 0x69");
	PICKLED("\x80\x02"
		"X\xff\xff\xff\x7f"
		"a.",
		"cut off");
	PICKLED("\x80\x05\x8e\xff\xff\xff\xff\xff\xff\xff\xff"
		"a.",
		"cut off");
	PICKLED("\x80\x02"
		"h\x05.",
		"memo");
	PICKLED("\x80\x02"
		"Nr\xff\xff\xff\xff.",
		"beyond its bound");
	PICKLED("\x80\x02"
		"(.",
		"one value");
	PICKLED("\x80\x02"
		"NN.",
		"one value");
	PICKLED("\x80\x02"
		"0.",
		"not there");
	PICKLED("\x80\x02"
		"}(K\x01u.",
		"without a value");
	PICKLED("\x80\x02"
		"]K\x01K\x02s.",
		"no map");
	PICKLED("\x80\x06N.", "protocol");
	PICKLED("N", "cut off");
}

static void values_of_a_pickle(void **state)
{
	(void)state;
	/* {"a": [1, -2, 2.5, None, True, 300], "b": OrderedDict(), -2**63: itself} by protocol 2, as Python writes it */
	static const char p[] =
		"\x80\x02}q\0(X\x01\0\0\0aq\x01]q\x02(K\x01J\xfe\xff\xff\xffG@\x04\0\0\0\0\0\0N\x88M,\x01"
		"eX\x01\0\0\0bq\x03"
		"ccollections\nOrderedDict\nq\x04)Rq\x05\x8a\x08\0\0\0\0\0\0\0\x80h\0u.and more";
	static const char *const known[] = {"collections OrderedDict", NULL};
	struct ser_arena a = {0};
	struct ser_pickled out;
	struct ser_err e = {0};
	if (ser_pickle_parse(&out, p, sizeof p - 1, known, &a, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(out.n_byte, sizeof p - 1 - strlen("and more"));
	const struct ser_pickle *l = ser_pickle_get(out.root, "a"), *b = ser_pickle_get(out.root, "b");
	assert_true(l != NULL && l->kind == SER_PICKLE_LIST && l->n_item == 6);
	assert_true(l->item[0]->i == 1 && l->item[1]->i == -2 && l->item[2]->f == 2.5);
	assert_true(l->item[3]->kind == SER_PICKLE_NONE && l->item[4]->kind == SER_PICKLE_BOOL && l->item[5]->i == 300);
	assert_true(b != NULL && b->kind == SER_PICKLE_MAP && b->n_item == 0);
	assert_true(out.root->item[4]->i == INT64_MIN && out.root->item[5] == out.root);
	assert_null(ser_pickle_get(out.root, "c"));
	ser_arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hugging_face), cmocka_unit_test(settings),        cmocka_unit_test(without_pooler),
		cmocka_unit_test(damaged),      cmocka_unit_test(hostile_pickles), cmocka_unit_test(values_of_a_pickle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
