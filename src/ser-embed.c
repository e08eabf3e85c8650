/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "extract/extract.h"
#include "model/embed.h"

#include <stdlib.h>
#include <string.h>

enum { SOUNDS = 4 }; /* a thread at a time */

static struct ser_cli c;
static struct ser_model *m;
static struct ser_embed *em;
static const char *name;

/* ---- records ---- */

static int header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	(void)ctx;
	return ser_embed_header(em, h, name, e);
}

static int record(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	(void)ctx;
	int rc = ser_embed_do(em, worker, r, name, e);
	return rc < 0 ? rc : 1;
}

/* ---- heads ---- */

/* What is wanted of a head, in place of the encoder's own. */
struct job {
	const struct ser_model *m;
	struct ser_runner *run;
	struct ser_source source;
	int head; /* whose projection, or first hidden layer, is wanted; -1: none's */
	/* of a head over texts: */
	const char *label;
	struct ser_strs prompt;
	struct ser_prompts own; /* the model's classes, unless prompts are given */
	float *unit;            /* [own.class.n, n_out] */
	const char *name;
	bool frames;
};

static bool projects(const struct ser_head *h)
{
	return h->kind == SER_HEAD_UNIT || h->kind == SER_HEAD_TOWER;
}

static int head_header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	struct job *j = ctx;
	if (j->label == NULL && ser_runner_check_header(j->run, h, e) != 0)
		return e->code;
	struct ser_val axes = ser_val_list(), *dim = ser_header_dim_add(h, j->name);
	ser_val_push(&h->arena, &axes, ser_str("dim"));
	ser_val_set(&h->arena, dim, "axes", axes);
	const struct ser_val *spk = ser_val_get(&j->m->train, "speakers");
	if (spk != NULL)
		ser_val_set(&h->arena, dim, "train_speakers", *spk);
	return 0;
}

/* A head over texts: of the class that a label names, in the model's texts or in those given. */
static int record_text(struct job *j, struct ser_record *r, struct ser_err *e)
{
	const char *text;
	size_t d = j->m->head[j->head].n_out;
	if (ser_record_str(r, j->label, &text, e) != 0)
		return e->code;
	float *y = ser_arena_alloc(&r->arena, d, sizeof *y);
	size_t k = 0;
	while (k < j->own.class.n && strcmp(j->own.class.s[k], text) != 0)
		k++;
	if (k < j->own.class.n) {
		memcpy(y, j->unit + k * d, d * sizeof *y);
	} else {
		struct ser_prompts p = {.n = 0};
		struct ser_err why;
		int rc = ser_prompts_of(&p, j->m, &j->prompt, NULL, &(struct ser_strs){&text, 1}, &why);
		if (rc == 0)
			rc = ser_model_embed_classes(j->m, (size_t)j->head, &p, y, &why);
		ser_prompts_free(&p);
		if (rc != 0)
			return ser_record_fail(r, e, SER_EDATA, "%s", why.msg);
	}
	ser_record_set(r, j->name, ser_f4(y, 1, &d));
	return 1;
}

static int head_record(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	struct job *j = ctx;
	struct ser_tape *t;
	int y;
	if (j->label != NULL)
		return record_text(j, r, e);
	if (ser_runner_do(j->run, worker, r, &t, &y, e) < 0)
		return e->code;
	y = projects(&j->m->head[j->head]) ? ser_model_head(j->m, t, (size_t)j->head, y)
					   : ser_model_hidden(j->m, t, (size_t)j->head, y);
	return ser_runner_set(r, j->name, ser_tape_node(t, y), false, e) != 0 ? e->code : 1;
}

/* ---- sounds of manifests ---- */

/* Sounds that are whole wait for as many as threads work on; one that is longer goes through the network as it comes. */
static struct sounds {
	struct ser_pool *pool;
	struct ser_out *out;
	const char *field; /* what the encoder reads, made by the front-end */
	size_t most;       /* sounds that wait */
	struct sound {
		struct ser_record r; /* labels, then the result */
		float *x;            /* [n, d] */
		size_t n, d, cap;
		int rc;
		struct ser_err e;
	} * sound;
	size_t n;   /* of them, the last may still grow */
	bool open;  /* it does */
	bool piped; /* and it is long: what came before is in the network */
	bool failed;
} s;

