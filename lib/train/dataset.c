/* SPDX-License-Identifier: MIT */
#include "train/private.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct ser_data_source {
	char *map;
	size_t size;
	struct ser_data_source *next;
};

struct ser_dataset *ser_dataset_new(const char *field, const char *const *label, size_t n_label, size_t max_record)
{
	struct ser_dataset *d = ser_calloc(1, sizeof *d);
	ser_header_init(&d->header);
	ser_dataset_field_add(d, field);
	d->max_record = max_record;
	d->label = ser_arena_calloc(&d->arena, n_label, sizeof *d->label);
	d->texts = ser_arena_calloc(&d->arena, n_label, sizeof *d->texts);
	d->cap_code = ser_arena_calloc(&d->arena, n_label, sizeof *d->cap_code);
	d->ids = ser_map_new();
	for (size_t i = 0; i < n_label; i++) {
		size_t k = 0;
		while (k < d->n_label && strcmp(d->label[k].name, label[i]) != 0)
			k++;
		if (k < d->n_label)
			continue; /* asked for twice */
		d->label[k].name = ser_arena_strndup(&d->arena, label[i], strlen(label[i]));
		d->texts[k] = ser_map_new();
		d->n_label++;
	}
	return d;
}

size_t ser_dataset_field_add(struct ser_dataset *d, const char *name)
{
	for (size_t f = 0; f < d->n_field; f++)
		if (strcmp(d->field[f].name, name) == 0)
			return f;
	d->field = ser_realloc(d->field, d->n_field + 1, sizeof *d->field);
	d->field[d->n_field].name = ser_arena_strndup(&d->arena, name, strlen(name));
	d->field[d->n_field].dim = 0;
	return d->n_field++;
}

size_t ser_dataset_field(const struct ser_dataset *d, const char *name)
{
	for (size_t f = 0; f < d->n_field; f++)
		if (strcmp(d->field[f].name, name) == 0)
			return f;
	ser_assert(!"a field that was asked for");
	return 0;
}

void ser_dataset_free(struct ser_dataset *d)
{
	if (d == NULL)
		return;
	while (d->source != NULL) {
		struct ser_data_source *s = d->source;
		d->source = s->next;
		munmap(s->map, s->size);
		free(s);
	}
	for (size_t k = 0; k < d->n_label; k++) {
		free(d->label[k].code);
		free(d->label[k].num);
		ser_map_free(d->texts[k]);
	}
	free(d->item);
	free(d->field);
	ser_map_free(d->ids);
	ser_header_free(&d->header);
	ser_arena_free(&d->arena);
	free(d);
}

static int add_source(struct ser_dataset *d, int fd, size_t size, const char *name, char **map, struct ser_err *e)
{
	*map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (*map == MAP_FAILED)
		return ser_fail(e, SER_EIO, "%s: cannot map: %s", name, strerror(errno));
	struct ser_data_source *s = ser_calloc(1, sizeof *s);
	*s = (struct ser_data_source){*map, size, d->source};
	d->source = s;
	return 0;
}

static int unnamed_file(const char *name, FILE **f, struct ser_err *e)
{
	int fd = ser_tmpfile("ser-train", e);
	if (fd < 0)
		return ser_fail_in(e, "%s", name);
	*f = fdopen(fd, "w+b");
	if (*f != NULL)
		return 0;
	close(fd);
	return ser_fail(e, SER_EIO, "%s: cannot spool it: %s", name, strerror(errno));
}

static void take_label(struct ser_dataset *d, size_t k, size_t i, const struct ser_val *v)
{
	struct ser_label *l = &d->label[k];
	size_t cap = d->cap_code[k];
	l->code = ser_grow(l->code, &d->cap_code[k], i + 1, sizeof *l->code);
	l->num = ser_grow(l->num, &cap, i + 1, sizeof *l->num);
	l->code[i] = -1;
	l->num[i] = (double)NAN;
	if (v == NULL || v->kind == SER_NIL || v->kind > SER_STR)
		return;
	struct ser_buf b = {0};
	ser_val_text(&b, v);
	l->code[i] = (int32_t)ser_map_add(d->texts[k], b.s, b.n, NULL);
	ser_buf_free(&b);
	if (v->kind == SER_REAL || v->kind == SER_INT)
		l->num[i] = v->kind == SER_REAL ? v->u.f : (double)v->u.i;
}

/* A tensor of a record, checked. */
static int take_tensor(struct ser_data_field *f, struct ser_record *r, struct ser_piece *p, struct ser_err *e)
{
	size_t shape[2];
	const float *x;
	if (ser_model_tensor(r, f->name, &x, shape, e) != 0)
		return e->code;
	if (shape[0] == 0)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has no frame", f->name);
	if (f->dim == 0)
		f->dim = shape[1];
	if (shape[1] != f->dim)
		return ser_record_fail(r, e, SER_EDATA,
				       "field \"%s\" has %zu dimensions a frame, the records before it %zu", f->name,
				       shape[1], f->dim);
	p->n_frame = shape[0];
	return 0;
}

