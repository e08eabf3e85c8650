/* SPDX-License-Identifier: MIT */
/* Weights of other programs against what these programs make of a sound or a text with them (tests/ref/import_hf.py), and what
 * is refused of damaged and hostile files. */
#include "dsp/dsp.h"
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

static void read_all(const char *path, char **p, size_t *n)
{
	struct ser_err e = {0};
	if (ser_read_file(path, 1 << 24, p, n, &e) != 0)
		fail_msg("%s", e.msg);
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
	*n_row = text ? 6 : mel ? 44 : 4000; /* of mel four rows are past the end */
	float *x = ser_malloc(*n_row * m->enc[0].n_in, sizeof *x);
	for (size_t i = 0; i < *n_row * m->enc[0].n_in; i++)
		x[i] = text ? ids[i] : mel ? (float)unit((uint32_t)i, 78) : (float)(0.3 * unit((uint32_t)i, 77));
	return x;
}

/* The frames that m makes of it, times so much, against those of the reference */
static void check_frames(const struct ser_model *m, const struct ser_val *want, double times)
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
		if (!(fabs(times * (double)f.val[i] - number(&frames->u.list.v[i])) <= 2e-5))
			fail_msg("%s: element %zu is %g, expected %g", m->enc[0].arch->name, i,
				 times * (double)f.val[i], number(&frames->u.list.v[i]));
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

static int import_labelled(struct ser_model **m, const char *path, const char *label, const char *const *hyper,
			   size_t n_hyper, struct ser_encoder_notes *notes, struct ser_err *e)
{
	struct ser_weights *w;
	struct ser_val config, processor;
	*m = NULL;
	if (ser_weights_open(&w, path, e) != 0)
		return e->code;
	struct ser_encoder_about about = {.hyper = hyper, .n_hyper = n_hyper, .label = label};
	if (ser_weights_json(w, path, "config.json", &config, e) == 1)
		about.config = &config;
	if (ser_weights_json(w, path, "preprocessor_config.json", &processor, e) == 1)
		about.processor = &processor;
	int rc = ser_encoder_import(m, w, SER_FROM_HF, &about, notes, e);
	ser_weights_free(w);
	return rc;
}

static int import_hf(struct ser_model **m, const char *path, const char *const *hyper, size_t n_hyper,
		     struct ser_encoder_notes *notes, struct ser_err *e)
{
	return import_labelled(m, path, NULL, hyper, n_hyper, notes, e);
}

static void free_notes(struct ser_encoder_notes *n)
{
	ser_buf_free(&n->passed);
	ser_buf_free(&n->zero);
}

/* What its head makes of it */
static void check_head(const struct ser_model *m, const struct ser_val *want)
{
	size_t n;
	float *x = input_of(m, &n);
	const float *rows = x;
	struct ser_tape *t = ser_tape_new(NULL, m->params);
	ser_tape_reset(t, SER_TAPE_FIXED, 0);
	struct ser_encoded y = ser_model_encode(m, t, 0, ser_tape_batch(t, 1, &rows, &n, 1));
	struct ser_node out = ser_tape_node(t, ser_model_head(m, t, 0, ser_model_source(m, t, &m->head[0].source, &y)));
	assert_true(out.n_row == 1 && out.n_col == 3);
	for (size_t i = 0; i < 3; i++)
		if (!(fabs((double)out.val[i] - number(&want->u.list.v[i])) <= 5e-6))
			fail_msg("%s: output %zu is %.7g, expected %.7g", m->enc[0].arch->name, i, (double)out.val[i],
				 number(&want->u.list.v[i]));
	ser_tape_free(t);
	free(x);
}

