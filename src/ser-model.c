/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOW, EXPORT, IMPORT, ARCHS };

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

/* Plain tensors under plain names, with nothing of ours but what a reader needs to rebuild the network. */
static void export_model(struct ser_cli *c, const char *path, bool encoder_only)
{
	struct ser_model *m;
	struct ser_err e;
	struct ser_arena a = {0};
	struct ser_st_tensor *t;
	struct ser_st_meta *meta;
	size_t n, n_meta, kept = 0;
	if (c->out == NULL || strcmp(c->out, "-") == 0)
		ser_cli_usage(c, "option --output is needed");
	if (ser_model_load(&m, path, &e) != 0)
		ser_cli_die(c, &e);
	ser_model_pack(m, &a, &t, &n, &meta, &n_meta);
	for (size_t i = 0; i < n; i++) {
		bool encoder = strncmp(t[i].name, "encoder.", 8) == 0;
		if (encoder_only && !encoder)
			continue;
		t[kept] = t[i];
		if (encoder_only)
			t[kept].name += 8;
		kept++;
	}
	struct ser_st_meta pt = {"format", "pt"}; /* what PyTorch's loader looks for */
	if (ser_st_save(c->out, t, kept, &pt, 1, &e) != 0)
		ser_cli_die(c, &e);
	ser_arena_free(&a);
	ser_model_free(m);
}

/* ---- import ---- */

/* The front-end is that of a stream of features made for this network. */
static void import_model(struct ser_cli *c, const char *path, int from, const char *field, const char *features)
{
	struct ser_st *s;
	struct ser_model *m;
	struct ser_err e;
	if (c->out == NULL || strcmp(c->out, "-") == 0)
		ser_cli_usage(c, "option --output is needed");
	struct ser_in *in = ser_in_files(c, (char *const[]){(char *)(uintptr_t)features}, 1);
	struct ser_header h;
	struct ser_record r = {0};
	const float *x;
	size_t shape[2];
	ser_header_copy(&h, ser_in_header(in));
	if (ser_st_open(&s, path, &e) != 0)
		ser_cli_die(c, &e);
	if (ser_model_import(&m, s, (enum ser_model_source)from, field, ser_header_dim(&h, field), &e) != 0) {
		ser_fail_in(&e, "%s", path);
		ser_cli_die(c, &e);
	}
	while (ser_in_next(in, &r, NULL)) {
		if (ser_model_tensor(&r, field, &x, shape, &e) != 0)
			ser_cli_die(c, &e);
		if (shape[1] != m->enc[0].n_in)
			ser_cli_fail(c, SER_EDATA, "%s: has %zu dimensions a frame, the network wants %zu", features,
				     shape[1], m->enc[0].n_in);
	}
	ser_cli_prov_header(c, &h);
	m->prov = ser_val_copy(&m->arena, &h.prov);
	ser_val_set(&m->arena, &m->train, "task", ser_str("import"));
	ser_val_set(&m->arena, &m->train, "from", ser_str(ser_model_sources[from]));
	if (ser_model_save(m, c->out, &e) != 0)
		ser_cli_die(c, &e);
	ser_record_free(&r);
	ser_in_close(in);
	ser_header_free(&h);
	ser_model_free(m);
	ser_st_free(s);
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
	int from = SER_FROM_SPEECHBRAIN;
	const char *field = "feat", *features = NULL;
	const struct ser_option show_opts[] = {
		{"json", "one JSON object, without the tensors", SER_OPT_FLAG(&json)},
		{0},
	};
	const struct ser_option export_opts[] = {
		{"encoder", "the encoders alone, their names without \"encoder.\"", SER_OPT_FLAG(&encoder)},
		{0},
	};
	const struct ser_option import_opts[] = {
		{"from", "whose names the tensors have", SER_OPT_CHOICE(&from, "TOOLKIT", ser_model_sources),
		 .flags = SER_OPTION_NEEDED},
		{"features", "a stream of features as the network wants them; its header goes into the model",
		 SER_OPT_STR(&features, "FILE"), .flags = SER_OPTION_NEEDED | SER_OPTION_SILENT},
		{"field", "their tensor", SER_OPT_STR(&field, "NAME")},
		{0},
	};
	const struct ser_mode modes[] = {
		[SHOW] = {"show", "Say what a model is and where it comes from.", show_opts, NULL},
		[EXPORT] = {"export", "Write its tensors as plain safetensors, in PyTorch's layout.", export_opts,
			    NULL},
		[IMPORT] = {"import", "Make a model of another toolkit's ECAPA-TDNN in safetensors.", import_opts,
			    NULL},
		[ARCHS] = {"archs", "List the architectures and their hyper-parameters.", NULL, ""},
		{0},
	};
	const struct ser_tool tool = {"ser-model", "Look into model files and convert them.", "FILE", NULL, modes,
				      SER_CLI_OUT};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);
	if (c.mode != ARCHS && c.n_operand != 1)
		ser_cli_usage(&c, "expected one model file");
	if (c.mode != EXPORT && c.mode != IMPORT && c.out != NULL)
		ser_cli_usage(&c, "--output is for export and import");
	if (c.mode == SHOW)
		show(&c, c.operand[0], json);
	else if (c.mode == EXPORT)
		export_model(&c, c.operand[0], encoder);
	else if (c.mode == IMPORT)
		import_model(&c, c.operand[0], from, field, features);
	else
		archs();
	return ser_cli_end(&c);
}
