/* SPDX-License-Identifier: MIT */
/* An encoder as Hugging Face's transformers takes it: the tables of its import, read the other way. */
#include "model/import.h"

#include <string.h>

/* What a folder gets */
struct files {
	const char *config, *processor;
	struct ser_st_tensor *tensor;
	size_t n_tensor;
};

static const struct ser_encoder_family *family_of(const char *arch)
{
	const struct ser_encoder_family *f = ser_encoder_families;
	while (f->arch != NULL && (f->from != SER_FROM_HF || strcmp(f->arch, arch) != 0))
		f++;
	return f->arch != NULL ? f : NULL;
}

static double value(const struct ser_encoder *c, const char *name, const struct ser_hyper **row)
{
	size_t i = 0;
	while (c->arch->hyper[i].name != NULL && strcmp(c->arch->hyper[i].name, name) != 0)
		i++;
	ser_assert(c->arch->hyper[i].name != NULL);
	*row = &c->arch->hyper[i];
	return c->hyper[i];
}

static bool is_processor_key(const char *key)
{
	static const char *const keys[] = {"do_normalize", "return_attention_mask", "sampling_rate", "n_fft",
					   "hop_length"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

static struct ser_val setting(const struct ser_encoder *c, const struct ser_setting *s, struct ser_arena *a)
{
	struct ser_val v = ser_nil();
	const struct ser_hyper *row;
	struct ser_err e;
	if (s->rule == SER_SETTING_ONLY) {
		ser_assert(ser_val_from_json(a, s->is, strlen(s->is), &v, &e) == 0);
		return v;
	}
	double x = value(c, s->hyper, &row) - (s->rule == SER_SETTING_NEXT);
	if (s->rule == SER_SETTING_OFF)
		return ser_bool(x != 0);
	if (row->kind == SER_HYPER_REAL)
		return ser_real(x);
	return row->lo == 0 && row->hi == 1 ? ser_bool(x != 0) : ser_int((int64_t)x);
}

/* What the tables have no row for, for it is no single number of ours */
static void speech(const struct ser_encoder *c, struct ser_arena *a, struct ser_val *config, struct ser_val *processor)
{
	const struct ser_hyper *row;
	struct ser_val dims = ser_val_list();
	bool layer = value(c, "conv_norm", &row) != 0;
	for (int i = 0; i < 7; i++)
		ser_val_push(a, &dims, ser_int((int64_t)value(c, "conv_dim", &row)));
	ser_val_set(a, config, "conv_dim", dims);
	ser_val_set(a, config, "feat_extract_norm", ser_str(layer ? "layer" : "group"));
	ser_val_set(a, processor, "feature_extractor_type", ser_str("Wav2Vec2FeatureExtractor"));
	ser_val_set(a, processor, "feature_size", ser_int(1));
	ser_val_set(a, processor, "padding_value", ser_real(0));
}

static void whisper(const struct ser_encoder *c, struct ser_arena *a, struct ser_val *config, struct ser_val *processor)
{
	const struct ser_hyper *row;
	int64_t n = (int64_t)c->n_in;
	ser_val_set(a, config, "num_mel_bins", ser_int(n));
	/* a decoder that is not there, but whose sizes must go together: transformers' defaults are those of Whisper tiny */
	ser_val_set(a, config, "decoder_layers", ser_int((int64_t)value(c, "layers", &row)));
	ser_val_set(a, config, "decoder_attention_heads", ser_int((int64_t)value(c, "heads", &row)));
	ser_val_set(a, config, "decoder_ffn_dim", ser_int(4 * (int64_t)value(c, "dim", &row)));
	ser_val_set(a, config, "encoder_ffn_dim", ser_int(4 * (int64_t)value(c, "dim", &row)));
	ser_val_set(a, processor, "feature_extractor_type", ser_str("WhisperFeatureExtractor"));
	ser_val_set(a, processor, "feature_size", ser_int(n));
	ser_val_set(a, processor, "chunk_length", ser_int((int64_t)value(c, "positions", &row) / 50));
}

static const char *json(struct ser_arena *a, const struct ser_val *v)
{
	struct ser_buf b = {0};
	ser_val_json(&b, v, false);
	ser_buf_str(&b, "\n");
	const char *s = ser_arena_strndup(a, b.s, b.n);
	ser_buf_free(&b);
	return s;
}

/* Below "encoder." of ours, behind the prefix that the model has as a whole there */
static int take_tensors(const struct ser_model *m, const char *prefix, struct ser_arena *a, struct files *out,
			struct ser_err *e)
{
	struct ser_st_tensor *t;
	struct ser_st_meta *meta;
	size_t n, n_meta;
	ser_model_pack(m, a, &t, &n, &meta, &n_meta);
	out->tensor = t;
	for (size_t i = 0; i < n; i++) {
		struct ser_buf b = {0};
		if (strncmp(t[i].name, "input", 5) == 0)
			return ser_fail(e, SER_EDATA,
					"it normalises its input by the training data, as no encoder there does");
		if (strncmp(t[i].name, "encoder.", 8) != 0)
			continue;
		ser_buf_printf(&b, "%s%s", prefix, t[i].name + 8);
		out->tensor[out->n_tensor] = t[i];
		out->tensor[out->n_tensor++].name = ser_arena_strndup(a, b.s, b.n);
		ser_buf_free(&b);
	}
	return 0;
}

static int make_files(const struct ser_model *m, struct ser_arena *a, struct files *out, struct ser_err *e)
{
	const struct ser_encoder *c = &m->enc[0];
	const struct ser_encoder_family *f = family_of(c->arch->name);
	struct ser_val config = ser_val_map(), processor = ser_val_map();
	bool is_whisper = strcmp(c->arch->name, "whisper") == 0;
	*out = (struct files){0};
	if (m->n_enc > 1 || c->adapt.rank > 0 || c->adapt.mix != SER_MIX_NONE)
		return ser_fail(e, SER_EDATA,
				"has several encoders, adapters or mixed layers, which transformers does not take");
	if (f == NULL)
		return ser_fail(e, SER_EDATA, "transformers has no architecture %s", c->arch->name);
	ser_val_set(a, &config, "model_type", ser_str(f->type));
	for (const struct ser_setting *s = f->setting; s->key != NULL; s++)
		ser_val_set(a, is_processor_key(s->key) ? &processor : &config, s->key, setting(c, s, a));
	if (is_whisper)
		whisper(c, a, &config, &processor);
	else if (c->arch->n_token == NULL)
		speech(c, a, &config, &processor);
	out->config = json(a, &config);
	out->processor = c->arch->n_token == NULL ? json(a, &processor) : NULL;
	return take_tensors(m, is_whisper ? "encoder." : "", a, out, e);
}

static int put_text(struct ser_outdir *d, const char *name, const char *text, struct ser_err *e)
{
	FILE *f = ser_outdir_create(d, name, e);
	if (f == NULL)
		return e->code;
	bool ok = fputs(text, f) >= 0;
	if (fclose(f) != 0 || !ok)
		return ser_fail(e, SER_EIO, "%s: write failed", d->file[d->n - 1]);
	return SER_OK;
}

static int put_tensors(struct ser_outdir *d, const struct files *x, struct ser_err *e)
{
	static const struct ser_st_meta pt = {"format", "pt"};
	FILE *f = ser_outdir_create(d, "model.safetensors", e);
	if (f == NULL)
		return e->code;
	int rc = ser_st_write(f, d->file[d->n - 1], x->tensor, x->n_tensor, &pt, 1, e);
	if (fclose(f) != 0 && rc == SER_OK)
		rc = ser_fail(e, SER_EIO, "%s: write failed", d->file[d->n - 1]);
	return rc;
}

int ser_encoder_export(const struct ser_model *m, const char *name, const char *folder, struct ser_err *e)
{
	struct files x;
	struct ser_outdir d;
	struct ser_arena a = {0};
	int rc = make_files(m, &a, &x, e);
	if (rc != SER_OK)
		ser_fail_in(e, "%s", name);
	else if ((rc = ser_outdir_open(&d, folder, e)) == SER_OK) {
		rc = put_text(&d, "config.json", x.config, e);
		if (rc == SER_OK && x.processor != NULL)
			rc = put_text(&d, "preprocessor_config.json", x.processor, e);
		if (rc == SER_OK)
			rc = put_tensors(&d, &x, e);
		if (rc == SER_OK)
			rc = ser_outdir_commit(&d, e);
		else
			ser_outdir_abort(&d);
	}
	ser_arena_free(&a);
	return rc;
}
