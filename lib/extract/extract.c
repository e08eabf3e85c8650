/* SPDX-License-Identifier: MIT */
#include "extract/private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PER_THREAD = 4 };

void ser_extract_opt_init(struct ser_extract_opt *o, enum ser_front_kind kind)
{
	*o = (struct ser_extract_opt){.n_thread = 1};
	ser_front_opt_init(&o->front, kind);
	ser_audio_opt_init(&o->audio);
	ser_vad_opt_init(&o->vad, 0);
	o->vad.threshold_db = 0;
}

int ser_extract_like(struct ser_front_opt *o, char **functionals, const struct ser_val *dims, struct ser_err *e)
{
	const struct ser_val *front = ser_val_get(dims, "front"), *func = ser_val_get(dims, "functionals");
	struct ser_buf names = {0};
	int rc = front != NULL && front->kind == SER_STR ? ser_front_parse(o, front->u.str.s, e)
							 : ser_fail(e, SER_EDATA, "does not say what its features are");
	for (size_t i = 0; func != NULL && func->kind == SER_LIST && i < func->u.list.n; i++)
		if (func->u.list.v[i].kind == SER_STR)
			ser_buf_printf(&names, "%s%s", i > 0 ? "," : "", func->u.list.v[i].u.str.s);
	*functionals = names.n > 0 ? ser_strdup(names.s) : NULL;
	ser_buf_free(&names);
	return rc;
}

static size_t n_func(const struct ser_extract *x)
{
	return x->set != NULL ? x->set->n : ser_func_n(x->func) * ser_front_dim(x->front);
}

/* Each sound is worked at its own rate. */
static bool own_rate(const struct ser_extract *x)
{
	return x->o.front.sample_frequency == 0;
}

static int check(const struct ser_extract *x, struct ser_err *e)
{
	const struct ser_extract_opt *o = &x->o;
	double rate = ser_front_opt(x->front)->sample_frequency;
	if ((o->trim_db > 0) + (o->segment_s > 0) + (o->vad.threshold_db > 0) > 1)
		return ser_fail(e, SER_EUSAGE, "only one of --trim, --segment and --vad can be done");
	if (o->every_s > 0 && (o->every_s > o->segment_s || o->every_s * rate < 1))
		return ser_fail(e, SER_EUSAGE, "--every %g s is not within --segment %g s", o->every_s, o->segment_s);
	const struct ser_func_set *set = x->set;
	bool egemaps = set != NULL && set->kind == SER_EGEMAPS;
	if (set != NULL && (o->front.kind != set->kind || (set->compat && o->front.compat == SER_COMPAT_NONE)))
		return ser_fail(e, SER_EUSAGE, "functionals %s are of kind %s%s", set->name,
				ser_front_kind_name(set->kind), set->compat ? " with compat opensmile" : "");
	if (egemaps && (o->front.delta_order > 0 || o->front.subtract_mean))
		return ser_fail(e, SER_EUSAGE,
				"functionals %s are of kind egemaps without delta-order and subtract-mean", set->name);
	if (o->vtln_map != NULL && o->front.kind != SER_FBANK && o->front.kind != SER_MFCC)
		return ser_fail(e, SER_EUSAGE, "--vtln-map has no meaning for %s", ser_front_kind_name(o->front.kind));
	if (o->segment_s > 0 && ser_front_n_frame(x->front, (size_t)(o->segment_s * rate)) == 0)
		return ser_fail(e, SER_EUSAGE, "--segment %g s is shorter than a frame", o->segment_s);
	return SER_OK;
}

