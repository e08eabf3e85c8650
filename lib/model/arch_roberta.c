/* SPDX-License-Identifier: MIT */
/* roberta, bert: encoders of text (Liu et al. 2019; Devlin et al. 2019). The input is the ids of tokens [N,1], whole numbers, with
 * the special ones and without padding. The embedding is the pooler's, tanh of a linear layer of the first token, or the mean over
 * tokens. Parameters as in model/arch.h; of the table of types the first row is used. */
#include "model/arch.h"

enum { VOCAB, DIM, LAYERS, HEADS, FFN, POSITIONS, FIRST, TYPES, EPS, POOLER, DROPOUT, ATTN_DROPOUT, LAYERDROP };
/* clang-format off */
#define ROWS(vocab, positions, first, types, eps) { \
	[VOCAB] = {"vocab", vocab, 1, 1 << 24, SER_HYPER_WHOLE, "tokens"}, \
	[DIM] = {"dim", 768, 1, 8192, SER_HYPER_WHOLE, "channels of the layers and of the embedding"}, \
	[LAYERS] = {"layers", 12, 1, SER_MAX_LAYER, SER_HYPER_WHOLE, "transformer layers"}, \
	[HEADS] = {"heads", 12, 1, 64, SER_HYPER_WHOLE, "attention heads of a layer"}, \
	[FFN] = {"ffn", 3072, 1, 65536, SER_HYPER_WHOLE, "hidden units of their feed-forward part"}, \
	[POSITIONS] = {"positions", positions, 1, 65536, SER_HYPER_WHOLE, "rows of the table of positions"}, \
	[FIRST] = {"first_position", first, 0, 65535, SER_HYPER_WHOLE, "the row of the first token"}, \
	[TYPES] = {"types", types, 1, 64, SER_HYPER_WHOLE, "rows of the table of token types"}, \
	[EPS] = {"norm_eps", eps, 0, 1, SER_HYPER_REAL, "added to variances"}, \
	[POOLER] = {"pooler", 0, 0, 1, SER_HYPER_WHOLE, "1: the embedding is the pooler's; 0: the mean over tokens"}, \
	[DROPOUT] = {"dropout", 0.1, 0, 0.95, SER_HYPER_REAL, "dropout before and in layers"}, \
	[ATTN_DROPOUT] = {"attn_dropout", 0.1, 0, 0.95, SER_HYPER_REAL, "dropout of attention weights"}, \
	[LAYERDROP] = {"layerdrop", 0, 0, 0.95, SER_HYPER_REAL, "probability that a layer is left out of a training step"}, \
	{0}}
static const struct ser_hyper roberta[] = ROWS(50265, 514, 2, 1, 1e-5);
static const struct ser_hyper bert[] = ROWS(30522, 512, 0, 2, 1e-12);
/* clang-format on */

static int table(struct ser_tape *t, const char *name, size_t n, size_t D)
{
	return ser_layer_param(t, name, 0, (struct ser_init){SER_INIT_NORMAL, 0.02}, 2, (size_t[]){n, D});
}

static int embed(struct ser_tape *t, const double *h, int x)
{
	static const int32_t first_type[] = {0};
	size_t D = (size_t)h[DIM];
	ser_tape_enter(t, "embeddings");
	int words = table(t, "word_embeddings.weight", (size_t)h[VOCAB], D);
	int positions = table(t, "position_embeddings.weight", (size_t)h[POSITIONS], D);
	int types = table(t, "token_type_embeddings.weight", (size_t)h[TYPES], D);
	x = ser_nn_lookup(t, words, x);
	x = ser_nn_add(t, x, ser_nn_positions(t, positions, x, (size_t)h[FIRST]));
	x = ser_arch_norm(t, "LayerNorm", ser_nn_add_row(t, x, ser_nn_rows(t, types, 1, first_type)), h[EPS]);
	ser_tape_leave(t);
	return ser_nn_dropout(t, x, h[DROPOUT]);
}

static struct ser_encoded build(struct ser_tape *t, const double *h, int x)
{
	struct ser_encoded y = {.n_layer = (size_t)h[LAYERS]};
	struct ser_arch_transformer o = {.product = {"attention.self.query", "attention.self.key",
						     "attention.self.value", "attention.output.dense"},
					 .norm1 = "attention.output.LayerNorm",
					 .up = "intermediate.dense",
					 .down = "output.dense",
					 .norm2 = "output.LayerNorm",
					 .attn = {.n_head = (size_t)h[HEADS], .dropout = h[ATTN_DROPOUT]},
					 .n_ffn = (size_t)h[FFN],
					 .eps = h[EPS],
					 .dropout = h[DROPOUT]};
	x = embed(t, h, x);
	for (size_t i = 0; i < y.n_layer; i++) {
		y.layer[i] = x;
		if (ser_tape_chance(t, h[LAYERDROP]))
			continue;
		ser_tape_enter(t, "encoder.layer.%zu", i);
		x = ser_arch_transformer_layer(t, &o, x, -1);
		ser_tape_leave(t);
	}
	y.frames = y.layer[y.n_layer] = x;
	if (h[POOLER] == 0) {
		y.emb = ser_nn_pool_mean(t, x);
		return y;
	}
	x = ser_layer_linear(t, "pooler.dense", ser_nn_pool_first(t, x), (size_t)h[DIM], true);
	y.emb = ser_nn_tanh(t, x);
	return y;
}

static const char *check(const double *h)
{
	if (h[FIRST] >= h[POSITIONS])
		return "first_position is beyond positions";
	return (size_t)h[DIM] % (size_t)h[HEADS] != 0 ? "dim is no multiple of heads" : NULL;
}

static size_t max_frame(const double *h)
{
	return (size_t)h[POSITIONS] - (size_t)h[FIRST];
}

static size_t n_token(const double *h)
{
	return (size_t)h[VOCAB];
}

const struct ser_arch ser_arch_roberta = {
	.name = "roberta",
	.summary = "RoBERTa over the ids of tokens",
	.hyper = roberta,
	.build = build,
	.min_frame = ser_arch_any_length,
	.check = check,
	.max_frame = max_frame,
	.extractor = "embeddings.",
	.n_in = 1,
	.n_token = n_token,
};
const struct ser_arch ser_arch_bert = {
	.name = "bert",
	.summary = "BERT over the ids of tokens",
	.hyper = bert,
	.build = build,
	.min_frame = ser_arch_any_length,
	.check = check,
	.max_frame = max_frame,
	.extractor = "embeddings.",
	.n_in = 1,
	.n_token = n_token,
};
