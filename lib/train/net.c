/* SPDX-License-Identifier: MIT */
/* The model that a training begins with: a new encoder or another model's, heads for the objectives, and what it says of
 * itself. */
#include "train/train.h"

#include <stdlib.h>
#include <string.h>

/* Load o->init and see that it fits the stream and what else was asked for. */
static int load_init(struct ser_model **like, const struct ser_dataset *d, const struct ser_net_opts *o,
		     struct ser_err *e)
{
	if (ser_model_load(like, o->init, e) != 0)
		return e->code;
	const struct ser_model *m = *like;
	if (ser_model_check_header(m, &d->header, e) != 0)
		return ser_fail_in(e, "%s", o->init);
	if (strcmp(m->field, d->field) != 0)
		return ser_fail(e, SER_EUSAGE, "%s reads field \"%s\", not \"%s\"", o->init, m->field, d->field);
	if (o->arch != NULL && strcmp(m->arch->name, o->arch) != 0)
		return ser_fail(e, SER_EUSAGE, "%s is of architecture %s, not %s", o->init, m->arch->name, o->arch);
	if (o->norm >= 0 && m->norm != (enum ser_model_norm)o->norm)
		return ser_fail(e, SER_EUSAGE, "%s normalises its input by %s", o->init, ser_model_norms[m->norm]);
	return 0;
}

/* A new model with the other's hyper-parameters, then those of the options. */
static int create(struct ser_model **m, const struct ser_model *like, const struct ser_net_opts *o, struct ser_err *e)
{
	struct ser_arena a = {0};
	size_t n = 0;
	while (like != NULL && like->arch->hyper[n].name != NULL)
		n++;
	const char **hyper = ser_arena_calloc(&a, n + o->n_hyper + 1, sizeof *hyper);
	for (size_t i = 0; i < n; i++) {
		struct ser_buf b = {0};
		ser_buf_printf(&b, "%s=%.17g", like->arch->hyper[i].name, like->hyper[i]);
		hyper[i] = ser_arena_strndup(&a, b.s, b.n);
		ser_buf_free(&b);
	}
	for (size_t i = 0; i < o->n_hyper; i++)
		hyper[n++] = o->hyper[i];
	const char *arch = like != NULL ? like->arch->name : o->arch != NULL ? o->arch : ser_archs[0]->name;
	int rc = ser_model_new(m, arch, hyper, n, o->seed, e);
	ser_arena_free(&a);
	return rc;
}

/* Of the items that train or validate. */
static struct ser_val speakers(struct ser_arena *a, const struct ser_dataset *d, const struct ser_split *s,
			       const char *label)
{
	const struct ser_label *spk = ser_dataset_label(d, label);
	struct ser_val list = ser_val_list();
	bool *met = ser_calloc(spk->n_class, sizeof *met);
	for (size_t i = 0; i < d->n; i++)
		if (s->role[i] != SER_ROLE_OUT && spk->code[i] >= 0 && !met[spk->code[i]]) {
			met[spk->code[i]] = true;
			ser_val_push(a, &list, ser_str(spk->text[spk->code[i]]));
		}
	free(met);
	return list;
}

static void describe(struct ser_model *m, const struct ser_model *like, const struct ser_dataset *d,
		     const struct ser_split *s, const struct ser_task *t, size_t n, const struct ser_net_opts *o)
{
	struct ser_arena *a = &m->arena;
	ser_val_set(a, &m->train, "task", ser_str(t->kind->name));
	ser_val_set(a, &m->train, "seed", ser_int((int64_t)o->seed));
	ser_val_set(a, &m->train, "records", ser_int((int64_t)s->n_train));
	ser_val_set(a, &m->train, "dev_records", ser_int((int64_t)s->n_dev));
	ser_val_set(a, &m->train, "left_out", ser_int((int64_t)s->n_out));
	if (like != NULL)
		ser_train_speakers_add(m, ser_val_get(&like->train, "speakers"));
	struct ser_val here = speakers(a, d, s, o->spk);
	ser_train_speakers_add(m, &here);
	ser_train_speakers_add(m, ser_train_speakers_of(&d->header, d->field));
	for (size_t k = 0; k < n; k++)
		if (t[k].kind->speakers != NULL)
			ser_train_speakers_add(m, t[k].kind->speakers(&t[k]));
	if (like == NULL)
		return;
	struct ser_val init = ser_val_map();
	ser_val_set(a, &init, "train", like->train);
	ser_val_set(a, &init, "prov", like->prov);
	/* Its speakers are in the list above. */
	ser_val_set(a, ser_val_get(&init, "train"), "speakers", ser_val_list());
	ser_val_set(a, &m->train, "init", init);
}

int ser_net_new(struct ser_model **out, const struct ser_dataset *d, const struct ser_split *s, struct ser_task *t,
		size_t n, const struct ser_net_opts *o, struct ser_err *e)
{
	struct ser_model *like = NULL, *m = NULL;
	*out = NULL;
	int rc = o->init != NULL ? load_init(&like, d, o, e) : 0;
	if (rc == 0)
		rc = create(&m, like, o, e);
	if (rc == 0) {
		enum ser_model_norm norm = like != NULL ? like->norm : (enum ser_model_norm)o->norm;
		if (like == NULL && o->norm < 0) /* a mean over one frame would take everything off */
			norm = ser_dataset_vectors(d) ? SER_NORM_GLOBAL : SER_NORM_MEAN;
		ser_model_input(m, d->field, d->dim, ser_header_dim(&d->header, d->field), norm);
		rc = ser_train_heads(m, d, s, t, n, e);
	}
	if (rc == 0)
		rc = ser_model_build(m, e);
	if (rc == 0 && like != NULL && ser_model_copy_params(m, like, "encoder.", e) != 0)
		rc = ser_fail_in(e, "%s", o->init);
	if (rc == 0)
		describe(m, like, d, s, t, n, o);
	ser_model_free(like);
	if (rc == 0)
		*out = m;
	else
		ser_model_free(m);
	return rc;
}

int ser_net_crop(const struct ser_dataset *d, double seconds, size_t *n_frame, struct ser_err *e)
{
	const struct ser_val *dim = ser_header_dim(&d->header, d->field),
			     *shift = dim != NULL ? ser_val_get(dim, "shift_s") : NULL;
	*n_frame = 0;
	if (seconds == 0 || ser_dataset_vectors(d))
		return 0;
	if (shift == NULL || shift->kind != SER_REAL || !(shift->u.f > 0))
		return ser_fail(e, SER_EDATA,
				"the stream's header gives no frame shift (shift_s) for \"%s\": --crop 0 takes whole "
				"utterances",
				d->field);
	double n = seconds / shift->u.f + 0.5;
	*n_frame = n < 1 ? 1 : n > 1e9 ? (size_t)1e9 : (size_t)n;
	return 0;
}
