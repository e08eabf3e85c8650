/* SPDX-License-Identifier: MIT */
/* The model that a training begins with: new encoders or other models', heads for the objectives, and what it says of
 * itself. */
#include "train/train.h"

#include <stdlib.h>
#include <string.h>

struct ser_encoder_opts ser_encoder_defaults(void)
{
	return (struct ser_encoder_opts){.field = "feat", .norm = -1, .tune = {.lr = 1, .layer_decay = 1}};
}

bool ser_encoder_reads_texts(const struct ser_encoder_opts *o)
{
	return o->texts || (o->tokenizer != NULL && !o->sounds);
}

/* Another model that an encoder begins with. */
struct like {
	struct ser_model *m; /* NULL: none */
	size_t encoder;      /* of it */
};

/* The name of one of several encoders. */
static const char *called(const struct ser_encoder_opts *o)
{
	return o->name != NULL ? o->name : ser_encoder_reads_texts(o) ? "text" : o->field;
}

/* Load o->init and see that it fits the stream and what else was asked for. */
static int load_init(struct like *l, const struct ser_dataset *d, const struct ser_encoder_opts *o, struct ser_err *e)
{
	if (ser_model_load(&l->m, o->init, e) != 0)
		return e->code;
	ser_model_merge(l->m); /* of a checkpoint */
	int i = l->m->n_enc == 1 ? 0 : ser_model_encoder_find(l->m, called(o));
	if (i < 0)
		return ser_fail(e, SER_EUSAGE, "%s has %zu encoders, none of them \"%s\": --name says which", o->init,
				l->m->n_enc, called(o));
	const struct ser_encoder *c = &l->m->enc[i];
	l->encoder = (size_t)i;
	if (ser_encoder_reads_texts(o) && o->tokenizer == NULL && c->tokenizer == NULL)
		return ser_fail(e, SER_EUSAGE, "%s says nothing of its tokenizer: --tokenizer does", o->init);
	if (!ser_encoder_reads_texts(o) && c->field == NULL)
		return ser_fail(e, SER_EUSAGE, "encoder \"%s\" of %s reads texts: --tokenizer says how", c->name,
				o->init);
	if (!ser_encoder_reads_texts(o) && strcmp(c->field, o->field) != 0)
		return ser_fail(e, SER_EUSAGE, "%s reads field \"%s\", not \"%s\"", o->init, c->field, o->field);
	if (!ser_encoder_reads_texts(o) && ser_encoder_check_header(c, &d->header, e) != 0)
		return ser_fail_in(e, "%s", o->init);
	if (o->arch != NULL && strcmp(c->arch->name, o->arch) != 0)
		return ser_fail(e, SER_EUSAGE, "%s is of architecture %s, not %s", o->init, c->arch->name, o->arch);
	if (o->norm >= 0 && c->norm != (enum ser_model_norm)o->norm)
		return ser_fail(e, SER_EUSAGE, "%s normalises its input by %s", o->init, ser_model_norms[c->norm]);
	return 0;
}

/* What is done to its input where nothing is said: a mean over one frame would take everything off. */
static enum ser_model_norm usual_norm(const struct ser_encoder *c, const struct ser_dataset *d)
{
	if (c->field == NULL || c->arch->n_token != NULL)
		return SER_NORM_NONE;
	return ser_dataset_vectors(d, ser_dataset_field(d, c->field)) ? SER_NORM_GLOBAL : SER_NORM_MEAN;
}

/* How the encoder added last comes from texts to tokens. */
static int add_tokenizer(struct ser_model *m, const struct ser_dataset *d, struct ser_task *first,
			 const struct ser_encoder_opts *o, const struct ser_encoder *like, struct ser_err *e)
{
	if (o->tokenizer != NULL)
		return ser_model_tokenizer(m, o->tokenizer, e);
	if (like != NULL) {
		ser_model_texts(m, like->tokenizer);
		return 0;
	}
	struct ser_strs text = {0};
	int rc = first->kind->texts(first, d, &text, e);
	if (rc == 0)
		rc = ser_model_vocabulary(m, text.s, text.n, e);
	free(text.s);
	return rc;
}