/* Heads of sound and text, by transformers; saved and loaded again */
static void heads(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum ser_head_kind kind;
		const char *first, *source;
	} nets[] = {{"wav2vec2", SER_HEAD_CLASS, "angry", "encoder"},
		    {"hubert", SER_HEAD_VALUE, "arousal", "encoder"},
		    {"wavlm", SER_HEAD_CLASS, "angry", "encoder"},
		    {"roberta", SER_HEAD_MULTI, "angry", "encoder:first"},
		    {"bert", SER_HEAD_CLASS, "LABEL_0", "encoder"}};
	struct ser_arena a = {0};
	struct ser_val all = load_json(GOLDEN "want.json", &a);
	for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
		struct ser_err e = {0};
		struct ser_encoder_notes notes = {0};
		struct ser_model *m, *back;
		char path[256], name[64], tmp[] = "/tmp/ser-test-heads-XXXXXX";
		snprintf(path, sizeof path, GOLDEN "%s", nets[i].name);
		snprintf(name, sizeof name, "%s head", nets[i].name);
		if (import_labelled(&m, path, "emo", NULL, 0, &notes, &e) != 0)
			fail_msg("%s: %s", nets[i].name, e.msg);
		assert_int_equal(m->n_head, 1);
		assert_int_equal(m->head[0].kind, nets[i].kind);
		assert_string_equal(m->head[0].name, nets[i].kind == SER_HEAD_VALUE ? "value" : "emo");
		if (strcmp(nets[i].name, "bert") != 0)
			assert_string_equal(m->head[0].out[0], nets[i].first);
		struct ser_buf source = {0};
		ser_model_source_text(m, &m->head[0].source, &source);
		assert_string_equal(source.s, nets[i].source);
		ser_buf_free(&source);
		assert_null(notes.passed.s != NULL ? strstr(notes.passed.s, "classifier") : NULL);
		check_head(m, ser_val_get(ser_val_get(&all, name), "frames"));
		close(mkstemp(tmp));
		if (ser_model_save(m, tmp, &e) != 0 || ser_model_load(&back, tmp, &e) != 0)
			fail_msg("%s", e.msg);
		unlink(tmp);
		check_head(back, ser_val_get(ser_val_get(&all, name), "frames"));
		free_notes(&notes);
		ser_model_free(m);
		ser_model_free(back);
	}
	ser_arena_free(&a);
}

static void hugging_face(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		size_t n_passed;
	} nets[] = {{"wav2vec2", 7}, {"hubert", 4},  {"wavlm", 5}, {"data2vec-audio", 0},
		    {"whisper", 28}, {"roberta", 6}, {"bert", 2}};
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
		check_frames(m, ser_val_get(&all, nets[i].name), 1);
		char small[64]; /* a 256th of every parameter: what norms add to variances shows */
		snprintf(small, sizeof small, "%s small", nets[i].name);
		for (size_t k = 0; k < m->params->n; k++)
			m->params->val[k] /= 256;
		check_frames(m, ser_val_get(&all, small), 256);
		if (notes.n_passed != nets[i].n_passed)
			fail_msg("%s: %zu passed over: %s", nets[i].name, notes.n_passed, notes.passed.s);
		assert_int_equal(notes.n_zero, 0);
		free_notes(&notes);
		ser_model_free(m);
	}
	ser_arena_free(&a);
}

static void resemblyzer(void **state)
{
	(void)state;
	static const size_t n_frame[] = {43, 323, 361}; /* three past the end */
	struct ser_arena a = {0};
	struct ser_val all = load_json(GOLDEN "want.json", &a);
	const struct ser_val *want = ser_val_get(ser_val_get(&all, "ge2e"), "frames");
	struct ser_err e = {0};
	struct ser_encoder_notes notes = {0};
	struct ser_encoder_about about = {0};
	struct ser_weights *w;
	struct ser_model *m;
	const float *rows[3];
	if (ser_weights_open(&w, GOLDEN "ge2e/pretrained.pt", &e) != 0 ||
	    ser_encoder_import(&m, w, SER_FROM_RESEMBLYZER, &about, &notes, &e) != 0)
		fail_msg("%s", e.msg);
	assert_string_equal(notes.passed.s, "similarity_weight");
	for (size_t b = 0; b < 3; b++) {
		float *x = ser_arena_alloc(&a, 5 * n_frame[b], sizeof *x);
		for (size_t i = 0; i < 5 * n_frame[b]; i++)
			x[i] = (float)unit((uint32_t)i, 79);
		rows[b] = x;
	}
	struct ser_tape *t = ser_tape_new(NULL, m->params); /* a batch gives what one by one gives */
	ser_tape_reset(t, SER_TAPE_FIXED, 0);
	struct ser_encoded y = ser_model_encode(m, t, 0, ser_tape_batch(t, 3, rows, n_frame, 5));
	struct ser_node emb = ser_tape_node(t, y.emb);
	assert_true(emb.n_row == 3 && emb.n_col == 7);
	for (size_t i = 0; i < 21; i++)
		if (!(fabs((double)emb.val[i] - number(&want->u.list.v[i])) <= 2e-6))
			fail_msg("element %zu is %g, expected %g", i, (double)emb.val[i], number(&want->u.list.v[i]));
	ser_tape_free(t);
	ser_model_free(m);
	ser_weights_free(w);
	free_notes(&notes);
	ser_arena_free(&a);
}

