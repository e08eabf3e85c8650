/* SPDX-License-Identifier: MIT */
/* stream: records of labels and tensors as MessagePack, the one format between all tools.
 * The format is ser-stream(5); tensors are msgpack-numpy's maps. Nothing here prints or exits. */
#ifndef SER_STREAM_H
#define SER_STREAM_H

#include "base/base.h"

#define SER_STREAM_VERSION 1

/* Bounds checked before anything is allocated (ser-stream(5), LIMITS). */
enum {
	SER_MAX_AXES = 8,         /* axes of a tensor */
	SER_MAX_NAME = 255,       /* bytes of a field's name */
	SER_MAX_FIELD = 4096,     /* fields of a record */
	SER_MAX_DEPTH = 32,       /* nesting of lists and maps in a header: as deep as msgpack-c decodes */
	SER_MAX_HEADER = 64 << 20 /* bytes of a header */
};
#define SER_MAX_RECORD ((size_t)1 << 30) /* bytes of a record unless the reader is told otherwise */

/* ---- values ------------------------------------------------------------------------------- */

enum ser_dtype { SER_F4, SER_F2, SER_F8, SER_I2, SER_I4, SER_I8, SER_U1 };

size_t ser_dtype_size(enum ser_dtype t);
const char *ser_dtype_str(enum ser_dtype t); /* NumPy's: "<f4" ... */
bool ser_dtype_parse(const char *s, size_t n, enum ser_dtype *t);

/* A dense array, C order; in a stream little-endian, here of the machine's order. data is borrowed and may be unaligned: read elements
 * through ser_tensor_real(), or copy them out with ser_tensor_f4()/_f8(). */
struct ser_tensor {
	enum ser_dtype dtype;
	int ndim; /* 0 .. SER_MAX_AXES */
	size_t shape[SER_MAX_AXES];
	const void *data;
};
size_t ser_tensor_len(const struct ser_tensor *t);  /* elements; 1 when ndim is 0 */
size_t ser_tensor_size(const struct ser_tensor *t); /* bytes */
double ser_tensor_real(const struct ser_tensor *t, size_t i);
void ser_tensor_f4(const struct ser_tensor *t, float *out);  /* all elements, converted */
void ser_tensor_f8(const struct ser_tensor *t, double *out); /* the same */
/* Least, greatest and sum of finite elements. */
struct ser_range {
	double min, max, sum;
	uint64_t n, n_bad; /* finite elements; NaN and infinities */
};
void ser_tensor_range(const struct ser_tensor *t, struct ser_range *r); /* adds to *r; begin with all zero */

enum ser_kind { SER_NIL, SER_BOOL, SER_INT, SER_REAL, SER_STR, SER_TENSOR, SER_LIST, SER_MAP };

/* A value: a label (nil to string), a tensor, or, in headers only, a list or a map. Pointers are
 * borrowed from whoever made the value: for a record read, from the record. */
struct ser_val {
	enum ser_kind kind;
	union {
		bool b;
		int64_t i;
		double f;
		struct {
			const char
				*s; /* n bytes, UTF-8 without NUL; NUL-terminated unless it comes from a record read */
			size_t n;
		} str;
		struct ser_tensor t;
		struct {
			struct ser_val *v;
			size_t n, cap; /* ser_val_push() has room up to cap; 0: none beyond n */
		} list;
		struct {
			struct ser_field *f;
			size_t n;
		} map;
	} u;
};

struct ser_field {
	const char *name; /* name_len bytes */
	size_t name_len;
	struct ser_val val;
	const char *raw; /* the field as it was read, key and value; NULL once changed */
	size_t raw_len;
};

/* Constructors. Strings and tensor data are borrowed. */
struct ser_val ser_nil(void);
struct ser_val ser_bool(bool b);
struct ser_val ser_int(int64_t i);
struct ser_val ser_real(double f);
struct ser_val ser_str(const char *s); /* NUL-terminated */
struct ser_val ser_strn(const char *s, size_t n);
struct ser_val ser_f4(const float *data, int ndim, const size_t *shape);
struct ser_val ser_tensor(enum ser_dtype t, const void *data, int ndim, const size_t *shape);

