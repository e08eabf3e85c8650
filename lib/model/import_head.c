/* SPDX-License-Identifier: MIT */
/* The head that other programs trained on an encoder, as one of ours: a linear layer on the mean over time (transformers'
 * ForSequenceClassification of sound, which projects first, and emotion2vec+'s), or a layer with tanh before it (audeering's
 * and others' over sound; RoBERTa's, on the first token), or on BERT's pooler. */
#include "model/import.h"

#include <stdlib.h>
#include <string.h>

bool ser_encoder_head_is(const struct ser_encoder_head *h, const struct ser_st_tensor *t)
{
	bool is = false;
	for (size_t i = 0; i < 2; i++)
		is = is || t == h->out[i] || t == h->before[i];
	return h->out[0] != NULL && (is || t == h->mix);
}

static bool pair(const struct ser_weights *w, const char *prefix, const char *name, const struct ser_st_tensor *t[2])
{
	static const char *const part[] = {"weight", "bias"};
	for (int i = 0; i < 2; i++) {
		struct ser_buf b = {0};
		ser_buf_printf(&b, "%s%s.%s", prefix, name, part[i]);
		t[i] = ser_st_find(&w->all, b.s);
		ser_buf_free(&b);
	}
	return t[0] != NULL && t[1] != NULL;
}

/* weight [O,I] and bias [O] */
static bool linear(const struct ser_st_tensor *const t[2], size_t n_in)
{
	return t[0]->ndim == 2 && t[0]->shape[0] > 0 && t[0]->shape[1] == n_in && t[1]->ndim == 1 &&
	       t[1]->shape[0] == t[0]->shape[0];
}

void ser_encoder_head_find(struct ser_encoder_head *h, const struct ser_weights *w, enum ser_encoder_source from,
			   const char *prefix)
{
	*h = (struct ser_encoder_head){.out = {NULL, NULL}};
	if (from == SER_FROM_FUNASR) {
		if (!pair(w, prefix, "proj", h->out))
			pair(w, "", "proj", h->out); /* beside the encoder, which alone has a prefix */
	} else if (from == SER_FROM_HF && pair(w, "", "classifier.out_proj", h->out)) {
		h->tanh = pair(w, "", "classifier.dense", h->before);
	} else if (from == SER_FROM_HF && pair(w, "", "classifier", h->out)) {
		pair(w, "", "projector", h->before);
		h->mix = ser_st_find(&w->all, "layer_weights");
	}
	if (h->out[0] == NULL || h->out[1] == NULL || (h->before[0] == NULL) != (h->before[1] == NULL))
		*h = (struct ser_encoder_head){.out = {NULL, NULL}};
}

/* Class k of n: by the configuration, or as who gave the weights out says */
static const char *class_name(struct ser_arena *a, const struct ser_val *config, enum ser_encoder_source from, size_t k,
			      size_t n)
{
	static const char *const emotion2vec[] = {"angry", "disgusted", "fearful",   "happy",  "neutral",
						  "other", "sad",       "surprised", "unknown"};
	const struct ser_val *names = config != NULL ? ser_val_get(config, "id2label") : NULL;
	char key[32];
	snprintf(key, sizeof key, "%zu", k);
	const struct ser_val *v = names != NULL && names->kind == SER_MAP ? ser_val_get(names, key) : NULL;
	if (v != NULL && v->kind == SER_STR && v->u.str.n > 0)
		return ser_arena_strndup(a, v->u.str.s, v->u.str.n);
	if (from == SER_FROM_FUNASR && n == sizeof emotion2vec / sizeof *emotion2vec)
		return emotion2vec[k];
	return ser_arena_strndup(a, key, strlen(key));
}

static bool says(const struct ser_val *config, const char *key, const char *what)
{
	const struct ser_val *v = config != NULL ? ser_val_get(config, key) : NULL;
	return v != NULL && ser_val_is_str(v, what);
}

/* out [O,I] as doubles */
static double *doubles(const struct ser_st_tensor *t)
{
	double *x = ser_malloc(t->n, sizeof *x);
	ser_st_f8(t, x);
	return x;
}

static void put(struct ser_model *m, const char *name, const double *x)
{
	int k = ser_params_find(m->params, name);
	ser_assert(k >= 0);
	const struct ser_slice *s = &m->params->slice[k];
	for (size_t i = 0; i < s->n; i++)
		m->params->val[s->at + i] = (real)x[i];
}

