/* SPDX-License-Identifier: MIT */
/* What is to be read: sounds, rows of manifests, records of samples. */
#include "extract/private.h"

#include "corpus/corpus.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What comes next is sounds of files. */
static void begin_sounds(struct ser_extract *x)
{
	if (!x->begun)
		ser_extract_header(x, NULL);
	x->begun = true;
}

void ser_extract_sound(struct ser_extract *x, const char *path, const char *id)
{
	begin_sounds(x);
	struct job *j = ser_extract_add(x);
	const char *base = path == NULL ? "stdin" : strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
	const char *dot = strrchr(base, '.');
	size_t n = dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base);
	ser_record_set(&j->r, "id", id != NULL ? ser_str(id) : ser_strn(base, n));
	if (path != NULL)
		j->path = ser_strdup(path);
	ser_extract_ready(x);
}

/* ---- manifests ---------------------------------------------------------------------------------- */

static void set_cell(struct ser_record *r, const char *name, const char *cell)
{
	struct ser_err e;
	struct ser_val v = ser_nil();
	int64_t i;
	double f;
	enum ser_cell kind = ser_manifest_kind(name);
	if (cell[0] == '\0')
		v = ser_nil();
	else if (kind == SER_CELL_INT && ser_parse_int(cell, INT64_MIN, INT64_MAX, &i, &e) == SER_OK)
		v = ser_int(i);
	else if (kind == SER_CELL_REAL && ser_parse_real(cell, -HUGE_VAL, HUGE_VAL, &f, &e) == SER_OK)
		v = ser_real(f);
	else
		v = ser_str(cell);
	ser_record_set(r, name, v);
}

static void from_row(struct ser_extract *x, struct ser_manifest *m, const char *name)
{
	struct job *j = ser_extract_add(x);
	struct ser_buf place = {0};
	for (size_t k = 0; k < ser_manifest_n_col(m); k++)
		if (x->o.keep_path || strcmp(ser_manifest_name(m, k), "path") != 0)
			set_cell(&j->r, ser_manifest_name(m, k), ser_manifest_cell(m, k));
	ser_record_set(&j->r, "id", ser_str(ser_manifest_id(m))); /* text, whatever it looks like */
	ser_buf_printf(&place, "%s:%zu: ", name, ser_manifest_line(m));
	j->place = place.s;
	const char *path = ser_manifest_path(m, &j->e);
	j->rc = path == NULL ? j->e.code : ser_manifest_segment(m, &j->part.start_s, &j->part.end_s, &j->e);
	if (j->rc == SER_OK && isinf(j->part.end_s))
		j->part.end_s = 0;
	if (path != NULL)
		j->path = ser_strdup(path);
	ser_extract_ready(x);
}

int ser_extract_manifest(struct ser_extract *x, FILE *f, const char *name, struct ser_err *e)
{
	const struct ser_manifest_opts o = {.root = x->o.root};
	begin_sounds(x);
	struct ser_manifest *m = ser_manifest_new(f, name, &o, e);
	int rc = m == NULL ? e->code : SER_OK;
	while (m != NULL && (rc = ser_manifest_next(m, e)) > 0)
		from_row(x, m, name);
	if (rc < 0)
		ser_extract_end(x);
	ser_manifest_free(m);
	return rc;
}

/* ---- streams ------------------------------------------------------------------------------------ */

/* A segment of samples begins: its rate. */
static int begin_samples(struct ser_extract *x, const struct ser_header *h, const char *name, double *rate_hz,
			 struct ser_err *e)
{
	const struct ser_val *dim = ser_header_dim(h, "feat"), *axes = ser_val_get(dim, "axes");
	const struct ser_val *rate = ser_val_get(dim, "sample_rate_hz");
	ser_extract_end(x);
	*rate_hz = rate != NULL && rate->kind == SER_REAL ? rate->u.f : 0;
	if (axes == NULL || axes->kind != SER_LIST || axes->u.list.n == 0 ||
	    !ser_val_is_str(axes->u.list.v, "sample") || !(*rate_hz > 0))
		return ser_fail(e, SER_EDATA,
				"%s: field \"feat\" does not hold samples; ser-wav2feat --kind wave makes them", name);
	ser_extract_header(x, h);
	return SER_OK;
}

static void from_record(struct ser_extract *x, struct ser_record *r, double rate_hz)
{
	struct job *j = ser_extract_add(x);
	ser_record_free(&j->r);
	j->r = *r;
	j->rate_hz = rate_hz;
	const struct ser_val *start = ser_record_get(&j->r, "start"); /* of a part of a recording */
	if (start != NULL && start->kind == SER_REAL)
		j->part.start_s = start->u.f;
	ser_extract_ready(x);
}

static int from_stream(struct ser_extract *x, const void *head, int fd, const char *name, struct ser_err *e)
{
	ser_extract_end(x);
	struct ser_reader *rd = ser_reader_new_after(head, 1, fd, name, x->o.max_record, e);
	if (rd == NULL)
		return e->code;
	double rate_hz;
	int rc = begin_samples(x, ser_reader_header(rd), name, &rate_hz, e);
	while (rc == SER_OK) {
		struct ser_record r = {0};
		bool segment = false;
		rc = ser_reader_next(rd, &r, &segment, e);
		bool more = rc > 0;
		if (rc >= 0)
			rc = segment ? begin_samples(x, ser_reader_header(rd), name, &rate_hz, e) : SER_OK;
		if (rc != SER_OK || !more) {
			ser_record_free(&r);
			break;
		}
		from_record(x, &r, rate_hz);
		if (ser_reader_waits(rd)) {
			ser_extract_end(x);
			x->to.step(x->to.ctx, x->count.n_sound, true);
		}
	}
	ser_extract_end(x);
	ser_reader_free(rd);
	x->begun = false;
	return rc;
}