static void check_front(const char *edges, size_t n_frame, const char *name)
{
	struct ser_arena a = {0};
	struct ser_val all = load_json(GOLDEN "want.json", &a);
	const struct ser_val *want = ser_val_get(ser_val_get(&all, name), "frames");
	struct ser_front_opt o;
	const char *functionals;
	struct ser_front *f;
	struct ser_err e = {0};
	float x[4000], y[29 * 20];
	for (size_t i = 0; i < 4000; i++)
		x[i] = (float)(0.3 * unit((uint32_t)i, 77));
	if (ser_front_preset(&o, &functionals, "whisper", &e) != 0 ||
	    ser_front_set(&o, "num-mel-bins", "20", &e) != 0 || ser_front_set(&o, "edges", edges, &e) != 0 ||
	    ser_front_new(&f, &o, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(ser_front_n_frame(f, 4000), n_frame);
	struct ser_front_ws *ws = ser_front_ws_new(f);
	assert_int_equal(ser_front_do(f, ws, x, 4000, NULL, y, &e), 0);
	for (size_t i = 0; i < n_frame * 20; i++)
		if (!(fabs((double)y[i] - number(&want->u.list.v[i])) <= 2e-5))
			fail_msg("element %zu is %g, expected %g", i, (double)y[i], number(&want->u.list.v[i]));
	ser_front_ws_free(ws);
	ser_front_free(f);
	ser_arena_free(&a);
}

static void whisper_front(void **state)
{
	(void)state;
	check_front("shifts", 25, "whisper-front");
	check_front("silence", 29, "whisper-padded");
}

/* pad_to: what comes of the last row again and again behind, as far as frames are the sound's own */
static void whisper_padded(void **state)
{
	(void)state;
	enum { OWN = 29, TAIL = 4, ALL = 40, N_MEL = 80, N_FRAME = (OWN + 1) / 2 };
	struct ser_err e = {0};
	struct ser_encoder_notes notes = {0};
	struct ser_model *m;
	static float x[ALL * N_MEL];
	float want[N_FRAME * 16];
	const float *rows = x;
	for (size_t i = 0; i < (OWN + TAIL) * N_MEL; i++)
		x[i] = (float)unit((uint32_t)i, 80);
	for (size_t i = OWN + TAIL; i < ALL; i++)
		memcpy(x + i * N_MEL, x + (OWN + TAIL - 1) * N_MEL, N_MEL * sizeof *x);
	if (import_hf(&m, GOLDEN "whisper", NULL, 0, &notes, &e) != 0)
		fail_msg("%s", e.msg);
	static const struct {
		double tail, pad_to, pad_mask;
		size_t n_row, n_frame;
	} ways[] = {{0, 0, 1, ALL, ALL / 2},
		    {TAIL, ALL, 1, OWN + TAIL, N_FRAME},
		    {TAIL, ALL, 0, OWN + TAIL, ALL / 2},
		    {0, 0, 1, OWN, N_FRAME},
		    {TAIL, 0, 1, OWN + TAIL, N_FRAME}};
	for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
		if (ser_encoder_hyper(&m->enc[0], "tail", 4, ways[k].tail, &e) != 0 ||
		    ser_encoder_hyper(&m->enc[0], "pad_to", 6, ways[k].pad_to, &e) != 0 ||
		    ser_encoder_hyper(&m->enc[0], "pad_mask", 8, ways[k].pad_mask, &e) != 0)
			fail_msg("%s", e.msg);
		struct ser_tape *t = ser_tape_new(NULL, m->params);
		ser_tape_reset(t, SER_TAPE_FIXED, 0);
		struct ser_encoded y = ser_model_encode(m, t, 0, ser_tape_batch(t, 1, &rows, &ways[k].n_row, N_MEL));
		struct ser_node f = ser_tape_node(t, y.frames);
		assert_int_equal(f.n_row, ways[k].n_frame);
		for (size_t i = 0; i < N_FRAME * f.n_col; i++) { /* 0 to 2 padded, 3 and 4 not */
			if (k == 0 || k == 3)
				want[i] = (float)f.val[i];
			if (!(fabs((double)f.val[i] - (double)want[i]) <= 1e-5))
				fail_msg("way %zu: element %zu is %g, expected %g", k, i, (double)f.val[i],
					 (double)want[i]);
		}
		ser_tape_free(t);
	}
	ser_model_free(m);
	free_notes(&notes);
}

/* ---- the same networks under other programs' names ---- */

struct respelt {
	const char *from, *to; /* of our names; %d is one number; to NULL: not there */
};
#define L "encoder.layers.%d."
static const struct respelt to_fairseq[] = {
	{"masked_spec_embed", "mask_emb"},
	{"feature_extractor.conv_layers.0.conv.", "feature_extractor.conv_layers.0.0."},
	{"feature_extractor.conv_layers.%d.conv.", "feature_extractor.conv_layers.%d.0."},
	{"feature_extractor.conv_layers.%d.layer_norm.", "feature_extractor.conv_layers.%d.2.1."},
	{"feature_projection.layer_norm.", "layer_norm."},
	{"feature_projection.projection.", "post_extract_proj."},
	{"encoder.pos_conv_embed.conv.", "encoder.pos_conv.0."},
	{"encoder.pos_conv_embed.layers.%d.conv.", "encoder.pos_conv.%d.0."},
	{L "attention.gru_rel_pos_linear.", L "self_attn.grep_linear."},
	{L "attention.gru_rel_pos_const", L "self_attn.grep_a"},
	{L "attention.rel_attn_embed.", L "self_attn.relative_attention_bias."},
	{L "attention.", L "self_attn."},
	{L "layer_norm.", L "self_attn_layer_norm."},
	{L "feed_forward.intermediate_dense.", L "fc1."},
	{L "feed_forward.output_dense.", L "fc2."},
	{NULL, NULL},
};
static const struct respelt to_torchaudio[] = {
	{"masked_spec_embed", NULL},
	{"feature_projection.", "encoder.feature_projection."},
	{"encoder.", "encoder.transformer."},
	{NULL, NULL},
};
static const struct respelt to_whisper[] = {
	{"embed_positions.weight", "encoder.positional_embedding"},
	{"layers.%d.self_attn.q_proj.", "encoder.blocks.%d.attn.query."},
	{"layers.%d.self_attn.k_proj.", "encoder.blocks.%d.attn.key."},
	{"layers.%d.self_attn.v_proj.", "encoder.blocks.%d.attn.value."},
	{"layers.%d.self_attn.out_proj.", "encoder.blocks.%d.attn.out."},
	{"layers.%d.self_attn_layer_norm.", "encoder.blocks.%d.attn_ln."},
	{"layers.%d.fc1.", "encoder.blocks.%d.mlp.0."},
	{"layers.%d.fc2.", "encoder.blocks.%d.mlp.2."},
	{"layers.%d.final_layer_norm.", "encoder.blocks.%d.mlp_ln."},
	{"layer_norm.", "encoder.ln_post."},
	{"", "encoder."},
	{NULL, NULL},
};
#define R "encoder.sentence_encoder."
static const struct respelt to_fairseq_roberta[] = {
	{"embeddings.token_type_embeddings.", NULL},
	{"embeddings.word_embeddings.", R "embed_tokens."},
	{"embeddings.position_embeddings.", R "embed_positions."},
	{"embeddings.LayerNorm.", R "layernorm_embedding."},
	{"encoder.layer.%d.attention.self.query.", R "layers.%d.self_attn.q_proj."},
	{"encoder.layer.%d.attention.self.key.", R "layers.%d.self_attn.k_proj."},
	{"encoder.layer.%d.attention.self.value.", R "layers.%d.self_attn.v_proj."},
	{"encoder.layer.%d.attention.output.dense.", R "layers.%d.self_attn.out_proj."},
	{"encoder.layer.%d.attention.output.LayerNorm.", R "layers.%d.self_attn_layer_norm."},
	{"encoder.layer.%d.intermediate.dense.", R "layers.%d.fc1."},
	{"encoder.layer.%d.output.dense.", R "layers.%d.fc2."},
	{"encoder.layer.%d.output.LayerNorm.", R "layers.%d.final_layer_norm."},
	{NULL, NULL},
};
static const struct respelt to_funasr[] = {{"", "d2v_model."}, {NULL, NULL}};

/* A name by the first row whose pattern it begins with; false: not there */
static bool respell(const struct respelt *r, const char *name, char *out, size_t n)
{
	for (; r->from != NULL; r++) {
		const char *p = r->from, *s = name;
		unsigned long num = 0;
		while (*p != '\0' && (*p == '%' || *p == *s))
			if (*p == '%') {
				char *end;
				num = strtoul(s, &end, 10);
				if (end == s)
					break;
				s = end;
				p += 2;
			} else {
				p++;
				s++;
			}
		if (*p != '\0')
			continue;
		if (r->to == NULL)
			return false;
		const char *hole = strchr(r->to, '%');
		if (hole == NULL)
			snprintf(out, n, "%s%s", r->to, s);
		else
			snprintf(out, n, "%.*s%lu%s%s", (int)(hole - r->to), r->to, num, hole + 2, s);
		return true;
	}
	snprintf(out, n, "%s", name);
	return true;
}

/* A network's tensors under other names, as a file of weights */
static struct ser_weights *respelt_weights(const struct ser_model *m, const struct respelt *r, struct ser_arena *a)
{
	struct ser_st_tensor *t;
	struct ser_st_meta *meta;
	size_t n, n_meta;
	struct ser_err e = {0};
	struct ser_weights *w = ser_calloc(1, sizeof *w);
	w->all.name = ser_map_new();
	ser_model_pack(m, a, &t, &n, &meta, &n_meta);
	for (size_t i = 0; i < n; i++) {
		char name[256];
		if (!respell(r, t[i].name + strlen("encoder."), name, sizeof name))
			continue;
		t[i].name = ser_arena_strndup(a, name, strlen(name));
		if (ser_weights_add(w, &t[i], &e) != 0)
			fail_msg("%s", e.msg);
	}
	return w;
}

/* The query, key and value of torchaudio's WavLM are one tensor: of layer i, its weights or biases. */
static void join_thirds(struct ser_weights *w, struct ser_arena *a, size_t i, const char *what)
{
	static const char *const third[] = {"q_proj", "k_proj", "v_proj"};
	struct ser_st_tensor all = {.dtype = SER_ST_F32};
	struct ser_err e = {0};
	float *x = NULL;
	for (int k = 0; k < 3; k++) {
		char name[128];
		snprintf(name, sizeof name, "encoder.transformer.layers.%zu.attention.%s.%s", i, third[k], what);
		struct ser_st_tensor *t = (struct ser_st_tensor *)(uintptr_t)ser_st_find(&w->all, name);
		assert_non_null(t);
		if (k == 0) {
			all.ndim = t->ndim;
			memcpy(all.shape, t->shape, sizeof all.shape);
			all.shape[0] *= 3;
			all.n = 3 * t->n;
			x = ser_arena_alloc(a, all.n, sizeof *x);
		}
		memcpy(x + (size_t)k * t->n, t->data, t->n * sizeof *x);
		snprintf(name, sizeof name, "aux.was.%zu.%d.%s", i, k, what); /* passed over */
		t->name = ser_arena_strndup(a, name, strlen(name));
	}
	char name[128];
	snprintf(name, sizeof name, "encoder.transformer.layers.%zu.attention.attention.in_proj_%s", i, what);
	all.name = ser_arena_strndup(a, name, strlen(name));
	all.data = x;
	if (ser_weights_add(w, &all, &e) != 0)
		fail_msg("%s", e.msg);
}

static void rename_at_end(struct ser_weights *w, struct ser_arena *a)
{
	for (size_t i = 0; i < w->all.n_tensor; i++) {
		struct ser_st_tensor *t = &w->all.tensor[i];
		const char *at = strstr(t->name, ".attention.out_proj.");
		char name[128];
		if (at == NULL)
			continue;
		snprintf(name, sizeof name, "%.*s.attention.attention.out_proj.%s", (int)(at - t->name), t->name,
			 strrchr(at, '.') + 1);
		t->name = ser_arena_strndup(a, name, strlen(name));
	}
}

/* Every parameter of b is a's, but those that had no place there and are zeros */
static void same_params(const struct ser_model *a, const struct ser_model *b, const char *zero)
{
	assert_int_equal(a->params->n_slice, b->params->n_slice);
	for (size_t i = 0; i < a->params->n_slice; i++) {
		const struct ser_slice *s = &a->params->slice[i];
		int k = ser_params_find(b->params, s->name);
		assert_true(k >= 0);
		const real *x = a->params->val + s->at, *y = b->params->val + b->params->slice[k].at;
		bool none = zero != NULL && strcmp(s->name + strlen("encoder."), zero) == 0;
		for (size_t j = 0; j < s->n; j++)
			if (y[j] != (none ? 0 : x[j]))
				fail_msg("%s, element %zu", s->name, j);
	}
	for (size_t i = 0; a->enc[0].arch->hyper[i].name != NULL; i++)
		if (a->enc[0].hyper[i] != b->enc[0].hyper[i] &&
		    strncmp(a->enc[0].arch->hyper[i].name, "mask", 4) != 0 &&
		    strstr(a->enc[0].arch->hyper[i].name, "drop") == NULL &&
		    strcmp(a->enc[0].arch->hyper[i].name, "pad_mask") != 0 &&
		    strcmp(a->enc[0].arch->hyper[i].name, "norm_eps") != 0)
			fail_msg("%s: %s is %g, was %g", a->enc[0].arch->name, a->enc[0].arch->hyper[i].name,
				 b->enc[0].hyper[i], a->enc[0].hyper[i]);
}

static void other_programs(void **state)
{
	(void)state;
	static const struct {
		const char *golden;
		enum ser_encoder_source from;
		const struct respelt *names;
		const char *zero, *hyper[4], *arch; /* hyper: what those programs' settings would say */
	} c[] = {
		{"hubert", SER_FROM_FAIRSEQ, to_fairseq, NULL, {"heads=2", "normalize=0"}, "wav2vec2"},
		{"wavlm", SER_FROM_FAIRSEQ, to_fairseq, NULL, {"heads=2", "max_distance=20"}, "wavlm"},
		{"data2vec-audio", SER_FROM_FAIRSEQ, to_fairseq, NULL, {"heads=2"}, "data2vec-audio"},
		{"roberta",
		 SER_FROM_FAIRSEQ,
		 to_fairseq_roberta,
		 "embeddings.token_type_embeddings.weight",
		 {"heads=2"},
		 "roberta"},
		{"hubert",
		 SER_FROM_TORCHAUDIO,
		 to_torchaudio,
		 "masked_spec_embed",
		 {"heads=2", "normalize=0"},
		 "wav2vec2"},
		{"wavlm", SER_FROM_TORCHAUDIO, to_torchaudio, "masked_spec_embed", {"max_distance=20"}, "wavlm"},
		{"whisper", SER_FROM_OPENAI_WHISPER, to_whisper, NULL, {"heads=2"}, "whisper"},
	};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct ser_err e = {0};
		struct ser_encoder_notes notes = {0};
		struct ser_encoder_about about = {.hyper = c[i].hyper};
		struct ser_model *m, *back;
		struct ser_arena a = {0};
		char path[128];
		snprintf(path, sizeof path, GOLDEN "%s", c[i].golden);
		bool text = strcmp(c[i].golden, "roberta") == 0; /* fairseq has no pooler */
		if (import_hf(&m, path, (const char *[]){"pooler=0"}, text, &notes, &e) != 0)
			fail_msg("%s", e.msg);
		free_notes(&notes);
		notes = (struct ser_encoder_notes){0};
		struct ser_weights *w = respelt_weights(m, c[i].names, &a);
		if (c[i].from == SER_FROM_TORCHAUDIO && strcmp(c[i].golden, "wavlm") == 0) {
			for (size_t k = 0; k < 4; k++)
				join_thirds(w, &a, k / 2, k % 2 == 0 ? "weight" : "bias");
			rename_at_end(w, &a);
		}
		if (c[i].from == SER_FROM_OPENAI_WHISPER) { /* its decoder has positions, too */
			struct ser_st_tensor t = w->all.tensor[0];
			t.name = "decoder.positional_embedding";
			assert_int_equal(ser_weights_add(w, &t, &e), 0);
		}
		while (about.n_hyper < 4 && c[i].hyper[about.n_hyper] != NULL)
			about.n_hyper++;
		if (ser_encoder_import(&back, w, c[i].from, &about, &notes, &e) != 0)
			fail_msg("%s of %s: %s", c[i].golden, ser_encoder_sources[c[i].from], e.msg);
		assert_string_equal(back->enc[0].arch->name, c[i].arch);
		same_params(m, back, c[i].zero);
		assert_int_equal(notes.n_zero, c[i].zero != NULL);
		free_notes(&notes);
		ser_weights_free(w);
		ser_model_free(back);
		ser_model_free(m);
		ser_arena_free(&a);
	}
}