/* Place of a tensor's bytes in its source, until the source is mapped. */
static int take_piece(struct ser_piece *p, const struct ser_record *r, const struct ser_tensor *t, uint64_t start,
		      FILE *spool, size_t *spooled, struct ser_err *e)
{
	size_t size = ser_tensor_size(t), at = start + (size_t)r->at + (size_t)((const char *)t->data - r->bytes.s);
	if (spool != NULL) {
		at = *spooled;
		*spooled += size;
		if (fwrite(t->data, 1, size, spool) != size)
			return ser_fail(e, SER_EIO, "temporary file: write failed: %s", strerror(errno));
	}
	p->dtype = t->dtype;
	struct ser_buf own = {0};
	p->crc = (uint32_t)libdeflate_crc32(0, ser_le_copy(&own, t->data, ser_tensor_len(t), ser_dtype_size(t->dtype)),
					    size);
	ser_buf_free(&own);
	p->at = at;
	return 0;
}

static int take_record(struct ser_dataset *d, struct ser_record *r, uint64_t start, FILE *spool, size_t *spooled,
		       struct ser_err *e)
{
	struct ser_piece *piece = ser_arena_calloc(&d->arena, d->n_field, sizeof *piece);
	for (size_t f = 0; f < d->n_field; f++)
		if (take_tensor(&d->field[f], r, &piece[f], e) != 0)
			return e->code;
	const char *id = ser_record_id(r);
	bool is_new;
	ser_map_add(d->ids, id, strlen(id), &is_new);
	if (!is_new)
		return ser_record_fail(r, e, SER_EDATA, "this id came before, in another of the inputs");
	size_t i = d->n;
	d->item = ser_grow(d->item, &d->cap, i + 1, sizeof *d->item);
	for (size_t k = 0; k < d->n_label; k++)
		take_label(d, k, i, ser_record_get(r, d->label[k].name));
	if (spool == NULL && r->joined)
		return ser_record_fail(r, e, SER_EDATA, "is in parts, as a pipe had it; ser-cat puts them together");
	for (size_t f = 0; f < d->n_field; f++)
		if (take_piece(&piece[f], r, &ser_record_get(r, d->field[f].name)->u.t, start, spool, spooled, e) != 0)
			return e->code;
	d->item[d->n++] = (struct ser_item){
		.id = ser_arena_strndup(&d->arena, id, strlen(id)), .key = ser_hash(id, strlen(id)), .piece = piece};
	return 0;
}

static int take_header(struct ser_dataset *d, const struct ser_header *h, const char *name, struct ser_err *e)
{
	if (d->any) /* at least one header came before */
		return ser_header_merge(&d->header, h, e) != 0 ? ser_fail_in(e, "%s", name) : 0;
	ser_header_free(&d->header);
	ser_header_copy(&d->header, h);
	d->any = true;
	return 0;
}

int ser_dataset_add(struct ser_dataset *d, int fd, const char *name, struct ser_err *e)
{
	struct stat st;
	off_t start = 0;
	/* whether tensors can stay where they are: their bytes must be as the machine has them, too */
	bool in_place =
		!SER_BIG_ENDIAN && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (start = lseek(fd, 0, SEEK_CUR)) >= 0;
	FILE *spool = NULL;
	size_t spooled = 0, first = d->n;
	struct ser_reader *rd = ser_reader_new(fd, name, d->max_record, e);
	if (rd == NULL)
		return e->code;
	struct ser_record r = {0};
	int rc = in_place ? 0 : unnamed_file(name, &spool, e);
	if (rc == 0)
		rc = take_header(d, ser_reader_header(rd), name, e);
	while (rc == 0) {
		bool fresh;
		int got = ser_reader_next(rd, &r, &fresh, e);
		if (got <= 0) {
			rc = got;
			break;
		}
		if (fresh)
			rc = take_header(d, ser_reader_header(rd), name, e);
		if (rc == 0)
			rc = take_record(d, &r, (uint64_t)start, spool, &spooled, e);
	}
	ser_record_free(&r);
	size_t size = in_place ? (size_t)start + (size_t)ser_reader_bytes(rd) : spooled;
	ser_reader_free(rd);
	char *map = NULL;
	if (rc == 0 && spool != NULL && fflush(spool) != 0)
		rc = ser_fail(e, SER_EIO, "temporary file: write failed: %s", strerror(errno));
	if (rc == 0 && d->n > first)
		rc = add_source(d, in_place ? fd : fileno(spool), size, name, &map, e);
	for (size_t i = first; i < d->n && map != NULL; i++)
		for (size_t f = 0; f < d->n_field; f++)
			d->item[i].piece[f].data = map + d->item[i].piece[f].at;
	if (spool != NULL)
		fclose(spool);
	return rc;
}