int ser_extract_new(struct ser_extract **out, const struct ser_extract_opt *o, const struct ser_extract_sink *to,
		    struct ser_err *e)
{
	struct ser_extract *x = ser_calloc(1, sizeof *x);
	*out = NULL;
	x->o = *o;
	x->to = *to;
	struct ser_front_opt at = o->front;
	if (own_rate(x))
		at.sample_frequency = 16000;
	int rc = own_rate(x) && at.compat != SER_COMPAT_OPENSMILE
			 ? ser_fail(e, SER_EUSAGE, "sample-frequency auto of each sound is for openSMILE's numbers")
			 : ser_front_new(&x->front, &at, e);
	x->sums_up = o->functionals != NULL;
	x->set = x->sums_up ? ser_func_set(o->functionals) : NULL;
	if (rc == SER_OK && x->sums_up && x->set == NULL)
		rc = ser_func_new(&x->func, o->functionals, e);
	if (rc == SER_OK)
		rc = check(x, e);
	if (rc == SER_OK && o->vtln_map != NULL)
		rc = ser_warps_read(&x->warps, o->vtln_map, e);
	if (rc != SER_OK) {
		ser_extract_free(x);
		return rc;
	}
	int n_pass = ser_front_passes(x->front);
	x->in_parts = o->in_parts && !x->sums_up && o->trim_db <= 0 && o->segment_s <= 0 && o->vad.threshold_db <= 0 &&
		      n_pass > 0 && (n_pass == 1 || o->twice);
	x->o.every_s = o->every_s > 0 ? o->every_s : o->segment_s;
	x->o.audio.rate_hz = o->front.sample_frequency; /* 0: the file's own */
	x->pool = ser_pool_new(o->n_thread);
	x->worker = ser_calloc((size_t)o->n_thread, sizeof *x->worker);
	for (int i = 0; i < o->n_thread; i++)
		x->worker[i].ws = ser_front_ws_new(x->front);
	x->cap_job = o->n_thread > 1 ? (size_t)o->n_thread * PER_THREAD : 1;
	x->job = ser_calloc(x->cap_job, sizeof *x->job);
	for (size_t i = 0; x->sums_up && i < x->cap_job; i++)
		x->job[i].func = ser_malloc(n_func(x), sizeof *x->job[i].func);
	if (o->several)
		x->ids = ser_map_new();
	*out = x;
	return SER_OK;
}

void ser_extract_free(struct ser_extract *x)
{
	if (x == NULL)
		return;
	ser_pool_free(x->pool);
	for (size_t i = 0; i < x->cap_job; i++) {
		ser_record_free(&x->job[i].r);
		free(x->job[i].path);
		free(x->job[i].place);
		free(x->job[i].y);
		free(x->job[i].func);
	}
	for (int i = 0; x->worker != NULL && i < x->o.n_thread; i++) {
		ser_front_ws_free(x->worker[i].ws);
		ser_front_ws_free(x->worker[i].own_ws);
		ser_front_free(x->worker[i].own);
		free(x->worker[i].x);
		free(x->worker[i].z);
	}
	free(x->worker);
	free(x->job);
	ser_map_free(x->ids);
	ser_warps_free(&x->warps);
	ser_func_free(x->func);
	ser_front_free(x->front);
	free(x);
}

const struct ser_extract_count *ser_extract_count(const struct ser_extract *x)
{
	return &x->count;
}

/* ---- one sound ---------------------------------------------------------------------------------- */

double ser_extract_rate_hz(const struct job *j)
{
	return ser_front_opt(j->front)->sample_frequency;
}

/* The front-end of a sound at this rate. */
static int choose_front(struct ser_extract *x, struct worker *w, struct job *j, double rate_hz)
{
	struct ser_front_opt o = x->o.front;
	j->front = x->front;
	j->ws = w->ws;
	if (!own_rate(x) || rate_hz == ser_extract_rate_hz(j))
		return SER_OK;
	if (w->own == NULL || ser_front_opt(w->own)->sample_frequency != rate_hz) {
		ser_front_ws_free(w->own_ws);
		ser_front_free(w->own);
		w->own = NULL;
		w->own_ws = NULL;
		o.sample_frequency = rate_hz;
		if (ser_front_new(&w->own, &o, &j->e) != SER_OK)
			return ser_fail(
				&j->e, SER_EDATA,
				"at %g Hz, and openSMILE's numbers are made at 8000 to 96000: --sample-frequency X "
				"converts",
				rate_hz);
		w->own_ws = ser_front_ws_new(w->own);
	}
	j->front = w->own;
	j->ws = w->own_ws;
	return SER_OK;
}

