/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "extract/extract.h"
#include "model/embed.h"

#include <stdlib.h>
#include <string.h>

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

static size_t group(void *ctx, size_t n, const struct ser_record *r, size_t *order, size_t *first)
{
	(void)ctx;
	size_t *n_row = ser_malloc(n, sizeof *n_row);
	for (size_t i = 0; i < n; i++)
		n_row[i] = ser_embed_rows(em, &r[i]);
	size_t n_group = ser_embed_groups(em, n, n_row, order, first);
	free(n_row);
	return n_group;
}

static void several(void *ctx, int worker, size_t n, struct ser_record *const *r, int *verdict,
		    struct ser_err *const *e)
{
	(void)ctx;
	ser_embed_several(em, worker, n, r, name, verdict, e);
	for (size_t i = 0; i < n; i++)
		verdict[i] = verdict[i] < 0 ? verdict[i] : 1;
}

static int head_header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	return ser_embed_head_header(ctx, h, name, e);
}

static int head_record(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	int rc = ser_embed_head_do(ctx, worker, r, name, e);
	return rc < 0 ? rc : 1;
}

/* ---- sounds of manifests ---- */

static struct sounds {
	struct ser_embed_parts *parts;
	struct ser_out *out;
	const char *field; /* what the encoder reads, made by the front-end */
	uint64_t n_row;    /* of the manifests; 0: not known */
} s;

static void done(void *ctx, struct ser_record *r, const struct ser_err *e)
{
	(void)ctx;
	c.n_read++;
	if (e != NULL) {
		ser_cli_skip(&c, ser_record_id(r), e);
		return;
	}
	for (size_t i = 0; i < c.drop.n; i++)
		ser_record_drop(r, c.drop.s[i]);
	ser_out_record(s.out, r);
}

/* A sound, or a part of one */
static void take(void *ctx, const struct ser_record *part)
{
	struct ser_record r = {0};
	struct ser_err e;
	(void)ctx;
	ser_record_copy(&r, part);
	ser_record_rename(&r, ser_record_get(&r, "func") != NULL ? "func" : "feat", s.field);
	if (ser_embed_parts_add(s.parts, &r, &e) != SER_OK)
		ser_cli_die(&c, &e);
	ser_record_free(&r);
}

static void failed(void *ctx, const char *id, const struct ser_err *e)
{
	(void)ctx;
	c.n_read++;
	ser_embed_parts_fail(s.parts, id);
	ser_cli_skip(&c, id, e);
}

static void sound_header(void *ctx, const struct ser_header *from)
{
	(void)ctx;
	struct ser_header h;
	struct ser_err e;
	ser_embed_parts_end(s.parts);
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
		ser_cli_progress(&c, "sounds", n_sound, s.n_row);
}

/* Sounds in place of records: the front-end is the one that the encoder was trained with; `one`: it is the only one that is wanted, and
 * `frames` of it, in chunks. */
static int from_sounds(const struct ser_encoder *enc, bool one, bool frames, const struct ser_root *root)
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
	o.twice = frames;
	o.root = *root;
	o.max_record = c.max_record;
	o.several = c.n_operand > 1;
	s.field = enc->field;
	s.n_row = ser_cli_rows_ahead(&c);
	s.parts = ser_embed_parts_new(em, enc->field, name, c.n_thread, done, NULL);
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
	ser_embed_parts_end(s.parts);
	ser_extract_free(x);
	ser_out_close(s.out);
	ser_embed_parts_free(s.parts);
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

/* A record is taken whole: it is one of a batch, which no library cuts in chunks. */
static void like_padded(struct ser_embed_opt *o, double pad_s)
{
	struct ser_err e;
	if (ser_cli_given(&c, "chunk") || ser_cli_given(&c, "overlap") || ser_cli_given(&c, "head") || c.every_s > 0)
		ser_cli_usage(&c, "--like-padded goes without --chunk, --overlap, --head and --every");
	if (ser_embed_like_padded(m, o, pad_s, &e) != SER_OK)
		ser_cli_usage(&c, "--like-padded: %s", e.msg);
	o->chunk_s = 0;
}

