/* SPDX-License-Identifier: MIT */
/* A config.json beside the tensors of a small encoder, which also is its preprocessor_config.json: a model or one sentence. */
#include "model/import.h"
#include "tests_fuzz.h"

#include <stdlib.h>
#include <string.h>

/* A network of each shape, once: its tensors, the names without "encoder." */
static struct ser_weights *tensors(const char *arch, const char *const *hyper, size_t n_hyper, struct ser_arena *a)
{
	struct ser_weights *w = NULL;
	struct ser_model *m;
	struct ser_st_tensor *t;
	struct ser_st_meta *meta;
	size_t n, n_meta;
	struct ser_err e;
	static const char none[] = "\2\0\0\0\0\0\0\0{}";
	ser_assert(ser_weights_parse(&w, none, sizeof none - 1, &e) == 0);
	ser_assert(ser_model_new(&m, arch, hyper, n_hyper, 1, &e) == 0);
	ser_model_input(m, "feat", 1, NULL, SER_NORM_NONE);
	ser_assert(ser_model_build(m, &e) == 0);
	ser_model_pack(m, a, &t, &n, &meta, &n_meta);
	for (size_t i = 0; i < n; i++) {
		t[i].name =
			ser_arena_strndup(a, t[i].name + strlen("encoder."), strlen(t[i].name + strlen("encoder.")));
		ser_assert(ser_weights_add(w, &t[i], &e) == 0);
	}
	ser_model_free(m);
	return w;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const speech[] = {"dim=4",      "ffn=4",        "heads=2",     "layers=1",
					     "conv_dim=2", "pos_groups=2", "pos_kernel=4"};
	static const char *const text[] = {"dim=4", "ffn=4", "heads=2", "layers=1", "vocab=8", "positions=8"};
	static struct ser_weights *w[2];
	static struct ser_arena kept;
	struct ser_arena a = {0};
	struct ser_val config;
	struct ser_err e;
	if (w[0] == NULL) {
		w[0] = tensors("wavlm", speech, sizeof speech / sizeof *speech, &kept);
		w[1] = tensors("bert", text, sizeof text / sizeof *text, &kept);
	}
	bool json = ser_val_from_json(&a, (const char *)p, n, &config, &e) == 0 && config.kind == SER_MAP;
	for (int k = 0; k < 2 && json; k++) {
		struct ser_encoder_about about = {.config = &config, .processor = &config, .label = "emo"};
		struct ser_encoder_notes notes = {0};
		struct ser_model *m;
		if (ser_encoder_import(&m, w[k], SER_FROM_HF, &about, &notes, &e) == 0)
			ser_model_free(m);
		else
			ser_assert(e.code == SER_EDATA && strlen(e.msg) > 10);
		ser_buf_free(&notes.passed);
		ser_buf_free(&notes.zero);
	}
	ser_arena_free(&a);
	return 0;
}