/* ---- either ------------------------------------------------------------------------------------- */

int ser_extract_table(struct ser_extract *x, int fd, const char *name, struct ser_err *e)
{
	unsigned char first;
	ssize_t got;
	do
		got = read(fd, &first, 1);
	while (got < 0 && errno == EINTR);
	if (got == 1 && ser_stream_begins(first)) {
		int rc = from_stream(x, &first, fd, name, e);
		if (fd != 0)
			close(fd);
		return rc;
	}
	FILE *f = fd == 0 ? stdin : fdopen(fd, "r");
	if (f == NULL)
		return ser_fail(e, SER_EIO, "%s: cannot read: %s", name, strerror(errno));
	if (got == 1)
		ungetc(first, f);
	int rc = ser_extract_manifest(x, f, name, e);
	if (f != stdin)
		fclose(f);
	return rc;
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);
	return n >= m && strcmp(name + n - m, end) == 0;
}

bool ser_extract_is_table(const char *name)
{
	return strcmp(name, "-") == 0 || ends_in(name, ".tsv") || ends_in(name, ".ser");
}

int ser_extract_input(struct ser_extract *x, const char *name, const char *id, struct ser_err *e)
{
	if (strcmp(name, "-") == 0)
		return ser_extract_table(x, 0, "<stdin>", e);
	if (!ser_extract_is_table(name)) {
		ser_extract_sound(x, name, id);
		return SER_OK;
	}
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ser_fail(e, SER_EIO, "%s: cannot open: %s", name, strerror(errno));
	return ser_extract_table(x, fd, name, e);
}

/* ---- the first sound's rate ---------------------------------------------------------------------- */

static int rate_of_sound(const struct ser_extract_opt *o, const char *path, double *rate_hz, struct ser_err *e)
{
	struct ser_audio *a;
	if (ser_audio_open(&a, path, &o->audio, e) != SER_OK)
		return e->code;
	*rate_hz = ser_audio_info(a)->rate_hz;
	ser_audio_free(a);
	return SER_OK;
}

static int rate_of_stream(const struct ser_extract_opt *o, int fd, const char *name, double *rate_hz, struct ser_err *e)
{
	struct ser_reader *rd = ser_reader_new(fd, name, o->max_record, e);
	if (rd == NULL)
		return e->code;
	const struct ser_val *dim = ser_header_dim(ser_reader_header(rd), "feat"), *rate = NULL;
	if (dim != NULL)
		rate = ser_val_get(dim, "sample_rate_hz");
	*rate_hz = rate != NULL && rate->kind == SER_REAL ? rate->u.f : 0;
	ser_reader_free(rd);
	return *rate_hz > 0 ? SER_OK : ser_fail(e, SER_EDATA, "%s: does not say at which rate its samples are", name);
}

static int rate_of_manifest(const struct ser_extract_opt *o, FILE *f, const char *name, double *rate_hz,
			    struct ser_err *e)
{
	const struct ser_manifest_opts mo = {.root = o->root};
	struct ser_manifest *m = ser_manifest_new(f, name, &mo, e);
	if (m == NULL)
		return e->code;
	int rc = ser_manifest_next(m, e);
	if (rc == 0)
		rc = ser_fail(e, SER_EDATA, "%s: no sound in it", name);
	const char *path = rc > 0 ? ser_manifest_path(m, e) : NULL;
	if (rc > 0)
		rc = path != NULL ? rate_of_sound(o, path, rate_hz, e) : e->code;
	ser_manifest_free(m);
	return rc;
}

int ser_extract_rate(const struct ser_extract_opt *o, const char *name, double *rate_hz, struct ser_err *e)
{
	struct stat st;
	bool std = strcmp(name, "-") == 0;
	if ((std ? fstat(0, &st) : stat(name, &st)) == 0 && !S_ISREG(st.st_mode))
		return ser_fail(e, SER_EUSAGE, "%s can be read but once: name a file, or say the rate",
				std ? "standard input" : name);
	if (!ser_extract_is_table(name))
		return rate_of_sound(o, name, rate_hz, e);
	const char *shown = std ? "<stdin>" : name;
	off_t from = std ? lseek(0, 0, SEEK_CUR) : 0;
	FILE *f = std ? fdopen(dup(0), "r") : fopen(name, "r");
	if (f == NULL)
		return ser_fail(e, SER_EIO, "%s: cannot open: %s", name, strerror(errno));
	int first = getc(f);
	fseeko(f, from, SEEK_SET);
	int rc = first != EOF && ser_stream_begins((unsigned char)first)
			 ? rate_of_stream(o, fileno(f), shown, rate_hz, e)
			 : rate_of_manifest(o, f, shown, rate_hz, e);
	fclose(f);
	if (std)
		lseek(0, from, SEEK_SET);
	return rc;
}