static void ctranslate2(void **state)
{
	(void)state;
	struct ser_arena a = {0};
	struct ser_val all = load_json(GOLDEN "want.json", &a);
	struct ser_err e = {0};
	struct ser_encoder_notes notes = {0};
	struct ser_encoder_about about = {.hyper = (const char *const[]){"heads=2"}, .n_hyper = 1};
	struct ser_weights *w;
	struct ser_model *m;
	if (ser_weights_open(&w, GOLDEN "ctranslate2", &e) != 0 ||
	    ser_encoder_import(&m, w, SER_FROM_CTRANSLATE2, &about, &notes, &e) != 0)
		fail_msg("%s", e.msg);
	check_frames(m, ser_val_get(&all, "whisper"), 1);
	assert_string_equal(notes.passed.s, "decoder.conv.weight");
	assert_int_equal(notes.n_zero, 0);
	free_notes(&notes);
	ser_model_free(m);
	ser_weights_free(w);

	/* cut anywhere it is refused, and so are other versions; a name of its own that is not known, too */
	char *p;
	size_t n;
	read_all(GOLDEN "ctranslate2/model.bin", &p, &n);
	for (size_t k = 20; k < n - 4; k += k < 300 ? 1 : 997)
		assert_int_equal(ser_weights_parse(&w, p, k, &e), SER_EDATA);
	p[0] = 7;
	assert_int_equal(ser_weights_parse(&w, p, n, &e), SER_EDATA);
	assert_string_equal(e.msg, "version 7 of CTranslate2's format, 4 to 6 are read");
	free(p);
	ser_arena_free(&a);
}