/* "string", "<f4 tensor [3,80]" ... for messages. Returns buf. */
const char *ser_val_what(const struct ser_val *v, char buf[static 128]);
bool ser_val_equal(const struct ser_val *a, const struct ser_val *b); /* deep; NaN equals NaN; 1 and 1.0 differ */
/* The same number for all values that are equal. */
uint64_t ser_val_hash(const struct ser_val *v);
/* How deep lists and maps nest: 0 for a label. A header is a map, so what is in it may nest to SER_MAX_DEPTH - 1. */
int ser_val_depth(const struct ser_val *v);
bool ser_val_is_str(const struct ser_val *v, const char *s);
/* A deep copy, strings NUL-terminated, in an arena. */
struct ser_val ser_val_copy(struct ser_arena *a, const struct ser_val *v);
/* A label as text into a buffer: strings as they are, nil as nothing. Lists and tensors are not labels. */
void ser_val_text(struct ser_buf *b, const struct ser_val *v);
/* Order of labels: nil, booleans, numbers, strings (bytewise). <0, 0, >0. */
int ser_val_cmp(const struct ser_val *a, const struct ser_val *b);

/* Lists and maps of headers. _get: the value of a name, NULL when absent or when v is no map. _set: replace or
 * append; _push: append. The name and v's content are copied into the arena. A list that grows must have one owner: make
 * copies by ser_val_copy(), not by assignment. */
struct ser_val ser_val_list(void); /* empty */
struct ser_val ser_val_map(void);  /* empty */
struct ser_val *ser_val_get(const struct ser_val *map, const char *name);
void ser_val_set(struct ser_arena *a, struct ser_val *map, const char *name, struct ser_val v);
void ser_val_push(struct ser_arena *a, struct ser_val *list, struct ser_val v);

/* Compact JSON of a value. Tensors appear as {"dtype","shape"}, and with data when `data` is set ([] for one without
 * elements, whatever its shape); numbers read back exactly; NaN and infinities, which JSON lacks, become null. */
void ser_val_json(struct ser_buf *b, const struct ser_val *v, bool data);
/* A map for people to read: as JSON, but of a long list, such as the names of columns, how long it is. */
void ser_val_brief(struct ser_buf *b, const struct ser_val *map);
/* Parse JSON text (RFC 8259, UTF-8, depth <= SER_MAX_DEPTH, names of 1 to SER_MAX_NAME bytes) into an arena. */
int ser_val_from_json(struct ser_arena *a, const char *text, size_t n, struct ser_val *out, struct ser_err *e);

/* ---- records ------------------------------------------------------------------------------- */

/* A record owns the bytes that it was read from and what is set in it; it is reused from one
 * ser_reader_next() to the next, which forgets its former content. Start from all zero. */
struct ser_record {
	struct ser_field *field;
	size_t n, cap;
	struct {
		uint32_t *slot; /* 1 + the place of a field, by the hash of its name, or 0 */
		size_t n_slot, n;
	} by_name;              /* of a record of many fields; of no use unless n is the record's */
	struct ser_buf bytes;   /* as read */
	struct ser_arena arena; /* what setters copied */
	const char *source;     /* its file's name, for messages; NULL when made here */
	uint64_t index;         /* position in its file, from 1 */
	uint64_t at;            /* byte offset in its file */
	bool joined;            /* put together from parts: its bytes are not those at `at` */
};

void ser_record_clear(struct ser_record *r);
void ser_record_free(struct ser_record *r);
/* NULL when there is no such field. */
const struct ser_val *ser_record_get(const struct ser_record *r, const char *name);
/* Replace or append. Strings are copied into the record; tensor data is borrowed until the record is
 * written or cleared, unless _copy. */
void ser_record_set(struct ser_record *r, const char *name, struct ser_val v);
void ser_record_set_copy(struct ser_record *r, const char *name, struct ser_val v);
bool ser_record_drop(struct ser_record *r, const char *name); /* false when absent */
/* False when there is no `from`; a field that is called `to` already goes. */
bool ser_record_rename(struct ser_record *r, const char *from, const char *to);
/* A deep copy of src in dst (cleared first), for records that outlive their reader's turn. */
void ser_record_copy(struct ser_record *dst, const struct ser_record *src);

/* A 64-bit digest of all tensors, their names and shapes; false when there is none. */
bool ser_record_digest(const struct ser_record *r, uint64_t *digest);

/* The id, always a string in a record read; NUL-terminated, valid until the record changes. */
const char *ser_record_id(struct ser_record *r);
/* Typed access; SER_EDATA with "record 17 "id": field "x" is ..., expected ..." when absent or of another kind.
 * _str gives a NUL-terminated copy in the record's arena; a number label is accepted and shown as text. */
int ser_record_str(struct ser_record *r, const char *name, const char **s, struct ser_err *e);
int ser_record_int(struct ser_record *r, const char *name, int64_t *i, struct ser_err *e);
int ser_record_real(struct ser_record *r, const char *name, double *f, struct ser_err *e);
/* A float tensor of `ndim` axes (-1: any) as aligned float32, converted into the record's arena when it is
 * not so already. Every axis after the first must be > 0. shape may be NULL. */
