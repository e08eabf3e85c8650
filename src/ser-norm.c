/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "dsp/dsp.h"
#include "model/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct norm {
	struct ser_cli c;
	const char *field, *by, *fit, *apply;
	bool global, mean, var, center;
	int sliding, min_window;
	double clip;
	struct ser_cmvn_by stat; /* --by, --global and --fit */
	size_t d;                /* of --apply: one affine map */
	double *shift, *gain;    /* [d], one block */
	float **scratch;         /* by worker */
	size_t *scratch_cap;
};

/* The rows of the field: all axes but the last are counted as time. */
static int get(struct norm *n, struct ser_record *r, const float **x, size_t *rows, size_t *d, int *ndim, size_t *shape,
	       struct ser_err *e)
{
	int rc = ser_record_f4(r, n->field, -1, x, shape, e);
	if (rc != SER_OK)
		return rc;
	*ndim = ser_record_get(r, n->field)->u.t.ndim;
	*d = *ndim > 0 ? shape[*ndim - 1] : 1;
	*rows = ser_tensor_len(&ser_record_get(r, n->field)->u.t) / (*d > 0 ? *d : 1);
	if (*rows == 0 || *d == 0)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" is empty", n->field);
	if (!isfinite(ser_abs_max(*x, *rows * *d)))
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" holds a value that is not a finite number",
				       n->field);
	return SER_OK;
}

static void limit(const struct norm *n, float *x, size_t len)
{
	for (size_t i = 0; n->clip > 0 && i < len; i++)
		x[i] = fminf(fmaxf(x[i], (float)-n->clip), (float)n->clip);
}

/* Replace the field by its normalised self: affine when shift is given, else by its own statistics. */
static int change(struct norm *n, int worker, struct ser_record *r, const double *shift, const double *gain,
		  struct ser_err *e)
{
	const float *x;
	size_t rows, d, shape[SER_MAX_AXES];
	int ndim, rc = get(n, r, &x, &rows, &d, &ndim, shape, e);
	if (rc != SER_OK)
		return rc;
	float *y = ser_grow(n->scratch[worker], &n->scratch_cap[worker], rows * d, sizeof *y);
	n->scratch[worker] = y;
	if (n->sliding > 0) {
		ser_cmvn_sliding(x, y, rows, d, (size_t)n->sliding, (size_t)n->min_window, n->center, n->var);
	} else if (shift != NULL) {
		size_t want = n->apply != NULL ? n->d : n->stat.d;
		if (d != want)
			return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu columns, expected %zu", n->field,
					       d, want);
		memcpy(y, x, rows * d * sizeof *y);
		ser_cmvn_apply(shift, gain, y, rows, d);
	} else {
		if (rows == 1)
			return ser_record_fail(r, e, SER_EDATA,
					       "field \"%s\" has one row: give --by, --global or --apply", n->field);
		ser_cmvn_self(x, y, rows, d, n->mean, n->var);
	}
	limit(n, y, rows * d);
	ser_record_set_copy(r, n->field, ser_f4(y, ndim, shape));
	return 1;
}

/* What was done goes into the header, so that a model knows what it was trained on. */
static int note(void *ctx, struct ser_header *h, struct ser_err *e)
{
	const struct norm *n = ctx;
	struct ser_buf b = {0};
	(void)e;
	struct ser_val *dim = ser_header_dim(h, n->field);
	if (dim == NULL)
		dim = ser_header_dim_add(h, n->field);
	const struct ser_val *old = ser_val_get(dim, "norm");
	if (old != NULL) {
		ser_val_text(&b, old);
		ser_buf_str(&b, "; ");
	}
	ser_buf_str(&b, n->mean && n->var ? "mean var" : n->mean ? "mean" : "var");
	if (n->sliding > 0)
		ser_buf_printf(&b, " sliding %d%s", n->sliding, n->center ? " center" : "");
	else if (n->apply != NULL)
		ser_buf_printf(&b, " fitted %016llx",
			       (unsigned long long)ser_hash(n->shift, 2 * n->d * sizeof *n->shift));
	else
		ser_buf_printf(&b, " by %s", n->global ? "all" : n->by != NULL ? n->by : "id");
	if (n->clip > 0)
		ser_buf_printf(&b, " clip %g", n->clip);
	ser_val_set(&h->arena, dim, "norm", ser_strn(b.s, b.n));
	ser_buf_free(&b);
	return SER_OK;
}

static int per_record(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	struct norm *n = ctx;
	return change(n, worker, r, n->shift, n->gain, e);
}

/* ---- statistics over records ---------------------------------------------------------------------- */

/* The label of a record: "" of all without --by. */
static int label(struct norm *n, struct ser_record *r, const char **s, struct ser_err *e)
{
	*s = "";
	return n->by != NULL ? ser_record_str(r, n->by, s, e) : SER_OK;
}

