/* SPDX-License-Identifier: MIT */
/* safetensors files (format of huggingface/safetensors, version 0.4): eight bytes of length, a JSON header
 * {"name": {"dtype", "shape", "data_offsets"}, ..., "__metadata__": {string: string}}, then the tensors' bytes,
 * little-endian, without holes. Reading maps the file and copies nothing; everything is bounded before it is used.
 * What is written here has "crc32" as the first of its metadata: eight hexadecimal digits, the CRC-32 of the whole file in which
 * these digits are zeros, and "checksum": "crc32" behind it, so that no damage to either makes a file that nobody checks. A file
 * of another writer has neither and is not checked. */
#ifndef SER_FORMATS_SAFETENSORS_H
#define SER_FORMATS_SAFETENSORS_H

#include "base/base.h"

enum ser_st_dtype {
	SER_ST_F32,
	SER_ST_F16,
	SER_ST_BF16,
	SER_ST_F64,
	SER_ST_I64,
	SER_ST_I32,
	SER_ST_I16,
	SER_ST_I8,
	SER_ST_U64,
	SER_ST_U32,
	SER_ST_U16,
	SER_ST_U8,
	SER_ST_BOOL
};
enum {
	SER_ST_MAX_AXES = 16,
	SER_ST_MAX_TENSOR = 1 << 20,
	SER_ST_MAX_HEADER = 100 * 1000 * 1000 /* bytes, as the reference implementation has it */
};

struct ser_st_tensor {
	const char *name;
	enum ser_st_dtype dtype;
	int ndim; /* 0 .. SER_ST_MAX_AXES */
	size_t shape[SER_ST_MAX_AXES];
	size_t n;         /* elements; 1 when ndim is 0 */
	const void *data; /* borrowed, may be unaligned; of the machine's order of bytes unless .. */
	bool filed;       /* .. they are a file's, the low byte first */
	/* [ndim] elements from one index of an axis to the next, as views in other files have them; NULL: row-major, as it is in this
	 * format */
	const size_t *stride;
};
struct ser_st_meta {
	const char *key, *val;
};

const char *ser_st_dtype_name(enum ser_st_dtype t); /* "F32" ... */
size_t ser_st_dtype_size(enum ser_st_dtype t);      /* bytes of an element */
/* All elements as float32 or double, into out [n]. */
void ser_st_f4(const struct ser_st_tensor *t, float *out);
void ser_st_f8(const struct ser_st_tensor *t, double *out);
/* Of a row-major tensor, as they are. */
void ser_st_copy(const struct ser_st_tensor *t, void *out);

/* A file that was read. Tensors are in the order of their bytes. */
struct ser_st {
	struct ser_st_tensor *tensor;
	size_t n_tensor;
	struct ser_st_meta *meta;
	size_t n_meta;
	void *map; /* the file's mapping, NULL when parsed from memory */
	size_t map_size;
	struct ser_map *name;
	struct ser_arena arena;
};
/* Read the file of this name. SER_EIO, or SER_EDATA with what is wrong in it: header length, JSON, type, shape that
 * does not fit its bytes, bytes outside the file, tensors that overlap, bytes that belong to no tensor, duplicates; a
 * checksum that differs. */
int ser_st_open(struct ser_st **out, const char *path, struct ser_err *e);
/* The same from n bytes in memory, borrowed until freed. */
int ser_st_parse(struct ser_st **out, const void *bytes, size_t n, struct ser_err *e);
void ser_st_free(struct ser_st *s);
/* Does the regular file of this name begin as one? No stream does. */
bool ser_st_is(const char *path);
const struct ser_st_tensor *ser_st_find(const struct ser_st *s, const char *name); /* or NULL */
const char *ser_st_meta(const struct ser_st *s, const char *key);                  /* or NULL */
/* A tensor's bytes will not be read any more, or not soon: of a mapped file they take no memory until then. */
void ser_st_pass(const struct ser_st *s, const struct ser_st_tensor *t);

/* Write tensors and metadata in the order given, after the checksum; the header is padded with spaces to a multiple of 8 bytes. Names must
 * be unique and not "__metadata__", keys "crc32" and "checksum" are passed over; `n` of a tensor is not looked at, its shape is. */
int ser_st_write(FILE *f, const char *path, const struct ser_st_tensor *t, size_t n, const struct ser_st_meta *m,
		 size_t n_meta, struct ser_err *e);
/* The same to a file that appears when it is whole. */
int ser_st_save(const char *path, const struct ser_st_tensor *t, size_t n, const struct ser_st_meta *m, size_t n_meta,
		struct ser_err *e);

#endif
