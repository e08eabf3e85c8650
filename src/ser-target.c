/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "dsp/dsp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct ser_cli c;
static const char *field = "feat", *label = "energy", *spk = "spk", *fit, *apply;
static double range_db = 30, threshold;

static void check(int rc, const struct ser_err *e)
{
	if (rc < 0)
		ser_cli_die(&c, e);
}

/* Standard deviation of the level of speech frames, dB */
static int variation(struct ser_record *r, double *v, struct ser_err *e)
{
	const float *x;
	size_t shape[SER_MAX_AXES];
	if (ser_record_f4(r, field, 2, &x, shape, e) != SER_OK)
		return e->code;
	*v = shape[0] > 0 ? ser_energy_variation(x, shape[0], shape[1], range_db) : (double)NAN;
	return isfinite(*v) ? SER_OK
			    : ser_record_fail(r, e, SER_EDATA, "field \"%s\": no frames, or values that are not finite",
					      field);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* The median over the records that train, and whose they are. */
static int fit_threshold(void)
{
	struct ser_in *in = ser_in_open(&c);
	struct ser_record r = {0};
	struct ser_map *who = ser_map_new();
	struct ser_arena a = {0};
	struct ser_err e;
	struct ser_buf b = {0};
	struct ser_outfile out;
	double *v = NULL;
	size_t n = 0, cap = 0;
	while (ser_in_next(in, &r, NULL)) {
		const struct ser_val *split = ser_record_get(&r, "split"), *s = ser_record_get(&r, spk);
		if (split != NULL && (ser_val_is_str(split, "test") || ser_val_is_str(split, "dev")))
			continue;
		v = ser_grow(v, &cap, n + 1, sizeof *v);
		if (variation(&r, &v[n], &e) != SER_OK) {
			ser_cli_skip(&c, ser_record_id(&r), &e);
			continue;
		}
		n++;
		if (s != NULL && s->kind == SER_STR)
			ser_map_add(who, s->u.str.s, s->u.str.n, NULL);
	}
	if (n == 0)
		ser_cli_fail(&c, SER_EDATA, "no record trains: there is no median");
	qsort(v, n, sizeof *v, by_value);
	struct ser_val all = ser_val_map(), list = ser_val_list();
	for (size_t i = 0; i < ser_map_len(who); i++)
		ser_val_push(&a, &list, ser_str(ser_map_key(who, i, NULL)));
	ser_val_set(&a, &all, "target", ser_str("energy"));
	ser_val_set(&a, &all, "field", ser_str(field));
	ser_val_set(&a, &all, "range_db", ser_real(range_db));
	ser_val_set(&a, &all, "threshold", ser_real((v[(n - 1) / 2] + v[n / 2]) / 2));
	ser_val_set(&a, &all, "n", ser_int((int64_t)n));
	ser_val_set(&a, &all, "speakers", list);
	ser_val_json(&b, &all, false);
	ser_buf_str(&b, "\n");
	check(ser_outfile_open(&out, fit, &e), &e);
	fwrite(b.s, 1, b.n, out.f);
	check(ser_outfile_commit(&out, &e), &e);
	ser_buf_free(&b);
	ser_arena_free(&a);
	ser_map_free(who);
	ser_record_free(&r);
	ser_in_close(in);
	free(v);
	return ser_cli_end(&c);
}

/* What --fit wrote: the field and the range too. */
static void load(struct ser_arena *a)
{
	struct ser_val v;
	struct ser_err e;
	char *text;
	size_t n;
	check(ser_read_file(apply, 1 << 24, &text, &n, &e), &e);
	if (ser_val_from_json(a, text, n, &v, &e) != SER_OK) {
		ser_fail_in(&e, "%s", apply);
		ser_cli_die(&c, &e);
	}
	free(text);
	const struct ser_val *f = ser_val_get(&v, "field"), *r = ser_val_get(&v, "range_db"),
			     *t = ser_val_get(&v, "threshold");
	if (f == NULL || f->kind != SER_STR || r == NULL || r->kind != SER_REAL || t == NULL || t->kind != SER_REAL)
		ser_cli_fail(&c, SER_EDATA, "%s: has no field, range_db and threshold: ser-target --fit writes it",
			     apply);
	field = f->u.str.s;
	range_db = r->u.f;
	threshold = t->u.f;
}

static int record(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	double v;
	(void)ctx, (void)worker;
	if (variation(r, &v, e) != SER_OK)
		return e->code;
	ser_record_set(r, label, ser_str(v > threshold ? "high" : "low"));
	ser_record_set(r, "energy_sd", ser_real(v));
	return 1;
}

int main(int argc, char **argv)
{
	const struct ser_option opts[] = {
		{"field", "tensor of log energies of bands, such as log-mel", SER_OPT_STR(&field, "NAME")},
		{"range", "frames so much below the loudest are no speech", SER_OPT_REAL(&range_db, "DB", 0, 1000)},
		{"label", "label that gets high or low", SER_OPT_STR(&label, "NAME")},
		{"spk", "label that names the speaker", SER_OPT_STR(&spk, "NAME")},
		{"fit", "write the median of the records that train here, and no stream", SER_OPT_STR(&fit, "FILE"),
		 .flags = SER_OPTION_WRITE},
		{"apply", "label by the median that --fit wrote", SER_OPT_STR(&apply, "FILE"),
		 .flags = SER_OPTION_READ},
		{0},
	};
	const struct ser_mode modes[] = {
		{"energy", "High or low variation of the energy of speech.", opts, NULL},
		{0},
	};
	const struct ser_tool tool = {"ser-target", "Make labels to pretrain on out of the features themselves.",
				      "[FILE]...",  NULL,
				      modes,        SER_CLI_FILTER | SER_CLI_THREADS | SER_CLI_KEEP};
	ser_cli_begin(&c, &tool, argc, argv);
	if ((fit != NULL) == (apply != NULL))
		ser_cli_usage(&c, "give one of --fit and --apply");
	if (fit != NULL && c.out != NULL)
		ser_cli_usage(&c, "--fit writes no stream: --output has no use");
	if (strcmp(label, "id") == 0 || strcmp(label, "energy_sd") == 0)
		ser_cli_usage(&c, "--label: \"%s\" is taken", label);
	if (fit != NULL)
		return fit_threshold();
	struct ser_arena a = {0};
	load(&a);
	const struct ser_filter filter = {NULL, record, NULL};
	int status = ser_cli_filter(&c, &filter);
	ser_arena_free(&a);
	return status;
}
