/* SPDX-License-Identifier: MIT */
/* whisper: the encoder of Whisper (Radford et al. 2023) over its log-mel features [T, 80 or 128] at 100 a second: two convolutions,
 * sinusoids for positions, transformer layers. Frames come 50 a second; the embedding is their mean. Parameters as in
 * model/arch.h. The model was trained on windows of 30 s, 3000 rows; a shorter input takes the first positions, or with pad_to is
 * filled up as Whisper fills up sounds: with what its features are of silence, which its last row is to be. */
#include "model/arch.h"

#include <math.h>

enum { DIM, LAYERS, HEADS, POSITIONS, DROPOUT, ATTN_DROPOUT, ACT_DROPOUT, LAYERDROP, TAIL, PAD_TO, PAD_MASK };
static const struct ser_hyper hyper[] = {
	[DIM] = {"dim", 512, 2, 8192, SER_HYPER_WHOLE, "channels of the layers and of the embedding"},
	[LAYERS] = {"layers", 6, 1, SER_MAX_LAYER, SER_HYPER_WHOLE, "transformer layers"},
	[HEADS] = {"heads", 8, 1, 64, SER_HYPER_WHOLE, "attention heads of a layer"},
	[POSITIONS] = {"positions", 1500, 1, 65536, SER_HYPER_WHOLE, "frames, after two were made one, at most"},
	[DROPOUT] = {"dropout", 0, 0, 0.95, SER_HYPER_REAL, "dropout before and in layers"},
	[ATTN_DROPOUT] = {"attn_dropout", 0, 0, 0.95, SER_HYPER_REAL, "dropout of attention weights"},
	[ACT_DROPOUT] = {"act_dropout", 0, 0, 0.95, SER_HYPER_REAL, "dropout within feed-forward parts"},
	[LAYERDROP] = {"layerdrop", 0, 0, 0.95, SER_HYPER_REAL,
		       "probability that a layer is left out of a training step"},
	[TAIL] = {"tail", 0, 0, 1000, SER_HYPER_WHOLE, "rows past the end of the sound, the last of silence"},
	[PAD_TO] = {"pad_to", 0, 0, 131072, SER_HYPER_WHOLE, "rows to which silence is put behind; 0: none"},
	[PAD_MASK] = {"pad_mask", 1, 0, 1, SER_HYPER_WHOLE,
		      "1: frames of such silence are left out of the result; 0: they count as others do"},
	{0},
};

/* The table of positions, frozen; when it is new, sin(t w_i), then cos(t w_i), w_i = 10000^(-i/(D/2 - 1)) */
static int position_table(struct ser_tape *t, size_t n, size_t D)
{
	struct ser_params *p = ser_tape_params(t);
	size_t n_slice = p->n_slice, half = D / 2;
	int table = ser_layer_param(t, "embed_positions.weight", SER_P_FROZEN, (struct ser_init){SER_INIT_CONST, 0}, 2,
				    (size_t[]){n, D});
	if (p->n_slice == n_slice || p->outline)
		return table;
	real *v = p->val + p->slice[n_slice].at;
	for (size_t i = 0; i < n; i++)
		for (size_t c = 0; c < half; c++) {
			double w = exp(-log(10000.0) * (double)c / (half > 1 ? (double)(half - 1) : 1));
			v[i * D + c] = (real)sin((double)i * w);
			v[i * D + half + c] = (real)cos((double)i * w);
		}
	return table;
}

static size_t halved(size_t n_row)
{
	return (n_row + 1) / 2;
}

static struct ser_encoded build(struct ser_tape *t, const double *h, int x)
{
	size_t D = (size_t)h[DIM], n = (size_t)h[PAD_TO];
	int own = ser_nn_trim(t, x, 0, (size_t)h[TAIL]);
	struct ser_encoded y = {.n_layer = (size_t)h[LAYERS]};
	struct ser_arch_transformer o = {
		.product = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj"},
		.norm1 = "self_attn_layer_norm",
		.up = "fc1",
		.down = "fc2",
		.norm2 = "final_layer_norm",
		.attn = {.n_head = (size_t)h[HEADS], .dropout = h[ATTN_DROPOUT]},
		.n_ffn = 4 * D,
		.pre_norm = true,
		.plain_keys = true,
		.eps = 1e-5,
		.dropout = h[DROPOUT],
		.act_dropout = h[ACT_DROPOUT]};
	struct ser_conv c1 = ser_arch_same(3, 1, 1), c2 = ser_arch_same(3, 2, 1);
	x = n > 0 ? ser_nn_windows(t, x, &(struct ser_windows){.n_row = n, .step = n, .least = n, .hold = true}) : own;
	x = ser_nn_gelu(t, ser_layer_conv1d(t, "conv1", x, D, &c1, true));
	x = ser_nn_gelu(t, ser_layer_conv1d(t, "conv2", x, D, &c2, true));
	x = ser_nn_add(t, x, ser_nn_positions(t, position_table(t, (size_t)h[POSITIONS], D), x, 0));
	x = ser_nn_dropout(t, x, h[DROPOUT]);
	for (size_t i = 0; i < y.n_layer; i++) {
		y.layer[i] = x;
		if (ser_tape_chance(t, h[LAYERDROP]))
			continue;
		ser_tape_enter(t, "layers.%zu", i);
		x = ser_arch_transformer_layer(t, &o, x, -1);
		ser_tape_leave(t);
	}
	y.layer[y.n_layer] = ser_arch_norm(t, "layer_norm", x, 1e-5);
	for (size_t i = 0; i <= y.n_layer && n > 0 && h[PAD_MASK] != 0; i++)
		y.layer[i] = ser_nn_cut(t, y.layer[i], own, halved);
	y.frames = y.layer[y.n_layer];
	y.emb = ser_nn_pool_mean(t, y.frames);
	return y;
}

static const char *check(const double *h)
{
	if ((size_t)h[DIM] % 2 != 0)
		return "dim is odd";
	if (h[PAD_TO] > 2 * h[POSITIONS])
		return "pad_to is more than two rows a position";
	return (size_t)h[DIM] % (size_t)h[HEADS] != 0 ? "dim is no multiple of heads" : NULL;
}

static size_t min_frame(const double *h)
{
	return 1 + (size_t)h[TAIL];
}

static size_t max_frame(const double *h)
{
	return (size_t)(h[PAD_TO] > 0 ? h[PAD_TO] : 2 * h[POSITIONS]) + (size_t)h[TAIL];
}

const struct ser_arch ser_arch_whisper = {
	.name = "whisper",
	.summary = "Whisper's encoder over its log-mel features",
	.hyper = hyper,
	.build = build,
	.min_frame = min_frame,
	.check = check,
	.max_frame = max_frame,
	.extractor = "conv",
};
