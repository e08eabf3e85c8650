/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "text/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 512 }; /* tokens of a text, where neither options nor files say */

struct worker {
	struct ser_tokens tokens;
	struct ser_buf text;
	uint64_t n_cut;
};

static struct ser_cli c;
static struct {
	struct ser_tokenizer *t;
	const char *label, *field;
	size_t max;
	bool special;
	struct worker *w; /* [n_thread] */
	char sum[17];     /* of the vocabulary */
} job = {.label = "text", .field = "tok"};

static void check(int rc, const struct ser_err *e)
{
	if (rc != SER_OK)
		ser_cli_die(&c, e);
}

/* ---- to ids ---- */

static int header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	(void)ctx, (void)e;
	struct ser_val axes = ser_val_list(), *dim = ser_header_dim_add(h, job.field);
	ser_val_push(&h->arena, &axes, ser_str("token"));
	ser_val_set(&h->arena, dim, "axes", axes);
	ser_val_set(&h->arena, dim, "vocabulary", ser_str(job.sum));
	ser_val_set(&h->arena, dim, "n_token", ser_int((int64_t)ser_tokenizer_size(job.t)));
	return SER_OK;
}

static int encode(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	(void)ctx;
	struct worker *w = &job.w[worker];
	const char *text;
	if (ser_record_str(r, job.label, &text, e) != SER_OK)
		return e->code;
	ser_tokenizer_encode(job.t, text, strlen(text), job.max, job.special, &w->tokens);
	w->n_cut += w->tokens.cut;
	ser_record_set_copy(r, job.field, ser_tensor(SER_I4, w->tokens.id, 1, &w->tokens.n));
	return 1;
}

/* ---- back to text ---- */

static int decode(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	(void)ctx;
	struct worker *w = &job.w[worker];
	const struct ser_val *v = ser_record_get(r, job.field);
	if (v == NULL || v->kind != SER_TENSOR || v->u.t.ndim != 1 ||
	    (v->u.t.dtype != SER_I2 && v->u.t.dtype != SER_I4 && v->u.t.dtype != SER_I8))
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" is no integer tensor of 1 axis", job.field);
	size_t n = v->u.t.shape[0];
	int32_t *id = ser_arena_alloc(&r->arena, n, sizeof *id);
	for (size_t i = 0; i < n; i++) {
		double x = ser_tensor_real(&v->u.t, i);
		id[i] = x >= 0 && x <= INT32_MAX ? (int32_t)x : -1;
	}
	struct ser_err bad;
	w->text.n = 0;
	if (ser_tokenizer_decode(job.t, id, n, &w->text, &bad) != SER_OK)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\": %s", job.field, bad.msg);
	if (!ser_utf8_ok(w->text.s, w->text.n))
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" ends, or begins, amid a character", job.field);
	ser_record_set_copy(r, job.label, ser_strn(w->text.s, w->text.n));
	return 1;
}

/* ---- a vocabulary of one's own ---- */

static int train(size_t n_token)
{
	struct ser_in *in = ser_in_open(&c);
	struct ser_tokenizer_trainer *tr = ser_tokenizer_trainer_new();
	struct ser_record r = {0};
	struct ser_err e;
	bool any = false;
	while (ser_in_next(in, &r, NULL)) {
		const char *text;
		if (ser_record_str(&r, job.label, &text, &e) != SER_OK) {
			ser_cli_skip(&c, ser_record_id(&r), &e);
			continue;
		}
		ser_tokenizer_trainer_add(tr, text, strlen(text));
		any = true;
	}
	if (!any)
		ser_cli_fail(&c, SER_EDATA, "there is no text to make tokens of");
	ser_record_free(&r);
	ser_in_close(in);

	struct ser_tokenizer *t = ser_tokenizer_train(tr, n_token);
	struct ser_outfile o;
	struct ser_buf json = {0};
	ser_tokenizer_json(t, &json);
	check(ser_outfile_open(&o, c.out, &e), &e);
	fwrite(json.s, 1, json.n, o.f);
	fputc('\n', o.f);
	check(ser_outfile_commit(&o, &e), &e);
	if (ser_tokenizer_size(t) < n_token)
		ser_cli_warn(&c, "%zu token%s, not %zu: no two others are neighbours twice", ser_tokenizer_size(t),
			     ser_s(ser_tokenizer_size(t)), n_token);
	ser_buf_free(&json);
	ser_tokenizer_close(t);
	ser_tokenizer_trainer_free(tr);
	return ser_cli_end(&c);
}

