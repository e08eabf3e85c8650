/* SPDX-License-Identifier: MIT */
/* clap: records and the texts of their classes in one space (Pan et al. 2024, GEmo-CLAP: arXiv 2306.07848).
 *
 *	E_a, E_t  unit vectors of N records and of a text for each: a projection each of the two encoders
 *	C_a = s_a E_a E_t',  C_t = s_t E_t E_a'
 *	L(M) = (KL(softmax M || softmax C_a) + KL(softmax M' || softmax C_t)) / 2,  by rows, the mean over them
 *
 * M_e is 1 where two records have the same class, M_g where they have the same gender. Of both, `soft` is L(alpha M_e + (1 - alpha)
 * M_g), the paper's SL, and `multitask` alpha L(M_e) + (1 - alpha) L(M_g), its ML. */
#include "train/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SOFT, MULTITASK };
static const char *const modes[] = {"soft", "multitask", NULL};
enum { SOFTMAX, ROWSUM };
static const char *const targets_of[] = {"softmax", "rowsum", NULL};

struct opts {
	const char *label, *gender, *prompts, *audio, *text, *text_source;
	struct ser_strs prompt, text_hyper;
	int mode, target;
	double alpha;
	size_t n_proj;
};
static const struct opts defaults = {.alpha = 0.9, .n_proj = 512, .mode = SOFT};
static const struct ser_option options[] = {
	{"label", "label whose classes the texts name", SER_AT_STR(struct opts, label, "NAME"), .letter = 'l',
	 .flags = SER_OPTION_NEEDED},
	{"prompt", "text of a class, which stands for {} (default \"The emotion is {}\")",
	 SER_AT_LIST(struct opts, prompt, "TEXT")},
	{"prompts", "texts of classes, a line each: one with {}, or class, tab, text",
	 SER_AT_STR(struct opts, prompts, "FILE"), .flags = SER_OPTION_READ},
	{"audio", "the encoder of sounds: a model, as --init, or an architecture, as --arch",
	 SER_AT_STR(struct opts, audio, "MODEL|ARCH"), .flags = SER_OPTION_READ},
	{"text",
	 "the encoder of texts: a model or an architecture, with --tokenizer or by a vocabulary of its own; short for "
	 "+ encoder",
	 SER_AT_STR(struct opts, text, "MODEL|ARCH"), .flags = SER_OPTION_READ},
	{"text-hyper", "a hyper-parameter of it", SER_AT_LIST(struct opts, text_hyper, "NAME=VALUE")},
	{"text-source", "what the texts' projection stands on (default the first token of the encoder of texts)",
	 SER_AT_STR(struct opts, text_source, "NAME[:PART]")},
	{"gender", "label of the speaker's gender: records of the same are alike, too",
	 SER_AT_STR(struct opts, gender, "NAME")},
	{"gender-mode", "one target mixed of both labels, or a loss for each",
	 SER_AT_CHOICE(struct opts, mode, "HOW", modes)},
	{"alpha", "weight of the label, what is left is the gender's", SER_AT_REAL(struct opts, alpha, "X", 0, 1)},
	{"target", "softmax of the 0/1 matrix, or its rows divided by their sums",
	 SER_AT_CHOICE(struct opts, target, "HOW", targets_of)},
	{"proj", "dimensions of the projections", SER_AT_COUNT(struct opts, n_proj, "N", 1, 65536)},
	{0},
};

struct state {
	const struct ser_dataset *d;
	const struct ser_model *m;
	struct ser_strs class;
	int text; /* the head over texts */
	int32_t *gender;
	struct ser_prompts prompts;
	struct ser_arena arena;
	struct ser_texts texts; /* all prompts */
	size_t *first;          /* [n_class + 1] the prompts of a class */
	real *fixed; /* [prompts, n_fixed] what a frozen encoder makes of them; NULL: not yet, or it learns */
	size_t n_fixed;
	/* of a batch */
	int32_t *place;   /* [prompts] among those of the batch, -1 */
	const float **at; /* [prompts] */
	size_t *n_token;  /* [prompts] */
	int32_t *row, *of, *sub;
	real *target[2], *source;
	size_t cap_row, cap_of, cap_sub, cap_target[2], cap_source;
};

static const struct opts *own(const struct ser_task *t)
{
	return (const struct opts *)t->own;
}

static const char *head_name(const struct ser_task *t)
{
	(void)t;
	return "audio";
}

static void labels(const struct ser_task *t, struct ser_strs *l)
{
	ser_task_want(l, own(t)->label);
	ser_task_want(l, own(t)->gender);
}

/* ---- encoders ---- */

