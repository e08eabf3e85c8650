/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "corpus/corpus.h"
#include "extract/extract.h"
#include "model/card.h"
#include "model/import.h"
#include "model/model.h"
#include "text/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SHOW, CARD, EXPORT, IMPORT, ARCHS };

/* ---- show ---- */

static void show_params(const struct ser_model *m)
{
	const struct ser_params *p = m->params;
	printf("\n%-44s %-18s %12s %12s %12s\n", "tensor", "shape", "elements", "mean", "deviation");
	for (size_t i = 0; i < p->n_slice; i++) {
		const struct ser_slice *s = &p->slice[i];
		const real *x = p->val + s->at;
		double mean = ser_la_sum(s->n, x) / (double)s->n, sq = 0;
		char shape[96] = "";
		size_t dims[SER_MAX_DIM], at = 0;
		float *out = ser_malloc(s->n, sizeof *out);
		ser_model_slice_out(s, x, out, dims);
		free(out);
		for (int k = 0; k < s->ndim; k++)
			at += (size_t)snprintf(shape + at, sizeof shape - at, k == 0 ? "%zu" : "x%zu", dims[k]);
		for (size_t k = 0; k < s->n; k++)
			sq += ((double)x[k] - mean) * ((double)x[k] - mean);
		printf("%-44s %-18s %12zu %12.5g %12.5g%s\n", s->name, shape, s->n, mean, sqrt(sq / (double)s->n),
		       s->flags & SER_P_BUFFER ? "  state" : "");
	}
}

static void show(struct ser_cli *c, const char *path, bool json)
{
	struct ser_model *m;
	struct ser_err e;
	if (ser_model_load(&m, path, &e) != 0)
		ser_cli_die(c, &e);
	if (json) {
		struct ser_arena a = {0};
		struct ser_st_tensor *t;
		struct ser_st_meta *meta;
		size_t n, n_meta;
		ser_model_pack(m, &a, &t, &n, &meta, &n_meta);
		for (size_t i = 0; i < n_meta; i++) { /* all but these are JSON already */
			struct ser_val v = ser_str(meta[i].val);
			struct ser_buf b = {0};
			bool text = strcmp(meta[i].key, "format") == 0 || strcmp(meta[i].key, "version") == 0 ||
				    strcmp(meta[i].key, "arch") == 0;
			if (text)
				ser_val_json(&b, &v, false);
			printf("%s\"%s\":%s", i == 0 ? "{" : ",", meta[i].key, text ? b.s : meta[i].val);
			ser_buf_free(&b);
		}
		printf(",\"parameters\":%zu}\n", ser_params_count(m->params, false));
		ser_arena_free(&a);
	} else {
		struct ser_buf b = {0};
		ser_model_describe(m, &b);
		fwrite(b.s, 1, b.n, stdout);
		ser_buf_free(&b);
		show_params(m);
	}
	ser_model_free(m);
}

/* ---- export ---- */

static void export_model(struct ser_cli *c, const char *path, bool encoder_only, bool hf)
{
	struct ser_model *m;
	struct ser_err e;
	if (ser_model_load(&m, path, &e) != 0 ||
	    (hf ? ser_encoder_export(m, path, c->out, &e) : ser_model_export(m, c->out, encoder_only, &e)) != 0)
		ser_cli_die(c, &e);
	ser_model_free(m);
}

/* ---- card ---- */

struct card {
	struct ser_strs scores;
	const char *corpora, *licence;
};

