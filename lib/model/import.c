/* SPDX-License-Identifier: MIT */
/* Other toolkits' names for the parts of an ECAPA-TDNN. */
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

const char *const ser_model_sources[] = {"speechbrain", "wespeaker", NULL};

/* Ours, theirs. %d is the number of a block, theirs is `plus` more, and that of a part of it. */
struct rename {
	const char *ours, *theirs;
	int plus;
};
static const struct rename speechbrain[] = {
	{"blocks.0.conv.", "blocks.0.conv.conv.", 0},
	{"blocks.0.norm.", "blocks.0.norm.norm.", 0},
	{"blocks.%d.tdnn1.conv.", "blocks.%d.tdnn1.conv.conv.", 0},
	{"blocks.%d.tdnn1.norm.", "blocks.%d.tdnn1.norm.norm.", 0},
	{"blocks.%d.res2net_block.blocks.%d.conv.", "blocks.%d.res2net_block.blocks.%d.conv.conv.", 0},
	{"blocks.%d.res2net_block.blocks.%d.norm.", "blocks.%d.res2net_block.blocks.%d.norm.norm.", 0},
	{"blocks.%d.tdnn2.conv.", "blocks.%d.tdnn2.conv.conv.", 0},
	{"blocks.%d.tdnn2.norm.", "blocks.%d.tdnn2.norm.norm.", 0},
	{"blocks.%d.se_block.fc1.", "blocks.%d.se_block.conv1.conv.", 0},
	{"blocks.%d.se_block.fc2.", "blocks.%d.se_block.conv2.conv.", 0},
	{"mfa.conv.", "mfa.conv.conv.", 0},
	{"mfa.norm.", "mfa.norm.norm.", 0},
	{"asp.tdnn.conv.", "asp.tdnn.conv.conv.", 0},
	{"asp.tdnn.norm.", "asp.tdnn.norm.norm.", 0},
	{"asp.conv.", "asp.conv.conv.", 0},
	{"asp_bn.", "asp_bn.norm.", 0},
	{"fc.", "fc.conv.", 0},
	{NULL, NULL, 0},
};
static const struct rename wespeaker[] = {
	{"blocks.0.conv.", "layer1.conv.", 0},
	{"blocks.0.norm.", "layer1.bn.", 0},
	{"blocks.%d.tdnn1.conv.", "layer%d.se_res2block.0.conv.", 1},
	{"blocks.%d.tdnn1.norm.", "layer%d.se_res2block.0.bn.", 1},
	{"blocks.%d.res2net_block.blocks.%d.conv.", "layer%d.se_res2block.1.convs.%d.", 1},
	{"blocks.%d.res2net_block.blocks.%d.norm.", "layer%d.se_res2block.1.bns.%d.", 1},
	{"blocks.%d.tdnn2.conv.", "layer%d.se_res2block.2.conv.", 1},
	{"blocks.%d.tdnn2.norm.", "layer%d.se_res2block.2.bn.", 1},
	{"blocks.%d.se_block.fc1.", "layer%d.se_res2block.3.linear1.", 1},
	{"blocks.%d.se_block.fc2.", "layer%d.se_res2block.3.linear2.", 1},
	{"mfa.conv.", "conv.", 0},
	{"asp.tdnn.conv.", "pool.linear1.", 0},
	{"asp.conv.", "pool.linear2.", 0},
	{"asp_bn.", "bn.", 0},
	{"fc.", "linear.", 0},
	{NULL, NULL, 0},
};
static const struct rename *const tables[] = {speechbrain, wespeaker};

/* Does a pattern's whole text match the beginning of s? Numbers go to num; *rest is what follows. */
static bool match(const char *pattern, const char *s, int num[2], const char **rest)
{
	int n = 0;
	while (*pattern != '\0') {
		if (pattern[0] == '%' && pattern[1] == 'd') {
			char *end;
			if (*s < '0' || *s > '9')
				return false;
			num[n++] = (int)strtol(s, &end, 10);
			s = end;
			pattern += 2;
		} else if (*pattern++ != *s++) {
			return false;
		}
	}
	*rest = s;
	return true;
}