int ser_extract_features(struct ser_extract *x, struct job *j, const float *s, size_t n)
{
	struct ser_rng rng;
	const char *id = ser_record_id(&j->r);
	size_t d = ser_front_dim(x->front);
	ser_rng_seed_key(&rng, (uint64_t)x->o.seed, id, strlen(id));
	j->n_frame = ser_front_n_frame(j->front, n);
	j->y = ser_grow(j->y, &j->cap, ser_mul(j->n_frame, d) + 1, sizeof *j->y);
	int rc = ser_front_do(j->front, j->ws, s, n, &rng, j->y, &j->e);
	if (rc != SER_OK || !x->sums_up)
		return rc;
	if (x->set != NULL)
		ser_front_func(j->front, j->ws, x->set, j->y, j->n_frame, s, n, j->func);
	else
		ser_func_do(x->func, j->y, j->n_frame, d, ser_front_shift_s(x->front), ser_front_sparse(x->front),
			    j->func);
	return rc;
}

static int check_rate(const struct ser_extract *x, double rate_hz, struct ser_err *e)
{
	double rate = x->o.front.sample_frequency;
	if (x->o.one_rate && rate_hz != rate)
		return ser_fail(e, SER_EDATA,
				"at %g Hz, and the first sound is at %g: --sample-frequency X converts all to one rate",
				rate_hz, rate);
	return SER_OK;
}

int ser_extract_open(struct ser_extract *x, struct worker *w, struct job *j, struct source *s)
{
	size_t shape[SER_MAX_AXES];
	double warp = x->o.front.vtln_warp;
	*s = (struct source){0};
	if (x->warps.key != NULL && (ser_warps_find(&x->warps, &j->r, &warp, &j->e) != SER_OK ||
				     ser_front_warp(x->front, w->ws, warp, &j->e) != SER_OK))
		return j->e.code;
	if (x->warps.key != NULL)
		ser_record_set(&j->r, "vtln_warp", ser_real(warp));
	if (j->rate_hz <= 0) {
		int rc = j->path != NULL ? ser_audio_open(&s->a, j->path, &j->part, &j->e)
					 : ser_audio_open_fd(&s->a, 0, "<stdin>", &j->part, &j->e);
		double own = rc == SER_OK ? ser_audio_info(s->a)->rate_hz : 0;
		if (rc == SER_OK)
			rc = check_rate(x, own, &j->e);
		return rc != SER_OK ? rc : choose_front(x, w, j, own);
	}
	if (check_rate(x, j->rate_hz, &j->e) != SER_OK)
		return j->e.code;
	if (ser_record_f4(&j->r, "feat", 2, &s->x, shape, &j->e) != SER_OK)
		return j->e.code;
	if (shape[0] == 0 || shape[1] != 1)
		return ser_record_fail(&j->r, &j->e, SER_EDATA, "field \"feat\" is [%zu,%zu], expected samples [N,1]",
				       shape[0], shape[1]);
	s->n = shape[0];
	if (choose_front(x, w, j, j->rate_hz) != SER_OK)
		return j->e.code;
	double rate = ser_extract_rate_hz(j);
	if (j->rate_hz == rate)
		return SER_OK;
	int rc = ser_audio_resample(s->x, s->n, j->rate_hz, rate, x->o.audio.vhq, &w->z, &s->n, &w->cap_z, &j->e);
	s->x = w->z;
	return rc;
}

static int whole(struct ser_extract *x, struct worker *w, struct job *j)
{
	struct source s;
	int rc = ser_extract_open(x, w, j, &s);
	if (rc == SER_OK && s.a != NULL) {
		rc = ser_audio_read_all(s.a, SER_EXTRACT_MAX_SAMPLE, &w->x, &s.n, &w->cap, &j->e);
		j->info = *ser_audio_info(s.a);
		s.x = w->x;
	}
	ser_audio_free(s.a);
	if (rc != SER_OK)
		return rc;
	size_t from = 0, to = s.n;
	double rate = ser_extract_rate_hz(j);
	if (x->o.trim_db > 0) {
		ser_trim_find(s.x, s.n, rate, x->o.trim_db, &from, &to);
		ser_record_set(&j->r, "trim_start", ser_real((double)from / rate));
		ser_record_set(&j->r, "trim_end", ser_real((double)to / rate));
	}
	rc = ser_extract_features(x, j, s.x + from, to - from);
	if (rc == SER_OK || j->rate_hz > 0)
		return rc;
	return ser_fail_in(&j->e, "%s", j->path != NULL ? j->path : "<stdin>");
}

