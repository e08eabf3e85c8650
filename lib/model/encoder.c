/* SPDX-License-Identifier: MIT */
/* The encoders of a model, and sources: what heads and users take of them. */
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const parts[SER_N_PART] = {"emb", "mean", "first", "frames", "front"};
static const char alone[] = "encoder"; /* what an encoder without a name is called */

/* ---- the list ---- */

static const char *name_of(const struct ser_encoder *c)
{
	return c->name != NULL ? c->name : alone;
}

int ser_model_encoder_find(const struct ser_model *m, const char *name)
{
	for (size_t i = 0; i < m->n_enc; i++)
		if (strcmp(name_of(&m->enc[i]), name) == 0)
			return (int)i;
	return -1;
}

static int unknown_arch(const char *arch, struct ser_err *e)
{
	struct ser_buf b = {0};
	for (size_t i = 0; ser_archs[i] != NULL; i++)
		ser_buf_printf(&b, "%s%s", i > 0 ? ", " : "", ser_archs[i]->name);
	ser_fail(e, SER_EUSAGE, "architecture \"%s\" is none of %s", arch, b.s);
	ser_buf_free(&b);
	return e->code;
}

static int check_name(const struct ser_model *m, const char *name, struct ser_err *e)
{
	if (m->n_enc == SER_MAX_ENCODER)
		return ser_fail(e, SER_EUSAGE, "a model has at most %d encoders", SER_MAX_ENCODER);
	if (m->n_enc > 0 && (name == NULL || m->enc[0].name == NULL))
		return ser_fail(e, SER_EUSAGE, "encoders of a model that has several need names");
	if (name == NULL)
		return 0;
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	if (n == 0 || name[n] != '\0' || n > 64)
		return ser_fail(e, SER_EUSAGE, "\"%.80s\" is no name for an encoder: letters, digits, - and _ make one",
				name);
	return ser_model_encoder_find(m, name) < 0 ? 0 : ser_fail(e, SER_EUSAGE, "two encoders are named \"%s\"", name);
}

static const char *prefix(struct ser_model *m, const char *room, const char *name)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s%s%s", room, name != NULL ? "." : "", name != NULL ? name : "");
	const char *s = ser_arena_strndup(&m->arena, b.s, b.n);
	ser_buf_free(&b);
	return s;
}

int ser_model_encoder_add(struct ser_model *m, const char *name, const char *arch, const char *const *hyper, size_t n,
			  struct ser_err *e)
{
	const struct ser_arch *a = ser_arch_find(arch);
	size_t n_hyper = 0;
	if (a == NULL)
		return unknown_arch(arch, e);
	if (check_name(m, name, e) != 0)
		return e->code;
	struct ser_encoder *c = &m->enc[m->n_enc];
	*c = (struct ser_encoder){.arch = a, .dims = ser_val_map(), .mean = -1, .std = -1};
	while (a->hyper[n_hyper].name != NULL)
		n_hyper++;
	c->hyper = ser_arena_alloc(&m->arena, n_hyper + 1, sizeof *c->hyper);
	for (size_t i = 0; i < n_hyper; i++)
		c->hyper[i] = a->hyper[i].dflt;
	for (size_t i = 0; i < n; i++) {
		const char *eq = strchr(hyper[i], '=');
		if (eq == NULL)
			return ser_fail(e, SER_EUSAGE, "\"%s\" is not of the form name=value", hyper[i]);
		if (ser_encoder_hyper_text(c, hyper[i], (size_t)(eq - hyper[i]), eq + 1, e) != 0)
			return e->code;
	}
	c->name = name != NULL ? ser_arena_strndup(&m->arena, name, strlen(name)) : NULL;
	c->prefix = prefix(m, "encoder", name);
	c->input_prefix = prefix(m, "input", name);
	c->mix_prefix = prefix(m, "mix", name);
	m->n_enc++;
	return 0;
}

/* ---- hyper-parameters ---- */

void ser_hyper_print(const struct ser_hyper *h, double x, struct ser_buf *b)
{
	char text[32];
	ser_buf_str(b, h->kind == SER_HYPER_CHOICE ? h->names[(size_t)x] : ser_format_real(x, text));
}

/* The place of a name among those of a choice. */
static int choose(const struct ser_encoder *c, const struct ser_hyper *h, const char *text, double *x,
		  struct ser_err *e)
{
	struct ser_buf all = {0};
	*x = -1;
	for (size_t i = 0; i <= (size_t)h->hi; i++) {
		ser_buf_printf(&all, "%s%s", i > 0 ? ", " : "", h->names[i]);
		*x = strcmp(h->names[i], text) == 0 ? (double)i : *x;
	}
	int rc = *x >= 0 ? 0
			 : ser_fail(e, SER_EUSAGE, "hyper-parameter %s of %s is \"%.40s\", expected one of %s", h->name,
				    c->arch->name, text, all.s);
	ser_buf_free(&all);
	return rc;
}