int train_open(const char *path, const char **name, struct ser_err *e)
{
	bool standard = strcmp(path, "-") == 0;
	*name = standard ? "<stdin>" : path;
	int fd = standard ? 0 : open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : ser_fail(e, SER_EIO, "%s: cannot open: %s", path, strerror(errno));
}

void train_close(int fd)
{
	if (fd > 0)
		close(fd);
}

int ser_dataset_add_file(struct ser_dataset *d, const char *path, struct ser_err *e)
{
	const char *name;
	int fd = train_open(path, &name, e), rc = fd < 0 ? fd : ser_dataset_add(d, fd, name, e);
	train_close(fd);
	return rc;
}

/* ---- order ---- */

static int by_id(const void *a, const void *b, void *items)
{
	const struct ser_item *item = items;
	return strcmp(item[*(const size_t *)a].id, item[*(const size_t *)b].id);
}

static int by_text(const void *a, const void *b, void *map)
{
	size_t na, nb;
	const char *x = ser_map_key(map, *(const size_t *)a, &na), *y = ser_map_key(map, *(const size_t *)b, &nb);
	int c = memcmp(x, y, na < nb ? na : nb);
	return c != 0 ? c : (na > nb) - (na < nb);
}

static size_t *sorted(size_t n, int (*cmp)(const void *, const void *, void *), void *ctx)
{
	size_t *order = ser_malloc(n, sizeof *order);
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	qsort_r(order, n, sizeof *order, cmp, ctx);
	return order;
}

int ser_dataset_done(struct ser_dataset *d, struct ser_err *e)
{
	if (d->n == 0)
		return ser_fail(e, SER_EDATA, "no record to train on");
	size_t *order = sorted(d->n, by_id, d->item);
	struct ser_item *item = ser_malloc(d->n, sizeof *item);
	for (size_t i = 0; i < d->n; i++)
		item[i] = d->item[order[i]];
	free(d->item);
	d->item = item;
	ser_map_free(d->ids);
	d->ids = ser_map_new();
	for (size_t i = 0; i < d->n; i++)
		ser_map_add(d->ids, item[i].id, strlen(item[i].id), NULL);
	for (size_t k = 0; k < d->n_label; k++) {
		struct ser_label *l = &d->label[k];
		l->n_class = ser_map_len(d->texts[k]);
		size_t *classes = sorted(l->n_class, by_text, d->texts[k]);
		int32_t *rank = ser_malloc(l->n_class, sizeof *rank), *code = ser_malloc(d->n, sizeof *code);
		double *num = ser_malloc(d->n, sizeof *num);
		l->text = ser_arena_alloc(&d->arena, l->n_class, sizeof *l->text);
		for (size_t c = 0; c < l->n_class; c++) {
			rank[classes[c]] = (int32_t)c;
			l->text[c] = ser_map_key(d->texts[k], classes[c], NULL);
		}
		for (size_t i = 0; i < d->n; i++) {
			code[i] = l->code[order[i]] >= 0 ? rank[l->code[order[i]]] : -1;
			num[i] = l->num[order[i]];
		}
		free(l->code);
		free(l->num);
		free(rank);
		free(classes);
		l->code = code;
		l->num = num;
	}
	free(order);
	return 0;
}

/* ---- use ---- */

const struct ser_label *ser_dataset_label(const struct ser_dataset *d, const char *name)
{
	for (size_t k = 0; k < d->n_label; k++)
		if (strcmp(d->label[k].name, name) == 0)
			return &d->label[k];
	ser_assert(!"a label that was asked for");
	return NULL;
}

const struct ser_label *ser_dataset_classes(const struct ser_dataset *d, const char *name, struct ser_err *e)
{
	const struct ser_label *l = ser_dataset_label(d, name);
	if (l->n_class > 0)
		return l;
	ser_fail(e, SER_EDATA, "no record has the label \"%s\"; ser-info lists what a stream has", name);
	return NULL;
}

ptrdiff_t ser_dataset_find(const struct ser_dataset *d, const char *id)
{
	return ser_map_find(d->ids, id, strlen(id));
}

void ser_dataset_read(const struct ser_dataset *d, size_t field, size_t i, size_t begin, size_t n, float *out)
{
	const struct ser_piece *p = &d->item[i].piece[field];
	size_t dim = d->field[field].dim;
	ser_assert(begin + n <= p->n_frame);
	struct ser_tensor t = {.dtype = p->dtype, .ndim = 2, .shape = {n, dim}};
	t.data = p->data + begin * dim * ser_dtype_size(p->dtype);
	if (p->dtype == SER_F4)
		memcpy(out, t.data, n * dim * sizeof *out);
	else
		ser_tensor_f4(&t, out);
}

bool ser_dataset_vectors(const struct ser_dataset *d, size_t field)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->item[i].piece[field].n_frame > 1)
			return false;
	return true;
}
