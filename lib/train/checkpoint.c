/* SPDX-License-Identifier: MIT */
/* Checkpoints: everything that the rest of a training depends on, in one safetensors file. */
#include "train/private.h"

#include <stdlib.h>
#include <string.h>

uint64_t train_fingerprint(const struct ser_trainer *t)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%llx %llx ", (unsigned long long)t->o.print, (unsigned long long)t->print);
	for (size_t i = 0; i < t->m->n_enc; i++)
		ser_buf_printf(&b, "%zu ", t->o.tune[i].crop);
	for (size_t i = 0; i < t->d->n; i++) {
		ser_buf_printf(&b, "%s ", t->d->item[i].id);
		for (size_t f = 0; f < t->d->n_field; f++) {
			const struct ser_piece *p = &t->d->item[i].piece[f];
			ser_buf_printf(&b, "%zu %d %x ", p->n_frame, (int)p->dtype, p->crc);
		}
		ser_buf_printf(&b, "%d ", t->s->role[i]);
	}
	for (size_t k = 0; k < t->d->n_label; k++) {
		const struct ser_label *l = &t->d->label[k];
		ser_buf_printf(&b, "%s", l->name);
		for (size_t c = 0; c < l->n_class; c++)
			ser_buf_printf(&b, "\n%s", l->text[c]);
		ser_buf_add_le(&b, l->code, t->d->n, sizeof *l->code);
	}
	for (size_t k = 0; k < t->n_task; k++) {
		const struct ser_sampler *s = t->task[k].sampler;
		if (t->task[k].print != 0)
			ser_buf_printf(&b, "%llx ", (unsigned long long)t->task[k].print);
		if (s == NULL)
			continue;
		ser_buf_printf(&b, "%llx ", (unsigned long long)s->print);
		ser_buf_add_le(&b, s->train, s->train != NULL ? s->n_train : 0, sizeof *s->train);
		ser_buf_add_le(&b, s->dev, s->dev != NULL ? s->n_dev : 0, sizeof *s->dev);
	}
	uint64_t h = ser_hash(b.s, b.n);
	ser_buf_free(&b);
	return h;
}

enum {
	COUNT_STEP,
	COUNT_OPT_STEP,
	COUNT_BEST_EPOCH,
	COUNT_BAD,
	COUNT_STOPPED,
	COUNT_SCHED_BAD,
	COUNT_PRINT,
	COUNT_PART,
	N_COUNT = COUNT_PART + SER_MAX_TASK
};
enum {
	REAL_SUM,
	REAL_BEST,
	REAL_SCHED_BEST,
	REAL_SCHED_SCALE,
	REAL_PART,
	REAL_NMI = REAL_PART + SER_MAX_TASK,
	N_REAL = REAL_NMI + SER_MAX_TASK
};

static struct ser_st_tensor flat(const char *name, enum ser_st_dtype type, const void *data, size_t n)
{
	return (struct ser_st_tensor){.name = name, .dtype = type, .ndim = 1, .shape = {n}, .n = n, .data = data};
}

static enum ser_st_dtype real_type(void)
{
	return sizeof(real) == 8 ? SER_ST_F64 : SER_ST_F32;
}

/* Of an array like the parameters', what may change: itself when all may */
static const real *live(const struct ser_trainer *t, struct ser_arena *a, const real *flat)
{
	if (t->n_live == t->m->params->n)
		return flat;
	real *x = ser_arena_alloc(a, t->n_live, sizeof *x);
	ser_params_get(t->m->params, flat, x);
	return x;
}

static const char *code_name(struct ser_arena *a, size_t task)
{
	char name[40];
	snprintf(name, sizeof name, "checkpoint.code.%zu", task);
	return ser_arena_strndup(a, name, strlen(name));
}