static void work(void *ctx, size_t i, int worker)
{
	struct ser_extract *x = ctx;
	struct job *j = &x->job[i];
	if (j->rc == SER_OK)
		j->rc = whole(x, &x->worker[worker], j);
}

void ser_extract_heard(struct ser_extract *x, const char *id, const struct ser_audio_info *info)
{
	x->count.n_other += info->rate_hz > 0 && info->rate_hz != x->o.audio.rate_hz && !own_rate(x);
	if (info->rate_hz > 0 && info->rate_hz < x->o.audio.rate_hz) {
		if (x->count.n_narrow++ == 0 || info->rate_hz < x->count.least_hz)
			x->count.least_hz = info->rate_hz;
	}
	if (info->n_clipped == 0)
		return;
	x->count.n_clipped++;
	x->to.clipped(x->to.ctx, id, info);
}

void ser_extract_put(struct ser_extract *x, struct job *j)
{
	const char *id = ser_record_id(&j->r);
	if (j->rc != SER_OK) {
		ser_fail_in(&j->e, "%s\"%s\"", j->place != NULL ? j->place : "", id);
		x->to.failed(x->to.ctx, id, &j->e);
		return;
	}
	if (j->rate_hz > 0)
		j->info.rate_hz = (int)j->rate_hz;
	ser_extract_heard(x, id, &j->info);
	if (x->sums_up) {
		ser_record_drop(&j->r, "feat"); /* samples */
		ser_record_set(&j->r, "func", ser_f4(j->func, 1, (size_t[]){n_func(x)}));
	} else {
		ser_record_set(&j->r, "feat", ser_f4(j->y, 2, (size_t[]){j->n_frame, ser_front_dim(x->front)}));
	}
	x->to.record(x->to.ctx, &j->r);
}

/* ---- many --------------------------------------------------------------------------------------- */

struct job *ser_extract_add(struct ser_extract *x)
{
	struct job *j = &x->job[x->n_job++];
	ser_record_clear(&j->r);
	free(j->path);
	free(j->place);
	j->path = j->place = NULL;
	j->rate_hz = 0;
	j->info = (struct ser_audio_info){0};
	j->part = x->o.audio;
	j->rc = SER_OK;
	x->count.n_sound++;
	return j;
}

/* As often as its parts want it: a pipe is heard once. */
static bool comes_again(const struct ser_extract *x, const struct job *j)
{
	struct stat st;
	return ser_front_passes(x->front) < 2 || j->rate_hz > 0 ||
	       (j->path != NULL && strncmp(j->path, "/dev/", 5) != 0 && stat(j->path, &st) == 0 && S_ISREG(st.st_mode));
}

void ser_extract_ready(struct ser_extract *x)
{
	struct job *j = &x->job[x->n_job - 1];
	if (x->ids != NULL && j->rc == SER_OK) {
		const char *id = ser_record_id(&j->r);
		bool fresh;
		ser_map_add(x->ids, id, strlen(id), &fresh);
		if (!fresh)
			j->rc = ser_fail(&j->e, SER_EDATA, "this id came before, in another of the inputs");
	}
	bool parts = x->in_parts && comes_again(x, j);
	if (parts || x->o.segment_s > 0 || x->o.vad.threshold_db > 0) {
		if (j->rc == SER_OK)
			j->rc = ser_extract_pieces(x, j);
		if (j->rc != SER_OK)
			ser_extract_put(x, j);
		x->n_job = 0;
	} else if (x->in_parts || x->n_job == x->cap_job) {
		ser_extract_end(x);
	}
}

