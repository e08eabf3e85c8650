/* SPDX-License-Identifier: MIT */
#include "train/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A task is its file task_NAME.c and its row here. */
extern const struct ser_task_kind train_classify, train_regress, train_speaker, train_contrastive, train_deepcluster,
	train_clap, train_hubert, train_wav2vec2, train_data2vec, train_frames_kind, train_motion;
const struct ser_task_kind *const ser_task_kinds[] = {
	&train_classify, &train_regress,  &train_speaker,  &train_contrastive, &train_deepcluster, &train_clap,
	&train_hubert,   &train_wav2vec2, &train_data2vec, &train_frames_kind, &train_motion,      NULL};

const struct ser_option ser_task_options[] = {
	{"weight", "of this task's loss in the sum", SER_AT_REAL(struct ser_task, weight, "X", 0, 1e6)},
	{"source", "what the head stands on: encoders, by name, side by side (default all)",
	 SER_AT_STR(struct ser_task, source, "NAME[+NAME]...")},
	{"hidden", "hidden units of the head; 0: none", SER_AT_COUNT(struct ser_task, n_hidden, "N", 0, 65536)},
	{"head-layers", "hidden layers of so many units each",
	 SER_AT_COUNT(struct ser_task, n_layer, "N", 1, SER_MAX_HEAD_LAYER)},
	{"head-pool", "what the head makes of frames, when it does not stand on the embedding",
	 SER_AT_CHOICE(struct ser_task, pool, "HOW", ser_head_pools)},
	{"frozen-head", "leave the head as it began: the encoder learns to serve it",
	 SER_AT_FLAG(struct ser_task, frozen)},
	{"head-dropout", "dropout before the head's outputs", SER_AT_REAL(struct ser_task, dropout, "X", 0, 0.95)},
	{0},
};
const struct ser_option ser_task_reverse[] = {
	{"adversarial", "make the embedding forget what the head learns: the weight is of the reversed gradient",
	 SER_AT_FLAG(struct ser_task, adversarial)},
	{0},
};

const struct ser_task_kind *ser_task_find(const char *name)
{
	for (size_t i = 0; ser_task_kinds[i] != NULL; i++)
		if (strcmp(ser_task_kinds[i]->name, name) == 0)
			return ser_task_kinds[i];
	return NULL;
}

void ser_task_init(struct ser_task *t, const struct ser_task_kind *k)
{
	*t = (struct ser_task){
		.kind = k, .weight = 1, .spk = "spk", .n_hidden = k->n_hidden, .n_layer = 1, .nmi = (double)NAN};
	ser_assert(k->size <= sizeof t->own);
	memcpy(t->own, k->defaults, k->size);
}

int ser_task_parse(struct ser_task *t, const char *text, struct ser_err *e)
{
	const char *colon = strrchr(text, ':');
	ser_task_init(t, &train_classify);
	t->weight = 0.1;
	const char *field = ser_arena_strndup(&t->arena, text, colon != NULL ? (size_t)(colon - text) : strlen(text));
	if (*field == '\0' || (colon != NULL && ser_parse_real(colon + 1, 0, 1e6, &t->weight, NULL) != 0))
		return ser_fail(e, SER_EUSAGE, "\"%s\" is not FIELD or FIELD:WEIGHT", text);
	const struct ser_option *label = t->kind->options;
	while (strcmp(label->name, "label") != 0)
		label++;
	return ser_option_set(label, t->own, field, e);
}

void ser_task_free(struct ser_task *t)
{
	if (t->kind != NULL && t->kind->free != NULL)
		t->kind->free(t);
	if (t->sampler != NULL)
		t->sampler->free(t->sampler);
	free(t->code);
	free(t->all);
	ser_buf_free(&t->note);
	ser_arena_free(&t->arena);
	*t = (struct ser_task){0};
}

void ser_task_name_all(struct ser_task *t, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		const char *want = t[k].kind->head_name != NULL ? t[k].kind->head_name(&t[k]) : t[k].kind->name;
		struct ser_buf b = {0};
		ser_buf_str(&b, want);
		for (size_t i = 0, number = 2; i < k; i++)
			if (strcmp(t[i].name, b.s) == 0) {
				b.n = 0;
				ser_buf_printf(&b, "%s%zu", want, number++);
				i = SIZE_MAX; /* look at all again */
			}
		t[k].name = ser_arena_strndup(&t[k].arena, b.s, b.n);
		ser_buf_free(&b);
	}
}

const struct ser_task *ser_task_validator(const struct ser_task *t, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (t[k].kind->tally != NULL)
			return &t[k];
	return NULL;
}