/* An encoder with the other's hyper-parameters, then those of the options. */
static int add_encoder(struct ser_model *m, const char *name, const struct ser_dataset *d, struct ser_task *first,
		       const struct ser_encoder_opts *o, const struct like *l, struct ser_err *e)
{
	struct ser_arena a = {0};
	const struct ser_encoder *like = l->m != NULL ? &l->m->enc[l->encoder] : NULL;
	size_t n = 0;
	while (like != NULL && like->arch->hyper[n].name != NULL)
		n++;
	const char **hyper = ser_arena_calloc(&a, n + o->hyper.n + 1, sizeof *hyper);
	for (size_t i = 0; i < n; i++) {
		struct ser_buf b = {0};
		ser_buf_printf(&b, "%s=", like->arch->hyper[i].name);
		ser_hyper_print(&like->arch->hyper[i], like->hyper[i], &b);
		hyper[i] = ser_arena_strndup(&a, b.s, b.n);
		ser_buf_free(&b);
	}
	for (size_t i = 0; i < o->hyper.n; i++)
		hyper[n++] = o->hyper.s[i];
	const char *arch = like != NULL ? like->arch->name : o->arch != NULL ? o->arch : ser_archs[0]->name;
	int rc = ser_model_encoder_add(m, name, arch, hyper, n, e);
	ser_arena_free(&a);
	if (rc != 0)
		return rc;
	struct ser_encoder *c = &m->enc[m->n_enc - 1];
	if (!ser_encoder_reads_texts(o))
		ser_model_input(m, o->field, d->field[ser_dataset_field(d, o->field)].dim,
				ser_header_dim(&d->header, o->field), SER_NORM_NONE);
	else if (add_tokenizer(m, d, first, o, like, e) != 0)
		return e->code;
	c->norm = like != NULL ? like->norm : o->norm >= 0 ? (enum ser_model_norm)o->norm : usual_norm(c, d);
	c->adapt.mix = o->mix_norm    ? SER_MIX_NORM
		       : o->mix       ? SER_MIX_SUM
		       : like != NULL ? like->adapt.mix
				      : SER_MIX_NONE;
	if (o->lora != NULL && ser_lora_parse(&c->adapt, o->lora, e) != 0)
		return e->code;
	if (c->arch->n_token != NULL && c->norm != SER_NORM_NONE)
		return ser_fail(e, SER_EUSAGE, "architecture %s reads tokens, which are not normalised", arch);
	return 0;
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

static void describe(struct ser_model *m, const struct ser_dataset *d, const struct ser_split *s,
		     const struct ser_task *t, size_t n, const struct ser_net_opts *o, const struct like *l)
{
	struct ser_arena *a = &m->arena;
	ser_val_set(a, &m->train, "task", ser_str(t->kind->name));
	ser_val_set(a, &m->train, "seed", ser_int((int64_t)o->seed));
	ser_val_set(a, &m->train, "records", ser_int((int64_t)s->n_train));
	ser_val_set(a, &m->train, "dev_records", ser_int((int64_t)s->n_dev));
	ser_val_set(a, &m->train, "left_out", ser_int((int64_t)s->n_out));
	for (size_t i = 0; i < m->n_enc; i++)
		if (l[i].m != NULL)
			ser_train_speakers_add(m, ser_val_get(&l[i].m->train, "speakers"));
	struct ser_val here = speakers(a, d, s, o->spk);
	ser_train_speakers_add(m, &here);
	for (size_t f = 0; f < d->n_field; f++)
		ser_train_speakers_add(m, ser_train_speakers_of(&d->header, d->field[f].name));
	for (size_t k = 0; k < n; k++)
		if (t[k].kind->speakers != NULL)
			ser_train_speakers_add(m, t[k].kind->speakers(&t[k]));
}

/* What the model says of those that its encoders began with: of several by name. Their speakers are in its own list. */
static void describe_init(struct ser_model *m, const struct like *l)
{
	struct ser_arena *a = &m->arena;
	struct ser_val all = ser_val_map();
	for (size_t i = 0; i < m->n_enc; i++) {
		if (l[i].m == NULL)
			continue;
		struct ser_val init = ser_val_map();
		ser_val_set(a, &init, "train", l[i].m->train);
		ser_val_set(a, &init, "prov", l[i].m->prov);
		ser_val_set(a, ser_val_get(&init, "train"), "speakers", ser_val_list());
		if (m->enc[i].name == NULL)
			all = init;
		else
			ser_val_set(a, &all, m->enc[i].name, init);
	}
	if (all.u.map.n > 0)
		ser_val_set(a, &m->train, "init", all);
}

int ser_net_new(struct ser_model **out, const struct ser_dataset *d, const struct ser_split *s, struct ser_task *t,
		size_t n, const struct ser_net_opts *o, struct ser_err *e)
{
	struct like like[SER_MAX_ENCODER] = {{NULL, 0}};
	struct ser_model *m = ser_model_empty(o->seed);
	int rc = 0;
	*out = NULL;
	for (size_t i = 0; i < o->n_enc && rc == 0; i++) {
		const struct ser_encoder_opts *c = &o->enc[i];
		const char *name = o->n_enc > 1 || c->name != NULL ? called(c) : NULL;
		rc = c->init != NULL ? load_init(&like[i], d, c, e) : 0;
		if (rc == 0)
			rc = add_encoder(m, name, d, &t[0], c, &like[i], e);
	}
	if (rc == 0)
		rc = ser_train_heads(m, d, s, t, n, e);
	if (rc == 0)
		rc = ser_model_build(m, e);
	for (size_t i = 0; i < o->n_enc && rc == 0; i++) {
		if (like[i].m == NULL)
			continue;
		rc = ser_model_copy_encoder(m, i, like[i].m, like[i].encoder, e);
		if (rc != 0)
			rc = ser_fail_in(e, "%s", o->enc[i].init);
	}
	if (rc == 0) {
		describe(m, d, s, t, n, o, like);
		describe_init(m, like);
		*out = m;
	} else {
		ser_model_free(m);
	}
	for (size_t i = 0; i < o->n_enc; i++)
		ser_model_free(like[i].m);
	return rc;
}

int ser_net_crop(const struct ser_dataset *d, const struct ser_encoder *c, double seconds, size_t *n_frame,
		 struct ser_err *e)
{
	*n_frame = 0;
	if (c->field == NULL)
		return 0;
	double shift_s = ser_header_shift(&d->header, c->field);
	if (seconds == 0 || c->arch->n_token != NULL || ser_dataset_vectors(d, ser_dataset_field(d, c->field)))
		return 0;
	if (shift_s == 0)
		return ser_fail(e, SER_EDATA,
				"the stream's header gives no frame shift (shift_s) for \"%s\": --crop 0 takes whole "
				"utterances",
				c->field);
	double n = seconds / shift_s + 0.5;
	*n_frame = n < 1 ? 1 : n > 1e9 ? (size_t)1e9 : (size_t)n;
	return 0;
}
