/* SPDX-License-Identifier: MIT */
/* What headers and records hold, as the files of this module ask for it. */
#include "score/private.h"

#include <string.h>

const struct ser_val *ser_score_said(const struct ser_header *h, const char *tensor, const char *what)
{
	const struct ser_val *dim = ser_header_dim(h, tensor), *v = dim != NULL ? ser_val_get(dim, what) : NULL;
	return v != NULL && v->kind == SER_LIST ? v : NULL;
}

size_t ser_score_put(struct ser_map *m, const char *s)
{
	return ser_map_add(m, s, strlen(s), NULL);
}

void ser_score_put_list(struct ser_map *m, const struct ser_val *list)
{
	for (size_t i = 0; list != NULL && i < list->u.list.n; i++)
		if (list->u.list.v[i].kind == SER_STR)
			ser_map_add(m, list->u.list.v[i].u.str.s, list->u.list.v[i].u.str.n, NULL);
}

const char *ser_score_speaker(const struct ser_score_opt *o)
{
	return o->by != NULL ? o->by : "spk";
}

int ser_score_get_embedding(struct ser_score_set *s, struct ser_record *r, const float **x, struct ser_err *e)
{
	size_t d;
	int rc = ser_record_f4(r, s->o->field, 1, x, &d, e);
	if (rc != SER_OK)
		return rc;
	s->d = s->n == 0 ? d : s->d;
	if (d != s->d || d == 0)
		return ser_record_fail(r, e, SER_EDATA, "the embedding has another dimension than the first");
	return SER_OK;
}