int ser_trainer_save(const struct ser_trainer *t, const char *path, const char *note, struct ser_err *e)
{
	const struct ser_params *p = t->m->params;
	struct ser_arena a = {0};
	struct ser_st_tensor *model, *all;
	struct ser_st_meta *meta, *more;
	size_t n, n_meta;
	if (ser_params_check(p, e) != 0)
		return ser_fail_in(e, "%s: not written", path);
	ser_model_pack(t->m, &a, &model, &n, &meta, &n_meta);
	all = ser_arena_alloc(&a, n + 8 + SER_MAX_TASK, sizeof *all);
	memcpy(all, model, n * sizeof *all);
	more = ser_arena_alloc(&a, n_meta + 1, sizeof *more);
	memcpy(more, meta, n_meta * sizeof *more);
	more[n_meta++] = (struct ser_st_meta){"checkpoint", note};
	int64_t count[N_COUNT] = {
		(int64_t)t->step, (int64_t)t->opt->step, (int64_t)t->best_epoch,       (int64_t)t->n_bad,
		t->stopped,       t->sched.n_bad,        (int64_t)train_fingerprint(t)};
	double reals[N_REAL] = {t->sum, t->best_dev, t->sched.best, t->sched.scale};
	for (size_t k = 0; k < t->n_task; k++) {
		count[COUNT_PART + k] = (int64_t)t->task[k].n_sum;
		reals[REAL_PART + k] = t->task[k].sum;
		reals[REAL_NMI + k] = t->task[k].nmi;
	}
	all[n++] = flat("checkpoint.count", SER_ST_I64, count, N_COUNT);
	all[n++] = flat("checkpoint.real", SER_ST_F64, reals, N_REAL);
	all[n++] = flat("checkpoint.val", real_type(), live(t, &a, p->val), t->n_live);
	if (t->best_epoch > 0)
		all[n++] = flat("checkpoint.best", real_type(), t->best, t->n_live);
	for (size_t k = 0; k < t->n_task; k++)
		if (t->task[k].kind->before != NULL)
			all[n++] = flat(code_name(&a, k), SER_ST_I32, t->task[k].code, t->d->n);
	const char *name;
	real *state;
	for (int i = 0; (state = ser_opt_state(t->opt, i, &name)) != NULL; i++) {
		struct ser_buf b = {0};
		ser_buf_printf(&b, "checkpoint.opt.%s", name);
		all[n++] = flat(ser_arena_strndup(&a, b.s, b.n), real_type(), live(t, &a, state), t->n_live);
		ser_buf_free(&b);
	}
	int rc = ser_st_save(path, all, n, more, n_meta, e);
	ser_arena_free(&a);
	return rc;
}

static int get_flat(const struct ser_st *s, const char *name, enum ser_st_dtype type, size_t n, void *out,
		    struct ser_err *e)
{
	const struct ser_st_tensor *t = ser_st_find(s, name);
	if (t == NULL || t->dtype != type || t->n != n)
		return ser_fail(e, SER_EDATA, "\"%s\" is missing or of another size", name);
	ser_st_copy(t, out);
	return 0;
}

static int get_live(const struct ser_trainer *t, const struct ser_st *s, const char *name, real *flat,
		    struct ser_err *e)
{
	real *x = ser_malloc(t->n_live, sizeof *x);
	int rc = get_flat(s, name, real_type(), t->n_live, x, e);
	if (rc == 0)
		ser_params_put(t->m->params, x, flat);
	free(x);
	return rc;
}

/* The codes that tasks found. */
static int get_codes(struct ser_trainer *t, const struct ser_st *s, struct ser_err *e)
{
	struct ser_arena a = {0};
	int rc = 0;
	for (size_t k = 0; k < t->n_task && rc == 0; k++) {
		struct ser_task *j = &t->task[k];
		if (j->kind->before == NULL)
			continue;
		int32_t *code = ser_arena_alloc(&a, t->d->n, sizeof *code);
		rc = get_flat(s, code_name(&a, k), SER_ST_I32, t->d->n, code, e);
		for (size_t i = 0; i < t->d->n && rc == 0; i++)
			if ((code[i] < 0) != (j->code[i] < 0) || code[i] >= (int32_t)j->n_class)
				rc = ser_fail(e, SER_EDATA, "the checkpoint's clusters are out of range");
		if (rc == 0)
			memcpy(j->code, code, t->d->n * sizeof *code);
	}
	ser_arena_free(&a);
	return rc;
}