static void put(struct sound *y)
{
	if (y->rc != SER_OK) {
		ser_cli_skip(&c, ser_record_id(&y->r), &y->e);
		return;
	}
	for (size_t i = 0; i < c.drop.n; i++)
		ser_record_drop(&y->r, c.drop.s[i]);
	ser_out_record(s.out, &y->r);
}

static void work(void *ctx, size_t i, int worker)
{
	(void)ctx;
	struct sound *y = &s.sound[i];
	ser_record_set(&y->r, s.field, ser_f4(y->x, 2, (size_t[]){y->n, y->d}));
	y->rc = ser_embed_do(em, worker, &y->r, name, &y->e);
	ser_record_drop(&y->r, s.field);
}

/* The first n sounds are whole. */
static void work_off(size_t n)
{
	ser_pool_for(s.pool, n, work, NULL);
	for (size_t i = 0; i < n; i++)
		put(&s.sound[i]);
	if (n < s.n) { /* the one that grows is first now */
		struct sound last = s.sound[n];
		s.sound[n] = s.sound[0];
		s.sound[0] = last;
	}
	s.n -= n;
}

/* The sound at hand has ended. */
static void close_sound(void)
{
	struct sound *y = s.n > 0 ? &s.sound[s.n - 1] : NULL;
	if (!s.open)
		return;
	if (s.piped) {
		if (y->rc == SER_OK)
			y->rc = ser_embed_end(em, 0, &y->r, name, &y->e);
		put(y);
		s.n--;
	}
	s.open = s.piped = false;
	if (s.n == s.most)
		work_off(s.n);
}

static void open_sound(const struct ser_record *r, const char *id)
{
	struct sound *y = &s.sound[s.n++];
	ser_record_copy(&y->r, r);
	ser_record_drop(&y->r, s.field);
	ser_record_drop(&y->r, "part_of");
	ser_record_set(&y->r, "id", ser_str(id));
	y->n = 0;
	y->rc = SER_OK;
	s.open = true;
	c.n_read++;
}

/* A sound, or a part of one */
static void take(void *ctx, const struct ser_record *part)
{
	(void)ctx;
	struct ser_record r = {0};
	const char *id, *of;
	const float *x;
	size_t shape[2];
	struct ser_err e;
	ser_record_copy(&r, part);
	ser_record_rename(&r, ser_record_get(&r, "func") != NULL ? "func" : "feat", s.field);
	id = ser_record_id(&r);
	if (ser_record_get(&r, "part_of") != NULL && ser_record_str(&r, "part_of", &of, &e) == SER_OK)
		id = of;
	if (ser_model_tensor(&r, s.field, &x, shape, &e) != SER_OK)
		ser_cli_die(&c, &e);
	if (s.open && strcmp(ser_record_id(&s.sound[s.n - 1].r), id) != 0)
		close_sound();
	if (!s.open)
		open_sound(&r, id);
	struct sound *y = &s.sound[s.n - 1];
	size_t chunk = ser_embed_chunk(em);
	if (chunk > 0 && !s.piped && y->n + shape[0] > chunk) {
		work_off(s.n - 1);
		y = &s.sound[0];
		s.piped = true;
		y->rc = ser_embed_push(em, 0, id, y->x, y->n, &y->e);
	}
	if (s.piped) {
		if (y->rc == SER_OK)
			y->rc = ser_embed_push(em, 0, id, x, shape[0], &y->e);
	} else {
		y->d = shape[1];
		y->x = ser_grow(y->x, &y->cap, ser_mul(y->n + shape[0], y->d), sizeof *y->x);
		memcpy(y->x + y->n * y->d, x, shape[0] * y->d * sizeof *x);
		y->n += shape[0];
	}
	ser_record_free(&r);
}

static void failed(void *ctx, const char *id, const struct ser_err *e)
{
	(void)ctx;
	bool is_open = s.open && strcmp(ser_record_id(&s.sound[s.n - 1].r), id) == 0;
	if (is_open && s.piped)
		ser_embed_forget(em, 0);
	if (is_open) {
		s.n--;
		s.open = s.piped = false;
	} else {
		close_sound();
		c.n_read++;
	}
	work_off(s.n);
	ser_cli_skip(&c, id, e);
}

