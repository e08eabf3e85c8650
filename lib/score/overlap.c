/* SPDX-License-Identifier: MIT */
#include "score/private.h"

#include <stdlib.h>
#include <string.h>

static void forget(struct overlap *o)
{
	for (size_t i = 0; i < o->n_train; i++)
		ser_map_free(o->train[i]);
	free(o->train);
}

/* The last set is for records that don't say theirs. */
void ser_overlap_segment(struct overlap *o, const struct ser_header *h, const char *tensor)
{
	if (o->shared == NULL)
		o->shared = ser_map_new();
	forget(o);
	o->n_train = ser_header_train_sets(h) + 1;
	o->train = ser_calloc(o->n_train, sizeof(struct ser_map *));
	for (size_t i = 0; i < o->n_train; i++) {
		const struct ser_val *list = ser_header_trained(h, tensor, i);
		if (list == NULL)
			continue;
		o->train[i] = ser_map_new();
		ser_score_put_list(o->train[i], list);
	}
}

void ser_overlap_record(struct overlap *o, const struct ser_header *h, const struct ser_record *r, const char *spk)
{
	const struct ser_map *train = o->train[ser_header_train_set(h, r)];
	o->n++;
	o->n_known += train != NULL && spk != NULL;
	if (spk != NULL && train != NULL && ser_map_find(train, spk, strlen(spk)) >= 0)
		ser_score_put(o->shared, spk);
}

void ser_overlap_free(struct overlap *o)
{
	forget(o);
	ser_map_free(o->shared);
	*o = (struct overlap){0};
}

static void names(struct ser_buf *b, const struct overlap *o, size_t most)
{
	size_t n = ser_map_len(o->shared);
	for (size_t i = 0; i < n && i < most; i++)
		ser_buf_printf(b, "%s%s", i > 0 ? " " : "", ser_map_key(o->shared, i, NULL));
	ser_buf_str(b, n > most ? " ..." : "");
}

int ser_overlap_check(const struct overlap *o, bool allow, struct ser_err *e)
{
	size_t n = ser_map_len(o->shared);
	if (n == 0 || allow)
		return SER_OK;
	struct ser_buf b = {0};
	names(&b, o, 12); /* what to do stands behind them */
	int rc = ser_fail(
		e, SER_EPROTO,
		"%zu speaker%s trained on and scored: %s, by the model itself or through its --init, its features' own "
		"model or its pairs: train those with --test-fold, too; if they are others of the same names, in "
		"another "
		"corpus, ser-manifest --corpus keeps them apart (--allow-shared-speakers scores all the same)",
		n, n > 1 ? "s were" : " was", b.s);
	ser_buf_free(&b);
	return rc;
}

static void about(struct ser_report *rep, const char *key, const char *who, struct ser_val v)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s%s", key, who);
	ser_report_about(rep, b.s, v);
	ser_buf_free(&b);
}

void ser_overlap_about(struct ser_report *rep, const struct overlap *o, const char *who)
{
	size_t n = ser_map_len(o->shared);
	bool known = n > 0 || o->n_known == o->n;
	about(rep, "train_test_speaker_overlap", who, known ? ser_int((int64_t)n) : ser_str("unknown"));
	if (n > 0) {
		struct ser_buf b = {0};
		names(&b, o, SIZE_MAX);
		about(rep, "shared_speakers", who, ser_str(b.s));
		ser_buf_free(&b);
	}
	if (o->n_known > 0 && o->n_known < o->n)
		about(rep, "training_unknown_for", who, ser_int((int64_t)(o->n - o->n_known)));
}