/* Their name of our parameter below "encoder.". */
static bool their_name(const struct rename *t, const char *ours, struct ser_buf *b)
{
	int num[2] = {0, 0};
	const char *rest;
	for (; t->ours != NULL; t++)
		if (match(t->ours, ours, num, &rest)) {
			int k = 0;
			b->n = 0;
			for (const char *p = t->theirs; *p != '\0'; p++) {
				if (p[0] == '%') {
					ser_buf_printf(b, "%d", num[k] + (k == 0 ? t->plus : 0));
					k++;
					p++;
				} else {
					ser_buf_add(b, p, 1);
				}
			}
			ser_buf_str(b, rest);
			return true;
		}
	return false;
}

static const struct ser_st_tensor *theirs(const struct ser_st *s, const char *prefix, const char *name,
					  struct ser_buf *b)
{
	b->n = 0;
	ser_buf_printf(b, "%s%s", prefix, name);
	return ser_st_find(s, b->s);
}

/* The hyper-parameters that are lengths of tensors' first axes */
static const struct {
	const char *hyper, *of;
} want[] = {{"channels", "blocks.0.conv.weight"}, {"mfa", "mfa.conv.weight"}, {"se", "blocks.1.se_block.fc1.weight"},
	    {"att", "asp.tdnn.conv.weight"},      {"emb", "fc.weight"},       {NULL, NULL}};

/* What stands before all names: "" or a wrapper's "embedding_model.". SpeechBrain's "blocks.0.conv.conv.weight" is also the end of a
 * Res2Net part's name: of all that stands before such an end, the one under which most of `want` is, in whatever order. */
static int find_prefix(const struct ser_st *s, const struct rename *table, struct ser_buf *prefix, struct ser_err *e)
{
	struct ser_buf known = {0}, at = {0}, name = {0}, full = {0};
	size_t most = 0, n_most = 0;
	their_name(table, want[0].of, &known);
	for (size_t i = 0; i < s->n_tensor; i++) {
		const char *t = s->tensor[i].name;
		size_t len = strlen(t), n = 0;
		if (len < known.n || strcmp(t + len - known.n, known.s) != 0 ||
		    (len > known.n && t[len - known.n - 1] != '.'))
			continue;
		at.n = 0;
		ser_buf_add(&at, t, len - known.n);
		ser_buf_str(&at, "");
		for (size_t k = 0; want[k].hyper != NULL; k++) {
			their_name(table, want[k].of, &name);
			n += theirs(s, at.s, name.s, &full) != NULL;
		}
		n_most = n > most ? 1 : n_most + (n == most);
		if (n > most) {
			most = n;
			prefix->n = 0;
			ser_buf_str(prefix, at.s);
		}
	}
	int rc = n_most == 1   ? 0
		 : n_most == 0 ? ser_fail(e, SER_EDATA, "no tensor \"%s\": not an ECAPA-TDNN of this toolkit", known.s)
			       : ser_fail(e, SER_EDATA, "%zu networks have a tensor \"%s\"", n_most, known.s);
	ser_buf_free(&known);
	ser_buf_free(&at);
	ser_buf_free(&name);
	ser_buf_free(&full);
	return rc;
}

