/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "dsp/dsp.h"

#include <stdlib.h>
#include <string.h>

struct augment {
	struct ser_cli c;
	const char *field;
	struct ser_mask_opt mask;
	int fill, n_copy;
	bool keep;
	int64_t seed;
	float *y;
	size_t cap;
};

/* The record itself, then its copies: ID-aug1 and so on, with the labels `source` and `augment`. */
static int one(struct augment *a, struct ser_out *out, struct ser_record *r, struct ser_err *e)
{
	const float *x;
	size_t shape[SER_MAX_AXES];
	if (ser_record_f4(r, a->field, 2, &x, shape, e) != SER_OK)
		return e->code;
	size_t n = ser_mul(shape[0], shape[1]);
	if (n == 0)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" is empty", a->field);
	if (a->keep)
		ser_out_record(out, r);
	struct ser_buf id = {0};
	char *whole = ser_strdup(ser_record_id(r));
	a->y = ser_grow(a->y, &a->cap, n, sizeof *a->y);
	ser_record_set(r, "source", ser_str(whole));
	for (int k = 1; k <= a->n_copy; k++) {
		struct ser_rng rng;
		id.n = 0;
		ser_buf_printf(&id, "%s-aug%d", whole, k);
		ser_rng_seed_key(&rng, (uint64_t)a->seed, id.s, id.n);
		memcpy(a->y, x, n * sizeof *a->y);
		ser_mask_do(&a->mask, &rng, a->y, shape[0], shape[1]);
		ser_record_set(r, "id", ser_str(id.s));
		ser_record_set(r, "augment", ser_int(k));
		ser_record_set(r, a->field, ser_f4(a->y, 2, shape));
		ser_out_record(out, r);
	}
	free(whole);
	ser_buf_free(&id);
	return SER_OK;
}

int main(int argc, char **argv)
{
	static const char *const fills[] = {"zero", "mean", NULL};
	struct augment a = {.field = "feat",
			    .mask = {.n_time = 2, .time_width = 40, .n_freq = 2, .freq_width = 15, .max_share = 0.3},
			    .fill = 1,
			    .n_copy = 1,
			    .keep = true};
	const struct ser_option opts[] = {
		{"copies", 'n', SER_OPTION_INT, &a.n_copy, "N", 1, 1e6, NULL, 0, "augmented copies of each record"},
		{"keep", 0, SER_OPTION_FLAG, &a.keep, NULL, 0, 0, NULL, 0, "the record itself first"},
		{"time-masks", 0, SER_OPTION_INT, &a.mask.n_time, "N", 0, 1000, NULL, 0, "bands of frames to mask"},
		{"time-width", 0, SER_OPTION_INT, &a.mask.time_width, "N", 0, 1e6, NULL, 0,
		 "greatest width of one, frames"},
		{"freq-masks", 0, SER_OPTION_INT, &a.mask.n_freq, "N", 0, 1000, NULL, 0, "bands of columns to mask"},
		{"freq-width", 0, SER_OPTION_INT, &a.mask.freq_width, "N", 0, 1e6, NULL, 0,
		 "greatest width of one, columns"},
		{"max-share", 0, SER_OPTION_REAL, &a.mask.max_share, "X", 0, 1, NULL, 0,
		 "and at most this share of the axis"},
		{"fill", 0, SER_OPTION_CHOICE, &a.fill, "VALUE", 0, 0, fills, 0,
		 "value in a mask: 0, or the mean of the tensor"},
		{"field", 0, SER_OPTION_STR, &a.field, "NAME", 0, 0, NULL, 0, "tensor [T,D] to mask"},
		{"seed", 0, SER_OPTION_I64, &a.seed, "N", 0, 9e18, NULL, SER_OPTION_ALWAYS,
		 "seed, with each copy's id"},
		{0},
	};
	const struct ser_tool tool = {
		"ser-augment", "Add copies of the features with bands of time and frequency masked.",
		"[FILE]...",   opts,
		NULL,          SER_CLI_FILTER | SER_CLI_KEEP};
	ser_cli_begin(&a.c, &tool, argc, argv);
	a.mask.mean = a.fill == 1;
	struct ser_in *in = ser_in_open(&a.c);
	struct ser_out *out = ser_out_open(&a.c);
	struct ser_record r = {0};
	bool segment;
	ser_out_header(out, ser_in_header(in));
	while (ser_in_next(in, &r, &segment)) {
		struct ser_err e;
		if (segment)
			ser_out_header(out, ser_in_header(in));
		if (one(&a, out, &r, &e) != SER_OK)
			ser_cli_skip(&a.c, ser_record_id(&r), &e);
		if (ser_in_waits(in))
			ser_out_flush(out);
	}
	ser_record_free(&r);
	ser_in_close(in);
	ser_out_close(out);
	free(a.y);
	return ser_cli_end(&a.c);
}
