/* SPDX-License-Identifier: MIT */
/* A training set: an index over record streams. Labels are in memory, tensors stay on disk: a regular file is mapped,
 * anything else is spooled to an unnamed temporary file. Every stream is read once, whole, so that a cut or damaged one
 * is found before training begins. */
#ifndef SER_TRAIN_DATASET_H
#define SER_TRAIN_DATASET_H

#include "base/base.h"
#include "stream/stream.h"

/* One label field over all items. Classes are its different texts, sorted bytewise. */
struct ser_label {
	const char *name;
	size_t n_class;
	const char **text; /* [n_class] */
	int32_t *code;     /* [n] class of an item, -1 where it has none (absent or nil) */
	double *num;       /* [n] its number, NaN where it is none */
};

/* One tensor of an item. */
struct ser_piece {
	size_t n_frame;
	enum ser_dtype dtype;
	const char *data; /* [n_frame, dim], may be unaligned */
	uint32_t crc;     /* of its bytes, CRC-32 */
	size_t at;        /* its place in its file or spool */
};
struct ser_item {
	const char *id;
	uint64_t key;            /* ser_hash of the id */
	struct ser_piece *piece; /* [n_field] */
};
/* One tensor field over all items. */
struct ser_data_field {
	const char *name;
	size_t dim; /* D, its second axis */
};

struct ser_dataset {
	struct ser_header header; /* of all segments, merged */
	struct ser_item *item;    /* sorted by id once done: the order of the input changes nothing */
	size_t n;
	struct ser_data_field *field;
	size_t n_field;
	struct ser_label *label;
	size_t n_label;
	/* what follows is its own business */
	bool any;
	struct ser_arena arena;
	size_t cap, max_record;
	struct ser_map *ids, **texts;
	size_t *cap_code;
	struct ser_data_source *source;
};

/* field: the tensor, of floats [T,D] or [D] (a single frame), of integers [T,D] or [T] (a column). label: the names of n_label fields
 * to keep, some of which no record may have. */
struct ser_dataset *ser_dataset_new(const char *field, const char *const *label, size_t n_label, size_t max_record);
/* A further tensor that every record has; before the first input. The same name again changes nothing. Its index, that of the first
 * being 0. */
size_t ser_dataset_field_add(struct ser_dataset *d, const char *name);
size_t ser_dataset_field(const struct ser_dataset *d, const char *name); /* its index; asserts that it is there */
void ser_dataset_free(struct ser_dataset *d);
/* Read a stream to its end; fd is the caller's to close. SER_EDATA: what the reader says; a record without a tensor or
 * with one that has no frame, another D or a number that is not finite; an id met in another input. */
int ser_dataset_add(struct ser_dataset *d, int fd, const char *name, struct ser_err *e);
/* The same of a file; "-" is standard input. SER_EIO too. */
int ser_dataset_add_file(struct ser_dataset *d, const char *path, struct ser_err *e);
/* After the last input: sort items and classes. SER_EDATA when there is no item. */
int ser_dataset_done(struct ser_dataset *d, struct ser_err *e);
/* The label of this name; asserts that it was asked for. */
const struct ser_label *ser_dataset_label(const struct ser_dataset *d, const char *name);
/* The same of a label with classes; NULL, SER_EDATA, when no item has it. */
const struct ser_label *ser_dataset_classes(const struct ser_dataset *d, const char *name, struct ser_err *e);
bool ser_dataset_vectors(const struct ser_dataset *d, size_t field);     /* are all items single frames? */
ptrdiff_t ser_dataset_find(const struct ser_dataset *d, const char *id); /* index or -1 */
/* Frames [begin, begin+n) of a field of item i as float32 into out [n, D]. */
void ser_dataset_read(const struct ser_dataset *d, size_t field, size_t i, size_t begin, size_t n, float *out);

#endif