/* --arch or --init, by what it is */
static int choose(struct ser_encoder_opts *c, const char *option, const char *of, struct ser_err *e)
{
	if (of != NULL && (c->arch != NULL || c->init != NULL))
		return ser_fail(e, SER_EUSAGE, "--%s says what --arch and --init say", option);
	if (of != NULL && ser_arch_find(of) != NULL)
		c->arch = of;
	else if (of != NULL)
		c->init = of;
	return 0;
}

/* --tokenizer is then that of the texts. */
static int encoders(struct ser_task *t, struct ser_net_opts *n, struct ser_err *e)
{
	struct opts *o = (struct opts *)t->own;
	if (choose(&n->enc[0], "audio", o->audio, e) != 0)
		return e->code;
	if (o->text == NULL && o->text_hyper.n > 0)
		return ser_fail(e, SER_EUSAGE, "--text-hyper is of the encoder that --text names");
	if (o->text == NULL)
		return 0;
	for (size_t i = 1; i < n->n_enc; i++)
		if (n->enc[i].tokenizer != NULL)
			return ser_fail(e, SER_EUSAGE, "--text is short for + encoder --tokenizer: one of them");
	if (n->n_enc == SER_MAX_ENCODER)
		return ser_fail(e, SER_EUSAGE, "at most %d encoders", SER_MAX_ENCODER);
	struct ser_encoder_opts *c = &n->enc[n->n_enc++];
	*c = ser_encoder_defaults();
	c->texts = true;
	c->tokenizer = n->enc[0].tokenizer;
	c->hyper = o->text_hyper;
	n->enc[0].sounds = true;
	return choose(c, "text", o->text, e);
}

/* The prompts of all classes that the records know. */
static int texts(struct ser_task *t, const struct ser_dataset *d, struct ser_strs *l, struct ser_err *e)
{
	const struct ser_label *classes = ser_dataset_classes(d, own(t)->label, e);
	struct ser_prompts p = {.n = 0};
	if (classes == NULL)
		return e->code;
	struct ser_strs class = {(const char **)(uintptr_t)classes->text, classes->n_class};
	int rc = ser_prompts_make(&p, &own(t)->prompt, own(t)->prompts, &class, e);
	for (size_t i = 0; rc == 0 && i < p.n; i++)
		ser_task_want(l, ser_arena_strndup(&t->arena, p.text[i], strlen(p.text[i])));
	ser_prompts_free(&p);
	return rc;
}

/* ---- heads ---- */

static int head(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_head *h,
		struct ser_err *e)
{
	struct state *z = t->state = ser_calloc(1, sizeof *z);
	struct ser_head classes = {0};
	const struct opts *o = own(t);
	if (o->gender == NULL && (o->mode != defaults.mode || o->alpha < defaults.alpha || o->alpha > defaults.alpha))
		return ser_fail(e, SER_EUSAGE, "task %s: --gender-mode and --alpha need --gender", t->name);
	if (train_class_head(t, d, s, own(t)->label, &classes, e) != 0)
		return e->code;
	z->class = (struct ser_strs){(const char **)(uintptr_t)classes.out, classes.n_out};
	h->kind = SER_HEAD_TOWER;
	h->n_out = own(t)->n_proj;
	h->field = own(t)->label;
	return ser_prompts_make(&z->prompts, &own(t)->prompt, own(t)->prompts, &z->class, e);
}

/* The encoder of texts, and the other head. */
static int more(struct ser_task *t, struct ser_model *m, struct ser_err *e)
{
	struct state *z = t->state;
	struct ser_head h = m->head[t->head];
	struct ser_buf name = {0};
	size_t i = 0;
	h.pool = SER_POOL_NONE;
	while (i < m->n_enc && m->enc[i].field != NULL)
		i++;
	if (i == m->n_enc)
		return ser_fail(
			e, SER_EUSAGE,
			"task clap needs an encoder of texts: --text MODEL|ARCH, or + encoder --tokenizer PATH");
	h.source = (struct ser_source){1, {{i, SER_PART_FIRST}}};
	if (own(t)->text_source != NULL && ser_model_source_parse(m, own(t)->text_source, &h.source, e) != 0)
		return e->code;
	if (m->enc[h.source.term[0].encoder].field != NULL || h.source.term[0].part == SER_PART_FRAMES)
		return ser_fail(e, SER_EUSAGE, "--text-source \"%s\" is no vector of an encoder of texts",
				own(t)->text_source);
	ser_buf_printf(&name, "text%s", t->name + strlen("audio")); /* which may have a number */
	h.name = name.s;
	z->text = ser_model_head_add(m, &h, e);
	ser_buf_free(&name);
	return z->text < 0 ? e->code : 0;
}