static void sound_header(void *ctx, const struct ser_header *from)
{
	(void)ctx;
	struct ser_header h;
	struct ser_err e;
	close_sound();
	if (s.n > 0)
		work_off(s.n);
	ser_header_copy(&h, from);
	ser_header_extra_drop(&h, "parts");
	const struct ser_val *dim = ser_header_dim(&h, "func");
	const char *made = dim != NULL ? "func" : "feat";
	if (strcmp(made, s.field) != 0) {
		struct ser_val copy = *ser_header_dim(&h, made);
		*ser_header_dim_add(&h, s.field) = copy;
		ser_header_dim_drop(&h, made);
	}
	if (ser_embed_header(em, &h, name, &e) != SER_OK)
		ser_cli_die(&c, &e);
	ser_header_dim_drop(&h, s.field);
	ser_out_header(s.out, &h);
	ser_header_free(&h);
}

static void clipped(void *ctx, const char *id, const struct ser_audio_info *info)
{
	(void)ctx, (void)id, (void)info;
}

static void step(void *ctx, uint64_t n_sound, bool flush)
{
	(void)ctx;
	if (!flush)
		ser_cli_progress(&c, "sounds", n_sound, 0);
}

/* Sounds in place of records: the front-end is the one that the encoder was trained with; `one`: it is the only one that is wanted. */
static int from_sounds(const struct ser_encoder *enc, bool one, const struct ser_root *root)
{
	struct ser_extract *x;
	struct ser_extract_opt o;
	struct ser_front_opt front;
	char *functionals;
	struct ser_err e;
	const char *from = c.n_operand > 0 && strcmp(c.operand[0], "-") != 0 ? c.operand[0] : "<stdin>";
	if (!one || c.every_s > 0)
		ser_cli_fail(&c, SER_EDATA, "%s: no stream, and a manifest goes %s", from,
			     one ? "without --every" : "to one encoder: --source says which");
	if (enc->arch->n_token != NULL)
		ser_cli_fail(&c, SER_EDATA, "the model reads ids of tokens and no sound: ser-tokenize makes them");
	if (ser_extract_like(&front, &functionals, &enc->dims, &e) != SER_OK)
		ser_cli_fail(&c, SER_EDATA, "%s: no stream, and for a manifest the model %s", from, e.msg);
	ser_extract_opt_init(&o, front.kind);
	o.front = front;
	o.functionals = functionals;
	o.in_parts = true;
	o.root = *root;
	o.max_record = c.max_record;
	o.several = c.n_operand > 1;
	s.field = enc->field;
	s.most = (size_t)c.n_thread * SOUNDS;
	s.sound = ser_calloc(s.most, sizeof *s.sound);
	s.pool = ser_pool_new(c.n_thread);
	s.out = ser_out_open(&c);
	const struct ser_extract_sink to = {NULL, sound_header, take, failed, clipped, step};
	if (ser_extract_new(&x, &o, &to, &e) != SER_OK)
		ser_cli_die(&c, &e);
	int rc = c.n_operand == 0 ? ser_extract_manifest(x, stdin, "<stdin>", &e) : SER_OK;
	for (int i = 0; i < c.n_operand && rc == SER_OK; i++)
		rc = strcmp(c.operand[i], "-") == 0 ? ser_extract_manifest(x, stdin, "<stdin>", &e)
						    : ser_extract_input(x, c.operand[i], NULL, &e);
	if (rc != SER_OK)
		ser_cli_die(&c, &e);
	ser_extract_end(x);
	close_sound();
	work_off(s.n);
	ser_extract_free(x);
	ser_pool_free(s.pool);
	ser_out_close(s.out);
	for (size_t i = 0; i < s.most; i++) {
		ser_record_free(&s.sound[i].r);
		free(s.sound[i].x);
	}
	free(s.sound);
	free(functionals);
	return ser_cli_end(&c);
}

/* ---- options ---- */