/* The optimiser's moments and steps */
static int get_moments(struct ser_trainer *t, const struct ser_st *s, const int64_t *count, struct ser_err *e)
{
	const char *name;
	real *state;
	for (int i = 0; (state = ser_opt_state(t->opt, i, &name)) != NULL; i++) {
		struct ser_buf b = {0};
		ser_buf_printf(&b, "checkpoint.opt.%s", name);
		int rc = get_live(t, s, b.s, state, e);
		ser_buf_free(&b);
		if (rc != 0)
			return rc;
	}
	t->step = (uint64_t)count[COUNT_STEP];
	t->opt->step = (uint64_t)count[COUNT_OPT_STEP];
	return 0;
}

/* The arguments of the last entry of a provenance; NULL: there are none. */
static const struct ser_val *last_args(const struct ser_val *prov)
{
	size_t n = prov->kind == SER_LIST ? prov->u.list.n : 0;
	const struct ser_val *args = n > 0 ? ser_val_get(&prov->u.list.v[n - 1], "args") : NULL;
	return args != NULL && args->kind == SER_LIST ? args : NULL;
}

/* " --this --that", those of a that b lacks */
static void lacks(struct ser_buf *out, const struct ser_val *a, const struct ser_val *b)
{
	for (size_t i = 0; i < a->u.list.n; i++) {
		const struct ser_val *v = &a->u.list.v[i];
		bool there = v->kind != SER_STR;
		for (size_t k = 0; k < b->u.list.n && !there; k++)
			there = ser_val_equal(v, &b->u.list.v[k]);
		if (!there)
			ser_buf_printf(out, " %s", v->u.str.s);
	}
}

/* A checkpoint of something else: of what, as far as the options tell. */
static int refuse(const struct ser_trainer *t, const struct ser_st *s, struct ser_err *e)
{
	struct ser_arena a = {0};
	struct ser_val was;
	struct ser_buf then = {0}, now = {0};
	const char *text = ser_st_meta(s, "prov");
	const struct ser_val *old = NULL, *new = last_args(&t->m->prov);
	if (text != NULL && ser_val_from_json(&a, text, strlen(text), &was, e) == 0)
		old = last_args(&was);
	if (old != NULL && new != NULL) {
		lacks(&then, old, new);
		lacks(&now, new, old);
	}
	int rc = ser_fail(e, SER_EDATA, "the checkpoint was made from other data or with other options%s%.200s%s%.200s",
			  then.n > 0 ? ": then" : "", then.n > 0 ? then.s : "",
			  now.n == 0   ? ""
			  : then.n > 0 ? ", now"
				       : ": now",
			  now.n > 0 ? now.s : "");
	ser_buf_free(&then);
	ser_buf_free(&now);
	ser_arena_free(&a);
	return rc;
}

