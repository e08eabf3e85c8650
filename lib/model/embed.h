/* SPDX-License-Identifier: MIT */
/* What is taken of a network for a record: its own embedding, or states of frames, of one layer or several, pooled over time or not.
 * Long records go through it in chunks that overlap, of whose frames each is taken once, from the chunk in which it is further from
 * the edge; the number of frames is what the whole would give. */
#ifndef SER_MODEL_EMBED_H
#define SER_MODEL_EMBED_H

#include "model/model.h"

/* Over a record's frames, by column. STD: divisor T. GEM: (mean of max(x, 1e-6)^3)^(1/3) (Radenovic et al. 2019). */
enum ser_embed_pool {
	SER_EMBED_NONE,
	SER_EMBED_MEAN,
	SER_EMBED_MEAN_STD, /* side by side */
	SER_EMBED_MAX,
	SER_EMBED_FIRST,
	SER_EMBED_GEM
};
extern const char *const ser_embed_pools[]; /* "none" ... "mean,std" ..., NULL */

struct ser_embed_opt {
	struct ser_source source; /* of layers: the encoder's frames */
	bool frames;              /* false: the source as the network makes it; all below is without meaning then */
	bool layers;              /* states of layers first to last: 0 goes into the first, N comes out of layer N */
	size_t first, last;
	bool several;             /* an axis for them in the result, one layer or more */
	enum ser_embed_pool pool; /* of frames */
	double chunk_s,
		overlap_s; /* of longer records; 0: whole. Where the header does not say the field's shift_s: whole */
	enum ser_dtype dtype; /* of the result: SER_F4 or SER_F2 */
};
/* "6", "4-9", "all" of the encoder at o->source's one term. SER_EUSAGE. */
int ser_embed_layers(struct ser_embed_opt *o, const struct ser_model *m, const char *text, struct ser_err *e);

/* The encoders of o->source give what libraries give of a batch padded with zeros to s seconds, each record as one of it: their
 * hyper-parameter pad_to is set. SER_EUSAGE: one has none. Before ser_embed_new(). */
int ser_embed_like_padded(struct ser_model *m, const struct ser_embed_opt *o, double s, struct ser_err *e);

/* An encoder's rows of input from frame to frame; 0: it has no frames, or none of equal steps. */
size_t ser_embed_hop(const struct ser_model *m, size_t encoder);

struct ser_embed;
/* For n_worker threads. SER_EUSAGE when options and model do not go together. */
int ser_embed_new(struct ser_embed **out, const struct ser_model *m, const struct ser_embed_opt *o,
		  enum ser_la_precision p, int n_worker, struct ser_err *e);
void ser_embed_free(struct ser_embed *em);
void ser_embed_consume(struct ser_embed *em); /* ser_runner_consume() */
/* A segment begins: checked; what will be said of the result is added as `name`. SER_EDATA; SER_EUSAGE: of chunks. */
int ser_embed_header(struct ser_embed *em, struct ser_header *h, const char *name, struct ser_err *e);
size_t ser_embed_chunk(const struct ser_embed *em); /* rows of the field, as the header's times have it; 0: whole */
size_t
ser_embed_batch(const struct ser_embed *em); /* rows that may well go through the network at once; 0: one record's */
/* n records, of n_row[i] rows, in groups that go at once: `order` has them by length, the longest first, those of equal length as they
 * came; group i are first[i] to first[i + 1] in it. Returns how many; first [n + 1]. */
size_t ser_embed_groups(const struct ser_embed *em, size_t n, const size_t *n_row, size_t *order, size_t *first);
size_t ser_embed_rows(const struct ser_embed *em, const struct ser_record *r); /* of its field; 0: there is no such */
/* Add the result to a record. */
int ser_embed_do(struct ser_embed *em, int worker, struct ser_record *r, const char *name, struct ser_err *e);
/* The same, and the same bytes, of n records at once, none longer than a chunk: rc[i] and e[i] for each. */
void ser_embed_several(struct ser_embed *em, int worker, size_t n, struct ser_record *const *r, const char *name,
		       int *rc, struct ser_err *const *e);
/* The same bit by bit: n rows of the field at a time, as many as there are, then the record that the result is added to. After an
 * error, begin anew. Of options with frames alone. `id` is for messages. */
int ser_embed_push(struct ser_embed *em, int worker, const char *id, const float *x, size_t n, struct ser_err *e);
int ser_embed_end(struct ser_embed *em, int worker, struct ser_record *r, const char *name, struct ser_err *e);
void ser_embed_forget(struct ser_embed *em, int worker); /* what was pushed */
/* ser_runner_note() */
void ser_embed_note(const struct ser_embed *em, struct ser_buf *b);

/* ---- records in parts ------------------------------------------------------------------------------- */

/* Records that come whole or part by part (ser-stream(5)), such as a manifest's sounds: those that are whole wait until there is work for
 * all threads, and go through the network several at once, those of like length together; one that is longer than a chunk goes as it
 * comes. */
struct ser_embed_parts;
/* em is used by all of its n_worker threads, between two calls of ser_embed_header() that ser_embed_parts_end() goes before; em, field and
 * name are borrowed. `done` gets each record in its order: without `field` and "part_of", with the result; or without it and with why. */
struct ser_embed_parts *ser_embed_parts_new(struct ser_embed *em, const char *field, const char *name, int n_worker,
					    void (*done)(void *ctx, struct ser_record *r, const struct ser_err *e),
					    void *ctx);
void ser_embed_parts_free(struct ser_embed_parts *p);
/* A record, or a part of the one that its "part_of" names, whose tensor `field` [T,D] follows that of the part before. SER_EDATA: there
 * is no such tensor. */
int ser_embed_parts_add(struct ser_embed_parts *p, struct ser_record *part, struct ser_err *e);
void ser_embed_parts_fail(struct ser_embed_parts *p,
			  const char *id);           /* what came of this one is lost; those before are done */
void ser_embed_parts_end(struct ser_embed_parts *p); /* all that came are whole, and done */

/* ---- of a head ---------------------------------------------------------------------------------------- */

/* What a head projects to, or its first hidden layer before the ReLU, in place of the encoder's own. Of a head over texts: what it makes
 * of the class that a record's label names, a class of the model in the model's wordings or in those given, or any other in these. */
struct ser_embed_head_opt {
	size_t head;
	const char *label;      /* of a head over texts, and of no other */
	struct ser_strs prompt; /* the same; none: the model's. The lists are borrowed */
};
bool ser_embed_head_has(const struct ser_model *m, size_t head);   /* a projection or a hidden layer */
bool ser_embed_head_texts(const struct ser_model *m, size_t head); /* it is over texts */

struct ser_embed_head;
/* As ser_embed_new(), and ser_prompts_of()'s errors. */
int ser_embed_head_new(struct ser_embed_head **out, const struct ser_model *m, const struct ser_embed_head_opt *o,
		       enum ser_la_precision p, int n_worker, struct ser_err *e);
void ser_embed_head_free(struct ser_embed_head *h);    /* NULL: nothing */
void ser_embed_head_consume(struct ser_embed_head *h); /* ser_runner_consume(); over texts nothing */
int ser_embed_head_header(struct ser_embed_head *eh, struct ser_header *h, const char *name, struct ser_err *e);
/* Add the result [n_out], or the layer's width, as float32. */
int ser_embed_head_do(struct ser_embed_head *eh, int worker, struct ser_record *r, const char *name, struct ser_err *e);
void ser_embed_head_note(const struct ser_embed_head *eh, struct ser_buf *b); /* ser_runner_note() */

#endif