/* What the options ask for: one field is followed with --every, and its frames are of one encoder. */
static void choose(struct ser_embed_opt *o, const char *source, const char *layer)
{
	struct ser_err e;
	if (source != NULL && ser_model_source_parse(m, source, &o->source, &e) != 0)
		ser_cli_usage(&c, "--source: %s", e.msg);
	size_t n_term = ser_model_source_terms(m, &o->source);
	struct ser_source_term term = ser_model_source_term(m, &o->source, 0);
	bool only_frames = o->frames || term.part == SER_PART_FRAMES;
	if (only_frames && (layer != NULL || ser_cli_given(&c, "pool")) && o->frames)
		ser_cli_usage(&c, "--frames is --pool none of the last layer: it goes without --layer and --pool");
	o->frames = only_frames || layer != NULL || ser_cli_given(&c, "pool");
	if (o->frames && n_term > 1)
		ser_cli_usage(&c, "--frames, --layer and --pool are of one encoder: --source says which");
	if (o->frames)
		o->source = (struct ser_source){1, {{term.encoder, SER_PART_FRAMES}}};
	if (only_frames && !ser_cli_given(&c, "pool"))
		o->pool = SER_EMBED_NONE;
	if (layer != NULL && ser_embed_layers(o, m, layer, &e) != 0)
		ser_cli_usage(&c, "--layer: %s", e.msg);
	if (name == NULL)
		name = o->frames && o->pool == SER_EMBED_NONE ? "frames" : "emb";
	bool taken = strcmp(name, "id") == 0;
	for (size_t i = 0; i < m->n_enc; i++)
		taken = taken || (m->enc[i].field != NULL && strcmp(name, m->enc[i].field) == 0);
	if (taken)
		ser_cli_usage(&c, "--name: \"%s\" is taken", name);
	if (c.every_s > 0 && n_term > 1)
		ser_cli_usage(&c, "--every follows one field: --source says which encoder's");
}

/* What a head makes of records or of texts. */
static void choose_head(struct ser_cli *cli, struct job *j, const char *of)
{
	struct ser_err e;
	j->head = of != NULL ? ser_model_head_find(j->m, of) : -1;
	const struct ser_head *h = j->head >= 0 ? &j->m->head[j->head] : NULL;
	if (of != NULL && (h == NULL || (!projects(h) && h->n_hidden == 0)))
		ser_cli_usage(cli, "--head: the model has no head \"%s\" with a projection or a hidden layer", of);
	if (h != NULL && (j->source.n > 0 || j->frames))
		ser_cli_usage(cli, "--head stands on a source of its own, without --source and --frames");
	bool texts = h != NULL && j->m->enc[ser_model_source_term(j->m, &h->source, 0).encoder].field == NULL;
	if (texts != (j->label != NULL) || (j->prompt.n > 0 && !texts))
		ser_cli_usage(cli, "--label, and --prompt, go with a --head over texts, as ser-train clap makes it");
	if (h == NULL || !texts) {
		j->source = h != NULL ? h->source : j->source;
		return;
	}
	if (cli->every_s > 0)
		ser_cli_usage(cli, "--every follows a field, a text has none");
	if (j->prompt.n > 0)
		return;
	if (ser_prompts_of(&j->own, j->m, &j->prompt, NULL, &j->prompt, &e) != 0)
		ser_cli_die(cli, &e);
	j->unit = ser_malloc(ser_mul(j->own.class.n, h->n_out), sizeof *j->unit);
	if (ser_model_embed_classes(j->m, (size_t)j->head, &j->own, j->unit, &e) != 0)
		ser_cli_die(cli, &e);
}