/* ---- targets ---- */

/* What the model says of the task: what to ask it by. */
static void describe(const struct ser_task *t, struct ser_model *m)
{
	const struct state *z = t->state;
	struct ser_val classes = ser_val_list(), prompts = ser_val_list(), wordings = ser_val_list();
	for (size_t k = 0; k < z->class.n; k++)
		ser_val_push(&m->arena, &classes, ser_str(z->class.s[k]));
	for (size_t i = 0; i < z->prompts.n; i++) {
		struct ser_val pair = ser_val_list();
		ser_val_push(&m->arena, &pair, ser_str(z->class.s[z->prompts.of[i]]));
		ser_val_push(&m->arena, &pair, ser_str(z->prompts.text[i]));
		ser_val_push(&m->arena, &prompts, pair);
	}
	ser_val_set(&m->arena, &m->train, "classes", classes);
	ser_val_set(&m->arena, &m->train, "prompts", prompts);
	for (size_t i = 0; i < z->prompts.wording.n; i++)
		ser_val_push(&m->arena, &wordings, ser_str(z->prompts.wording.s[i]));
	ser_val_set(&m->arena, &m->train, "wordings", wordings);
}

static int targets(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_model *m,
		   struct ser_err *e)
{
	struct state *z = t->state;
	const struct ser_head classes = {.out = z->class.s, .n_out = z->class.n};
	size_t n = z->prompts.n;
	z->d = d;
	z->m = m;
	if (train_class_codes(t, d, s, own(t)->label, &classes, t->head == 0, e) != 0)
		return e->code;
	if (own(t)->gender != NULL) {
		const struct ser_label *l = ser_dataset_classes(d, own(t)->gender, e);
		if (l == NULL)
			return e->code;
		z->gender = l->code;
	}
	z->first = ser_arena_calloc(&z->arena, z->class.n + 1, sizeof *z->first);
	for (size_t i = 0; i < n; i++)
		z->first[z->prompts.of[i] + 1] = i + 1;
	z->place = ser_arena_alloc(&z->arena, n, sizeof *z->place);
	z->at = ser_arena_alloc(&z->arena, n, sizeof *z->at);
	z->n_token = ser_arena_alloc(&z->arena, n, sizeof *z->n_token);
	describe(t, m);
	size_t encoder = m->head[z->text].source.term[0].encoder;
	return ser_model_tokenize(m, encoder, z->prompts.text, n, &z->arena, &z->texts, e);
}

static double weight(const struct ser_task *t, const struct ser_batch *b)
{
	return train_class_sum(t, b, NULL);
}

/* ---- texts ---- */

/* Does nothing below this prefix learn? */
static bool is_frozen(const struct ser_params *p, const char *prefix)
{
	size_t n = strlen(prefix);
	for (size_t i = 0; i < p->n_slice; i++)
		if (strncmp(p->slice[i].name, prefix, n) == 0 && p->slice[i].name[n] == '.' &&
		    (p->slice[i].flags & (SER_P_FROZEN | SER_P_BUFFER)) == 0)
			return false;
	return true;
}

/* What the text head stands on, of n prompts. */
static int read_texts(const struct state *z, struct ser_tape *tape, const float *const *at, const size_t *n_token,
		      size_t n)
{
	const struct ser_source *s = &z->m->head[z->text].source;
	struct ser_encoded y[SER_MAX_ENCODER];
	size_t i = s->term[0].encoder;
	y[i] = ser_model_encode(z->m, tape, i, ser_tape_batch(tape, n, at, n_token, 1));
	return ser_model_source(z->m, tape, s, y);
}

/* Of a frozen encoder, once for all. */
static void fix_texts(struct state *z)
{
	struct ser_tape *tape = ser_tape_new(NULL, z->m->params);
	ser_tape_reset(tape, 0, 0);
	struct ser_node x = ser_tape_node(tape, read_texts(z, tape, z->texts.at, z->texts.n_token, z->texts.n));
	z->n_fixed = x.n_col;
	z->fixed = ser_malloc(x.n_row * x.n_col, sizeof *z->fixed);
	memcpy(z->fixed, x.val, x.n_row * x.n_col * sizeof *z->fixed);
	ser_tape_free(tape);
}