static void open_tokenizer(const char *path)
{
	struct ser_err e;
	check(ser_tokenizer_open(&job.t, path, &e), &e);
	ser_tokenizer_sum(job.t, job.sum);
	size_t limit = ser_tokenizer_limit(job.t), around = ser_tokenizer_around(job.t);
	if (job.max == 0)
		job.max = limit > 0 ? limit : LONGEST;
	if (job.max <= around)
		ser_cli_usage(&c, "--max: %zu token%s leave no room for text beside %zu special ones", job.max,
			      ser_s(job.max), around);
	job.w = ser_calloc((size_t)c.n_thread, sizeof *job.w);
}

static void close_tokenizer(void)
{
	uint64_t n_cut = 0;
	for (int i = 0; i < c.n_thread; i++) {
		n_cut += job.w[i].n_cut;
		ser_tokens_free(&job.w[i].tokens);
		ser_buf_free(&job.w[i].text);
	}
	if (n_cut > 0)
		ser_cli_warn(&c, "%" PRIu64 " of %" PRIu64 " texts were cut to %zu tokens", n_cut, c.n_written,
			     job.max);
	free(job.w);
	ser_tokenizer_close(job.t);
}

int main(int argc, char **argv)
{
	const char *model = NULL;
	bool back = false;
	size_t n_train = 0;
	const struct ser_option opts[] = {
		{"model", "tokenizer: a folder of its files, a tokenizer.json or a vocab.txt",
		 SER_OPT_STR(&model, "PATH"), .letter = 'm', .flags = SER_OPTION_READ},
		{"label", "label with the text", SER_OPT_STR(&job.label, "NAME")},
		{"field", "tensor of ids", SER_OPT_STR(&job.field, "NAME")},
		{"max", "most tokens of a text, special ones among them; 0: what the tokenizer says, or 512",
		 SER_OPT_COUNT(&job.max, "N", 0, 1e9)},
		{"special", "names of special tokens in a text are those tokens", SER_OPT_FLAG(&job.special)},
		{"decode", "from ids to text instead", SER_OPT_FLAG(&back)},
		{"train", "make a tokenizer of N tokens, byte-level BPE, and write it to --output instead",
		 SER_OPT_COUNT(&n_train, "N", SER_TOKENIZER_LEAST, 1e6)},
		{0},
	};
	const struct ser_tool tool = {
		"ser-tokenize", "Turn a text label into the ids of tokens that a text encoder takes.",
		"[FILE]...",    opts,
		NULL,           SER_CLI_FILTER | SER_CLI_STREAM | SER_CLI_THREADS | SER_CLI_KEEP | SER_CLI_DROP};
	ser_cli_begin(&c, &tool, argc, argv);
	if ((model != NULL) == (n_train > 0))
		ser_cli_usage(&c, "either --model or --train is needed");
	if (n_train > 0 && (back || job.special || job.max > 0 || c.drop.n > 0))
		ser_cli_usage(&c, "--train goes with --label and --output alone");
	if (n_train > 0 && c.out == NULL)
		ser_cli_usage(&c, "--train needs --output");
	if (back && (job.special || job.max > 0))
		ser_cli_usage(&c, "--special and --max do not go with --decode");
	if (strcmp(job.field, "id") == 0 || strcmp(job.label, job.field) == 0)
		ser_cli_usage(&c, "--field: \"%s\" is taken", job.field);
	if (back && strcmp(job.label, "id") == 0)
		ser_cli_usage(&c, "--label: \"id\" is taken");
	if (n_train > 0)
		return train(n_train);
	open_tokenizer(model);
	int status = ser_cli_filter(&c, &(struct ser_filter){back ? NULL : header, back ? decode : encode, NULL});
	close_tokenizer();
	return status;
}