static int add(struct norm *n, struct ser_record *r, struct ser_err *e)
{
	const float *x;
	size_t rows, d, shape[SER_MAX_AXES];
	int ndim, rc = get(n, r, &x, &rows, &d, &ndim, shape, e);
	if (rc != SER_OK)
		return rc;
	if (n->stat.d == 0)
		n->stat.d = d;
	if (d != n->stat.d)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu columns, those before it %zu", n->field,
				       d, n->stat.d);
	const char *s;
	rc = label(n, r, &s, e);
	if (rc == SER_OK)
		ser_cmvn_by_add(&n->stat, s, x, rows, d);
	return rc;
}

/* Records kept on disk between the passes; an empty block is a new header. */
struct spool {
	struct ser_spool *s;
	struct ser_header *header;
	size_t n_header, cap;
	struct ser_buf b;
};

/* NULL: the header. */
static void spool_put(struct norm *n, struct spool *s, const struct ser_record *r, const struct ser_header *h)
{
	struct ser_err e;
	s->b.n = 0;
	if (r != NULL) {
		ser_record_pack(&s->b, r);
	} else {
		s->header = ser_grow(s->header, &s->cap, s->n_header + 1, sizeof *s->header);
		ser_header_copy(&s->header[s->n_header++], h);
	}
	if (ser_spool_add(s->s, s->b.s, s->b.n, &e) != 0)
		ser_cli_die(&n->c, &e);
}

static void first_pass(struct norm *n, struct spool *s)
{
	struct ser_in *in = ser_in_open(&n->c);
	struct ser_record r = {0};
	bool segment;
	if (s != NULL)
		spool_put(n, s, NULL, ser_in_header(in));
	while (ser_in_next(in, &r, &segment)) {
		struct ser_err e;
		if (segment && s != NULL)
			spool_put(n, s, NULL, ser_in_header(in));
		if (add(n, &r, &e) != SER_OK)
			ser_cli_skip(&n->c, ser_record_id(&r), &e);
		else if (s != NULL)
			spool_put(n, s, &r, NULL);
		ser_cli_progress(&n->c, "records", n->c.n_read, 0);
	}
	ser_record_free(&r);
	ser_in_close(in);
	ser_cmvn_by_affine(&n->stat, n->mean, n->var);
}

static void second_pass(struct norm *n, struct spool *s)
{
	struct ser_out *out = ser_out_open(&n->c);
	struct ser_record r = {0};
	struct ser_spool_walk w;
	struct ser_err e;
	const char *p, *by;
	size_t k = 0, len;
	int rc = ser_spool_walk(&w, s->s, 0, ser_spool_size(s->s), 0, &e);
	while (rc == 0 && (rc = ser_spool_next(&w, &p, &len, &e)) > 0) {
		rc = 0;
		if (len == 0) {
			note(n, &s->header[k], &e);
			ser_out_header(out, &s->header[k++]);
			continue;
		}
		if (ser_record_unpack(&r, p, len, &e) != SER_OK || label(n, &r, &by, &e) != SER_OK)
			ser_cli_die(&n->c, &e);
		size_t at = ser_cmvn_by_at(&n->stat, by);
		if (change(n, 0, &r, n->stat.shift + at, n->stat.gain + at, &e) < 0)
			ser_cli_die(&n->c, &e);
		ser_out_record(out, &r);
	}
	if (rc < 0)
		ser_cli_die(&n->c, &e);
	ser_spool_walk_end(&w);
	ser_record_free(&r);
	ser_out_close(out);
}

/* ---- fitted statistics ------------------------------------------------------------------------------ */

static void save(struct norm *n)
{
	struct ser_err e;
	if (n->stat.d == 0)
		ser_cli_fail(&n->c, SER_EDATA, "no record to fit to");
	char count[32];
	const struct ser_st_meta meta[] = {
		{"ser_norm", "1"}, {"field", n->field}, {"frames", ser_format_real(n->stat.stat[0].n, count)}};
	const struct ser_st_tensor t[] = {
		{.name = "shift", .dtype = SER_ST_F64, .ndim = 1, .shape = {n->stat.d}, .data = n->stat.shift},
		{.name = "gain", .dtype = SER_ST_F64, .ndim = 1, .shape = {n->stat.d}, .data = n->stat.gain},
	};
	if (ser_st_save(n->fit, t, 2, meta, 3, &e) != SER_OK)
		ser_cli_die(&n->c, &e);
}

static void load(struct norm *n)
{
	struct ser_st *s;
	struct ser_err e;
	if (ser_st_open(&s, n->apply, &e) != SER_OK)
		ser_cli_die(&n->c, &e);
	const struct ser_st_tensor *a = ser_st_find(s, "shift"), *b = ser_st_find(s, "gain");
	if (ser_st_meta(s, "ser_norm") == NULL || a == NULL || b == NULL || a->ndim != 1 || b->ndim != 1 ||
	    a->n != b->n || a->n == 0)
		ser_cli_fail(&n->c, SER_EDATA, "%s: is not a file of ser-norm --fit", n->apply);
	n->d = a->n;
	n->shift = ser_calloc(2 * n->d, sizeof *n->shift); /* one block: its hash names it */
	double *gain = n->shift + n->d;
	ser_st_f8(a, n->shift);
	ser_st_f8(b, gain);
	for (size_t i = 0; i < n->d; i++) {
		n->shift[i] = n->mean ? n->shift[i] : 0;
		gain[i] = n->var ? gain[i] : 1;
		if (!isfinite(n->shift[i]) || !isfinite(gain[i]))
			ser_cli_fail(&n->c, SER_EDATA, "%s: column %zu is not finite", n->apply, i);
	}
	n->gain = gain;
	ser_st_free(s);
}