void ser_extract_end(struct ser_extract *x)
{
	ser_pool_for(x->pool, x->n_job, work, x);
	for (size_t i = 0; i < x->n_job; i++)
		ser_extract_put(x, &x->job[i]);
	x->n_job = 0;
	x->to.step(x->to.ctx, x->count.n_sound, false);
}

/* ---- header ------------------------------------------------------------------------------------- */

/* The names of the columns, where they are different things or functionals are of them, and of the functionals. */
static void name_columns(struct ser_extract *x, struct ser_header *h, struct ser_val *dim)
{
	struct ser_val cols = ser_val_list(), funcs = ser_val_list();
	char buf[64];
	bool named = x->sums_up || ser_front_described(x->front);
	for (size_t i = 0; x->set != NULL && i < n_func(x); i++)
		ser_val_push(&h->arena, &cols, ser_str(x->set->column(i, buf)));
	for (size_t i = 0; named && x->set == NULL && i < ser_front_dim(x->front); i++)
		ser_val_push(&h->arena, &cols, ser_str(ser_front_column(x->front, i, buf)));
	if (named)
		ser_val_set(&h->arena, dim, "columns", cols);
	if (x->set != NULL)
		ser_val_push(&h->arena, &funcs, ser_str(x->o.functionals));
	for (size_t k = 0; x->func != NULL && k < ser_func_n(x->func); k++)
		ser_val_push(&h->arena, &funcs, ser_str(ser_func_name(x->func, k)));
	if (x->sums_up)
		ser_val_set(&h->arena, dim, "functionals", funcs);
}

static void describe(const struct ser_front *front, const struct ser_front_opt *o, bool sums_up, struct ser_arena *a,
		     struct ser_val *dim)
{
	struct ser_val list = ser_val_list();
	struct ser_buf text = {0};
	if (sums_up) {
		ser_val_push(a, &list, ser_str("functional"));
	} else {
		const char *const *axis = ser_front_axes(o->kind);
		ser_val_push(a, &list, ser_str(axis[0]));
		ser_val_push(a, &list, ser_str(axis[1]));
	}
	ser_val_set(a, dim, "axes", list);
	if (!sums_up) {
		double shift = ser_front_shift_s(front);
		ser_val_set(a, dim, "shift_s", ser_real(shift));
		ser_val_set(a, dim, "rate_hz", ser_real(1 / shift));
	}
	if (o->sample_frequency > 0)
		ser_val_set(a, dim, "sample_rate_hz", ser_real(o->sample_frequency));
	ser_front_text(o, &text);
	ser_val_set(a, dim, "front", ser_str(text.s));
	ser_buf_free(&text);
}

int ser_extract_dim(const struct ser_front_opt *o, struct ser_arena *a, struct ser_val *dim, struct ser_err *e)
{
	struct ser_front *front;
	if (ser_front_new(&front, o, e) != SER_OK)
		return e->code;
	describe(front, o, false, a, dim);
	ser_front_free(front);
	return SER_OK;
}

void ser_extract_header(struct ser_extract *x, const struct ser_header *from)
{
	struct ser_header h;
	if (from != NULL)
		ser_header_copy(&h, from);
	else
		ser_header_init(&h);
	size_t n_kept = 0;
	for (size_t i = 0; i < h.dims.u.map.n; i++) /* samples are no longer there */
		if (h.dims.u.map.f[i].name_len != 4 || memcmp(h.dims.u.map.f[i].name, "feat", 4) != 0)
			h.dims.u.map.f[n_kept++] = h.dims.u.map.f[i];
	h.dims.u.map.n = n_kept;
	struct ser_val *dim = ser_header_dim_add(&h, x->sums_up ? "func" : "feat");
	describe(x->front, &x->o.front, x->sums_up, &h.arena, dim);
	name_columns(x, &h, dim);
	if (x->in_parts) {
		struct ser_val parts = ser_val_list();
		ser_val_push(&h.arena, &parts, ser_str("feat"));
		ser_val_set(&h.arena, &h.extra, "parts", parts);
	}
	x->to.header(x->to.ctx, &h);
	ser_header_free(&h);
}