int ser_record_f4(struct ser_record *r, const char *name, int ndim, const float **x, size_t *shape, struct ser_err *e);
/* Fail with a message about this record: <stdin>: record 17 "Ses01_F003", byte 90412: ... Returns code. */
int ser_record_fail(const struct ser_record *r, struct ser_err *e, int code, const char *fmt, ...) SER_PRINTF(4, 5);

/* ---- headers ------------------------------------------------------------------------------- */

/* The header of a stream. prov: a list of maps {tool, version, args}, oldest first; an entry made from several
 * different streams has `inputs`, a list of their provs. dims: a map from a tensor's name to a map about it:
 * axes (list of strings), shift_s, rate_hz, and what else its maker says. extra: keys we don't know, kept. */
struct ser_header {
	struct ser_arena arena;
	struct ser_val prov, dims, extra;
	struct {
		struct ser_header_slot *slot; /* [n_slot], in the arena */
		size_t n_slot, n;
	} met; /* ser_header_merge's: the provenances side by side, by their hash */
	struct {
		size_t *set, n; /* [n], in the arena */
	} from; /* ser_header_merge's: numbers here of the train_sets of the header merged last; NULL: as they are */
};
void ser_header_init(struct ser_header *h);
void ser_header_free(struct ser_header *h);
void ser_header_copy(struct ser_header *dst, const struct ser_header *src); /* dst is initialised here */
bool ser_header_equal(const struct ser_header *a, const struct ser_header *b);
/* h, initialised here, from a header as a map, of any version: copied. <0 and *e (what is wrong, not where) when a part of it is of the
 * wrong kind. */
int ser_header_take(struct ser_header *h, const struct ser_val *map, struct ser_err *e);
/* The map about a tensor, or NULL; _add makes an empty one in its place. */
struct ser_val *ser_header_dim(const struct ser_header *h, const char *name);
/* Seconds from one row of a tensor to the next, its "shift_s"; 0: the header says none above 0. */
double ser_header_shift(const struct ser_header *h, const char *tensor);
/* Names of a tensor's last axis, its "columns", or "classes" of a prediction: a list; NULL: the header says none. */
const struct ser_val *ser_header_columns(const struct ser_header *h, const char *tensor);
struct ser_val *ser_header_dim_add(struct ser_header *h, const char *name);
void ser_header_dim_drop(struct ser_header *h, const char *name); /* when there is one */
void ser_header_extra_drop(struct ser_header *h, const char *name);
/* Append {tool, version, args}; args is a list of strings, copied. */
void ser_header_prov_add(struct ser_header *h, const char *tool, const char *const *args, size_t n_arg);
/* Take in the header of another segment or file of the same input: equal provenances stay one, different ones
 * are kept side by side until `ser_header_prov_add` makes them the inputs of one entry. Dims of the same name must agree,
 * else SER_EDATA naming the tensor and the difference; but for train_speakers, the names of those whose speech had a part in making
 * the tensor, which are united. */
int ser_header_merge(struct ser_header *h, const struct ser_header *other, struct ser_err *e);
/* The same for a stream whose tensors go into this one's records. ser_header_join_sets(), before: how many train_sets of the other
 * are told apart afterwards; 1: none, or too many. With it ser_header_join_mark() gives a record its number under the joined header, when
 * the fields of b (NULL: of none) were put to it. */
int ser_header_join(struct ser_header *h, const struct ser_header *other, struct ser_err *e);
size_t ser_header_join_sets(const struct ser_header *h, const struct ser_header *other);
int ser_header_join_mark(const struct ser_header *h, size_t n_other, struct ser_record *r, const struct ser_record *b,
			 struct ser_err *e);

/* Where united train_speakers differed, as those of a cross-validation's folds do, dims keep each list in `train_sets`, nil where
 * nothing was said, and records say which is theirs in a label, `train_set`. What does not know of it sees everybody. */
size_t ser_header_train_sets(const struct ser_header *h); /* how many; 1: all records have the same */
size_t ser_header_train_set(const struct ser_header *h,
			    const struct ser_record *r); /* the record's; how many: it does not say */
/* Of a tensor, by that number; too great a one gives everybody. NULL: it is not known. */
const struct ser_val *ser_header_trained(const struct ser_header *h, const char *tensor, size_t set);
/* To write records of several segments under the one merged header: give each its number while h was merged with its own segment's
 * header last (SER_EDATA when the label is taken), and when all are merged and it goes out, take it off again where it says nothing. */
