/* SPDX-License-Identifier: MIT */
#include "train/train.h"

static void add(struct ser_map *names, const struct ser_val *list)
{
	for (size_t i = 0; list != NULL && list->kind == SER_LIST && i < list->u.list.n; i++)
		if (list->u.list.v[i].kind == SER_STR)
			ser_map_add(names, list->u.list.v[i].u.str.s, list->u.list.v[i].u.str.n, NULL);
}

void ser_train_speakers_add(struct ser_model *m, const struct ser_val *said)
{
	struct ser_map *names = ser_map_new();
	struct ser_val all = ser_val_list();
	add(names, ser_val_get(&m->train, "speakers"));
	add(names, said);
	for (size_t i = 0; i < ser_map_len(names); i++)
		ser_val_push(&m->arena, &all, ser_str(ser_map_key(names, i, NULL)));
	ser_val_set(&m->arena, &m->train, "speakers", all);
	ser_map_free(names);
}

const struct ser_val *ser_train_speakers_of(const struct ser_header *h, const char *field)
{
	const struct ser_val *dim = field != NULL ? ser_header_dim(h, field) : &h->extra;
	return dim != NULL ? ser_val_get(dim, "train_speakers") : NULL;
}
