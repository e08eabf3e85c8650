/* SPDX-License-Identifier: MIT */
/* model: a network and a safetensors file for it (ser-model(5)). A model is one encoder, named by its architecture and
 * hyper-parameters, and heads on its embedding. Nothing here prints or exits. */
#ifndef SER_MODEL_MODEL_H
#define SER_MODEL_MODEL_H

#include "model/safetensors.h"
#include "nn/nn.h"
#include "stream/stream.h"

/* ---- architectures ------------------------------------------------------------------------------- */

/* A hyper-parameter: a number. A table ends with an all-zero row. */
enum ser_hyper_kind { SER_HYPER_REAL, SER_HYPER_WHOLE, SER_HYPER_ODD };
struct ser_hyper {
	const char *name;
	double dflt, lo, hi;
	enum ser_hyper_kind kind;
	const char *help;
};
enum { SER_MAX_LAYER = 64 };
struct ser_encoded {
	int frames; /* [R', C'] the last values that have a row per frame; -1: the architecture has none */
	int emb;    /* [n_seg, E] */
	/* Of transformer encoders: what goes into each layer, and last what comes out, all [R', C']. n_layer 0: another architecture */
	size_t n_layer;
	int layer[SER_MAX_LAYER + 1];
};
/* An architecture is one file arch_NAME.c and one row of the table in arch.c. */
struct ser_arch {
	const char *name, *summary;
	const struct ser_hyper *hyper;
	/* The network: x [R, D] with segments, h [number of rows of hyper]. Same graph for the same h. */
	struct ser_encoded (*build)(struct ser_tape *t, const double *h, int x);
	/* Fewest frames an utterance must have. */
	size_t (*min_frame)(const double *h);
	/* What is wrong with a combination of hyper-parameters, or NULL; may be absent. */
	const char *(*check)(const double *h);
	/* Most frames that it may have; absent: any number. */
	size_t (*max_frame)(const double *h);
	size_t n_in; /* columns D that it takes: 1 of a waveform or of tokens; 0: any number */
	/* Of text: how many tokens there are. The input is whole numbers from 0 to below this. Absent: any numbers. */
	size_t (*n_token)(const double *h);
};
extern const struct ser_arch *const ser_archs[];        /* ends with NULL */
const struct ser_arch *ser_arch_find(const char *name); /* or NULL */
const char *ser_arch_name(size_t i);                    /* of ser_archs[i], NULL at its end */

/* ---- heads ---------------------------------------------------------------------------------------- */

enum ser_head_kind {
	SER_HEAD_CLASS,  /* logits [n_seg, K] of classes */
	SER_HEAD_COSINE, /* cosines [n_seg, K*n_sub] to unit class centres, for angular margins */
	SER_HEAD_UNIT,   /* unit vectors [n_seg, n_out]: a projection for contrastive losses */
	SER_HEAD_VALUE   /* real values [n_seg, n_out] of the named fields */
};
const char *ser_head_kind_name(enum ser_head_kind k);
enum { SER_MAX_HEAD_LAYER = 16 };
/* emb -> [n_layer times linear n_hidden, ReLU ->] [dropout ->] linear. */
struct ser_head {
	const char *name; /* parameters are below heads.NAME */
	enum ser_head_kind kind;
	const char *field;      /* the label it was trained on; NULL for SER_HEAD_UNIT and _VALUE */
	const char *const *out; /* [n_out] class names or field names; NULL for SER_HEAD_UNIT */
	size_t n_out;
	size_t n_hidden, n_sub; /* n_sub: sub-centres a class, 1 */
	size_t n_layer;         /* hidden layers; 0: one when n_hidden > 0 */
	double dropout;
	bool adversarial; /* trained through gradient reversal */
};

/* ---- models ------------------------------------------------------------------------------------------ */

/* What is done to an utterance's features first, over the whole utterance even where a crop of it is used. */
enum ser_model_norm {
	SER_NORM_NONE,
	SER_NORM_MEAN,    /* each dimension's mean over the utterance is taken off */
	SER_NORM_MEANVAR, /* and it is divided by its standard deviation over the utterance */
	SER_NORM_GLOBAL   /* mean and deviation over the training data: the buffers input.mean, input.std [D] */
};
extern const char *const ser_model_norms[]; /* their names, by value; ends with NULL */

struct ser_model {
	struct ser_arena arena; /* owns all text and values below */
	const struct ser_arch *arch;
	double *hyper;       /* by the rows of arch->hyper */
	const char *field;   /* the tensor it reads: "feat" */
	size_t n_in;         /* D, its second axis */
	struct ser_val dims; /* what the header of the training stream said about it (a map) */
	enum ser_model_norm norm;
	struct ser_head *head;
	size_t n_head, cap_head;
	size_t n_emb;              /* E, once built */
	struct ser_val train;      /* a map: what was trained on, "speakers" (a list of names) among it */
	struct ser_val prov;       /* as in a stream header */
	struct ser_params *params; /* encoder.*, heads.*, input.* */
};

/* A model without heads and without parameters yet. hyper: n texts "name=value". SER_EUSAGE on an unknown architecture
 * or hyper-parameter, or a value out of range. */
int ser_model_new(struct ser_model **out, const char *arch, const char *const *hyper, size_t n, uint64_t seed,
		  struct ser_err *e);
