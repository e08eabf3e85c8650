/* SPDX-License-Identifier: MIT */
/* What fine-tuning puts beside an encoder, whatever its architecture: weighted sums of its layers, low-rank adapters, frozen parts,
 * poolings of heads. */
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

const char *const ser_mixes[] = {"none", "sum", "norm", NULL};
const char *const ser_head_pools[] = {"none", "mean", "mean,std", "asp", "cov", "max", NULL};

int ser_lora_parse(struct ser_adapt *a, const char *text, struct ser_err *e)
{
	const char *comma = strchr(text, ',');
	char rank[32];
	size_t n = comma != NULL ? (size_t)(comma - text) : strlen(text);
	int64_t r = 0;
	snprintf(rank, sizeof rank, "%.*s", n < sizeof rank ? (int)n : 0, text);
	if (ser_parse_int(rank, 1, 1024, &r, NULL) != 0)
		return ser_fail(e, SER_EUSAGE, "\"%s\" is not a rank from 1 to 1024, or one with its alpha, as 8,16",
				text);
	a->rank = (size_t)r;
	a->alpha = (double)(2 * r);
	if (comma != NULL && ser_parse_real(comma + 1, 1e-6, 1e6, &a->alpha, NULL) != 0)
		return ser_fail(e, SER_EUSAGE, "alpha \"%s\" is not a number from 1e-6 to 1e6", comma + 1);
	return 0;
}

/* ---- layers ---- */

/* Yang et al. 2021 (SUPERB): sum_i softmax(w)_i h_i over what goes into the layers and what comes out, w zeros when new */
void ser_adapt_mix(struct ser_tape *t, enum ser_mix kind, struct ser_encoded *y)
{
	size_t n = y->n_layer + 1;
	if (kind == SER_MIX_NONE || y->n_layer == 0)
		return;
	int w = ser_nn_softmax(
		t, ser_layer_param(t, "weight", SER_P_NO_DECAY, (struct ser_init){SER_INIT_CONST, 0}, 1, &n));
	int sum = -1;
	for (size_t i = 0; i < n; i++) {
		int h = kind == SER_MIX_NORM ? ser_nn_layer_norm(t, y->layer[i], -1, -1, 1e-5) : y->layer[i];
		h = ser_nn_mul_row(t, h, ser_nn_slice(t, w, i, 1));
		sum = sum < 0 ? h : ser_nn_add(t, sum, h);
	}
	y->frames = sum;
	y->emb = ser_nn_pool_mean(t, sum);
}

/* ---- poolings ---- */

enum { POOL_DIM = 64 }; /* channels between which covariances are taken, units that attend */

int ser_adapt_pool(struct ser_tape *t, enum ser_head_pool kind, int x)
{
	switch (kind) {
	case SER_POOL_MEAN:
		return ser_nn_pool_mean(t, x);
	case SER_POOL_STATS:
		return ser_nn_pool_stats(t, x, -1, 1e-4);
	case SER_POOL_ASP:
		return ser_layer_attn_stats(t, "pool", x, POOL_DIM, false);
	case SER_POOL_COV:
		return ser_nn_pool_cov(t, ser_layer_linear(t, "pool", x, POOL_DIM, false));
	case SER_POOL_MAX:
		return ser_nn_pool_max(t, x);
	case SER_POOL_NONE:
		break;
	}
	return x;
}

/* ---- adapters ---- */

static bool is_lora(const char *name)
{
	static const char a[] = ".lora_A.weight", b[] = ".lora_B.weight";
	size_t n = strlen(name);
	return n > sizeof a && (strcmp(name + n - sizeof a + 1, a) == 0 || strcmp(name + n - sizeof b + 1, b) == 0);
}

/* Is it a parameter of an encoder? */
static bool is_of(const char *name, const struct ser_encoder *c)
{
	size_t n = strlen(c->prefix);
	return strncmp(name, c->prefix, n) == 0 && name[n] == '.';
}

bool ser_model_has_lora(const struct ser_model *m, size_t encoder)
{
	const struct ser_params *p = m->params;
	for (size_t i = 0; i < p->n_slice; i++)
		if (is_of(p->slice[i].name, &m->enc[encoder]) && is_lora(p->slice[i].name))
			return true;
	return false;
}