static void card(struct ser_cli *c, const char *path, const struct card *o)
{
	struct ser_model *m;
	struct ser_err e;
	struct ser_arena a = {0};
	struct ser_strs names = ser_cli_names(c, "corpus", o->corpora);
	struct ser_corpus **known = ser_calloc(names.n, sizeof *known);
	struct ser_card_corpus *corpus = ser_calloc(names.n, sizeof *corpus);
	struct ser_val *score = ser_calloc(o->scores.n, sizeof *score);
	struct ser_buf b = {0};
	if (ser_model_load(&m, path, &e) != 0)
		ser_cli_die(c, &e);
	for (size_t i = 0; i < names.n; i++) {
		const struct ser_corpus *k = known[i] = ser_corpus_builtin(names.s[i], &e);
		if (k == NULL)
			ser_cli_die(c, &e);
		const char *title = ser_corpus_about(k, "title", 0);
		corpus[i] = (struct ser_card_corpus){title != NULL ? title : names.s[i], ser_corpus_about(k, "lang", 0),
						     ser_corpus_about(k, "licence", 0), ser_corpus_about(k, "cite", 0),
						     ser_corpus_about(k, "get", 0)};
	}
	for (size_t i = 0; i < o->scores.n; i++) {
		char *text;
		size_t n;
		if (ser_read_file(o->scores.s[i], (size_t)64 << 20, &text, &n, &e) != 0)
			ser_cli_die(c, &e);
		if (ser_val_from_json(&a, text, n, &score[i], &e) != 0) {
			ser_fail_in(&e, "%s", o->scores.s[i]);
			ser_cli_die(c, &e);
		}
		free(text);
	}
	const char *slash = strrchr(path, '/');
	const struct ser_card about = {
		slash != NULL ? slash + 1 : path, o->licence, score, o->scores.s, o->scores.n, corpus, names.n};
	if (ser_model_card(m, &about, &b, &e) != 0)
		ser_cli_die(c, &e);
	fwrite(b.s, 1, b.n, stdout);
	ser_buf_free(&b);
	ser_arena_free(&a);
	for (size_t i = 0; i < names.n; i++)
		ser_corpus_free(known[i]);
	free(known);
	free(corpus);
	free(score);
	ser_cli_names_free(&names);
	ser_model_free(m);
}

/* ---- import ---- */

struct import {
	int from; /* one of ser_model_sources, or behind them of ser_encoder_sources */
	const char *field, *features, *label;
	struct ser_strs hyper;
};

static bool is_encoder(const struct import *o, enum ser_encoder_source *from)
{
	*from = (enum ser_encoder_source)(o->from - SER_N_MODEL_SOURCE);
	return o->from >= SER_N_MODEL_SOURCE;
}

/* What a stream of features made for the network says of its field; the features have the width that it wants. */
static void look_at_features(struct ser_cli *c, const struct import *o, const struct ser_model *m, struct ser_in *in)
{
	struct ser_record r = {0};
	struct ser_err e;
	const float *x;
	size_t shape[2];
	while (ser_in_next(in, &r, NULL)) {
		if (ser_model_tensor(&r, m->enc[0].field, &x, shape, &e) != 0)
			ser_cli_die(c, &e);
		if (shape[1] != m->enc[0].n_in)
			ser_cli_fail(c, SER_EDATA, "%s: has %zu dimension%s a frame, the network wants %zu",
				     o->features, shape[1], ser_s(shape[1]), m->enc[0].n_in);
	}
	ser_record_free(&r);
}

/* What ser-tokenize says of ids by the tokenizer that lies beside a network that takes text; without one, nothing */
static void own_tokens(struct ser_cli *c, struct ser_model *m, const char *path)
{
	struct ser_tokenizer *t;
	struct ser_arena a = {0};
	struct ser_val axes = ser_val_list(), dim = ser_val_map();
	struct stat st;
	struct ser_err e;
	const char *slash = strrchr(path, '/');
	bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	char sum[17], *at = folder          ? ser_strdup(path)
			    : slash != NULL ? ser_strndup(path, (size_t)(slash - path) + 1)
					    : ser_strdup(".");
	if (ser_tokenizer_open(&t, at, &e) == SER_OK) {
		ser_tokenizer_sum(t, sum);
		ser_val_push(&a, &axes, ser_str("token"));
		ser_val_set(&a, &dim, "axes", axes);
		ser_val_set(&a, &dim, "vocabulary", ser_str(sum));
		ser_val_set(&a, &dim, "n_token", ser_int((int64_t)ser_tokenizer_size(t)));
		ser_model_input(m, m->enc[0].field, m->enc[0].n_in, &dim, SER_NORM_NONE);
		ser_tokenizer_close(t);
	} else {
		ser_cli_info(c, "no tokenizer beside it, ids by any are taken: %s", e.msg);
	}
	ser_arena_free(&a);
	free(at);
}

/* What the front-end of a network that takes sound says of its field */
static void own_front(struct ser_cli *c, struct ser_model *m)
{
	struct ser_front_opt front;
	struct ser_val dim = ser_val_map();
	struct ser_arena a = {0};
	struct ser_buf text = {0};
	struct ser_err e;
	ser_encoder_front(m, &text);
	if (text.n > 0 &&
	    (ser_front_parse(&front, text.s, &e) != SER_OK || ser_extract_dim(&front, &a, &dim, &e) != SER_OK))
		ser_cli_die(c, &e);
	if (text.n > 0)
		ser_model_input(m, m->enc[0].field, m->enc[0].n_in, &dim, SER_NORM_NONE);
	ser_buf_free(&text);
	ser_arena_free(&a);
}