/* The network's sizes from its tensors' shapes, as "name=value". */
static int sizes(const struct ser_st *s, const struct rename *table, const char *prefix, enum ser_model_source from,
		 struct ser_arena *a, const char **hyper, size_t *n, size_t *n_in, struct ser_err *e)
{
	struct ser_buf name = {0}, full = {0}, text = {0};
	size_t size[5], att_in = 0, part = 0;
	int rc = 0;
	*n = 0;
	for (size_t i = 0; want[i].hyper != NULL && rc == 0; i++) {
		their_name(table, want[i].of, &name);
		const struct ser_st_tensor *t = theirs(s, prefix, name.s, &full);
		if (t == NULL || t->ndim < 2 || t->n == 0 || t->shape[0] > 1 << 20) {
			rc = ser_fail(e, SER_EDATA, "no tensor \"%s\", or of less than two axes, or empty", full.s);
			break;
		}
		size[i] = t->shape[0];
		if (i == 0)
			*n_in = t->shape[1];
		if (i == 3)
			att_in = t->shape[1];
		text.n = 0;
		ser_buf_printf(&text, "%s=%zu", want[i].hyper, size[i]);
		hyper[(*n)++] = ser_arena_strndup(a, text.s, text.n);
	}
	if (rc == 0) {
		their_name(table, "blocks.1.res2net_block.blocks.0.conv.weight", &name);
		const struct ser_st_tensor *t = theirs(s, prefix, name.s, &full);
		part = t != NULL && t->ndim == 3 ? t->shape[0] : 0;
		if (part == 0 || size[0] % part != 0)
			rc = ser_fail(e, SER_EDATA, "no tensor \"%s\", or of an unfitting shape", full.s);
	}
	if (rc == 0) {
		bool we = from == SER_FROM_WESPEAKER;
		text.n = 0;
		ser_buf_printf(&text, "scale=%zu", size[0] / part);
		hyper[(*n)++] = ser_arena_strndup(a, text.s, text.n);
		hyper[(*n)++] = we ? "reflect=0" : "reflect=1";
		hyper[(*n)++] = we ? "mfa_norm=0" : "mfa_norm=1";
		hyper[(*n)++] = we ? "att_norm=0" : "att_norm=1";
		hyper[(*n)++] = att_in == size[1] ? "context=0" : we ? "context=2" : "context=1";
	}
	ser_buf_free(&name);
	ser_buf_free(&full);
	ser_buf_free(&text);
	return rc;
}

/* WeSpeaker lets the last part of a Res2Net block pass, we the first: x [n] in groups of `len` elements, `part` of them a
 * part, over rows of `row`: the last part of each row goes to its front. */
static void last_part_first(float *x, size_t n, size_t row, size_t part)
{
	float *tmp = ser_malloc(part, sizeof *tmp);
	for (size_t i = 0; i < n; i += row) {
		memcpy(tmp, x + i + row - part, part * sizeof *x);
		memmove(x + i + part, x + i, (row - part) * sizeof *x);
		memcpy(x + i, tmp, part * sizeof *x);
	}
	free(tmp);
}

static void reorder(const struct ser_slice *sl, const char *name, float *x, size_t ch, size_t scale)
{
	size_t part = ch / scale;
	if (strstr(name, ".tdnn1.") != NULL) /* its outputs: the first axis */
		last_part_first(x, sl->n, sl->n, sl->n / scale);
	else if (strstr(name, ".tdnn2.conv.weight") != NULL) /* its inputs: the second, kernels of one frame */
		last_part_first(x, sl->n, ch, part);
}

static size_t hyper_of(const struct ser_model *m, const char *name)
{
	size_t i = 0;
	while (strcmp(m->enc[0].arch->hyper[i].name, name) != 0)
		i++;
	return (size_t)m->enc[0].hyper[i];
}

/* Is a tensor of a slice's shape in files? Kernels of one frame may be there where ours is a matrix: [O, I, 1] is [O, I]. */
static bool same_shape(const struct ser_st_tensor *t, const struct ser_slice *sl)
{
	size_t shape[SER_MAX_DIM];
	ser_model_slice_shape(sl, shape);
	bool kernel = sl->ndim == 2 && t->ndim == 3 && t->shape[2] == 1;
	return (t->ndim == sl->ndim || kernel) && memcmp(t->shape, shape, (size_t)sl->ndim * sizeof *shape) == 0;
}

static int wrong_shape(const struct ser_st_tensor *t, const struct ser_slice *sl, struct ser_err *e)
{
	size_t shape[SER_MAX_DIM];
	struct ser_buf have = {0}, need = {0};
	ser_model_slice_shape(sl, shape);
	for (int i = 0; i < t->ndim; i++)
		ser_buf_printf(&have, "%s%zu", i > 0 ? "," : "", t->shape[i]);
	for (int i = 0; i < sl->ndim; i++)
		ser_buf_printf(&need, "%s%zu", i > 0 ? "," : "", shape[i]);
	ser_buf_str(&have, "");
	int rc = ser_fail(e, SER_EDATA, "tensor \"%s\" has the shape [%s], expected [%s]", t->name, have.s, need.s);
	ser_buf_free(&have);
	ser_buf_free(&need);
	return rc;
}