int ser_header_mark(const struct ser_header *h, struct ser_record *r, struct ser_err *e);
void ser_header_unmark(const struct ser_header *h, struct ser_record *r);

/* ---- reader -------------------------------------------------------------------------------- */

struct ser_reader;
/* Read a stream from a descriptor, which the caller closes after ser_reader_free(). `name` ("<stdin>" or a path) is used in
 * messages. max_record 0: SER_MAX_RECORD. The first header is read here: NULL and *e on failure. */
struct ser_reader *ser_reader_new(int fd, const char *name, size_t max_record, struct ser_err *e);
/* The same when the stream's first n bytes have been read already, to see what it is. */
struct ser_reader *ser_reader_new_after(const void *head, size_t n, int fd, const char *name, size_t max_record,
					struct ser_err *e);
/* Whether a file that begins with this byte can be a stream, and then no text: MessagePack's maps begin like this. */
bool ser_stream_begins(unsigned char first);
void ser_reader_free(struct ser_reader *rd);
/* The header of the segment at hand, borrowed until the next segment begins. */
const struct ser_header *ser_reader_header(const struct ser_reader *rd);
/* The next record: 1, or 0 at the end of a stream that is whole, or <0: cut off (naming the last tool of prov), wrong
 * count or sum, malformed, over a bound, a field or an id met before (ids are kept as 64-bit hashes: 16 to 32 bytes a record), no id.
 * *new_segment (may be NULL) says whether a header was passed on the way. */
int ser_reader_next(struct ser_reader *rd, struct ser_record *r, bool *new_segment, struct ser_err *e);
/* From here on records that come in parts (ser-stream(5)) are handed out part by part, as soon as they are there, and the header
 * says so in its `parts`; without this call they are put together, and neither header nor record tells that they ever were apart. */
void ser_reader_in_parts(struct ser_reader *rd);
/* True when the next record would have to be waited for: the time to flush what was made so far. */
bool ser_reader_waits(struct ser_reader *rd);
/* Totals so far. */
uint64_t ser_reader_records(const struct ser_reader *rd);
uint64_t ser_reader_segments(const struct ser_reader *rd);
uint64_t ser_reader_bytes(const struct ser_reader *rd);

/* ---- windows ------------------------------------------------------------------------------- */

/* The frames of sounds, window by window: after every every_s seconds of a sound a record of its last window_s seconds, or of what
 * there is so far, and at its end one more, where frames came after the last. A sound is a record, or several that are parts of
 * one (ser_reader_in_parts()). What a sound's windows are does not depend on the parts it comes in. Memory is that of one window
 * and of what was pushed since. */
struct ser_windows;
/* Of this field [T,D], borrowed; windows of less than `least` frames are left out, unless a sound has no other. Times > 0. */
struct ser_windows *ser_windows_new(const char *field, double window_s, double every_s, size_t least);
void ser_windows_free(struct ser_windows *w);
/* A segment begins, between sounds: SER_EDATA when its header does not say the field's shift_s. Before the first record. */
int ser_windows_header(struct ser_windows *w, const struct ser_header *h, struct ser_err *e);
/* Whether this record is of the sound at hand; otherwise end that one before you push it. */
bool ser_windows_continues(const struct ser_windows *w, const struct ser_record *r);
/* Take a record's frames, copied. SER_EDATA when they do not fit. */
int ser_windows_push(struct ser_windows *w, struct ser_record *r, struct ser_err *e);
/* The next window that is there, as a record: ID-000001 and so on, start and end in seconds, the labels of the sound's first record,
 * and the frames, borrowed until the next push. False: there is none yet; or, with `end`, none any more: the sound is done. */
bool ser_windows_next(struct ser_windows *w, bool end, struct ser_record *r);

/* ---- writer -------------------------------------------------------------------------------- */

struct ser_writer;
/* Write one segment to a descriptor, the header first. Short writes and EINTR are handled. */
struct ser_writer *ser_writer_new(int fd, const char *name, const struct ser_header *h);
/* Fields that are as they were read are copied as bytes; others are packed. id goes first. */
int ser_writer_record(struct ser_writer *w, const struct ser_record *r, struct ser_err *e);
/* The same from plain fields, one of them the id. */
int ser_writer_fields(struct ser_writer *w, const struct ser_field *f, size_t n, struct ser_err *e);
int ser_writer_flush(struct ser_writer *w, struct ser_err *e);
/* Write the trailer and flush; the descriptor stays open. After an error, or without this call, the stream stays cut: its
 * reader will say so. */