/* The slice whose name is that of slice i with another end */
static const struct ser_slice *sibling(const struct ser_params *p, size_t i, const char *end, const char *other)
{
	char name[512];
	size_t n = strlen(p->slice[i].name) - strlen(end);
	ser_assert(n + strlen(other) < sizeof name);
	memcpy(name, p->slice[i].name, n);
	strcpy(name + n, other);
	int k = ser_params_find(p, name);
	ser_assert(k >= 0);
	return &p->slice[k];
}

static void merge(struct ser_params *p, struct ser_encoder *c)
{
	real scale = (real)(c->adapt.alpha / (double)c->adapt.rank);
	for (size_t i = 0; i < p->n_slice; i++) {
		const struct ser_slice *b = &p->slice[i];
		size_t n = strlen(b->name);
		if (!is_of(b->name, c) || !is_lora(b->name) || strcmp(b->name + n - 8, "B.weight") != 0)
			continue;
		const struct ser_slice *a = sibling(p, i, "lora_B.weight", "lora_A.weight"),
				       *w = sibling(p, i, "lora_B.weight", "weight");
		ser_la_gemm(NULL, false, false, b->shape[0], a->shape[1], b->shape[1], scale, p->val + b->at,
			    b->shape[1], p->val + a->at, a->shape[1], 1, p->val + w->at, a->shape[1]);
	}
	for (size_t i = p->n_slice; i-- > 0;)
		if (is_of(p->slice[i].name, c) && is_lora(p->slice[i].name))
			ser_params_remove(p, (int)i);
	c->adapt.rank = 0;
}

void ser_model_merge(struct ser_model *m)
{
	for (size_t i = 0; i < m->n_enc; i++)
		if (m->enc[i].adapt.rank > 0)
			merge(m->params, &m->enc[i]);
}

/* ---- what is frozen ---- */

static void flag(struct ser_model *m, size_t encoder, const char *part)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s.%s", m->enc[encoder].prefix, part);
	ser_params_flag(m->params, b.s, SER_P_FROZEN, true);
	ser_buf_free(&b);
}

/* Parameters that the network came upon before layer n of the encoder: their nodes are older than the layer's input. */
static int freeze_below(struct ser_model *m, size_t encoder, size_t n, struct ser_err *e)
{
	struct ser_params *p = m->params;
	const struct ser_encoder *c = &m->enc[encoder];
	struct ser_tape *t = ser_tape_new(NULL, p);
	ser_tape_reset(t, SER_TAPE_SHAPE, 0);
	size_t seg[2] = {0, ser_encoder_some_frames(c)};
	struct ser_encoded y = ser_model_layers(m, t, encoder, ser_tape_input(t, NULL, seg[1], c->n_in, seg, 1));
	int rc = 0;
	if (y.n_layer == 0 || n > y.n_layer)
		rc = ser_fail(e, SER_EUSAGE, "--freeze below:%zu: architecture %s has %zu transformer layers", n,
			      c->arch->name, y.n_layer);
	for (size_t i = 0; i < p->n_slice && rc == 0; i++)
		if (is_of(p->slice[i].name, c) && ser_tape_param(t, (int)i) < y.layer[n])
			p->slice[i].flags |= SER_P_FROZEN;
	ser_tape_free(t);
	return rc;
}

int ser_model_freeze(struct ser_model *m, size_t encoder, const char *what, struct ser_err *e)
{
	const struct ser_arch *a = m->enc[encoder].arch;
	int64_t n;
	if (strcmp(what, "all") == 0) {
		flag(m, encoder, "");
		return 0;
	}
	if (strcmp(what, "extractor") == 0) {
		if (a->extractor == NULL)
			return ser_fail(e, SER_EUSAGE, "--freeze extractor: architecture %s has none", a->name);
		flag(m, encoder, a->extractor);
		return 0;
	}
	if (strncmp(what, "below:", 6) == 0 && ser_parse_int(what + 6, 0, SER_MAX_LAYER, &n, NULL) == 0)
		return freeze_below(m, encoder, (size_t)n, e);
	return ser_fail(e, SER_EUSAGE, "--freeze \"%s\" is none of all, extractor, below:N", what);
}

void ser_model_freeze_base(struct ser_model *m, size_t encoder)
{
	struct ser_params *p = m->params;
	for (size_t i = 0; i < p->n_slice; i++)
		if (is_of(p->slice[i].name, &m->enc[encoder]) && !is_lora(p->slice[i].name))
			p->slice[i].flags |= SER_P_FROZEN;
}