/* Every tensor that the network needs is there, of the right shape, before the network takes memory. */
static int check_shapes(struct ser_model *m, const struct ser_st *s, const struct rename *table, const char *prefix,
			struct ser_err *e)
{
	struct ser_params *own = m->params, *p = ser_params_new(0);
	struct ser_buf name = {0}, full = {0};
	p->outline = true;
	m->params = p;
	int rc = ser_model_build(m, e);
	m->params = own;
	for (size_t i = 0; i < p->n_slice && rc == 0; i++) {
		bool known = their_name(table, p->slice[i].name + strlen("encoder."), &name);
		ser_assert(known);
		const struct ser_st_tensor *t = theirs(s, prefix, name.s, &full);
		if (t == NULL)
			rc = ser_fail(e, SER_EDATA, "no tensor \"%s\"", full.s);
		else if (!same_shape(t, &p->slice[i]))
			rc = wrong_shape(t, &p->slice[i], e);
	}
	ser_buf_free(&name);
	ser_buf_free(&full);
	ser_params_free(p);
	return rc;
}

static int fill(struct ser_model *m, const struct ser_st *s, const struct rename *table, const char *prefix,
		enum ser_model_source from, struct ser_err *e)
{
	struct ser_params *p = m->params;
	struct ser_buf name = {0}, full = {0};
	struct ser_map *used = ser_map_new();
	float *x = NULL;
	size_t cap = 0, ch = hyper_of(m, "channels"), scale = hyper_of(m, "scale");
	int rc = 0;
	for (size_t i = 0; i < p->n_slice; i++) {
		const struct ser_slice *sl = &p->slice[i];
		their_name(table, sl->name + strlen("encoder."), &name);
		const struct ser_st_tensor *t = theirs(s, prefix, name.s, &full);
		ser_map_add(used, full.s, full.n, NULL);
		x = ser_grow(x, &cap, t->n, sizeof *x);
		ser_st_f4(t, x);
		if (from == SER_FROM_WESPEAKER)
			reorder(sl, sl->name, x, ch, scale);
		ser_model_slice_in(sl, x, p->val + sl->at);
	}
	for (size_t i = 0; i < s->n_tensor && rc == 0; i++) {
		const char *n = s->tensor[i].name;
		size_t len = strlen(n), np = strlen(prefix);
		bool other = strncmp(n, prefix, np) != 0 || strstr(n, "num_batches_tracked") != NULL ||
			     strncmp(n + np, "projection.", 11) == 0;
		if (!other && ser_map_find(used, n, len) < 0)
			rc = ser_fail(e, SER_EDATA, "tensor \"%s\" has no place in architecture ecapa", n);
	}
	free(x);
	ser_buf_free(&name);
	ser_buf_free(&full);
	ser_map_free(used);
	return rc != 0 ? rc : ser_params_check(p, e);
}

int ser_model_import(struct ser_model **out, const struct ser_st *s, enum ser_model_source from, const char *field,
		     const struct ser_val *dims, struct ser_err *e)
{
	const struct rename *table = tables[from];
	struct ser_buf prefix = {0};
	struct ser_arena a = {0};
	struct ser_model *m = NULL;
	const char *hyper[16];
	size_t n, n_in = 0;
	*out = NULL;
	ser_buf_str(&prefix, "");
	int rc = find_prefix(s, table, &prefix, e);
	if (rc == 0)
		rc = sizes(s, table, prefix.s, from, &a, hyper, &n, &n_in, e);
	if (rc == 0 && (rc = ser_model_new(&m, "ecapa", hyper, n, 0, e)) == 0) {
		ser_model_input(m, field, n_in, dims, SER_NORM_NONE);
		rc = check_shapes(m, s, table, prefix.s, e);
		if (rc == 0 && (rc = ser_model_build(m, e)) == 0)
			rc = fill(m, s, table, prefix.s, from, e);
	}
	ser_buf_free(&prefix);
	ser_arena_free(&a);
	if (rc != 0) {
		ser_model_free(m);
		return e->code = SER_EDATA;
	}
	*out = m;
	return 0;
}
