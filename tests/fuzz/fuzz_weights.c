/* SPDX-License-Identifier: MIT */
/* Weights of another program: their tensors, and the encoders that they may be. */
#include "model/import.h"
#include "tests_fuzz.h"

#include <stdlib.h>
#include <string.h>

static void encoders(const struct ser_weights *w)
{
	static const char *const configs[] = {"{\"model_type\":\"wav2vec2\",\"num_attention_heads\":2}",
					      "{\"model_type\":\"bert\",\"num_attention_heads\":2}"};
	for (int from = 0; from < SER_N_ENCODER_SOURCE; from++)
		for (size_t k = 0; k < (from == SER_FROM_HF ? 2 : 1); k++) {
			struct ser_arena a = {0};
			struct ser_val config;
			struct ser_model *m;
			struct ser_encoder_notes notes = {0};
			struct ser_err e;
			ser_assert(ser_val_from_json(&a, configs[k], strlen(configs[k]), &config, &e) == 0);
			struct ser_encoder_about about = {.config = from == SER_FROM_HF ? &config : NULL};
			if (ser_encoder_import(&m, w, (enum ser_encoder_source)from, &about, &notes, &e) == 0)
				ser_model_free(m);
			else
				ser_assert(e.code == SER_EDATA && strlen(e.msg) > 10);
			ser_buf_free(&notes.passed);
			ser_buf_free(&notes.zero);
			ser_arena_free(&a);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ser_weights *w;
	struct ser_err e;
	if (ser_weights_parse(&w, (const char *)p, n, &e) != 0) {
		ser_assert(e.code == SER_EDATA && strlen(e.msg) > 10);
		return 0;
	}
	for (size_t i = 0; i < w->all.n_tensor; i++) {
		float *x = ser_malloc(w->all.tensor[i].n, sizeof *x);
		ser_st_f4(&w->all.tensor[i], x);
		free(x);
	}
	encoders(w);
	ser_weights_free(w);
	return 0;
}