int main(int argc, char **argv)
{
	struct ser_embed_opt o = {.pool = SER_EMBED_MEAN, .chunk_s = 30, .overlap_s = 4};
	struct ser_root root = {0};
	struct job j = {.head = -1};
	const char *model = NULL, *source = NULL, *layer = NULL, *head = NULL;
	int precision = SER_LA_FULL, dtype = SER_F4;
	static const char *const dtypes[] = {[SER_F4] = "f4", [SER_F2] = "f2", NULL};
	const struct ser_option opts[] = {
		{"model", "model of ser-train or ser-model import", SER_OPT_STR(&model, "FILE"), .letter = 'm',
		 .flags = SER_OPTION_NEEDED | SER_OPTION_READ},
		{"source", "encoders whose embeddings stand side by side (default all)",
		 SER_OPT_STR(&source, "NAME[+NAME]...")},
		{"frames", "frame-level states [T,C] instead of one vector", SER_OPT_FLAG(&o.frames)},
		{"head",
		 "what this head projects to, or its first hidden layer before the ReLU, in place of embeddings",
		 SER_OPT_STR(&head, "NAME")},
		{"label", "with a head over texts: the label that names the class", SER_OPT_STR(&j.label, "NAME")},
		{"prompt", "text of a class, which stands for {}; of several the mean counts (default the model's)",
		 SER_OPT_LIST(&j.prompt, "TEXT")},
		{"layer", "states of these transformer layers: N, A-B or all; 0 is what goes into the first",
		 SER_OPT_STR(&layer, "LAYERS")},
		{"pool", "of states over time", SER_OPT_CHOICE(&o.pool, "HOW", ser_embed_pools)},
		{"chunk", "states of what is longer come from chunks of S seconds; 0: from the whole",
		 SER_OPT_SECONDS(&o.chunk_s, "S", 0, 36000)},
		{"overlap", "of these", SER_OPT_SECONDS(&o.overlap_s, "S", 0, 3600)},
		{"name", "name of the new tensor (default emb, or frames)", SER_OPT_STR(&name, "NAME")},
		{"dtype", "of it", SER_OPT_CHOICE(&dtype, "TYPE", dtypes)},
		{"precision", "of matrix products", SER_OPT_CHOICE(&precision, "NAME", ser_la_precisions)},
		{"root", "where the relative paths of a manifest begin", SER_OPT_STR(&root.dir, "DIR"),
		 .flags = SER_OPTION_SILENT},
		{0},
	};
	const struct ser_tool tool = {"ser-embed",
				      "Add what a trained encoder makes of the features, or the sound, of each record.",
				      "[FILE]...",
				      opts,
				      NULL,
				      SER_CLI_FILTER | SER_CLI_THREADS | SER_CLI_KEEP | SER_CLI_DROP | SER_CLI_FOLLOW |
					      SER_CLI_READ_ALL | SER_CLI_PROGRESS};
	struct ser_err e;
	ser_cli_begin(&c, &tool, argc, argv);
	if (ser_model_load(&m, model, &e) != 0)
		ser_cli_die(&c, &e);
	o.dtype = (enum ser_dtype)dtype;
	choose(&o, source, layer);
	j.m = m;
	j.source = o.source;
	j.frames = o.frames;
	j.name = name;
	choose_head(&c, &j, head);
	if (ser_embed_new(&em, m, &o, (enum ser_la_precision)precision, c.n_thread, &e) != 0)
		ser_cli_die(&c, &e);
	if (j.head < 0)
		ser_embed_consume(em);
	const struct ser_encoder *first = &m->enc[ser_model_source_term(m, &o.source, 0).encoder];
	int status;
	if (j.head >= 0) {
		j.run = ser_runner_new(m, &j.source, c.n_thread);
		if (ser_runner_precision(j.run, (enum ser_la_precision)precision, &e) != 0)
			ser_cli_die(&c, &e);
		if (j.label == NULL)
			ser_runner_consume(j.run);
		first = &m->enc[ser_model_source_term(m, &j.source, 0).encoder];
		status = ser_cli_follow(&c, &(struct ser_filter){head_header, head_record, &j}, first->field,
					first->arch->min_frame(first->hyper), NULL);
	} else if (ser_in_is_text(&c)) {
		status = from_sounds(first, ser_model_source_terms(m, &o.source) == 1, &root);
	} else {
		status = ser_cli_follow(&c, &(struct ser_filter){header, record, NULL}, first->field,
					first->arch->min_frame(first->hyper), NULL);
	}
	struct ser_buf note = {0};
	if (j.run != NULL)
		ser_runner_note(j.run, &note);
	else
		ser_embed_note(em, &note);
	if (note.n > 0)
		ser_cli_warn(&c, "%s", note.s);
	ser_buf_free(&note);
	ser_embed_free(em);
	ser_runner_free(j.run);
	ser_prompts_free(&j.own);
	free(j.unit);
	free(j.prompt.s);
	ser_model_free(m);
	return status;
}
