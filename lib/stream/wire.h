/* SPDX-License-Identifier: MIT */
/* Between the files of this module only: MessagePack bytes to values and back; headers and records put together. */
#ifndef SER_STREAM_WIRE_H
#define SER_STREAM_WIRE_H

#include "stream/stream.h"

/* A walk over the bytes of one object, kept between calls while more bytes arrive. Start from all zero. */
struct ser_scan {
	size_t at;                        /* how far the walk has come */
	int depth;                        /* open lists and maps */
	uint64_t left[SER_MAX_DEPTH + 1]; /* elements still to come in each, keys counted too */
	uint64_t items;                   /* objects met */
	size_t *edge;                     /* the end of each key and value of the outermost map */
	size_t n_edge, cap_edge;
	bool done; /* the object is complete; at is its length */
};
void ser_scan_reset(struct ser_scan *s);
void ser_scan_free(struct ser_scan *s);
/* Walk on over p[0..n). Returns 0 (see done) or SER_EDATA: not a map, deeper, longer or with more
 * elements than the bounds allow. */
int ser_scan_do(struct ser_scan *s, const char *p, size_t n, size_t max, struct ser_err *e);

/* Decode a complete, scanned map: its fields' names and values point into p; tensors become SER_TENSOR; `flat` refuses
 * lists and other maps. Field arrays and lists are the arena's. */
int ser_wire_decode(struct ser_arena *a, const char *p, size_t n, bool flat, struct ser_val *out, struct ser_err *e);

/* Append the encoding of a value; of a field's key and value. */
void ser_wire_val(struct ser_buf *b, const struct ser_val *v);
void ser_wire_field(struct ser_buf *b, const struct ser_field *f);
void ser_wire_map(struct ser_buf *b, size_t n);

/* ser_header_merge()'s part about train_speakers and train_sets; h knows every tensor that `other` does. */
void ser_trained_merge(struct ser_header *h, const struct ser_header *other, bool joined);
bool ser_trained_key(const char *name);                                            /* whether it is one of the two */
struct ser_val ser_trained_forget(struct ser_arena *a, const struct ser_val *dim); /* the map without them */

/* A record that comes in parts (ser-stream(5)). Start from all zero. */
struct ser_parts {
	struct ser_record first;    /* the first part: labels are its own; no field: nothing has come */
	struct ser_growing *tensor; /* [n] those that grow */
	size_t n;
};
/* The header's list of names, which must outlive p. */
void ser_parts_begin(struct ser_parts *p, const struct ser_val *names);
void ser_parts_free(struct ser_parts *p);
/* Is r of the same record as the parts so far? There must be one. */
bool ser_parts_belongs(const struct ser_parts *p, const struct ser_record *r);
/* Take a part, copied. SER_EDATA when it does not continue the others, or they are larger than max bytes together. */
int ser_parts_add(struct ser_parts *p, const struct ser_record *r, size_t max, struct ser_err *e);
/* The whole record, as if it had been read at the place of its first part; p is ready for another. */
int ser_parts_join(struct ser_parts *p, struct ser_record *r, struct ser_err *e);

/* Fill r->field from r->bytes, which hold one scanned object with the given edges. */
int ser_record_decode(struct ser_record *r, const struct ser_scan *s, struct ser_err *e);

#endif
