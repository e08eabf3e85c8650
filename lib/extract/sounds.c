/* SPDX-License-Identifier: MIT */
#include "extract/augment.h"
#include "corpus/corpus.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SAMPLE = 250000000 };

struct sound {
	const char *id, *spk, *path; /* path: NULL when it is in the spool */
	double start_s, end_s;       /* of the file; end 0: its own */
	double rate_hz;              /* in the spool */
	uint64_t from, to;           /* in the spool */
};

struct ser_sounds {
	char *name;
	struct sound *v;
	size_t n, cap;
	struct ser_arena mem;
	struct ser_spool *spool;
};

static struct sound *add(struct ser_sounds *s, const char *id, const char *spk)
{
	s->v = ser_grow(s->v, &s->cap, s->n + 1, sizeof *s->v);
	struct sound *v = &s->v[s->n++];
	*v = (struct sound){.id = ser_arena_strndup(&s->mem, id, strlen(id)),
			    .spk = ser_arena_strndup(&s->mem, spk, strlen(spk))};
	return v;
}

static int from_manifest(struct ser_sounds *s, FILE *f, const struct ser_root *root, struct ser_err *e)
{
	const struct ser_manifest_opts o = {.root = *root};
	struct ser_manifest *m = ser_manifest_new(f, s->name, &o, e);
	int rc = m == NULL ? e->code : 1;
	while (rc > 0 && (rc = ser_manifest_next(m, e)) > 0) {
		const char *path = ser_manifest_path(m, e);
		double start, end;
		if (path == NULL || ser_manifest_segment(m, &start, &end, e) != SER_OK) {
			rc = e->code;
			break;
		}
		struct sound *v = add(s, ser_manifest_id(m), ser_manifest_get(m, "spk"));
		v->path = ser_arena_strndup(&s->mem, path, strlen(path));
		v->start_s = start;
		v->end_s = isinf(end) ? 0 : end;
	}
	ser_manifest_free(m);
	return rc;
}

bool ser_holds_samples(const struct ser_header *h, const char *field, double *rate_hz)
{
	const struct ser_val *dim = ser_header_dim(h, field), *axes = ser_val_get(dim, "axes");
	const struct ser_val *rate = ser_val_get(dim, "sample_rate_hz");
	*rate_hz = rate != NULL && rate->kind == SER_REAL && rate->u.f > 0 ? rate->u.f : 0;
	return axes != NULL && axes->kind == SER_LIST && axes->u.list.n > 0 && ser_val_is_str(axes->u.list.v, "sample");
}

static int from_stream(struct ser_sounds *s, int fd, const void *head, size_t n_head, size_t max_record,
		       struct ser_err *e)
{
	struct ser_reader *rd = ser_reader_new_after(head, n_head, fd, s->name, max_record, e);
	struct ser_record r = {0};
	int rc = rd == NULL ? e->code : SER_OK;
	if (rc == SER_OK && (s->spool = ser_spool_new(e)) == NULL)
		rc = e->code;
	while (rc == SER_OK && (rc = ser_reader_next(rd, &r, NULL, e)) > 0) {
		double rate;
		bool wave = ser_holds_samples(ser_reader_header(rd), "feat", &rate);
		const char *spk = "";
		const struct ser_val *known = ser_record_get(&r, "spk");
		const float *x;
		size_t shape[SER_MAX_AXES];
		if (!wave || rate == 0)
			rc = ser_fail(e, SER_EDATA,
				      "%s: field \"feat\" does not hold samples; ser-wav2feat --kind wave makes them",
				      s->name);
		else if (ser_record_f4(&r, "feat", 2, &x, shape, e) != SER_OK ||
			 (known != NULL && known->kind != SER_NIL && ser_record_str(&r, "spk", &spk, e) != SER_OK))
			rc = e->code;
		else if (shape[0] == 0 || shape[1] != 1)
			rc = ser_record_fail(&r, e, SER_EDATA, "field \"feat\" is [%zu,%zu], expected samples [N,1]",
					     shape[0], shape[1]);
		if (rc < 0)
			break;
		struct sound *v = add(s, ser_record_id(&r), spk);
		v->rate_hz = rate;
		v->from = ser_spool_size(s->spool);
		rc = ser_spool_add(s->spool, x, shape[0] * sizeof *x, e);
		v->to = ser_spool_size(s->spool);
	}
	ser_record_free(&r);
	ser_reader_free(rd);
	return rc;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct sound *)a)->id, ((const struct sound *)b)->id);
}