void ser_model_free(struct ser_model *m);
/* The input: field, its D, and dims (copied; NULL: nothing was said). */
void ser_model_input(struct ser_model *m, const char *field, size_t n_in, const struct ser_val *dims,
		     enum ser_model_norm norm);
/* Add a head (copied). SER_EUSAGE when its name is there already. Its index. */
int ser_model_head_add(struct ser_model *m, const struct ser_head *h, struct ser_err *e);
int ser_model_head_find(const struct ser_model *m, const char *name); /* or -1 */
/* Create all parameters, initialised by the seed given to _new. */
int ser_model_build(struct ser_model *m, struct ser_err *e);

/* Append what a model is, what it reads, its heads and what it was trained on, in lines of text. */
void ser_model_describe(const struct ser_model *m, struct ser_buf *b);

int ser_model_load(struct ser_model **out, const char *path, struct ser_err *e);
int ser_model_from_st(struct ser_model **out, const struct ser_st *s, struct ser_err *e); /* from tensors read */
/* SER_EDATA rather than write a parameter that is not finite. */
int ser_model_save(const struct ser_model *m, const char *path, struct ser_err *e);
/* Tensors and metadata as ser_model_save writes them, for files that hold more (checkpoints): allocated in a. */
void ser_model_pack(const struct ser_model *m, struct ser_arena *a, struct ser_st_tensor **t, size_t *n,
		    struct ser_st_meta **meta, size_t *n_meta);
/* An ECAPA-TDNN of another toolkit, by the names of its tensors, in any order (a prefix before all of them is passed over, so are
 * num_batches_tracked and a classifier). SER_EDATA when a tensor is missing, has no place, or is of another shape, but that a
 * kernel of one frame may be left: [O, I, 1] for [O, I]; or when several networks are there. The model
 * expects `field` with what `dims` says of it (may be NULL). */
enum ser_model_source { SER_FROM_SPEECHBRAIN, SER_FROM_WESPEAKER };
extern const char *const ser_model_sources[]; /* "speechbrain", "wespeaker", NULL */
int ser_model_import(struct ser_model **out, const struct ser_st *s, enum ser_model_source from, const char *field,
		     const struct ser_val *dims, struct ser_err *e);
/* Copy values of parameters whose names begin with prefix from src; every one of m must be there, of the same shape, and
 * none more. Also copies what input.* both have. */
int ser_model_copy_params(struct ser_model *m, const struct ser_model *src, const char *prefix, struct ser_err *e);
/* Layout of a slice in files: PyTorch's. Convolutions [O, k.., I] are written [O, I, k..]; everything else as it is. */
void ser_model_slice_shape(const struct ser_slice *s, size_t *shape); /* [s->ndim] */
void ser_model_slice_out(const struct ser_slice *s, const real *val, float *out, size_t *shape);
void ser_model_slice_in(const struct ser_slice *s, const float *in, real *val);

/* Does a stream fit? SER_EDATA naming the first thing that differs, what the model wants and what is there. */
int ser_model_check_header(const struct ser_model *m, const struct ser_header *h, struct ser_err *e);
/* The tensor [T,D] of a record as float32, all finite; one of one axis is a single frame. */
int ser_model_tensor(struct ser_record *r, const char *field, const float **x, size_t shape[static 2],
		     struct ser_err *e);
/* The features of a record: checked (axes, D, number of frames, finite) and normalised into *x, grown by ser_grow.
 * Returns the number of frames, or <0. */
ptrdiff_t ser_model_features(const struct ser_model *m, struct ser_record *r, float **x, size_t *cap,
			     struct ser_err *e);
/* The normalisation alone, in place, x [T, D]. */
void ser_model_normalise(const struct ser_model *m, float *x, size_t n_frame);

/* The network on a tape: x [R, D] with segments, normalised. */
struct ser_encoded ser_model_encode(const struct ser_model *m, struct ser_tape *t, int x);
int ser_model_head(const struct ser_model *m, struct ser_tape *t, size_t head, int emb);

/* Running a model over records, one worker's records at a time: results depend on the record alone. */
struct ser_runner;
struct ser_runner *ser_runner_new(const struct ser_model *m, int n_worker); /* m is borrowed and not changed */
/* Products in bf16: before the first record. SER_EUSAGE where this build has none (see ser_la_set_precision). */
int ser_runner_precision(struct ser_runner *r, enum ser_la_precision p, struct ser_err *e);
void ser_runner_free(struct ser_runner *r);
/* Encode a record. The nodes are on *t until the worker's next call. Returns the number of frames, or <0. */
ptrdiff_t ser_runner_do(struct ser_runner *r, int worker, struct ser_record *rec, struct ser_tape **t,
			struct ser_encoded *y, struct ser_err *e);
/* What the tool's user should be told of the records run so far, a sentence appended to b; nothing where all is well. Under
 * SER_NORM_GLOBAL: how many have values more than 100 deviations of the training data from its mean, and of the one that stands first
 * its id, and the dimension and the distance of its furthest value. Any number of workers gives the same. */
void ser_runner_note(const struct ser_runner *r, struct ser_buf *b);
/* Put a node [n_row, n_col] into a record, copied, as float32: [n_col], or [n_row, n_col] when `rows`. SER_EDATA when it
 * is not finite. */
int ser_runner_set(struct ser_record *rec, const char *name, struct ser_node y, bool rows, struct ser_err *e);

#endif