int ser_writer_end(struct ser_writer *w, struct ser_err *e);
uint64_t ser_writer_records(const struct ser_writer *w);
/* The bytes of a header that says who made it and nothing else. */
void ser_writer_mark(struct ser_buf *b, const char *tool);
void ser_writer_free(struct ser_writer *w);

/* Serialise one record's fields (used by spools and by the writer). */
void ser_record_pack(struct ser_buf *b, const struct ser_record *r);
/* Parse what ser_record_pack made; the bytes are copied into r. */
int ser_record_unpack(struct ser_record *r, const char *p, size_t n, struct ser_err *e);

/* ---- spool ---------------------------------------------------------------------------------- */

/* Blocks of bytes kept on disk: an unlinked temporary file under $TMPDIR (or /tmp). */
struct ser_spool;
struct ser_spool *ser_spool_new(struct ser_err *e); /* NULL and *e on failure */
void ser_spool_free(struct ser_spool *s);
int ser_spool_add(struct ser_spool *s, const void *p, size_t n, struct ser_err *e);
uint64_t ser_spool_size(const struct ser_spool *s); /* bytes so far: where the next block will begin */

/* A walk over the blocks in [from, end), offsets given by ser_spool_size(). `chunk` bytes are read at a time, 0: a good
 * number. Nothing may be added while a walk goes on. */
struct ser_spool_walk {
	struct ser_spool *spool;
	uint64_t at, end;
	size_t from, chunk;
	struct ser_buf buf;
};
int ser_spool_walk(struct ser_spool_walk *w, struct ser_spool *s, uint64_t from, uint64_t end, size_t chunk,
		   struct ser_err *e);
/* 1 and the next block, valid until the next call; 0 at the end; <0. */
int ser_spool_next(struct ser_spool_walk *w, const char **p, size_t *n, struct ser_err *e);
/* The next block is the one that begins at `at`. */
void ser_spool_seek(struct ser_spool_walk *w, uint64_t at);
void ser_spool_walk_end(struct ser_spool_walk *w);

/* ---- store ---------------------------------------------------------------------------------- */

/* Records by their number 0, 1, ... in the order in which they were added. They take about `mem` bytes of memory, and a spool
 * beyond; besides, 8 to 16 bytes each. Asked for in that order, they are read from the spool once. */
struct ser_store;
struct ser_store *ser_store_new(size_t mem);
void ser_store_free(struct ser_store *s);
int ser_store_add(struct ser_store *s, const struct ser_record *r, struct ser_err *e); /* copied */
size_t ser_store_len(const struct ser_store *s);
/* Copy record i to r. No record can be added after the first call. */
int ser_store_get(struct ser_store *s, size_t i, struct ser_record *r, struct ser_err *e);

/* ---- sort ----------------------------------------------------------------------------------- */

/* Records in the order of labels: by[0] first, then by[1] ...; ser_val_cmp() orders, an absent label is nil; equal records
 * keep their order, with `reverse` too. Takes about `mem` bytes of memory, and a spool beyond. `by` is borrowed. */
struct ser_sort;
struct ser_sort *ser_sort_new(const char *const *by, size_t n_key, bool reverse, size_t mem);
void ser_sort_free(struct ser_sort *s);
int ser_sort_add(struct ser_sort *s, const struct ser_record *r,
		 struct ser_err *e);                      /* copied; a tensor as key: SER_EDATA */
int ser_sort_done(struct ser_sort *s, struct ser_err *e); /* all are in */
/* 1 and the next record, in `buf` or in the sort's own memory, valid until the next call; 0 at the end; <0. */
int ser_sort_next(struct ser_sort *s, struct ser_record *buf, struct ser_record **r, struct ser_err *e);

/* ---- expressions ---------------------------------------------------------------------------- */

/* Conditions on labels: fold == 3, emo in ("happy", "sad") and not has(x), shape(feat, 0) > 100, id =~ "^03".
 * ser-select(1) describes the language. */
struct ser_expr;
/* NULL and *e, SER_EUSAGE with the position, when the text is no expression, nests deeper than 100, has more than 2000
 * operators, or regular expressions that come to more than 2000 characters when their repetitions are written out. */
struct ser_expr *ser_expr_new(const char *text, struct ser_err *e);
void ser_expr_free(struct ser_expr *x);
/* 1 true, 0 false or nil, SER_EDATA naming the record when kinds do not go together. */
int ser_expr_do(struct ser_expr *x, const struct ser_record *r, struct ser_err *e);
/* The name of a label that the expression compares and that no record so far had; NULL: there is none. */
const char *ser_expr_unmet(const struct ser_expr *x);

#endif