int ser_encoder_hyper_text(struct ser_encoder *c, const char *name, size_t len, const char *text, struct ser_err *e)
{
	const struct ser_hyper *h = c->arch->hyper;
	double x;
	while (h->name != NULL && (strlen(h->name) != len || memcmp(h->name, name, len) != 0))
		h++;
	int rc = h->name != NULL && h->kind == SER_HYPER_CHOICE ? choose(c, h, text, &x, e)
								: ser_parse_real(text, -HUGE_VAL, HUGE_VAL, &x, e);
	return rc == 0 ? ser_encoder_hyper(c, name, len, x, e) : rc;
}

int ser_encoder_hyper(struct ser_encoder *c, const char *name, size_t len, double x, struct ser_err *e)
{
	const struct ser_hyper *h = c->arch->hyper;
	size_t i = 0;
	while (h[i].name != NULL && (strlen(h[i].name) != len || memcmp(h[i].name, name, len) != 0))
		i++;
	if (h[i].name == NULL)
		return ser_fail(e, SER_EUSAGE, "architecture %s has no hyper-parameter \"%.*s\"", c->arch->name,
				(int)len, name);
	static const char *const kinds[] = {"a number", "a whole number", "an odd number", "a whole number"};
	char lo[32], hi[32];
	if (!(x >= h[i].lo && x <= h[i].hi) || (h[i].kind != SER_HYPER_REAL && x != floor(x)) ||
	    (h[i].kind == SER_HYPER_ODD && fmod(x, 2) != 1))
		return ser_fail(e, SER_EUSAGE, "hyper-parameter %s of %s is %g, expected %s in [%s, %s]", h[i].name,
				c->arch->name, x, kinds[h[i].kind], ser_format_real(h[i].lo, lo),
				ser_format_real(h[i].hi, hi));
	c->hyper[i] = x;
	return 0;
}

void ser_model_input(struct ser_model *m, const char *field, size_t n_in, const struct ser_val *dims,
		     enum ser_model_norm norm)
{
	struct ser_encoder *c = &m->enc[m->n_enc - 1];
	c->field = ser_arena_strndup(&m->arena, field, strlen(field));
	c->n_in = n_in;
	c->dims = dims != NULL ? ser_val_copy(&m->arena, dims) : ser_val_map();
	c->norm = norm;
}

void ser_model_texts(struct ser_model *m, const char *tokenizer)
{
	struct ser_encoder *c = &m->enc[m->n_enc - 1];
	c->field = NULL;
	c->tokenizer = ser_arena_strndup(&m->arena, tokenizer, strlen(tokenizer));
	c->n_in = 1;
	c->norm = SER_NORM_NONE;
}

size_t ser_encoder_bad_token(const struct ser_encoder *c, const float *x, size_t n)
{
	size_t n_token = c->arch->n_token != NULL ? c->arch->n_token(c->hyper) : 0;
	for (size_t i = 0; n_token > 0 && i < n; i++)
		if (!(x[i] >= 0 && x[i] < (float)n_token && x[i] == floorf(x[i])))
			return i;
	return n;
}

/* ---- sources ---- */

/* One term, "NAME" or "NAME:PART", of n bytes. */
static int parse_term(const struct ser_model *m, const char *text, size_t n, struct ser_source_term *t,
		      struct ser_err *e)
{
	const char *colon = memchr(text, ':', n);
	size_t len = colon != NULL ? (size_t)(colon - text) : n;
	int part = 0;
	for (t->encoder = 0; t->encoder < m->n_enc; t->encoder++) {
		const char *name = name_of(&m->enc[t->encoder]);
		if (strlen(name) == len && memcmp(name, text, len) == 0)
			break;
	}
	if (t->encoder == m->n_enc) {
		struct ser_buf b = {0};
		for (size_t i = 0; i < m->n_enc; i++)
			ser_buf_printf(&b, "%s%s", i > 0 ? ", " : "", name_of(&m->enc[i]));
		ser_fail(e, SER_EUSAGE, "source \"%.*s\": the encoders are %s", (int)n, text, b.s);
		ser_buf_free(&b);
		return e->code;
	}
	while (colon != NULL && part < SER_N_PART &&
	       (strlen(parts[part]) != n - len - 1 || memcmp(parts[part], colon + 1, n - len - 1) != 0))
		part++;
	t->part = (enum ser_part)part;
	return part < SER_N_PART
		       ? 0
		       : ser_fail(e, SER_EUSAGE, "source \"%.*s\": its part is none of emb, mean, first, frames, front",
				  (int)n, text);
}

