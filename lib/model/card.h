/* SPDX-License-Identifier: MIT */
/* What others should know about a model before they use it, in Markdown. */
#ifndef SER_MODEL_CARD_H
#define SER_MODEL_CARD_H

#include "model/model.h"

/* Where it learnt, as a corpus' description says; what is NULL is not known, but for the title. */
struct ser_card_corpus {
	const char *title, *lang, *licence, *cite, *get;
};
/* What the model's file does not know. All is borrowed. */
struct ser_card {
	const char *name;              /* of the model */
	const char *licence;           /* of the weights; NULL: not said */
	const struct ser_val *score;   /* [n_score] reports of ser-score --json */
	const char *const *score_name; /* [n_score] */
	size_t n_score;
	const struct ser_card_corpus *corpus; /* [n_corpus] */
	size_t n_corpus;
};
/* Appended to *out, nothing on failure; SER_EDATA: a report has no scores. Text from files is escaped. */
int ser_model_card(const struct ser_model *m, const struct ser_card *c, struct ser_buf *out, struct ser_err *e);

#endif
