/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "dsp/dsp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct chunk {
	struct ser_cli c;
	const char *field;
	int n_frame, n_chunk, scale; /* scale * n_chunk are cut */
	double seconds, longest_s;
	bool stack;
	const char *mean; /* tensor; instead of cutting */
	size_t m, n;
	float *y;
	size_t cap;
	/* of the utterance at hand, with mean */
	struct ser_record first;
	char *utt;
	double *sum;
	size_t d, n_sum;
};

/* How many frames and chunks, now that the frames' shift is known; what was done goes into the header. */
static int settle(struct chunk *k, struct ser_header *h, struct ser_err *e)
{
	struct ser_val *dim = ser_header_dim(h, k->field);
	const struct ser_val *shift = ser_val_get(dim, "shift_s"), *axes = ser_val_get(dim, "axes");
	double shift_s = shift != NULL && shift->kind == SER_REAL ? shift->u.f : 0;
	if (k->seconds > 0 && !(shift_s > 0))
		return ser_fail(e, SER_EDATA, "the stream does not say the frame shift of \"%s\": give --frames",
				k->field);
	k->m = k->n_frame > 0 ? (size_t)k->n_frame : (size_t)llrint(fmin(k->seconds / shift_s, 1e9));
	if (k->m == 0)
		return ser_fail(e, SER_EUSAGE, "a chunk of %g s is shorter than a frame of %g s", k->seconds, shift_s);
	k->n = (size_t)(k->n_chunk > 0 ? k->n_chunk : (int)fmin(ceil(k->longest_s / k->seconds - 1e-9), 1e6)) *
	       (size_t)k->scale;
	if (dim == NULL)
		dim = ser_header_dim_add(h, k->field);
	ser_val_set(&h->arena, dim, "chunk_frames", ser_int((int64_t)k->m));
	ser_val_set(&h->arena, dim, "chunks", ser_int((int64_t)k->n));
	if (!k->stack)
		return SER_OK;
	struct ser_val list = ser_val_list();
	ser_val_push(&h->arena, &list, ser_str("chunk"));
	for (size_t i = 0; i < 2; i++)
		ser_val_push(&h->arena, &list,
			     axes != NULL && axes->kind == SER_LIST && axes->u.list.n == 2
				     ? axes->u.list.v[i]
				     : ser_str(i == 0 ? "frame" : "dim"));
	ser_val_set(&h->arena, dim, "axes", list);
	if (shift_s > 0) { /* those of the first axis, which is another now, differ from record to record */
		ser_val_set(&h->arena, dim, "shift_s", ser_nil());
		ser_val_set(&h->arena, dim, "rate_hz", ser_nil());
		ser_val_set(&h->arena, dim, "frame_shift_s", ser_real(shift_s));
	}
	return SER_OK;
}

static int one(struct chunk *k, struct ser_out *out, struct ser_record *r, struct ser_err *e)
{
	const float *x;
	size_t shape[SER_MAX_AXES];
	if (ser_record_f4(r, k->field, 2, &x, shape, e) != SER_OK)
		return e->code;
	size_t d = shape[1], len = k->m * d;
	ptrdiff_t step = ser_chunk_step(shape[0], k->m, k->n, e);
	if (step < 0)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\": %zu frame%s are fewer than a chunk's %zu",
				       k->field, shape[0], ser_s(shape[0]), k->m);
	k->y = ser_grow(k->y, &k->cap, ser_mul(k->n, len), sizeof *k->y);
	for (size_t i = 0; i < k->n; i++)
		memcpy(k->y + i * len, x + i * (size_t)step * d, len * sizeof *x);
	if (k->stack) {
		ser_record_set(r, k->field, ser_f4(k->y, 3, (size_t[]){k->n, k->m, d}));
		ser_out_record(out, r);
		return SER_OK;
	}
	struct ser_buf id = {0};
	char *whole = ser_strdup(ser_record_id(r));
	ser_record_set(r, "utt", ser_str(whole));
	for (size_t i = 0; i < k->n; i++) {
		id.n = 0;
		ser_buf_printf(&id, "%s-%03zu", whole, i);
		ser_record_set(r, "id", ser_str(id.s));
		ser_record_set(r, "chunk", ser_int((int64_t)i));
		ser_record_set(r, k->field, ser_f4(k->y + i * len, 2, (size_t[]){k->m, d}));
		ser_out_record(out, r);
	}
	free(whole);
	ser_buf_free(&id);
	return SER_OK;
}

/* The utterance whose chunks have come */
static void put_mean(struct chunk *k, struct ser_out *out)
{
	static const char *const gone[] = {"utt", "chunk", "pred"};
	if (k->utt == NULL)
		return;
	k->y = ser_grow(k->y, &k->cap, k->d, sizeof *k->y);
	for (size_t i = 0; i < k->d; i++)
		k->y[i] = (float)(k->sum[i] / (double)k->n_sum);
	for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
		ser_record_drop(&k->first, gone[i]);
	if (strcmp(k->field, k->mean) != 0)
		ser_record_drop(&k->first, k->field);
	ser_record_set(&k->first, "id", ser_str(k->utt));
	ser_record_set(&k->first, k->mean, ser_f4(k->y, 1, &k->d));
	ser_out_record(out, &k->first);
	free(k->utt);
	k->utt = NULL;
}