static int resume(struct ser_trainer *t, const struct ser_st *s, struct ser_err *e)
{
	struct ser_params *p = t->m->params;
	int64_t count[N_COUNT];
	double reals[N_REAL];
	if (ser_st_meta(s, "checkpoint") == NULL)
		return ser_fail(e, SER_EDATA, "not a checkpoint of ser-train");
	if (get_flat(s, "checkpoint.count", SER_ST_I64, N_COUNT, count, e) != 0 ||
	    get_flat(s, "checkpoint.real", SER_ST_F64, N_REAL, reals, e) != 0)
		return e->code;
	if ((uint64_t)count[COUNT_PRINT] != train_fingerprint(t))
		return refuse(t, s, e);
	if (count[COUNT_STEP] < 0 || (uint64_t)count[COUNT_STEP] > t->n_step || count[COUNT_BEST_EPOCH] < 0 ||
	    count[COUNT_OPT_STEP] < 0 || count[COUNT_BAD] < 0)
		return ser_fail(e, SER_EDATA, "the checkpoint's counts are out of range");
	if (get_live(t, s, "checkpoint.val", p->val, e) != 0)
		return e->code;
	if (count[COUNT_BEST_EPOCH] > 0 && get_flat(s, "checkpoint.best", real_type(), t->n_live, t->best, e) != 0)
		return e->code;
	if (get_moments(t, s, count, e) != 0 || get_codes(t, s, e) != 0)
		return e->code;
	t->best_epoch = (size_t)count[COUNT_BEST_EPOCH];
	t->n_bad = (size_t)count[COUNT_BAD];
	t->stopped = count[COUNT_STOPPED] != 0;
	t->sched.n_bad = (int)count[COUNT_SCHED_BAD];
	t->sum = reals[REAL_SUM];
	t->best_dev = reals[REAL_BEST];
	t->sched.best = reals[REAL_SCHED_BEST];
	t->sched.scale = reals[REAL_SCHED_SCALE];
	for (size_t k = 0; k < t->n_task; k++) {
		t->task[k].n_sum = (uint64_t)count[COUNT_PART + k];
		t->task[k].sum = reals[REAL_PART + k];
		t->task[k].nmi = reals[REAL_NMI + k];
	}
	return 0;
}

static int go_on(struct ser_trainer *t, const struct ser_st *s, struct ser_err *e)
{
	const struct ser_params *p = t->m->params;
	int64_t count[N_COUNT];
	if (ser_st_meta(s, "checkpoint") == NULL)
		return ser_fail(e, SER_EDATA, "not a checkpoint of ser-train");
	for (size_t i = 0; i < p->n_slice; i++) { /* frozen ones, too, of which there are no moments */
		const struct ser_slice *x = &p->slice[i];
		const struct ser_st_tensor *f = ser_st_find(s, x->name);
		if (f == NULL || f->n != x->n)
			return ser_fail(e, SER_EDATA, "the checkpoint has no such \"%s\": it is of other tasks",
					x->name);
		float *val = ser_malloc(x->n, sizeof *val);
		ser_st_f4(f, val);
		ser_model_slice_in(x, val, p->val + x->at);
		free(val);
	}
	if (get_flat(s, "checkpoint.count", SER_ST_I64, N_COUNT, count, e) != 0 ||
	    get_live(t, s, "checkpoint.val", p->val, e) != 0)
		return e->code;
	if (count[COUNT_STEP] < 0 || count[COUNT_STEP] > INT64_MAX / 2 || count[COUNT_OPT_STEP] < 0)
		return ser_fail(e, SER_EDATA, "the checkpoint's counts are out of range");
	if (get_moments(t, s, count, e) != 0 || ser_params_check(p, e) != 0)
		return e->code;
	t->n_step += t->step;
	t->sched.n_total = t->n_step;
	return 0;
}

int ser_trainer_go_on(struct ser_trainer *t, const char *path, struct ser_err *e)
{
	struct ser_st *s;
	if (ser_st_open(&s, path, e) != 0)
		return e->code;
	int rc = go_on(t, s, e);
	ser_st_free(s);
	return rc != 0 ? ser_fail_in(e, "%s", path) : 0;
}

int ser_trainer_resume(struct ser_trainer *t, const char *path, char **note, struct ser_err *e)
{
	struct ser_st *s;
	if (ser_st_open(&s, path, e) != 0)
		return e->code;
	int rc = resume(t, s, e);
	if (rc == 0)
		*note = ser_strdup(ser_st_meta(s, "checkpoint"));
	ser_st_free(s);
	return rc != 0 ? ser_fail_in(e, "%s", path) : 0;
}