struct ser_sounds *ser_sounds_new(const char *path, const struct ser_root *root, size_t max_record, struct ser_err *e)
{
	struct ser_sounds *s = ser_calloc(1, sizeof *s);
	s->name = ser_strdup(path);
	int rc, fd = ser_open_regular(path, e);
	unsigned char first = 0;
	ssize_t got = fd < 0 ? -1 : read(fd, &first, 1);
	if (fd < 0) {
		rc = fd;
	} else if (got < 0) {
		rc = ser_fail(e, SER_EIO, "%s: cannot read: %s", path, strerror(errno));
	} else if (got == 1 && ser_stream_begins(first)) {
		rc = from_stream(s, fd, &first, 1, max_record, e);
	} else {
		FILE *f = fdopen(fd, "r");
		if (f == NULL) {
			rc = ser_fail(e, SER_EIO, "%s: cannot read: %s", path, strerror(errno));
		} else {
			if (got == 1)
				ungetc(first, f);
			rc = from_manifest(s, f, root, e);
			fclose(f);
			fd = -1;
		}
	}
	if (fd >= 0)
		close(fd);
	if (rc == SER_OK && s->n == 0)
		rc = ser_fail(e, SER_EDATA, "%s: holds no sounds", path);
	if (rc != SER_OK) {
		ser_sounds_free(s);
		return NULL;
	}
	qsort(s->v, s->n, sizeof *s->v, by_id);
	struct ser_spool_walk w; /* what is left in memory goes to disk now, so that loads only read */
	if (s->spool != NULL && ser_spool_walk(&w, s->spool, 0, 0, 1, e) != 0) {
		ser_sounds_free(s);
		return NULL;
	}
	return s;
}

void ser_sounds_free(struct ser_sounds *s)
{
	if (s == NULL)
		return;
	ser_spool_free(s->spool);
	ser_arena_free(&s->mem);
	free(s->v);
	free(s->name);
	free(s);
}

size_t ser_sounds_n(const struct ser_sounds *s)
{
	return s->n;
}

const char *ser_sounds_id(const struct ser_sounds *s, size_t i)
{
	return s->v[i].id;
}

const char *ser_sounds_spk(const struct ser_sounds *s, size_t i)
{
	return s->v[i].spk;
}

/* Keep `want` samples of x [*n] from a random place on. */
static void keep(size_t want, struct ser_rng *rng, float *x, size_t *n)
{
	if (want == 0 || *n <= want)
		return;
	size_t from = (size_t)ser_rng_below(rng, *n - want + 1);
	memmove(x, x + from, want * sizeof *x);
	*n = want;
}

static int load_file(const struct sound *v, double rate_hz, size_t want, struct ser_rng *rng, float **x, size_t *n,
		     size_t *cap, struct ser_err *e)
{
	struct ser_audio *a;
	struct ser_audio_opt o;
	ser_audio_opt_init(&o);
	o.rate_hz = rate_hz;
	o.start_s = v->start_s;
	o.end_s = v->end_s;
	int rc = ser_audio_open(&a, v->path, &o, e);
	if (rc != SER_OK)
		return rc;
	/* of a long file read only the stretch that is wanted */
	const struct ser_audio_info *info = ser_audio_info(a);
	double end = v->end_s > 0 ? v->end_s : (double)info->n_frame / info->rate_hz;
	double need = (double)(want + 16) / rate_hz, room = end - v->start_s - need;
	if (want > 0 && info->n_frame > 0 && room > 1) {
		ser_audio_free(a);
		o.start_s = v->start_s + ser_rng_uniform(rng) * room;
		o.end_s = o.start_s + need;
		if ((rc = ser_audio_open(&a, v->path, &o, e)) != SER_OK)
			return rc;
	}
	rc = ser_audio_read_all(a, MAX_SAMPLE, x, n, cap, e);
	ser_audio_free(a);
	return rc;
}

static int load_spool(const struct ser_sounds *s, const struct sound *v, double rate_hz, float **x, size_t *n,
		      size_t *cap, struct ser_err *e)
{
	struct ser_spool_walk w;
	const char *p = NULL;
	size_t n_byte = 0;
	int rc = ser_spool_walk(&w, s->spool, v->from, v->to, (size_t)(v->to - v->from), e);
	if (rc == 0 && ser_spool_next(&w, &p, &n_byte, e) < 0)
		rc = e->code;
	if (rc == 0) {
		size_t len = n_byte / sizeof **x;
		float *z = ser_malloc(len + 1, sizeof *z); /* aligned */
		memcpy(z, p, n_byte);
		rc = ser_audio_resample(z, len, v->rate_hz, rate_hz, false, x, n, cap, e);
		free(z);
	}
	ser_spool_walk_end(&w);
	return rc;
}

int ser_sounds_load(const struct ser_sounds *s, size_t i, double rate_hz, size_t want, struct ser_rng *rng, float **x,
		    size_t *n, size_t *cap, struct ser_err *e)
{
	const struct sound *v = &s->v[i];
	int rc = v->path != NULL ? load_file(v, rate_hz, want, rng, x, n, cap, e)
				 : load_spool(s, v, rate_hz, x, n, cap, e);
	if (rc == SER_OK && *n == 0)
		rc = ser_fail(e, SER_EDATA, "it holds no samples");
	if (rc != SER_OK)
		return ser_fail_in(e, "%s: \"%s\"", s->name, v->id);
	keep(want, rng, *x, n);
	return SER_OK;
}
