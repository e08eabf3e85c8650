/* SPDX-License-Identifier: MIT */
#include "train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static ptrdiff_t class_of(const struct ser_label *l, const char *text)
{
	for (size_t c = 0; c < l->n_class; c++)
		if (strcmp(l->text[c], text) == 0)
			return (ptrdiff_t)c;
	return -1;
}

static int take_fold(struct ser_split *s, const struct ser_dataset *d, const struct ser_split_opts *o, const char *fold,
		     enum ser_role role, struct ser_err *e)
{
	if (fold == NULL)
		return 0;
	const struct ser_label *l = ser_dataset_label(d, o->fold);
	ptrdiff_t c = class_of(l, fold);
	if (c < 0)
		return ser_fail(e, SER_EDATA, "no record has %s %s", o->fold, fold);
	for (size_t i = 0; i < d->n; i++) {
		if (l->code[i] < 0)
			return ser_fail(e, SER_EDATA, "record \"%s\" has no label \"%s\"", d->item[i].id, o->fold);
		if (l->code[i] == c)
			s->role[i] = (uint8_t)role;
	}
	return 0;
}

/* What ser-fold wrote. */
static void take_split(struct ser_split *s, const struct ser_dataset *d, const char *name)
{
	const struct ser_label *l = name != NULL ? ser_dataset_label(d, name) : NULL;
	ptrdiff_t dev = l != NULL ? class_of(l, "dev") : -1, test = l != NULL ? class_of(l, "test") : -1;
	for (size_t i = 0; l != NULL && i < d->n; i++)
		if (l->code[i] >= 0 && (l->code[i] == dev || l->code[i] == test)) {
			s->role[i] = l->code[i] == dev ? SER_ROLE_DEV : SER_ROLE_OUT;
			++*(l->code[i] == dev ? &s->split_dev : &s->split_out);
		}
}

struct draw {
	uint64_t h;
	size_t i;
};

static int by_draw(const void *a, const void *b)
{
	const struct draw *x = a, *y = b;
	return x->h != y->h ? (x->h < y->h ? -1 : 1) : (x->i > y->i) - (x->i < y->i);
}

static uint64_t drawn(uint64_t seed, const void *key, size_t n)
{
	struct ser_rng r;
	ser_rng_seed_key(&r, seed ^ 0x6465765fu, key, n);
	return ser_rng_next(&r);
}

/* A share of the training speakers (an item without one is a speaker of its own), or of each speaker's items. */
static int take_share(struct ser_split *s, const struct ser_dataset *d, const struct ser_split_opts *o,
		      struct ser_err *e)
{
	const struct ser_label *spk = ser_dataset_label(d, o->spk);
	struct draw *w = ser_malloc(d->n, sizeof *w);
	bool *met = ser_calloc(spk->n_class + 1, sizeof *met), *dev = ser_calloc(spk->n_class + d->n, sizeof *dev);
	size_t n = 0;
	if (o->dev_by_item) {
		for (size_t c = 0; c < spk->n_class; c++) {
			n = 0;
			for (size_t i = 0; i < d->n; i++)
				if (s->role[i] == SER_ROLE_TRAIN && spk->code[i] == (int32_t)c)
					w[n++] = (struct draw){drawn(o->seed, d->item[i].id, strlen(d->item[i].id)), i};
			qsort(w, n, sizeof *w, by_draw);
			size_t take = (size_t)floor((double)n * o->dev_frac + 0.5);
			for (size_t k = 0; k < take && k + 1 < n; k++)
				s->role[w[k].i] = SER_ROLE_DEV;
		}
	} else {
		for (size_t i = 0; i < d->n; i++) {
			int32_t c = spk->code[i];
			if (s->role[i] != SER_ROLE_TRAIN || (c >= 0 && met[c]))
				continue;
			if (c >= 0)
				met[c] = true;
			const char *name = c >= 0 ? spk->text[c] : d->item[i].id;
			w[n++] = (struct draw){drawn(o->seed, name, strlen(name)),
					       c >= 0 ? (size_t)c : spk->n_class + i};
		}
		qsort(w, n, sizeof *w, by_draw);
		size_t take = (size_t)floor((double)n * o->dev_frac + 0.5);
		take = take > 0 ? take : 1;
		for (size_t k = 0; k < take && k < n; k++)
			dev[w[k].i] = true;
		for (size_t i = 0; i < d->n; i++)
			if (s->role[i] == SER_ROLE_TRAIN &&
			    dev[spk->code[i] >= 0 ? (size_t)spk->code[i] : spk->n_class + i])
				s->role[i] = SER_ROLE_DEV;
	}
	free(w);
	free(met);
	free(dev);
	for (size_t i = 0; i < d->n; i++)
		if (s->role[i] == SER_ROLE_TRAIN)
			return 0;
	return ser_fail(e, SER_EDATA, "a validation share of %g leaves no speaker to train on", o->dev_frac);
}