/* emotion2vec, with the axes of one element that its authors' tensors have */
static void emotion2vec(void **state)
{
	(void)state;
	static const char *const hyper[] = {"conv_dim=8", "dim=24",       "ffn=32",  "heads=12",    "prenet=2",
					    "layers=3",   "pos_groups=4", "extra=4", "pos_layers=2"};
	struct ser_err e = {0};
	struct ser_model *m, *back;
	struct ser_arena a = {0};
	struct ser_encoder_notes notes = {0};
	struct ser_encoder_about about = {0};
	assert_int_equal(ser_model_new(&m, "emotion2vec", hyper, sizeof hyper / sizeof *hyper, 3, &e), 0);
	ser_model_input(m, "feat", 1, NULL, SER_NORM_NONE);
	assert_int_equal(ser_model_build(m, &e), 0);
	struct ser_weights *w = respelt_weights(m, to_funasr, &a);
	struct ser_st_tensor *alibi = NULL;
	for (size_t i = 0; i < w->all.n_tensor; i++)
		if (strstr(w->all.tensor[i].name, "alibi_scale") != NULL)
			alibi = &w->all.tensor[i];
	assert_non_null(alibi);
	alibi->ndim = 5;
	memcpy(alibi->shape, (size_t[]){1, 1, 12, 1, 1}, 5 * sizeof(size_t));
	if (ser_encoder_import(&back, w, SER_FROM_FUNASR, &about, &notes, &e) != 0)
		fail_msg("%s", e.msg);
	same_params(m, back, NULL);
	ser_model_free(back);
	/* emotion2vec+ has a head of nine classes */
	size_t D = m->enc[0].n_emb;
	float *weight = ser_calloc(9 * D, sizeof *weight), bias[9] = {0};
	weight[8 * D] = 3;
	struct ser_st_tensor head[] = {{.name = "proj.weight", .ndim = 2, .shape = {9, D}, .n = 9 * D, .data = weight},
				       {.name = "proj.bias", .ndim = 1, .shape = {9}, .n = 9, .data = bias}};
	for (int i = 0; i < 2; i++)
		assert_int_equal(ser_weights_add(w, &head[i], &e), 0);
	struct ser_encoder_about with_head = {.label = "emo"};
	if (ser_encoder_import(&back, w, SER_FROM_FUNASR, &with_head, &notes, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(back->n_head, 1);
	assert_string_equal(back->head[0].out[8], "unknown");
	const struct ser_slice *s = &back->params->slice[ser_params_find(back->params, "heads.emo.out.weight")];
	assert_true(back->params->val[s->at + 8 * D] == 3 && s->n == 9 * D);
	ser_model_free(back);
	free(weight);
	if (ser_encoder_import(&back, w, SER_FROM_FAIRSEQ, &about, &notes, &e) != 0)
		fail_msg("%s", e.msg);
	assert_string_equal(back->enc[0].arch->name, "emotion2vec");
	ser_model_free(back);
	ser_model_free(m);
	ser_weights_free(w);
	ser_arena_free(&a);
	free_notes(&notes);
}

/* A head behind Whisper hears the silence that fills its window up, as it did in training; --hyper says otherwise. */
static void whisper_head(void **state)
{
	(void)state;
	enum { OWN = 33, N_MEL = 80, P = 8, K = 3 };
	struct ser_arena a = {0};
	struct ser_val all = load_json(GOLDEN "want.json", &a), config;
	const struct ser_val *want = ser_val_get(ser_val_get(&all, "whisper head"), "frames");
	struct ser_err e = {0};
	struct ser_encoder_notes notes = {0};
	struct ser_weights *w;
	struct ser_model *m;
	static float x[OWN * N_MEL], value[4][16 * P];
	const float *rows = x;
	size_t n = OWN;
	struct ser_st_tensor part[] = {{.name = "projector.weight", .ndim = 2, .shape = {P, 16}, .n = 16 * P},
				       {.name = "projector.bias", .ndim = 1, .shape = {P}, .n = P},
				       {.name = "classifier.weight", .ndim = 2, .shape = {K, P}, .n = K * P},
				       {.name = "classifier.bias", .ndim = 1, .shape = {K}, .n = K}};
	if (ser_weights_open(&w, GOLDEN "whisper", &e) != 0)
		fail_msg("%s", e.msg);
	for (uint32_t i = 0; i < 4; i++) {
		part[i].data = value[i];
		for (size_t k = 0; k < part[i].n; k++)
			value[i][k] = (float)unit((uint32_t)k, 81 + i);
		assert_int_equal(ser_weights_add(w, &part[i], &e), 0);
	}
	for (size_t i = 0; i < OWN * N_MEL; i++)
		x[i] = (float)unit((uint32_t)i, 80);
	assert_int_equal(ser_weights_json(w, GOLDEN "whisper", "config.json", &config, &e), 1);
	struct ser_encoder_about about = {.label = "emo", .config = &config};
	for (about.n_hyper = 0; about.n_hyper < 2; about.n_hyper++) {
		about.hyper = (const char *const[]){"pad_to=0"};
		if (ser_encoder_import(&m, w, SER_FROM_HF, &about, &notes, &e) != 0)
			fail_msg("%s", e.msg);
		struct ser_tape *t = ser_tape_new(NULL, m->params);
		ser_tape_reset(t, SER_TAPE_FIXED, 0);
		struct ser_encoded y = ser_model_encode(m, t, 0, ser_tape_batch(t, 1, &rows, &n, N_MEL));
		int source = ser_model_source(m, t, &m->head[0].source, &y);
		struct ser_node out = ser_tape_node(t, ser_model_head(m, t, 0, source));
		assert_int_equal(ser_tape_node(t, y.frames).n_row, about.n_hyper == 0 ? 20 : 15);
		for (size_t i = 0; i < K && about.n_hyper == 0; i++)
			if (!(fabs((double)out.val[i] - number(&want->u.list.v[i])) <= 5e-6))
				fail_msg("output %zu is %.7g, expected %.7g", i, (double)out.val[i],
					 number(&want->u.list.v[i]));
		ser_tape_free(t);
		ser_model_free(m);
	}
	ser_weights_free(w);
	ser_arena_free(&a);
	free_notes(&notes);
}

/* Settings of a fairseq checkpoint: cfg of newer, args of older ones */
static void inner_settings(void **state)
{
	(void)state;
	struct ser_err e = {0};
	struct ser_weights *w;
	char *p;
	size_t n;
	read_all("tests/fuzz/corpus/weights/fairseq", &p, &n);
	if (ser_weights_parse(&w, p, n, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(w->all.n_tensor, 5);
	assert_true(ser_pickle_get(ser_pickle_get(w->root, "args"), "encoder_attention_heads")->i == 2);
	assert_true(ser_pickle_get(ser_pickle_get(ser_pickle_get(w->root, "cfg"), "task"), "normalize")->i == 1);
	ser_weights_free(w);
	free(p);
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
	assert_string_equal(notes.passed.s,
			    "classifier.bias, classifier.weight, bert.pooler.dense.bias, bert.pooler.dense.weight");
	free_notes(&notes);
	ser_model_free(m);
}

/* ---- files that are damaged, or want to be run ---- */

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
		cmocka_unit_test(heads),
		cmocka_unit_test(whisper_head),
		cmocka_unit_test(hugging_face),
		cmocka_unit_test(resemblyzer),
		cmocka_unit_test(whisper_front),
		cmocka_unit_test(whisper_padded),
		cmocka_unit_test(other_programs),
		cmocka_unit_test(ctranslate2),
		cmocka_unit_test(emotion2vec),
		cmocka_unit_test(inner_settings),
		cmocka_unit_test(settings),
		cmocka_unit_test(without_pooler),
		cmocka_unit_test(damaged),
		cmocka_unit_test(hostile_pickles),
		cmocka_unit_test(values_of_a_pickle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
