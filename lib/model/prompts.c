/* SPDX-License-Identifier: MIT */
/* Prompts: texts that stand for classes (Radford et al. 2021), and what a model's text encoder makes of them. */
#include "model/model.h"
#include "text/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- wordings ---- */

static const char usual[] = "The emotion is {}";

/* A text with the class in place of each {}. */
static const char *fill(struct ser_arena *a, const char *text, const char *class)
{
	struct ser_buf b = {0};
	for (const char *at; (at = strstr(text, "{}")) != NULL; text = at + 2) {
		ser_buf_add(&b, text, (size_t)(at - text));
		ser_buf_str(&b, class);
	}
	ser_buf_str(&b, text);
	const char *y = ser_arena_strndup(a, b.s, b.n);
	ser_buf_free(&b);
	return y;
}

/* What is said for all classes, or for one. */
struct wording {
	const char *class; /* NULL: all */
	const char *text;
};

/* Lines of a file as wordings, which stay in its text. */
static int read_lines(struct ser_prompts *p, const char *file, struct wording **w, size_t *n, size_t *cap,
		      struct ser_err *e)
{
	char *all;
	size_t size, line = 0;
	bool empty = true;
	int rc = ser_read_file(file, (size_t)1 << 26, &all, &size, e);
	if (rc != 0)
		return rc;
	char *copy = ser_arena_strndup(&p->arena, all, size), *end;
	free(all);
	if (strlen(copy) != size || !ser_utf8_ok(copy, size))
		return ser_fail(e, SER_EDATA, "%s: is no text in UTF-8", file);
	for (char *at = copy; rc == 0 && *at != '\0'; at = end) {
		end = at + strcspn(at, "\n");
		size_t len = (size_t)(end - at);
		line++;
		if (*end == '\n')
			*end++ = '\0';
		if (len > 0 && at[len - 1] == '\r')
			at[--len] = '\0';
		if (strspn(at, " \t") == len)
			continue;
		char *tab = strchr(at, '\t');
		struct wording new = {tab != NULL ? at : NULL, tab != NULL ? tab + 1 : at};
		if (tab != NULL)
			*tab = '\0';
		if (*new.text == '\0' || (tab == NULL && strstr(at, "{}") == NULL))
			rc = ser_fail(e, SER_EDATA,
				      "%s: line %zu: neither a text with {} nor a class, a tab and a text", file, line);
		*w = ser_grow(*w, cap, *n + 1, sizeof **w);
		(*w)[(*n)++] = new;
		empty = false;
	}
	return rc == 0 && empty ? ser_fail(e, SER_EDATA, "%s: holds no text", file) : rc;
}

static int add_classes(struct ser_prompts *p, const struct wording *w, size_t n, struct ser_err *e)
{
	size_t cap_text = 0, cap_of = 0;
	for (size_t k = 0; k < p->class.n; k++) {
		const char *class = p->class.s[k];
		size_t before = p->n;
		for (size_t j = 0; j < k; j++)
			if (strcmp(p->class.s[j], class) == 0)
				return ser_fail(e, SER_EUSAGE, "class \"%s\" is there twice", class);
		for (size_t i = 0; i < n; i++) {
			if (w[i].class != NULL && strcmp(w[i].class, class) != 0)
				continue;
			p->text = ser_grow(p->text, &cap_text, p->n + 1, sizeof *p->text);
			p->of = ser_grow(p->of, &cap_of, p->n + 1, sizeof *p->of);
			p->text[p->n] = fill(&p->arena, w[i].text, class);
			p->of[p->n++] = k;
		}
		if (p->n == before)
			return ser_fail(e, SER_EDATA, "class \"%s\" has no prompt", class);
	}
	return 0;
}

int ser_prompts_make(struct ser_prompts *p, const struct ser_strs *wording, const char *file,
		     const struct ser_strs *class, struct ser_err *e)
{
	size_t n = wording->n, cap = 0;
	struct wording *w = ser_grow(NULL, &cap, n + 1, sizeof *w);
	int rc = 0;
	p->class = *class;
	for (size_t i = 0; i < n && rc == 0; i++) {
		w[i] = (struct wording){NULL, wording->s[i]};
		if (strstr(w[i].text, "{}") == NULL)
			rc = ser_fail(e, SER_EUSAGE, "prompt \"%.200s\" has no {}, where the class is to stand",
				      w[i].text);
	}
	if (file != NULL && strstr(file, "{}") != NULL) /* a text in a file's place */
		w[n++] = (struct wording){NULL, file};
	else if (rc == 0 && file != NULL)
		rc = read_lines(p, file, &w, &n, &cap, e);
	if (rc == 0 && n == 0)
		w[n++] = (struct wording){NULL, usual};
	p->wording.s = ser_arena_calloc(&p->arena, n, sizeof *p->wording.s);
	for (size_t i = 0; i < n && rc == 0; i++)
		if (w[i].class == NULL)
			p->wording.s[p->wording.n++] = ser_arena_strndup(&p->arena, w[i].text, strlen(w[i].text));
	if (rc == 0)
		rc = add_classes(p, w, n, e);
	free(w);
	return rc;
}