int main(int argc, char **argv)
{
	struct norm n = {.field = "feat", .mean = true, .var = true, .min_window = 100};
	const struct ser_option opts[] = {
		{"field", 0, SER_OPTION_STR, &n.field, "NAME", 0, 0, NULL, 0,
		 "tensor to normalise, over all axes but the last"},
		{"by", 0, SER_OPTION_STR, &n.by, "LABEL", 0, 0, NULL, 0,
		 "statistics of all records with the same label, such as spk"},
		{"global", 0, SER_OPTION_FLAG, &n.global, NULL, 0, 0, NULL, 0, "statistics of all records"},
		{"sliding", 0, SER_OPTION_INT, &n.sliding, "N", 0, 1e9, NULL, 0,
		 "statistics of a window of N frames; 0: of the record"},
		{"min-window", 0, SER_OPTION_INT, &n.min_window, "N", 1, 1e9, NULL, 0,
		 "least frames of that window, when not centred"},
		{"center", 0, SER_OPTION_FLAG, &n.center, NULL, 0, 0, NULL, 0,
		 "that window is centred instead of to the left"},
		{"fit", 0, SER_OPTION_STR, &n.fit, "FILE", 0, 0, NULL, SER_OPTION_WRITE,
		 "write the statistics of all records here, and no stream"},
		{"apply", 0, SER_OPTION_STR, &n.apply, "FILE", 0, 0, NULL, SER_OPTION_READ,
		 "use the statistics that --fit wrote"},
		{"mean", 0, SER_OPTION_FLAG, &n.mean, NULL, 0, 0, NULL, 0, "subtract means"},
		{"var", 0, SER_OPTION_FLAG, &n.var, NULL, 0, 0, NULL, 0, "divide by standard deviations"},
		{"clip", 0, SER_OPTION_REAL, &n.clip, "X", 0, 1e30, NULL, 0, "then limit values to [-X,X]; 0: do not"},
		{0},
	};
	const struct ser_tool tool = {"ser-norm",  "Normalise the mean and variance of a tensor's columns.",
				      "[FILE]...", opts,
				      NULL,        SER_CLI_FILTER | SER_CLI_THREADS | SER_CLI_KEEP | SER_CLI_PROGRESS};
	ser_cli_begin(&n.c, &tool, argc, argv);
	if ((n.by != NULL) + n.global + (n.sliding > 0) + (n.fit != NULL) + (n.apply != NULL) > 1)
		ser_cli_usage(&n.c, "of --by, --global, --sliding, --fit and --apply only one can be given");
	if (!n.mean && !n.var)
		ser_cli_usage(&n.c, "--no-mean and --no-var leave nothing to do");
	if (n.sliding > 0 && !n.mean)
		ser_cli_usage(&n.c, "--sliding always subtracts means");
	if (n.fit != NULL && (!n.mean || !n.var || n.clip > 0))
		ser_cli_usage(&n.c, "--mean, --var and --clip go with --apply, not with --fit");
	if (n.fit != NULL && n.c.out != NULL)
		ser_cli_usage(&n.c, "--fit writes no stream: --output has no use");
	n.scratch = ser_calloc((size_t)n.c.n_thread, sizeof *n.scratch);
	n.scratch_cap = ser_calloc((size_t)n.c.n_thread, sizeof *n.scratch_cap);
	int status;
	if (n.by != NULL || n.global) {
		struct spool s = {0};
		struct ser_err e;
		s.s = ser_spool_new(&e);
		if (s.s == NULL)
			ser_cli_die(&n.c, &e);
		first_pass(&n, &s);
		second_pass(&n, &s);
		ser_spool_free(s.s);
		ser_buf_free(&s.b);
		for (size_t i = 0; i < s.n_header; i++)
			ser_header_free(&s.header[i]);
		free(s.header);
		status = ser_cli_end(&n.c);
	} else if (n.fit != NULL) {
		first_pass(&n, NULL);
		save(&n);
		status = ser_cli_end(&n.c);
	} else {
		if (n.apply != NULL)
			load(&n);
		status = ser_cli_filter(&n.c, &(struct ser_filter){note, per_record, &n});
	}
	for (int i = 0; i < n.c.n_thread; i++)
		free(n.scratch[i]);
	free(n.scratch);
	free(n.scratch_cap);
	free(n.shift);
	ser_cmvn_by_free(&n.stat);
	return status;
}