/* Speakers on two sides. For telling speakers apart, training and validation share them by design. */
static int check_shared(struct ser_split *s, const struct ser_dataset *d, const struct ser_split_opts *o,
			struct ser_err *e)
{
	static const char *const side[] = {"training", "validation", "test"};
	const struct ser_label *spk = ser_dataset_label(d, o->spk);
	unsigned char *met = ser_calloc(spk->n_class + 1, 1);
	size_t *count[] = {&s->spk_train, &s->spk_dev, &s->spk_out}, *items[] = {&s->n_train, &s->n_dev, &s->n_out};
	for (size_t i = 0; i < d->n; i++) {
		++*items[s->role[i]];
		if (spk->code[i] < 0)
			s->n_no_spk++;
		else
			met[spk->code[i]] |= (unsigned char)(1 << s->role[i]);
	}
	struct ser_buf b = {0};
	size_t n_shared = 0;
	int rc = 0;
	for (size_t c = 0; c < spk->n_class; c++) {
		unsigned m = met[c], both = o->dev_by_item ? m & ~(1u << SER_ROLE_DEV) : m;
		for (int k = 0; k < 3; k++)
			*count[k] += m >> k & 1;
		if ((both & (both - 1)) == 0)
			continue;
		if (n_shared++ < 5) {
			ser_buf_printf(&b, "%s\"%.40s\" (", n_shared > 1 ? ", " : "", spk->text[c]);
			for (int k = 0, first = 1; k < 3; k++)
				if (both >> k & 1) {
					ser_buf_printf(&b, "%s%s", first ? "" : " and ", side[k]);
					first = 0;
				}
			ser_buf_str(&b, ")");
		}
	}
	if (n_shared > 0 && !o->allow_shared)
		rc = ser_fail(e, SER_EPROTO,
			      "%zu %s on more than one side: %s%s; --allow-shared-speakers lets this pass", n_shared,
			      ser_plural(n_shared, "speaker is", "speakers are"), b.s, n_shared > 5 ? ", ..." : "");
	ser_buf_free(&b);
	free(met);
	return rc;
}

int ser_split_make(struct ser_split *s, const struct ser_dataset *d, const struct ser_split_opts *o, struct ser_err *e)
{
	const struct ser_label *spk = ser_dataset_label(d, o->spk);
	*s = (struct ser_split){.role = ser_calloc(d->n, 1)};
	take_split(s, d, o->split);
	int rc = take_fold(s, d, o, o->dev_fold, SER_ROLE_DEV, e);
	if (rc == 0)
		rc = take_fold(s, d, o, o->test_fold, SER_ROLE_OUT, e);
	if (rc == 0 && o->dev_fold != NULL && o->test_fold != NULL && strcmp(o->dev_fold, o->test_fold) == 0)
		rc = ser_fail(e, SER_EUSAGE, "fold %s cannot both validate and be left out", o->dev_fold);
	for (size_t k = 0; rc == 0 && k < o->n_dev_spk; k++) {
		size_t n = 0;
		ptrdiff_t c = class_of(spk, o->dev_spk[k]);
		for (size_t i = 0; c >= 0 && i < d->n; i++)
			if (spk->code[i] == c && s->role[i] == SER_ROLE_TRAIN) {
				s->role[i] = SER_ROLE_DEV;
				n++;
			}
		if (n == 0)
			rc = ser_fail(e, SER_EDATA, "speaker \"%s\" has no record that could validate", o->dev_spk[k]);
	}
	if (rc == 0 && o->dev_frac > 0)
		rc = take_share(s, d, o, e);
	if (rc == 0)
		rc = check_shared(s, d, o, e);
	if (rc == 0 && s->n_train == 0)
		rc = ser_fail(e, SER_EDATA, "no record is left to train on");
	if (rc != 0)
		ser_split_free(s);
	return rc;
}

void ser_split_free(struct ser_split *s)
{
	free(s->role);
	s->role = NULL;
}