/* The texts of a list of the model's metadata. */
static struct ser_strs strings(const struct ser_model *m, const char *name, struct ser_arena *a)
{
	const struct ser_val *v = ser_val_get(&m->train, name);
	struct ser_strs y = {ser_arena_calloc(a, 1 + (v != NULL && v->kind == SER_LIST ? v->u.list.n : 0), sizeof *y.s),
			     0};
	for (size_t i = 0; v != NULL && v->kind == SER_LIST && i < v->u.list.n; i++)
		if (v->u.list.v[i].kind == SER_STR)
			y.s[y.n++] = v->u.list.v[i].u.str.s;
	return y;
}

/* Those that it was trained with, of its own classes. */
static int trained(struct ser_prompts *p, const struct ser_model *m, const struct ser_strs *class, struct ser_err *e)
{
	const struct ser_val *v = ser_val_get(&m->train, "prompts");
	p->class = *class;
	size_t n = v != NULL && v->kind == SER_LIST ? v->u.list.n : 0, k = 0;
	p->text = ser_calloc(n + 1, sizeof *p->text);
	p->of = ser_calloc(n + 1, sizeof *p->of);
	for (size_t i = 0; i < n; i++) {
		const struct ser_val *pair = &v->u.list.v[i];
		if (pair->kind != SER_LIST || pair->u.list.n != 2 || pair->u.list.v[0].kind != SER_STR ||
		    pair->u.list.v[1].kind != SER_STR)
			break;
		while (k < class->n && !ser_val_is_str(&pair->u.list.v[0], class->s[k]))
			k++;
		if (k == class->n)
			break;
		p->text[p->n] = ser_arena_strndup(&p->arena, pair->u.list.v[1].u.str.s, pair->u.list.v[1].u.str.n);
		p->of[p->n++] = k;
	}
	return n > 0 && p->n == n && k + 1 == class->n
		       ? 0
		       : ser_fail(e, SER_EDATA, "metadata \"train\": prompts are not texts of its classes");
}

int ser_prompts_of(struct ser_prompts *p, const struct ser_model *m, const struct ser_strs *wording, const char *file,
		   const struct ser_strs *class, struct ser_err *e)
{
	const struct ser_strs name = class->n > 0 ? *class : strings(m, "classes", &p->arena);
	if (name.n == 0)
		return ser_fail(e, SER_EDATA, "the model names no classes");
	if (wording->n == 0 && file == NULL && class->n == 0)
		return trained(p, m, &name, e);
	const struct ser_strs said = wording->n > 0 || file != NULL ? *wording : strings(m, "wordings", &p->arena);
	return ser_prompts_make(p, &said, file, &name, e);
}

void ser_prompts_free(struct ser_prompts *p)
{
	free(p->text);
	free(p->of);
	ser_arena_free(&p->arena);
	*p = (struct ser_prompts){0};
}

void ser_prompts_mean(const struct ser_prompts *p, const float *x, size_t d, float *y)
{
	double *sum = ser_malloc(d, sizeof *sum);
	for (size_t i = 0, k = 0; k < p->class.n; k++) {
		double sq = 0;
		memset(sum, 0, d * sizeof *sum);
		for (; i < p->n && p->of[i] == k; i++)
			for (size_t j = 0; j < d; j++)
				sum[j] += (double)x[i * d + j];
		for (size_t j = 0; j < d; j++)
			sq += sum[j] * sum[j];
		for (size_t j = 0; j < d; j++)
			y[k * d + j] = (float)(sq > 0 ? sum[j] / sqrt(sq) : 0);
	}
	free(sum);
}

/* ---- through a model ---- */

int ser_model_tokenizer(struct ser_model *m, const char *path, struct ser_err *e)
{
	struct ser_tokenizer *t;
	struct ser_buf json = {0};
	if (ser_tokenizer_open(&t, path, e) != 0)
		return e->code;
	ser_tokenizer_json(t, &json);
	ser_model_texts(m, json.s);
	ser_buf_free(&json);
	ser_tokenizer_close(t);
	return 0;
}

