/* SPDX-License-Identifier: MIT */
#include "train/private.h"

#include <stdlib.h>
#include <string.h>

static bool begins(const struct ser_field *f, const char *with)
{
	size_t n = strlen(with);
	return f->name_len >= n && memcmp(f->name, with, n) == 0;
}

/* Item number of the id in a field; -1 when there is no such item. */
static int member(const struct ser_dataset *d, struct ser_record *r, const char *name, int32_t *out, struct ser_err *e)
{
	const char *id;
	if (ser_record_str(r, name, &id, e) != 0)
		return e->code;
	*out = (int32_t)ser_dataset_find(d, id);
	return 0;
}

static int take(struct ser_pair_set *p, const struct ser_dataset *d, struct ser_record *r, struct ser_err *e)
{
	size_t n_pos = p->n > 0 ? p->pos_at[p->n] : 0, n_neg = p->n > 0 ? p->neg_at[p->n] : 0;
	size_t pos0 = n_pos, neg0 = n_neg, n = r->n;
	int32_t a = -1;
	if (member(d, r, "anchor", &a, e) != 0)
		return e->code;
	bool absent = a < 0;
	for (size_t i = 0; i < n; i++) {
		const struct ser_field f = r->field[i];
		bool pos = begins(&f, "pos"), neg = begins(&f, "neg");
		char name[SER_MAX_NAME + 1];
		int32_t k = -1;
		if ((!pos && !neg) || f.val.kind == SER_NIL)
			continue;
		snprintf(name, sizeof name, "%.*s", (int)f.name_len, f.name);
		if (member(d, r, name, &k, e) != 0)
			return e->code;
		absent = absent || k < 0;
		p->pos = ser_grow(p->pos, &p->cap_pos, n_pos + 1, sizeof *p->pos);
		p->neg = ser_grow(p->neg, &p->cap_neg, n_neg + 1, sizeof *p->neg);
		if (pos)
			p->pos[n_pos++] = k;
		else
			p->neg[n_neg++] = k;
	}
	if (n_pos == pos0 || n_neg == neg0)
		return ser_record_fail(r, e, SER_EDATA,
				       "expected at least one label \"pos...\" and one \"neg...\" that hold ids");
	if (absent) {
		p->n_absent++;
		return 0;
	}
	size_t cap = p->cap, cap_at = p->cap_at;
	p->key = ser_grow(p->key, &p->cap, p->n + 1, sizeof *p->key);
	p->anchor = ser_grow(p->anchor, &cap, p->n + 1, sizeof *p->anchor);
	p->pos_at = ser_grow(p->pos_at, &p->cap_at, p->n + 2, sizeof *p->pos_at);
	p->neg_at = ser_grow(p->neg_at, &cap_at, p->n + 2, sizeof *p->neg_at);
	const char *id = ser_record_id(r);
	p->key[p->n] = ser_hash(id, strlen(id));
	p->anchor[p->n] = a;
	if (p->n == 0)
		p->pos_at[0] = p->neg_at[0] = 0;
	p->n++;
	p->pos_at[p->n] = n_pos;
	p->neg_at[p->n] = n_neg;
	return 0;
}

static void take_speakers(struct ser_pair_set *p, const struct ser_header *h)
{
	const struct ser_val *said = ser_train_speakers_of(h, NULL);
	if (p->speakers.kind != SER_LIST)
		p->speakers = ser_val_list();
	for (size_t i = 0; said != NULL && said->kind == SER_LIST && i < said->u.list.n; i++)
		ser_val_push(&p->arena, &p->speakers, said->u.list.v[i]);
}

int ser_pair_set_read(struct ser_pair_set *p, const struct ser_dataset *d, int fd, const char *name, size_t max_record,
		      struct ser_err *e)
{
	struct ser_reader *rd = ser_reader_new(fd, name, max_record, e);
	struct ser_record r = {0};
	int rc;
	if (rd == NULL)
		return e->code;
	bool fresh = true;
	take_speakers(p, ser_reader_header(rd));
	while ((rc = ser_reader_next(rd, &r, &fresh, e)) > 0) {
		if (fresh)
			take_speakers(p, ser_reader_header(rd));
		if ((rc = take(p, d, &r, e)) != 0)
			break;
	}
	ser_record_free(&r);
	ser_reader_free(rd);
	if (rc == 0 && p->n == 0)
		rc = ser_fail(e, SER_EDATA,
			      "%s: no pair whose ids are all among the records to train on (%zu pairs are not)", name,
			      p->n_absent);
	return rc;
}

int ser_pair_set_read_file(struct ser_pair_set *p, const struct ser_dataset *d, const char *path, size_t max_record,
			   struct ser_err *e)
{
	const char *name;
	int fd = train_open(path, &name, e), rc = fd < 0 ? fd : ser_pair_set_read(p, d, fd, name, max_record, e);
	train_close(fd);
	return rc;
}

void ser_pair_set_free(struct ser_pair_set *p)
{
	free(p->key);
	free(p->anchor);
	free(p->pos_at);
	free(p->neg_at);
	free(p->pos);
	free(p->neg);
	ser_arena_free(&p->arena);
	*p = (struct ser_pair_set){0};
}