static void say_notes(const struct ser_cli *c, struct ser_encoder_notes *n)
{
	if (n->n_passed > 0)
		ser_cli_info(c, "passed over %zu tensors that are not the encoder's: %s", n->n_passed, n->passed.s);
	if (n->n_zero > 0)
		ser_cli_info(c, "filled with zeros: %s", n->zero.s);
	ser_buf_free(&n->passed);
	ser_buf_free(&n->zero);
}

static int read_encoder(const struct ser_cli *c, struct ser_model **m, struct ser_weights *w, const char *path,
			const struct import *o, struct ser_err *e)
{
	struct ser_encoder_about about = {
		.hyper = o->hyper.s, .n_hyper = o->hyper.n, .field = o->field, .label = o->label};
	struct ser_encoder_notes notes = {0};
	enum ser_encoder_source from;
	struct ser_val config, processor;
	int rc = 0;
	if (is_encoder(o, &from) && from == SER_FROM_HF) {
		if ((rc = ser_weights_json(w, path, "config.json", &config, e)) < 0)
			return rc;
		about.config = rc > 0 ? &config : NULL;
		if ((rc = ser_weights_json(w, path, "preprocessor_config.json", &processor, e)) < 0)
			return rc;
		about.processor = rc > 0 ? &processor : NULL;
	}
	rc = ser_encoder_import(m, w, from, &about, &notes, e);
	say_notes(c, &notes);
	return rc != 0 ? ser_fail_in(e, "%s", path) : 0;
}

static void import_model(struct ser_cli *c, const char *path, const struct import *o)
{
	struct ser_weights *w;
	struct ser_model *m;
	struct ser_err e;
	struct ser_header h;
	struct ser_in *in = NULL;
	enum ser_encoder_source from;
	const char *field = o->field != NULL ? o->field : "feat";
	bool encoder = is_encoder(o, &from);
	if (!encoder && o->features == NULL)
		ser_cli_usage(c, "option --features is needed with --from %s", ser_model_sources[o->from]);
	if (!encoder && o->hyper.n > 0)
		ser_cli_usage(c, "--hyper has no meaning with --from %s", ser_model_sources[o->from]);
	ser_header_init(&h);
	if (o->features != NULL) {
		in = ser_in_files(c, (char *const[]){(char *)(uintptr_t)o->features}, 1);
		ser_header_free(&h);
		ser_header_copy(&h, ser_in_header(in));
	}
	if (ser_weights_open(&w, path, &e) != 0)
		ser_cli_die(c, &e);
	int rc = encoder ? read_encoder(c, &m, w, path, o, &e)
			 : ser_model_import(&m, &w->all, (enum ser_model_source)o->from, field,
					    ser_header_dim(&h, field), &e);
	if (rc != 0) {
		if (!encoder)
			ser_fail_in(&e, "%s", path);
		ser_cli_die(c, &e);
	}
	if (in != NULL) {
		look_at_features(c, o, m, in);
		ser_model_input(m, m->enc[0].field, m->enc[0].n_in, ser_header_dim(&h, m->enc[0].field), SER_NORM_NONE);
		ser_in_close(in);
	} else if (m->enc[0].arch->n_token != NULL) {
		own_tokens(c, m, path);
	} else {
		own_front(c, m);
	}
	ser_cli_prov_header(c, &h);
	m->prov = ser_val_copy(&m->arena, &h.prov);
	ser_val_set(&m->arena, &m->train, "task", ser_str("import"));
	ser_val_set(&m->arena, &m->train, "from",
		    ser_str(encoder ? ser_encoder_sources[from] : ser_model_sources[o->from]));
	if (ser_model_save(m, c->out, &e) != 0)
		ser_cli_die(c, &e);
	ser_header_free(&h);
	ser_model_free(m);
	ser_weights_free(w);
}

/* ---- archs ---- */

static void archs(void)
{
	static const char *const kinds[] = {"real", "whole", "odd"};
	for (size_t i = 0; ser_archs[i] != NULL; i++) {
		const struct ser_arch *a = ser_archs[i];
		printf("%s: %s\n", a->name, a->summary);
		for (const struct ser_hyper *h = a->hyper; h->name != NULL; h++) {
			printf("  %-12s %s (", h->name, h->help);
			for (size_t k = 0; h->kind == SER_HYPER_CHOICE && k <= (size_t)h->hi; k++)
				printf("%s%s", k > 0 ? ", " : "", h->names[k]);
			if (h->kind == SER_HYPER_CHOICE)
				printf("; default %s)\n", h->names[(size_t)h->dflt]);
			else
				printf("%s, %g to %g; default %g)\n", kinds[h->kind], h->lo, h->hi, h->dflt);
		}
	}
}