int ser_model_vocabulary(struct ser_model *m, const char *const *text, size_t n, struct ser_err *e)
{
	enum { MOST = 512 };
	struct ser_encoder *c = &m->enc[m->n_enc - 1];
	if (c->arch->n_token == NULL)
		return ser_fail(e, SER_EUSAGE, "architecture %s reads no texts", c->arch->name);
	size_t most = c->arch->n_token(c->hyper);
	if (most < SER_TOKENIZER_LEAST)
		return ser_fail(e, SER_EUSAGE, "an encoder of %zu tokens, a vocabulary of its own has %d or more", most,
				SER_TOKENIZER_LEAST);
	struct ser_tokenizer_trainer *r = ser_tokenizer_trainer_new();
	struct ser_buf json = {0};
	for (size_t i = 0; i < n; i++)
		ser_tokenizer_trainer_add(r, text[i], strlen(text[i]));
	struct ser_tokenizer *t = ser_tokenizer_train(r, most < MOST ? most : MOST);
	ser_tokenizer_json(t, &json);
	ser_model_texts(m, json.s);
	int rc = ser_encoder_hyper(c, "vocab", strlen("vocab"), (double)ser_tokenizer_size(t), e);
	ser_buf_free(&json);
	ser_tokenizer_close(t);
	ser_tokenizer_trainer_free(r);
	return rc;
}

static int tokens_of(const struct ser_encoder *c, const struct ser_tokenizer *tok, const char *text,
		     struct ser_tokens *t, struct ser_err *e)
{
	size_t most = c->arch->max_frame != NULL ? c->arch->max_frame(c->hyper) : 0;
	ser_tokenizer_encode(tok, text, strlen(text), most, false, t);
	if (t->cut)
		return ser_fail(e, SER_EDATA,
				"text \"%.60s...\" has more than the %zu tokens that encoder \"%s\" takes", text, most,
				c->name);
	return 0;
}

int ser_model_tokenize(const struct ser_model *m, size_t encoder, const char *const *text, size_t n,
		       struct ser_arena *a, struct ser_texts *y, struct ser_err *e)
{
	const struct ser_encoder *c = &m->enc[encoder];
	struct ser_tokenizer *tok;
	struct ser_tokens t = {0};
	ser_assert(c->tokenizer != NULL);
	if (ser_tokenizer_parse(&tok, c->tokenizer, strlen(c->tokenizer), "the model's tokenizer", e) != 0)
		return e->code;
	*y = (struct ser_texts){.n = n,
				.at = ser_arena_calloc(a, n, sizeof *y->at),
				.n_token = ser_arena_calloc(a, n, sizeof *y->n_token)};
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = tokens_of(c, tok, text[i], &t, e);
		float *x = ser_arena_alloc(a, t.n + 1, sizeof *x);
		for (size_t k = 0; k < t.n; k++)
			x[k] = (float)t.id[k];
		y->at[i] = x;
		y->n_token[i] = t.n;
		if (rc == 0 && (t.n == 0 || ser_encoder_bad_token(c, x, t.n) < t.n))
			rc = ser_fail(e, SER_EDATA,
				      "text \"%.60s\": the tokenizer has %zu tokens, encoder \"%s\" has %zu", text[i],
				      ser_tokenizer_size(tok), c->name, c->arch->n_token(c->hyper));
	}
	ser_tokens_free(&t);
	ser_tokenizer_close(tok);
	return rc;
}

int ser_model_embed_texts(const struct ser_model *m, size_t head, const char *const *text, size_t n, float *y,
			  struct ser_err *e)
{
	const struct ser_head *h = &m->head[head];
	size_t i = ser_model_source_term(m, &h->source, 0).encoder;
	struct ser_arena a = {0};
	struct ser_texts x;
	struct ser_encoded enc[SER_MAX_ENCODER];
	int rc = ser_model_tokenize(m, i, text, n, &a, &x, e);
	if (rc == 0) {
		struct ser_tape *t = ser_tape_new(NULL, m->params);
		ser_tape_reset(t, 0, 0);
		enc[i] = ser_model_encode(m, t, i, ser_tape_batch(t, n, x.at, x.n_token, 1));
		struct ser_node u =
			ser_tape_node(t, ser_model_head(m, t, head, ser_model_source(m, t, &h->source, enc)));
		for (size_t k = 0; k < n * h->n_out && rc == 0; k++) {
			y[k] = (float)u.val[k];
			if (!isfinite(y[k]))
				rc = ser_fail(e, SER_EDATA, "text \"%.60s\": the network's output is not finite",
					      text[k / h->n_out]);
		}
		ser_tape_free(t);
	}
	ser_arena_free(&a);
	return rc;
}

int ser_model_embed_classes(const struct ser_model *m, size_t head, const struct ser_prompts *p, float *y,
			    struct ser_err *e)
{
	size_t d = m->head[head].n_out;
	float *x = ser_malloc(ser_mul(p->n, d), sizeof *x);
	int rc = ser_model_embed_texts(m, head, p->text, p->n, x, e);
	if (rc == 0)
		ser_prompts_mean(p, x, d, y);
	free(x);
	return rc;
}

int ser_model_tower(const struct ser_model *m, bool texts)
{
	for (size_t i = 0; i < m->n_head; i++) {
		const struct ser_head *h = &m->head[i];
		if (h->kind == SER_HEAD_TOWER &&
		    (m->enc[ser_model_source_term(m, &h->source, 0).encoder].field == NULL) == texts)
			return (int)i;
	}
	return -1;
}