/* Unit vectors of prompts list [n]. */
static int embed_texts(struct state *z, struct ser_tape *tape, const int32_t *list, size_t n)
{
	const struct ser_encoder *c = &z->m->enc[z->m->head[z->text].source.term[0].encoder];
	int x;
	if (z->fixed == NULL && is_frozen(z->m->params, c->prefix) && is_frozen(z->m->params, c->mix_prefix))
		fix_texts(z);
	if (z->fixed != NULL) {
		z->source = ser_grow(z->source, &z->cap_source, n * z->n_fixed, sizeof *z->source);
		for (size_t i = 0; i < n; i++)
			memcpy(z->source + i * z->n_fixed, z->fixed + (size_t)list[i] * z->n_fixed,
			       z->n_fixed * sizeof *z->source);
		x = ser_tape_input(tape, z->source, n, z->n_fixed, NULL, 0);
	} else {
		for (size_t i = 0; i < n; i++) {
			z->at[i] = z->texts.at[list[i]];
			z->n_token[i] = z->texts.n_token[list[i]];
		}
		x = read_texts(z, tape, z->at, z->n_token, n);
	}
	return ser_model_head(z->m, tape, (size_t)z->text, x);
}

/* A text for each of n rows of a batch, of its class, drawn where it has several; each distinct one is read once. */
static int row_texts(struct ser_task *t, struct ser_tape *tape, const struct ser_batch *b, size_t lo, size_t n)
{
	struct state *z = t->state;
	size_t n_text = 0;
	int32_t *list = ser_malloc(z->prompts.n, sizeof *list);
	for (size_t i = 0; i < z->prompts.n; i++)
		z->place[i] = -1;
	z->of = ser_grow(z->of, &z->cap_of, n, sizeof *z->of);
	for (size_t i = 0; i < n; i++) {
		size_t item = b->row[lo + (size_t)z->row[i]], k = (size_t)t->code[item];
		struct ser_rng r = train_rng(b->seed, FOR_PROMPT, b->moment, z->d->item[item].key);
		size_t p = z->first[k] + (size_t)ser_rng_below(&r, z->first[k + 1] - z->first[k]);
		if (z->place[p] < 0) {
			z->place[p] = (int32_t)n_text;
			list[n_text++] = (int32_t)p;
		}
		z->of[i] = z->place[p];
	}
	int x = ser_nn_rows(tape, embed_texts(z, tape, list, n_text), n, z->of);
	free(list);
	return x;
}

/* ---- the loss ---- */

/* m [n, n]: 1 where rows have the same code, each code known; or as much as alpha of it and, where both genders are known, the rest of
 * theirs. */
static real *alike(const struct ser_task *t, struct state *z, int which, const struct ser_batch *b, size_t lo,
		   const int32_t *row, size_t n, const int32_t *code, const int32_t *other)
{
	real *m = z->target[which] =
		ser_grow(z->target[which], &z->cap_target[which], ser_mul(n, n), sizeof *z->target[which]);
	double alpha = own(t)->alpha;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			size_t p = b->row[lo + (size_t)row[i]], q = b->row[lo + (size_t)row[j]];
			double x = code[p] == code[q];
			if (other != NULL && other[p] >= 0 && other[q] >= 0)
				x = alpha * x + (1 - alpha) * (other[p] == other[q]);
			m[i * n + j] = (real)x;
		}
	if (own(t)->target == ROWSUM)
		for (size_t i = 0; i < n; i++) {
			double sum = 0;
			for (size_t j = 0; j < n; j++)
				sum += (double)m[i * n + j];
			for (size_t j = 0; j < n; j++)
				m[i * n + j] = (real)((double)m[i * n + j] / sum);
		}
	return m;
}

/* The mean of both directions' divergences. audio, text [n, D]; m is its own transpose. */
static int divergence(const struct ser_task *t, struct ser_tape *tape, int audio, int text, const real *m)
{
	const struct state *z = t->state;
	int c = ser_nn_linear(tape, audio, text, -1), part[2];
	for (int i = 0; i < 2; i++) {
		size_t head = i == 0 ? (size_t)t->head : (size_t)z->text;
		int s = ser_nn_scale_exp(tape, i == 0 ? c : ser_nn_transpose(tape, c),
					 ser_model_scale(z->m, tape, head));
		part[i] = own(t)->target == ROWSUM ? ser_nn_kl(tape, s, m, NULL) : ser_nn_clap_kl(tape, s, m);
	}
	return ser_nn_scale(tape, ser_nn_add(tape, part[0], part[1]), 0.5);
}

static bool all_rows(const struct ser_task *t)
{
	(void)t;
	return true;
}