void ser_task_want(struct ser_strs *l, const char *name)
{
	if (name == NULL)
		return;
	l->s = ser_realloc(l->s, l->n + 1, sizeof *l->s);
	l->s[l->n++] = name;
}

/* ---- the data set and the heads of all tasks ---- */

struct ser_dataset *ser_train_data_new(const struct ser_net_opts *o, const struct ser_task *t, size_t n,
				       const struct ser_split_opts *s, size_t max_record)
{
	struct ser_strs l = {0};
	for (size_t k = 0; k < n; k++)
		if (t[k].kind->labels != NULL)
			t[k].kind->labels(&t[k], &l);
	ser_task_want(&l, s->spk);
	ser_task_want(&l, s->fold);
	ser_task_want(&l, s->split);
	struct ser_dataset *d = NULL;
	for (size_t i = 0; i < o->n_enc; i++)
		if (!ser_encoder_reads_texts(&o->enc[i]) && d == NULL)
			d = ser_dataset_new(o->enc[i].field, l.s, l.n, max_record);
		else if (!ser_encoder_reads_texts(&o->enc[i]))
			ser_dataset_field_add(d, o->enc[i].field);
	ser_assert(d != NULL);
	free(l.s);
	struct ser_strs f = {0};
	for (size_t k = 0; k < n; k++)
		if (t[k].kind->fields != NULL)
			t[k].kind->fields(&t[k], &f);
	for (size_t i = 0; i < f.n; i++)
		ser_dataset_field_add(d, f.s[i]);
	free(f.s);
	return d;
}

static bool on_frames(const struct ser_head *h)
{
	return h->source.n > 0 && h->source.term[0].part == SER_PART_FRAMES;
}

/* A head that pools, or learns from each frame, stands on frames: of the one encoder, unless it is said. */
static int frames_of(const struct ser_model *m, struct ser_head *h, const struct ser_task_kind *k, struct ser_err *e)
{
	if (h->source.n == 0 && m->n_enc == 1)
		h->source = (struct ser_source){.n = 1, .term = {{0, SER_PART_FRAMES}}};
	if (on_frames(h))
		return 0;
	return ser_fail(e, SER_EUSAGE, "%s%s needs frames: --source NAME:frames says of which encoder",
			k->needs_frames ? "task " : "--head-pool", k->needs_frames ? k->name : "");
}

int ser_train_heads(struct ser_model *m, const struct ser_dataset *d, const struct ser_split *s, struct ser_task *t,
		    size_t n, struct ser_err *e)
{
	for (size_t k = 0; k < n; k++) {
		struct ser_head h = {.name = t[k].name,
				     .n_hidden = t[k].n_hidden,
				     .n_layer = t[k].n_layer,
				     .n_sub = 1,
				     .dropout = t[k].dropout,
				     .adversarial = t[k].adversarial,
				     .pool = t[k].pool};
		if (t[k].source != NULL && ser_model_source_parse(m, t[k].source, &h.source, e) != 0)
			return e->code;
		if (h.pool != SER_POOL_NONE && t[k].kind->needs_frames)
			return ser_fail(e, SER_EUSAGE, "task %s learns from frames, which --head-pool takes away",
					t[k].kind->name);
		if ((h.pool != SER_POOL_NONE || t[k].kind->needs_frames) && frames_of(m, &h, t[k].kind, e) != 0)
			return e->code;
		if (on_frames(&h) && h.pool == SER_POOL_NONE && !t[k].kind->frames)
			return ser_fail(e, SER_EUSAGE,
					"task %s learns from one vector a record, not from frames: \":mean\" makes one",
					t[k].kind->name);
		if (h.source.n > 0 && m->enc[h.source.term[0].encoder].field == NULL)
			return ser_fail(e, SER_EUSAGE, "source \"%s\": it reads texts, and nothing of records",
					t[k].source);
		t[k].model = m;
		if (t[k].kind->head(&t[k], d, s, &h, e) != 0)
			return e->code;
		t[k].head = ser_model_head_add(m, &h, e);
		if (t[k].head < 0 || (t[k].kind->more != NULL && t[k].kind->more(&t[k], m, e) != 0))
			return e->code;
	}
	return 0;
}

void train_begin_at(const struct ser_task *t, struct ser_model *m, const double *mean)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "heads.%s.out.bias", t->name);
	real *bias = m->params->val + m->params->slice[ser_params_find(m->params, b.s)].at;
	ser_buf_free(&b);
	for (size_t v = 0; v < m->head[t->head].n_out; v++)
		bias[v] = (real)mean[v];
}