int ser_model_source_parse(const struct ser_model *m, const char *text, struct ser_source *s, struct ser_err *e)
{
	bool frames = false;
	s->n = 0;
	for (const char *at = text;; at++) {
		size_t n = strcspn(at, "+");
		if (s->n == SER_MAX_SOURCE)
			return ser_fail(e, SER_EUSAGE, "a source has at most %d parts", SER_MAX_SOURCE);
		if (parse_term(m, at, n, &s->term[s->n], e) != 0)
			return e->code;
		frames = frames || s->term[s->n].part >= SER_PART_FRAMES;
		s->n++;
		at += n;
		if (*at == '\0')
			break;
	}
	return !frames || s->n == 1 ? 0
				    : ser_fail(e, SER_EUSAGE,
					       "source \"%s\": frames stand alone, \":mean\" goes beside others", text);
}

size_t ser_model_source_terms(const struct ser_model *m, const struct ser_source *s)
{
	size_t n = 0;
	for (size_t i = 0; i < m->n_enc; i++)
		n += m->enc[i].field != NULL;
	return s->n > 0 ? s->n : n;
}

struct ser_source_term ser_model_source_term(const struct ser_model *m, const struct ser_source *s, size_t i)
{
	size_t k = 0;
	ser_assert(i < ser_model_source_terms(m, s));
	if (s->n > 0)
		return s->term[i];
	for (; m->enc[k].field == NULL || i > 0; k++)
		i -= m->enc[k].field != NULL;
	return (struct ser_source_term){k, SER_PART_EMB};
}

void ser_model_source_text(const struct ser_model *m, const struct ser_source *s, struct ser_buf *b)
{
	for (size_t i = 0; i < ser_model_source_terms(m, s); i++) {
		struct ser_source_term t = ser_model_source_term(m, s, i);
		ser_buf_printf(b, "%s%s", i > 0 ? "+" : "", name_of(&m->enc[t.encoder]));
		if (t.part != SER_PART_EMB)
			ser_buf_printf(b, ":%s", parts[t.part]);
	}
}

/* ---- the network ---- */

struct ser_encoded ser_model_layers(const struct ser_model *m, struct ser_tape *t, size_t encoder, int x)
{
	const struct ser_encoder *c = &m->enc[encoder];
	ser_tape_enter(t, "%s", c->prefix);
	ser_tape_lora(t, c->adapt.rank, c->adapt.alpha);
	struct ser_encoded y = c->arch->build(t, c->hyper, x);
	ser_tape_lora(t, 0, 0);
	ser_tape_leave(t);
	return y;
}

void ser_model_mix(const struct ser_model *m, struct ser_tape *t, size_t encoder, struct ser_encoded *y)
{
	ser_tape_enter(t, "%s", m->enc[encoder].mix_prefix);
	ser_adapt_mix(t, m->enc[encoder].adapt.mix, y);
	ser_tape_leave(t);
}

struct ser_encoded ser_model_encode(const struct ser_model *m, struct ser_tape *t, size_t encoder, int x)
{
	struct ser_encoded y = ser_model_layers(m, t, encoder, x);
	ser_model_mix(m, t, encoder, &y);
	return y;
}

int ser_model_part(struct ser_tape *t, const struct ser_encoded *y, enum ser_part part)
{
	if (part == SER_PART_EMB)
		return y->emb;
	if (part == SER_PART_FRONT)
		return y->front.there ? y->front.features : -1;
	if (y->frames < 0 || part == SER_PART_FRAMES)
		return y->frames;
	return part == SER_PART_MEAN ? ser_nn_pool_mean(t, y->frames) : ser_nn_pool_first(t, y->frames);
}

int ser_model_join(struct ser_tape *t, size_t n, const int *part)
{
	return n == 1 ? part[0] : ser_nn_concat(t, (int)n, part);
}

int ser_model_source(const struct ser_model *m, struct ser_tape *t, const struct ser_source *s,
		     const struct ser_encoded *y)
{
	int part[SER_MAX_SOURCE];
	size_t n = ser_model_source_terms(m, s);
	for (size_t i = 0; i < n; i++) {
		struct ser_source_term term = ser_model_source_term(m, s, i);
		part[i] = ser_model_part(t, &y[term.encoder], term.part);
		if (part[i] < 0)
			return -1;
	}
	return ser_model_join(t, n, part);
}

size_t ser_encoder_some_frames(const struct ser_encoder *c)
{
	size_t n = c->arch->min_frame(c->hyper) + 64,
	       most = c->arch->max_frame != NULL ? c->arch->max_frame(c->hyper) : n;
	return n < most ? n : most;
}

size_t ser_model_n_layer(const struct ser_model *m, size_t encoder)
{
	const struct ser_encoder *c = &m->enc[encoder];
	struct ser_tape *t = ser_tape_new(NULL, m->params);
	ser_tape_reset(t, SER_TAPE_SHAPE, 0);
	size_t seg[2] = {0, ser_encoder_some_frames(c)};
	size_t n = ser_model_encode(m, t, encoder, ser_tape_input(t, NULL, seg[1], c->n_in, seg, 1)).n_layer;
	ser_tape_free(t);
	return n;
}