/* Two linear layers are one: their means over time are the layers' of the mean, W2 (W1 x + b1) + b2. */
static void fill_out(struct ser_model *m, const struct ser_encoder_head *h, const char *name)
{
	struct ser_buf weight = {0}, bias = {0};
	double *w = doubles(h->out[0]), *b = doubles(h->out[1]);
	size_t K = h->out[0]->shape[0], P = h->out[0]->shape[1];
	ser_buf_printf(&weight, "heads.%s.out.weight", name);
	ser_buf_printf(&bias, "heads.%s.out.bias", name);
	if (h->before[0] != NULL && !h->tanh) {
		size_t D = h->before[0]->shape[1];
		double *w1 = doubles(h->before[0]), *b1 = doubles(h->before[1]),
		       *both = ser_calloc(ser_mul(K, D), sizeof *both);
		for (size_t k = 0; k < K; k++)
			for (size_t p = 0; p < P; p++) {
				for (size_t d = 0; d < D; d++)
					both[k * D + d] += w[k * P + p] * w1[p * D + d];
				b[k] += w[k * P + p] * b1[p];
			}
		free(w);
		free(w1);
		free(b1);
		w = both;
	}
	put(m, weight.s, w);
	put(m, bias.s, b);
	free(w);
	free(b);
	ser_buf_free(&weight);
	ser_buf_free(&bias);
}

static void fill_hidden(struct ser_model *m, const struct ser_encoder_head *h, const char *name)
{
	static const char *const part[] = {"weight", "bias"};
	for (int i = 0; i < 2; i++) {
		struct ser_buf b = {0};
		ser_buf_printf(&b, "heads.%s.hidden.%s", name, part[i]);
		double *x = doubles(h->before[i]);
		put(m, b.s, x);
		free(x);
		ser_buf_free(&b);
	}
}

int ser_encoder_head_import(struct ser_model *m, const struct ser_encoder_head *h, enum ser_encoder_source from,
			    const struct ser_encoder_about *about, struct ser_err *e)
{
	struct ser_encoder *c = &m->enc[0];
	struct ser_arena a = {0};
	bool text = c->arch->n_token != NULL, mix = h->mix != NULL;
	size_t D = c->n_emb, hidden = D;
	if (text && !h->tanh && ser_params_find(m->params, "encoder.pooler.dense.weight") < 0)
		return 0; /* one of tokens */
	const struct ser_val *config = about->config,
			     *pooling = config != NULL ? ser_val_get(config, "pooling_mode") : NULL;
	if (h->before[0] != NULL) {
		hidden = h->before[0]->ndim == 2 ? h->before[0]->shape[0] : 0;
		if (!linear(h->before, D))
			return ser_fail(e, SER_EDATA, "tensor \"%s\" is no layer on %zu channels", h->before[0]->name,
					D);
	}
	if (!linear(h->out, hidden))
		return ser_fail(e, SER_EDATA, "tensor \"%s\" is no layer on %zu channels", h->out[0]->name, hidden);
	if (pooling != NULL && !says(config, "pooling_mode", "mean"))
		return ser_fail(e, SER_EDATA, "its setting pooling_mode is not \"mean\", which alone is known here");
	if (mix && h->mix->n != ser_model_n_layer(m, 0) + 1)
		return ser_fail(e, SER_EDATA, "tensor \"%s\" has %zu elements, the encoder %zu layers", h->mix->name,
				h->mix->n, ser_model_n_layer(m, 0));
	size_t K = h->out[0]->shape[0];
	const char **class = ser_arena_alloc(&a, K, sizeof *class);
	for (size_t k = 0; k < K; k++) {
		class[k] = class_name(&a, config, from, k, K);
		for (size_t i = 0; i < k; i++)
			if (strcmp(class[i], class[k]) == 0) {
				int rc = ser_fail(e, SER_EDATA, "two of its classes are \"%.100s\"", class[k]);
				ser_arena_free(&a);
				return rc;
			}
	}
	bool value =
		K == 1 || says(config, "problem_type", "regression") || says(config, "finetuning_task", "wav2vec2_reg");
	struct ser_head head = {.name = value ? "value" : about->label,
				.kind = value                                                        ? SER_HEAD_VALUE
					: says(config, "problem_type", "multi_label_classification") ? SER_HEAD_MULTI
												     : SER_HEAD_CLASS,
				.field = value ? NULL : about->label,
				.out = class,
				.n_out = K,
				.n_hidden = h->tanh ? hidden : 0,
				.tanh = h->tanh};
	if (text &&
	    h->tanh) /* RoBERTa's is on the first token as it is; BERT's on its pooler, which is the embedding */
		head.source = (struct ser_source){1, {{0, SER_PART_FIRST}}};
	if (mix)
		c->adapt.mix = SER_MIX_SUM;
	int rc = ser_model_head_add(m, &head, e) < 0 ? e->code : ser_model_build(m, e);
	if (rc == 0) {
		struct ser_buf b = {0};
		fill_out(m, h, head.name);
		if (h->tanh)
			fill_hidden(m, h, head.name);
		ser_buf_printf(&b, "%s.weight", c->mix_prefix);
		double *x = mix ? doubles(h->mix) : NULL;
		if (mix)
			put(m, b.s, x);
		free(x);
		ser_buf_free(&b);
		rc = ser_params_check(m->params, e);
	}
	ser_arena_free(&a);
	return rc;
}