int main(int argc, char **argv)
{
	bool json = false, encoder = false;
	static const char *const layouts[] = {"plain", "hf", NULL};
	int layout = 0;
	static struct import import;
	const char *sources[SER_N_MODEL_SOURCE + SER_N_ENCODER_SOURCE + 1] = {NULL};
	memcpy(sources, ser_model_sources, SER_N_MODEL_SOURCE * sizeof *sources);
	memcpy(sources + SER_N_MODEL_SOURCE, ser_encoder_sources, SER_N_ENCODER_SOURCE * sizeof *sources);
	const struct ser_option show_opts[] = {
		{"json", "one JSON object, without the tensors", SER_OPT_FLAG(&json)},
		{0},
	};
	static struct card about;
	const struct ser_option card_opts[] = {
		{"scores", "a report of ser-score --json; may be given again", SER_OPT_LIST(&about.scores, "FILE")},
		{"corpus", "corpora that it learnt from, as ser-prep --list names them",
		 SER_OPT_STR(&about.corpora, "A,B,...")},
		{"licence", "of the weights", SER_OPT_STR(&about.licence, "TEXT")},
		{0},
	};
	const struct ser_option export_opts[] = {
		{"encoder", "the encoders alone, their names without \"encoder.\"", SER_OPT_FLAG(&encoder)},
		{"to", "plain: a file of safetensors; hf: a folder of an encoder that transformers takes",
		 SER_OPT_CHOICE(&layout, "LAYOUT", layouts)},
		{0},
	};
	const struct ser_option import_opts[] = {
		{"from", "whose names the tensors have", SER_OPT_CHOICE(&import.from, "TOOLKIT", sources),
		 .flags = SER_OPTION_NEEDED},
		{"features",
		 "a stream of features as the network wants them; what its header says of them goes into the model",
		 SER_OPT_STR(&import.features, "FILE"), .flags = SER_OPTION_SILENT},
		{"field", "the tensor that it reads (default feat, of text tok)", SER_OPT_STR(&import.field, "NAME")},
		{"label", "take the head behind the encoder, too; what its classes are of, as emo",
		 SER_OPT_STR(&import.label, "NAME")},
		{"hyper", "of the architecture, whatever the files say", SER_OPT_LIST(&import.hyper, "NAME=VALUE")},
		{0},
	};
	const struct ser_mode modes[] = {
		[SHOW] = {"show", "Say what a model is and where it comes from.", show_opts, NULL},
		[CARD] = {"card", "A model card: what others should know before they use it, in Markdown.", card_opts,
			  NULL},
		[EXPORT] = {"export", "Write its tensors as plain safetensors, in PyTorch's layout.", export_opts,
			    NULL},
		[IMPORT] = {"import", "Make a model of another toolkit's weights.", import_opts, NULL},
		[ARCHS] = {"archs", "List the architectures and their hyper-parameters.", NULL, ""},
		{0},
	};
	const struct ser_tool tool = {"ser-model", "Look into model files and convert them.",
				      "FILE",      NULL,
				      modes,       SER_CLI_OUT | SER_CLI_READ_ALL};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);
	if (c.mode != ARCHS && c.n_operand != 1)
		ser_cli_usage(&c, "expected one model file");
	if (c.mode != EXPORT && c.mode != IMPORT && c.out != NULL)
		ser_cli_usage(&c, "--output is for export and import");
	if ((c.mode == EXPORT || c.mode == IMPORT) && (c.out == NULL || strcmp(c.out, "-") == 0))
		ser_cli_usage(&c, "option --output is needed");
	if (encoder && layout == 1)
		ser_cli_usage(&c, "--encoder has no meaning with --to hf");
	if (c.mode == SHOW)
		show(&c, c.operand[0], json);
	else if (c.mode == CARD)
		card(&c, c.operand[0], &about);
	else if (c.mode == EXPORT)
		export_model(&c, c.operand[0], encoder, layout == 1);
	else if (c.mode == IMPORT)
		import_model(&c, c.operand[0], &import);
	else
		archs();
	return ser_cli_end(&c);
}