static int loss(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, size_t lo, size_t hi,
		double norm)
{
	struct state *z = t->state;
	const struct opts *o = own(t);
	size_t n = 0, n_sub = 0;
	(void)norm; /* a mean over all rows */
	z->row = ser_grow(z->row, &z->cap_row, hi - lo, sizeof *z->row);
	for (size_t i = lo; i < hi; i++)
		if (t->code[b->row[i]] >= 0)
			z->row[n++] = (int32_t)(i - lo);
	if (n == 0)
		return -1;
	int audio = n < hi - lo ? ser_nn_rows(tape, out, n, z->row) : out;
	int text = row_texts(t, tape, b, lo, n);
	bool soft = z->gender != NULL && o->mode == SOFT, both = z->gender != NULL && o->mode == MULTITASK;
	int l = divergence(t, tape, audio, text, alike(t, z, 0, b, lo, z->row, n, t->code, soft ? z->gender : NULL));
	if (both) {
		int32_t *row = ser_malloc(n, sizeof *row);
		z->sub = ser_grow(z->sub, &z->cap_sub, n, sizeof *z->sub);
		for (size_t i = 0; i < n; i++)
			if (z->gender[b->row[lo + (size_t)z->row[i]]] >= 0) {
				z->sub[n_sub] = (int32_t)i;
				row[n_sub++] = z->row[i];
			}
		l = ser_nn_scale(tape, l, o->alpha);
		if (n_sub > 0) {
			const real *m = alike(t, z, 1, b, lo, row, n_sub, z->gender, NULL);
			int a = n_sub < n ? ser_nn_rows(tape, audio, n_sub, z->sub) : audio,
			    x = n_sub < n ? ser_nn_rows(tape, text, n_sub, z->sub) : text;
			l = ser_nn_add(tape, l, ser_nn_scale(tape, divergence(t, tape, a, x, m), 1 - o->alpha));
		}
		free(row);
	}
	return l;
}

/* Factors on cosines stay in [1, 100]. */
static void bound(struct ser_task *t, struct ser_model *m)
{
	const size_t heads[] = {(size_t)t->head, (size_t)((struct state *)t->state)->text};
	for (int i = 0; i < 2; i++) {
		real *x = m->params->val + m->params->slice[ser_model_scale_slice(m, heads[i])].at;
		*x = *x < 0 ? 0 : *x > (real)log(100) ? (real)log(100) : *x;
	}
}

/* ---- validation: the class whose texts are nearest ---- */

static void tally(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, double *conf)
{
	struct state *z = t->state;
	size_t d = own(t)->n_proj, n = z->prompts.n;
	int32_t *list = ser_malloc(n, sizeof *list);
	float *x = ser_malloc(ser_mul(n, d), sizeof *x), *class = ser_malloc(ser_mul(z->class.n, d), sizeof *class);
	for (size_t i = 0; i < n; i++)
		list[i] = (int32_t)i;
	int text = embed_texts(z, tape, list, n);
	struct ser_node u = ser_tape_node(tape, out), v = ser_tape_node(tape, text);
	for (size_t i = 0; i < n * d; i++)
		x[i] = (float)v.val[i];
	ser_prompts_mean(&z->prompts, x, d, class);
	for (size_t r = 0; r < b->n; r++) {
		size_t best = 0;
		double most = -HUGE_VAL;
		for (size_t k = 0; k < z->class.n; k++) {
			double dot = 0;
			for (size_t j = 0; j < d; j++)
				dot += (double)u.val[r * d + j] * (double)class[k * d + j];
			best = dot > most ? k : best;
			most = dot > most ? dot : most;
		}
		conf[(size_t)t->code[b->row[r]] * z->class.n + best]++;
	}
	free(list);
	free(x);
	free(class);
}

static void free_state(struct ser_task *t)
{
	struct state *z = t->state;
	free(((struct opts *)t->own)->prompt.s);
	if (z == NULL)
		return;
	void *its[] = {z->fixed, z->row, z->of, z->sub, z->target[0], z->target[1], z->source};
	for (size_t i = 0; i < sizeof its / sizeof *its; i++)
		free(its[i]);
	ser_prompts_free(&z->prompts);
	ser_arena_free(&z->arena);
	free(z);
}

const struct ser_task_kind train_clap = {
	.name = "clap",
	.summary = "Learn to bring records and the texts of their classes together (GEmo-CLAP).",
	.options = options,
	.defaults = &defaults,
	.size = sizeof defaults,
	.score = "uar",
	.crop_s = 14,
	.n_hidden = 512,
	.encoders = encoders,
	.head_name = head_name,
	.labels = labels,
	.texts = texts,
	.head = head,
	.more = more,
	.targets = targets,
	.weight = weight,
	.loss = loss,
	.all_rows = all_rows,
	.bound = bound,
	.tally_size = train_class_tally_size,
	.tally = tally,
	.total = train_class_total,
	.free = free_state,
};