/* The head by its name, and what may stand beside it. */
static void choose_head(const char *of, struct ser_embed_opt *o, struct ser_embed_head_opt *h)
{
	int k = of != NULL ? ser_model_head_find(m, of) : -1;
	if (of != NULL && (k < 0 || !ser_embed_head_has(m, (size_t)k)))
		ser_cli_usage(&c, "--head: the model has no head \"%s\" with a projection or a hidden layer", of);
	if (of != NULL && (o->source.n > 0 || o->frames))
		ser_cli_usage(&c, "--head stands on a source of its own, without --source and --frames");
	if (of != NULL && ser_cli_given(&c, "dtype"))
		ser_cli_usage(&c, "--dtype is of embeddings: what a --head makes is f4");
	bool texts = of != NULL && ser_embed_head_texts(m, (size_t)k);
	if (texts != (h->label != NULL) || (h->prompt.n > 0 && !texts))
		ser_cli_usage(&c, "--label, and --prompt, go with a --head over texts, as ser-train clap makes it");
	if (texts && c.every_s > 0)
		ser_cli_usage(&c, "--every follows a field, a text has none");
	if (of == NULL)
		return;
	h->head = (size_t)k;
	if (!texts)
		o->source = m->head[k].source;
}

int main(int argc, char **argv)
{
	struct ser_embed_opt o = {.pool = SER_EMBED_MEAN, .chunk_s = 30, .overlap_s = 4};
	struct ser_root root = {0};
	struct ser_embed_head_opt ho = {0};
	struct ser_embed_head *eh = NULL;
	const char *model = NULL, *source = NULL, *layer = NULL, *head = NULL;
	int precision = SER_LA_FULL, dtype = SER_F4;
	double pad_s = 0;
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
		{"label", "with a head over texts: the label that names the class", SER_OPT_STR(&ho.label, "NAME")},
		{"prompt", "text of a class, which stands for {}; of several the mean counts (default the model's)",
		 SER_OPT_LIST(&ho.prompt, "TEXT")},
		{"layer", "states of these transformer layers: N, A-B or all; 0 is what goes into the first",
		 SER_OPT_STR(&layer, "LAYERS")},
		{"pool", "of states over time", SER_OPT_CHOICE(&o.pool, "HOW", ser_embed_pools)},
		{"chunk", "states of what is longer come from chunks of S seconds; 0: from the whole",
		 SER_OPT_SECONDS(&o.chunk_s, "S", 0, 36000)},
		{"overlap", "of these", SER_OPT_SECONDS(&o.overlap_s, "S", 0, 3600)},
		{"like-padded",
		 "what libraries give of a sound in a batch that is padded with zeros to S seconds; 0: of it alone",
		 SER_OPT_SECONDS(&pad_s, "S", 0, 1000)},
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
				      SER_CLI_FILTER | SER_CLI_STREAM | SER_CLI_THREADS | SER_CLI_KEEP | SER_CLI_DROP |
					      SER_CLI_FOLLOW | SER_CLI_READ_ALL | SER_CLI_PROGRESS};
	struct ser_err e;
	ser_cli_begin(&c, &tool, argc, argv);
	if (ser_model_load(&m, model, &e) != 0)
		ser_cli_die(&c, &e);
	o.dtype = (enum ser_dtype)dtype;
	choose(&o, source, layer);
	choose_head(head, &o, &ho);
	if (pad_s > 0)
		like_padded(&o, pad_s);
	if (head != NULL ? ser_embed_head_new(&eh, m, &ho, (enum ser_la_precision)precision, c.n_thread, &e) != 0
			 : ser_embed_new(&em, m, &o, (enum ser_la_precision)precision, c.n_thread, &e) != 0)
		ser_cli_die(&c, &e);
	const struct ser_encoder *first = &m->enc[ser_model_source_term(m, &o.source, 0).encoder];
	const struct ser_filter of_head = {head_header, head_record, eh, NULL, NULL};
	const struct ser_filter of_encoder = {header, record, NULL, group, several};
	const struct ser_filter *f = head != NULL ? &of_head : &of_encoder;
	int status;
	if (head != NULL)
		ser_embed_head_consume(eh);
	else
		ser_embed_consume(em);
	if (head == NULL && ser_in_is_text(&c))
		status = from_sounds(first, ser_model_source_terms(m, &o.source) == 1, o.frames, &root);
	else
		status = ser_cli_follow(&c, f, first->field, first->arch->min_frame(first->hyper), NULL);
	struct ser_buf note = {0};
	if (head != NULL)
		ser_embed_head_note(eh, &note);
	else
		ser_embed_note(em, &note);
	if (note.n > 0)
		ser_cli_warn(&c, "%s", note.s);
	ser_buf_free(&note);
	ser_embed_free(em);
	ser_embed_head_free(eh);
	free(ho.prompt.s);
	ser_model_free(m);
	return status;
}
