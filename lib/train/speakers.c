/* SPDX-License-Identifier: MIT */
#include "train/train.h"

#include <stdlib.h>
#include <string.h>

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

size_t ser_train_speakers_left(const struct ser_model *m, const struct ser_dataset *d, const struct ser_split *s,
			       const char *spk, struct ser_buf *names)
{
	const struct ser_label *l = ser_dataset_label(d, spk);
	unsigned char *role = ser_calloc(l->n_class + 1, 1);
	struct ser_map *known = ser_map_new();
	size_t n = 0;
	add(known, ser_val_get(&m->train, "speakers"));
	for (size_t i = 0; i < d->n; i++)
		if (l->code[i] >= 0)
			role[l->code[i]] |= (unsigned char)(1 << s->role[i]);
	for (size_t c = 0; c < l->n_class; c++)
		if (role[c] == 1 << SER_ROLE_OUT && ser_map_find(known, l->text[c], strlen(l->text[c])) >= 0 && n++ < 5)
			ser_buf_printf(names, "%s\"%.40s\"", n > 1 ? ", " : "", l->text[c]);
	if (n > 5)
		ser_buf_str(names, ", ...");
	ser_map_free(known);
	free(role);
	return n;
}