static int add_to_mean(struct chunk *k, struct ser_out *out, struct ser_record *r, struct ser_err *e)
{
	const char *utt;
	const float *x;
	size_t d;
	if (ser_record_str(r, "utt", &utt, e) != SER_OK || ser_record_f4(r, k->mean, 1, &x, &d, e) != SER_OK)
		return e->code;
	if (k->utt != NULL && strcmp(k->utt, utt) == 0 && d != k->d)
		return ser_record_fail(r, e, SER_EDATA,
				       "field \"%s\" has %zu element%s, %zu in another chunk of \"%s\"", k->mean, d,
				       ser_s(d), k->d, utt);
	if (k->utt == NULL || strcmp(k->utt, utt) != 0) {
		put_mean(k, out);
		k->utt = ser_strdup(utt);
		k->d = d;
		k->n_sum = 0;
		k->sum = ser_realloc(k->sum, d, sizeof *k->sum);
		memset(k->sum, 0, d * sizeof *k->sum);
		ser_record_copy(&k->first, r);
	}
	for (size_t i = 0; i < d; i++)
		k->sum[i] += (double)x[i];
	k->n_sum++;
	return SER_OK;
}

static void begin(struct chunk *k, struct ser_out *out, const struct ser_header *from)
{
	struct ser_header h;
	struct ser_err e;
	ser_header_copy(&h, from);
	if (k->mean != NULL)
		ser_header_dim_drop(&h, strcmp(k->field, k->mean) != 0 ? k->field : "");
	else if (settle(k, &h, &e) != SER_OK)
		ser_cli_die(&k->c, &e);
	ser_out_header(out, &h);
	ser_header_free(&h);
}

int main(int argc, char **argv)
{
	struct chunk k = {.field = "feat", .scale = 1};
	const struct ser_option opts[] = {
		{"frames", "frames of a chunk; 0: see --seconds", SER_OPT_INT(&k.n_frame, "M", 0, 1e9), .letter = 'm'},
		{"seconds", "length of a chunk, instead of --frames", SER_OPT_REAL(&k.seconds, "S", 0, 1e6)},
		{"chunks", "chunks of an utterance; 0: see --longest", SER_OPT_INT(&k.n_chunk, "C", 0, 1e6),
		 .letter = 'c'},
		{"longest", "length of the longest utterance: C is it over --seconds, rounded up",
		 SER_OPT_REAL(&k.longest_s, "S", 0, 1e6)},
		{"scale", "cut N times as many chunks", SER_OPT_INT(&k.scale, "N", 1, 1000), .letter = 'n'},
		{"field", "tensor to cut", SER_OPT_STR(&k.field, "NAME")},
		{"mean", "instead: one record for the chunks of an utterance, with the mean of this tensor [D]",
		 SER_OPT_STR(&k.mean, "NAME")},
		{"stack", "keep one record an utterance, with a tensor [C,M,D], instead of one a chunk",
		 SER_OPT_FLAG(&k.stack)},
		{0},
	};
	const struct ser_tool tool = {"ser-chunk", "Cut each utterance into a fixed number of equal chunks.",
				      "[FILE]...", opts,
				      NULL,        SER_CLI_FILTER | SER_CLI_STREAM | SER_CLI_KEEP};
	ser_cli_begin(&k.c, &tool, argc, argv);
	bool how = k.n_frame > 0 || k.seconds > 0 || k.n_chunk > 0 || k.longest_s > 0 || k.stack;
	if (k.mean != NULL && how)
		ser_cli_usage(&k.c, "--mean cuts nothing: it goes with --field alone");
	if (k.mean == NULL && (k.n_frame > 0) == (k.seconds > 0))
		ser_cli_usage(&k.c, "give one of --frames and --seconds");
	if (k.mean == NULL && (k.n_chunk > 0) == (k.longest_s > 0))
		ser_cli_usage(&k.c, "give one of --chunks and --longest");
	if (k.longest_s > 0 && !(k.seconds > 0))
		ser_cli_usage(&k.c, "--longest goes with --seconds");
	struct ser_in *in = ser_in_open(&k.c);
	struct ser_out *out = ser_out_open(&k.c);
	struct ser_record r = {0};
	bool segment;
	begin(&k, out, ser_in_header(in));
	while (ser_in_next(in, &r, &segment)) {
		struct ser_err e;
		if (segment)
			put_mean(&k, out);
		if (segment)
			begin(&k, out, ser_in_header(in));
		if ((k.mean != NULL ? add_to_mean : one)(&k, out, &r, &e) != SER_OK)
			ser_cli_skip(&k.c, ser_record_id(&r), &e);
		if (ser_in_waits(in))
			ser_out_flush(out);
	}
	put_mean(&k, out);
	ser_record_free(&r);
	ser_record_free(&k.first);
	ser_in_close(in);
	ser_out_close(out);
	free(k.y);
	free(k.sum);
	return ser_cli_end(&k.c);
}
