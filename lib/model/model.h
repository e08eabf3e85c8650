/* SPDX-License-Identifier: MIT */
/* model: a network and a safetensors file for it (ser-model(5)). A model is a list of encoders, each with the tensor that it
 * reads, an architecture and hyper-parameters, and a list of heads on what they make of a record. Nothing here prints or exits. */
#ifndef SER_MODEL_MODEL_H
#define SER_MODEL_MODEL_H

#include "base/option.h"
#include "formats/safetensors.h"
#include "nn/nn.h"
#include "stream/stream.h"

/* ---- architectures ------------------------------------------------------------------------------- */

/* A hyper-parameter: a number, of a choice the place of a name. A table ends with an all-zero row. */
enum ser_hyper_kind { SER_HYPER_REAL, SER_HYPER_WHOLE, SER_HYPER_ODD, SER_HYPER_CHOICE };
struct ser_hyper {
	const char *name;
	double dflt, lo, hi;
	enum ser_hyper_kind kind;
	const char *help;
	const char *const *names; /* of a choice, [hi + 1] */
};
/* Append its value as ser_model_new and model files have it: a number or a name. */
void ser_hyper_print(const struct ser_hyper *h, double x, struct ser_buf *b);
enum { SER_MAX_LAYER = 64 };
struct ser_encoded {
	int frames; /* [R', C'] the last values that have a row per frame; -1: the architecture has none */
	int emb;    /* [n_seg, E] */
	/* Of transformer encoders: what goes into each layer, and last what comes out, all [R', C']. n_layer 0: another architecture */
	size_t n_layer;
	int layer[SER_MAX_LAYER + 1];
	int ffn[SER_MAX_LAYER]; /* of those over waveforms that can be pretrained: each layer's feed-forward part, before it is added */
	/* Of these, too: the front end's features [R', C], normed, before their projection; the projection, some of its frames masked
	 * (ser_nn_mask) */
	struct {
		bool there;
		int features, masked;
	} front;
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
	size_t hop; /* of those that can be pretrained on masked frames: input rows a frame; else 0 */
	const char
		*extractor; /* what the names of its front end begin with, for --freeze extractor; NULL: it has none */
	size_t n_in;        /* columns D that it takes: 1 of a waveform or of tokens; 0: any number */
	/* Of text: how many tokens there are. The input is whole numbers from 0 to below this. Absent: any numbers. */
	size_t (*n_token)(const double *h);
};
extern const struct ser_arch *const ser_archs[];        /* ends with NULL */
const struct ser_arch *ser_arch_find(const char *name); /* or NULL */
const char *ser_arch_name(size_t i);                    /* of ser_archs[i], NULL at its end */

/* ---- encoders -------------------------------------------------------------------------------------- */

enum { SER_MAX_ENCODER = 8 };

/* What is done to an utterance's features first, over the whole utterance even where a crop of it is used. */
enum ser_model_norm {
	SER_NORM_NONE,
	SER_NORM_MEAN,    /* each dimension's mean over the utterance is taken off */
	SER_NORM_MEANVAR, /* and it is divided by its standard deviation over the utterance */
	SER_NORM_GLOBAL /* mean and deviation over the training data: the buffers mean and std [D] below input_prefix; where std is 0 the
			   data were constant, and the dimension is read as 0: nothing was learnt of it */
};
extern const char *const ser_model_norms[]; /* their names, by value; ends with NULL */

/* What stands beside an encoder: its frames become a weighted sum of its layers, each normed or not (the parameter weight [n_layer+1]
 * below mix_prefix, before a softmax), and the embedding their mean; low-rank adapters (ser_tape_lora). */
enum ser_mix { SER_MIX_NONE, SER_MIX_SUM, SER_MIX_NORM };
extern const char *const ser_mixes[]; /* "none", "sum", "norm", NULL */
struct ser_adapt {
	enum ser_mix mix;
	size_t rank; /* 0: no adapters */
	double alpha;
};

/* One encoder of a model: what it reads of a record, and the network over it. */
struct ser_encoder {
	const char *name;         /* "voice"; NULL: of a model that has this one alone */
	const char *prefix;       /* of its parameters: "encoder.voice", or "encoder" */
	const char *input_prefix; /* "input.voice", or "input" */
	const char *mix_prefix;   /* "mix.voice", or "mix" */
	const struct ser_arch *arch;
	double *hyper;         /* by the rows of arch->hyper */
	const char *field;     /* the tensor: "feat"; NULL: it reads texts, and nothing of records */
	const char *tokenizer; /* a tokenizer.json (text/text.h) for texts, or NULL */
	size_t n_in;           /* D, its second axis */
	struct ser_val dims;   /* what the header of the training stream said about it (a map) */
	enum ser_model_norm norm;
	struct ser_adapt adapt;
	size_t n_emb;  /* E, once built */
	int mean, std; /* slices of SER_NORM_GLOBAL, once built; or -1 */
};

/* What an encoder makes of a record. */
enum ser_part {
	SER_PART_EMB,    /* the embedding [n_seg, E], as its architecture pools it */
	SER_PART_MEAN,   /* the mean of its frames [n_seg, C] */
	SER_PART_FIRST,  /* the first of its frames [n_seg, C]: of text often the whole sentence's */
	SER_PART_FRAMES, /* all of them [R', C] */
	SER_PART_FRONT,  /* the front end's features [R', C] */
	SER_N_PART
};
/* A source is such parts of a model's encoders side by side: "voice+text:first". A term without part is the embedding; frames stand
 * alone. */
enum { SER_MAX_SOURCE = 16 };
struct ser_source {
	size_t n; /* 0: the embeddings of all encoders that read a field */
	struct ser_source_term {
		size_t encoder;
		enum ser_part part;
	} term[SER_MAX_SOURCE];
};

/* ---- heads ---------------------------------------------------------------------------------------- */

enum ser_head_kind {
	SER_HEAD_CLASS,  /* logits [n_seg, K] of classes */
	SER_HEAD_COSINE, /* cosines [n_seg, K*n_sub] to unit class centres, for angular margins */
	SER_HEAD_UNIT,   /* unit vectors [n_seg, n_out]: a projection for contrastive losses */
	SER_HEAD_VALUE,  /* real values [n_seg, n_out] of the named fields */
	SER_HEAD_MULTI,  /* logits [n_seg, K] of classes, of which any number may be true: posteriors are sigmoids */
	SER_HEAD_TOWER, /* unit vectors [n_seg, n_out] in a space that heads share, with a learnt factor on their cosines */
	SER_HEAD_CODES /* unit vectors [.., n_out] of a product quantiser: see ser_model_quantize */
};
extern const char *const ser_head_kinds[]; /* their names, by value; ends with NULL */
enum { SER_MAX_HEAD_LAYER = 16, SER_MAX_GROUP = 16, SER_MAX_FED = 8 };
/* What a head makes of frames first, where it stands on them and is not one of each: means, also with deviations, both by attention (Okabe
 * et al. 2018), covariances of 64 projections (Lin et al. 2015; Stafylakis et al. 2021). */
enum ser_head_pool { SER_POOL_NONE, SER_POOL_MEAN, SER_POOL_STATS, SER_POOL_ASP, SER_POOL_COV, SER_POOL_MAX };
extern const char *const ser_head_pools[]; /* "none", "mean", "mean,std", "asp", "cov", "max", NULL */
/* source -> [pool ->] [n_layer times linear n_hidden, ReLU or tanh ->] [dropout ->] linear. On frames its outputs are one row a frame. */
struct ser_head {
	const char *name; /* parameters are below heads.NAME */
	enum ser_head_kind kind;
	const char *field;      /* the label it was trained on; NULL for SER_HEAD_UNIT and _VALUE */
	const char *const *out; /* [n_out] class names or field names; NULL for SER_HEAD_UNIT */
	size_t n_out;
	size_t n_hidden,
		n_sub; /* n_sub: sub-centres a class, 1; groups of SER_HEAD_CODES, whose entries n_hidden counts */
	size_t n_proj; /* SER_HEAD_COSINE: dimensions of a linear projection before it, 0: none; SER_HEAD_CODES: of an entry */
	size_t n_layer; /* hidden layers; 0: one when n_hidden > 0 */
	double dropout;
	bool tanh;        /* after hidden layers, in place of ReLU */
	bool adversarial; /* trained through gradient reversal */
	struct ser_source source;
	enum ser_head_pool pool;
	/* Heads of the same source, none of them fed itself, whose outputs (of classes, their posteriors) stand beside it: those of
	 * a record beside each of its frames */
	struct ser_strs fed;
};

/* ---- models ------------------------------------------------------------------------------------------ */

struct ser_model {
	struct ser_arena arena; /* owns all text and values below */
	struct ser_encoder enc[SER_MAX_ENCODER];
	size_t n_enc;
	struct ser_head *head;
	size_t n_head, cap_head;
	struct ser_val train;      /* a map: what was trained on, "speakers" (a list of names) among it */
	struct ser_val prov;       /* as in a stream header */
	struct ser_params *params; /* those of encoders, inputs and mixtures by their prefixes, heads.* */
};

/* A model of one encoder without a name, without heads and without parameters yet. hyper: n texts "name=value". SER_EUSAGE on an
 * unknown architecture or hyper-parameter, or a value out of range. */
int ser_model_new(struct ser_model **out, const char *arch, const char *const *hyper, size_t n, uint64_t seed,
		  struct ser_err *e);
/* The same without an encoder; then add them one after another, named or, one alone, without name (NULL). SER_EUSAGE too when a name
 * is there already or is not made of letters, digits, - and _. */
struct ser_model *ser_model_empty(uint64_t seed);
int ser_model_encoder_add(struct ser_model *m, const char *name, const char *arch, const char *const *hyper, size_t n,
			  struct ser_err *e);
/* Set the hyper-parameter whose name has these len bytes. SER_EUSAGE: it has none such, or of another range. */
int ser_encoder_hyper(struct ser_encoder *c, const char *name, size_t len, double x, struct ser_err *e);
/* The same from text: a number, or a name of the choice. */
int ser_encoder_hyper_text(struct ser_encoder *c, const char *name, size_t len, const char *text, struct ser_err *e);
/* Of an encoder of text: the first of n values that is no token of it, or n. */
size_t ser_encoder_bad_token(const struct ser_encoder *c, const float *x, size_t n);
int ser_model_encoder_find(const struct ser_model *m, const char *name); /* or -1 */
void ser_model_free(struct ser_model *m);
/* The input of the encoder added last: field, its D, and dims (copied; NULL: nothing was said). */
void ser_model_input(struct ser_model *m, const char *field, size_t n_in, const struct ser_val *dims,
		     enum ser_model_norm norm);
/* In place of that: the encoder added last reads texts by this tokenizer.json (copied). */
void ser_model_texts(struct ser_model *m, const char *tokenizer);
/* The same of a file or folder (text/text.h): SER_EDATA, SER_EIO. */
int ser_model_tokenizer(struct ser_model *m, const char *path, struct ser_err *e);
/* The same by a vocabulary of these n texts, as large as they make it, and at most 512 tokens or the encoder's "vocab"; it then has as
 * many. SER_EUSAGE: it is no architecture over tokens, or has fewer than any vocabulary. */
int ser_model_vocabulary(struct ser_model *m, const char *const *text, size_t n, struct ser_err *e);
/* Add a head (copied). SER_EUSAGE when its name is there already. Its index. */
int ser_model_head_add(struct ser_model *m, const struct ser_head *h, struct ser_err *e);
int ser_model_head_find(const struct ser_model *m, const char *name); /* or -1 */
/* A source from its text, and the other way round. SER_EUSAGE: a name that no encoder has (that of one without is "encoder"), an
 * unknown part, frames beside others. */
int ser_model_source_parse(const struct ser_model *m, const char *text, struct ser_source *s, struct ser_err *e);
void ser_model_source_text(const struct ser_model *m, const struct ser_source *s, struct ser_buf *b);
/* Term i of a source, of its n: those of an empty one too. */
size_t ser_model_source_terms(const struct ser_model *m, const struct ser_source *s);
struct ser_source_term ser_model_source_term(const struct ser_model *m, const struct ser_source *s, size_t i);
/* Create all parameters, initialised by the seed given to _new. SER_EUSAGE: hyper-parameters that do not go together, an input of
 * other columns than an architecture takes, a part of an encoder that its architecture has not. */
int ser_model_build(struct ser_model *m, struct ser_err *e);

/* Append what a model is, what it reads, its heads and what it was trained on, in lines of text. */
void ser_model_describe(const struct ser_model *m, struct ser_buf *b);
void ser_model_describe_network(const struct ser_model *m,
				struct ser_buf *b); /* its first part: encoders, inputs, heads */
void ser_model_describe_training(const struct ser_model *m, struct ser_buf *b); /* the rest */

int ser_model_load(struct ser_model **out, const char *path, struct ser_err *e);
int ser_model_from_st(struct ser_model **out, const struct ser_st *s, struct ser_err *e); /* from tensors read */
/* SER_EDATA rather than write a parameter that is not finite. */
int ser_model_save(const struct ser_model *m, const char *path, struct ser_err *e);
/* Plain tensors under plain names, with nothing of ours beside them; encoder_only: those of encoders, without "encoder.". */
int ser_model_export(const struct ser_model *m, const char *path, bool encoder_only, struct ser_err *e);
/* Tensors and metadata as ser_model_save writes them, for files that hold more (checkpoints): allocated in a. */
void ser_model_pack(const struct ser_model *m, struct ser_arena *a, struct ser_st_tensor **t, size_t *n,
		    struct ser_st_meta **meta, size_t *n_meta);
/* An ECAPA-TDNN of another toolkit, by the names of its tensors, in any order (a prefix before all of them is passed over, so are
 * num_batches_tracked and a classifier). SER_EDATA when a tensor is missing, has no place, or is of another shape, but that a
 * kernel of one frame may be left: [O, I, 1] for [O, I]; or when several networks are there. The model
 * expects `field` with what `dims` says of it (may be NULL). */
enum ser_model_source { SER_FROM_SPEECHBRAIN, SER_FROM_WESPEAKER, SER_N_MODEL_SOURCE };
extern const char *const ser_model_sources[]; /* "speechbrain", "wespeaker", NULL */
int ser_model_import(struct ser_model **out, const struct ser_st *s, enum ser_model_source from, const char *field,
		     const struct ser_val *dims, struct ser_err *e);
/* Copy the values of encoder j of src into encoder i of m: every parameter of m's must be there, of the same shape, and none more,
 * low-rank adapters of m aside. Also the normalisation's and the mixture's, where both have them. */
int ser_model_copy_encoder(struct ser_model *m, size_t i, const struct ser_model *src, size_t j, struct ser_err *e);
/* Layout of a slice in files: PyTorch's. Convolutions [O, k.., I] are written [O, I, k..]; everything else as it is. */
void ser_model_slice_shape(const struct ser_slice *s, size_t *shape); /* [s->ndim] */
void ser_model_slice_out(const struct ser_slice *s, const real *val, float *out, size_t *shape);
void ser_model_slice_in(const struct ser_slice *s, const float *in, real *val);

/* Does a stream fit an encoder, or all of them? SER_EDATA naming the first thing that differs, what the model wants and what is
 * there. */
int ser_encoder_check_header(const struct ser_encoder *c, const struct ser_header *h, struct ser_err *e);
int ser_model_check_header(const struct ser_model *m, const struct ser_header *h, struct ser_err *e);
/* The tensor [T,D] of a record as float32, all finite. One axis of floats is a single frame, one axis of integers a column [T,1]. */
int ser_model_tensor(struct ser_record *r, const char *field, const float **x, size_t shape[static 2],
		     struct ser_err *e);
/* What an encoder reads of a record: checked (axes, D, number of frames, finite, tokens in range) and copied into *x, grown by
 * ser_grow. Returns the number of frames, or <0. */
ptrdiff_t ser_model_features(const struct ser_model *m, size_t encoder, struct ser_record *r, float **x, size_t *cap,
			     struct ser_err *e);
/* The encoder's normalisation of it, in place, x [T, D]. */
void ser_model_normalise(const struct ser_model *m, size_t encoder, float *x, size_t n_frame);
/* The same in two steps, for parts of an utterance: how many numbers normalise one, 0 where it is not by the utterance; these numbers y
 * of the whole x [T, D], T > 0; and x [n_frame, D], some of its frames, by them. */
size_t ser_model_n_moment(const struct ser_model *m, size_t encoder);
void ser_model_moments(const struct ser_model *m, size_t encoder, const float *x, size_t n_frame, double *y);
void ser_model_normalise_by(const struct ser_model *m, size_t encoder, const double *y, float *x, size_t n_frame);

/* The network on a tape: x [R, D] with segments, normalised, through an encoder; a part of what came out, -1 where the architecture
 * has none; parts [n] side by side; a head on them. */
struct ser_encoded ser_model_encode(const struct ser_model *m, struct ser_tape *t, size_t encoder, int x);
/* That in two steps: the encoder, the mixture of its layers. */
struct ser_encoded ser_model_layers(const struct ser_model *m, struct ser_tape *t, size_t encoder, int x);
void ser_model_mix(const struct ser_model *m, struct ser_tape *t, size_t encoder, struct ser_encoded *y);
size_t ser_encoder_some_frames(const struct ser_encoder *c);         /* frames that its graph can be tried with */
size_t ser_model_n_layer(const struct ser_model *m, size_t encoder); /* 0: no transformer */
int ser_model_part(struct ser_tape *t, const struct ser_encoded *y, enum ser_part part);
int ser_model_join(struct ser_tape *t, size_t n, const int *part);
/* All parts of a source side by side: y [n_enc] of the encoders that it names; -1 as above. */
int ser_model_source(const struct ser_model *m, struct ser_tape *t, const struct ser_source *s,
		     const struct ser_encoded *y);
int ser_model_head(const struct ser_model *m, struct ser_tape *t, size_t head, int source);
/* The source with what a head is fed beside it; SER_EUSAGE: it cannot be. */
int ser_model_fed(const struct ser_model *m, struct ser_tape *t, const struct ser_head *h, int source);
int ser_model_check_fed(const struct ser_model *m, const struct ser_head *h, struct ser_err *e);
/* As files have it. */
struct ser_val ser_model_fed_val(const struct ser_head *h, struct ser_arena *a);
int ser_model_fed_take(struct ser_head *h, struct ser_arena *a, const struct ser_val *list, struct ser_err *e);
/* The first hidden layer of a head that has one, before its ReLU: [n_seg, n_hidden]. */
int ser_model_hidden(const struct ser_model *m, struct ser_tape *t, size_t head, int source);
/* Rows x [R,C] by a product quantiser (Jegou et al. 2011; Baevski et al. 2020): in each group one of n_hidden entries is chosen by a linear
 * layer, in training by Gumbel's softmax at temperature tau; their vectors of n_proj go through a linear layer. */
struct ser_quantized {
	int q;      /* [R, n_out], unit length */
	int choice; /* [R n_sub, n_hidden]: one 1 a row */
	int prob;   /* [R n_sub, n_hidden]: softmax, without noise or temperature */
};
struct ser_quantized ser_model_quantize(const struct ser_model *m, struct ser_tape *t, size_t head, int x, double tau,
					const uint64_t *key); /* key [R n_sub] of ser_nn_gumbel */

/* ---- fine-tuning (adapt.c) ---- */

/* "R" or "R,ALPHA"; alpha is 2 R unless it is said. SER_EUSAGE: it is neither. */
int ser_lora_parse(struct ser_adapt *a, const char *text, struct ser_err *e);
void ser_adapt_mix(struct ser_tape *t, enum ser_mix kind, struct ser_encoded *y); /* below the scope entered */
int ser_adapt_pool(struct ser_tape *t, enum ser_head_pool kind, int frames);
/* Freeze an encoder: "all" of it, its "extractor", or what comes "below:N", the layer N of n_layer. SER_EUSAGE: it has none. */
int ser_model_freeze(struct ser_model *m, size_t encoder, const char *what, struct ser_err *e);
void ser_model_freeze_base(struct ser_model *m, size_t encoder); /* all of it but its low-rank adapters */
bool ser_model_has_lora(const struct ser_model *m, size_t encoder);
/* Put low-rank adapters into the weights that they stand beside: there are none any more. */
void ser_model_merge(struct ser_model *m);
/* Of SER_HEAD_TOWER: ln of the factor on its cosines as a node [1,1], and that parameter's slice. It begins at ln(1/0.07). */
int ser_model_scale(const struct ser_model *m, struct ser_tape *t, size_t head);
int ser_model_scale_slice(const struct ser_model *m, size_t head);

/* ---- prompts: texts that stand for classes ------------------------------------------------------------ */

/* Texts of classes, every class in one wording or in several. */
struct ser_prompts {
	struct ser_strs class;
	size_t n;
	const char **text;       /* [n] */
	size_t *of;              /* [n] the class of each, rising */
	struct ser_strs wording; /* the texts with {} that all classes have */
	struct ser_arena arena;
};
/* wording: texts in which {} is the class, for all of them. file (NULL: none): lines, either such a text, or a class, a tab and a
 * text of its own, which may have {}, too; lines of other classes are passed over; a name with {} in it is such a text itself. Neither:
 * "The emotion is {}". *p begins as all zero; names of classes are borrowed. SER_EDATA, SER_EUSAGE: a text without {} for all classes, a class without any, a class twice. */
int ser_prompts_make(struct ser_prompts *p, const struct ser_strs *wording, const char *file,
		     const struct ser_strs *class, struct ser_err *e);
/* The same for a model that was trained on prompts: where nothing is said, by its classes, texts and wordings. */
int ser_prompts_of(struct ser_prompts *p, const struct ser_model *m, const struct ser_strs *wording, const char *file,
		   const struct ser_strs *class, struct ser_err *e);
void ser_prompts_free(struct ser_prompts *p);
/* Texts as an encoder reads them. */
struct ser_texts {
	size_t n;
	const float **at;
	size_t *n_token;
};
/* Allocated in a. SER_EDATA: a text is longer than the encoder takes, or its tokens are not the encoder's. */
int ser_model_tokenize(const struct ser_model *m, size_t encoder, const char *const *text, size_t n,
		       struct ser_arena *a, struct ser_texts *y, struct ser_err *e);
/* What a tower makes of the texts that its source's encoder reads: unit vectors [n, n_out]. */
int ser_model_embed_texts(const struct ser_model *m, size_t head, const char *const *text, size_t n, float *y,
			  struct ser_err *e);
/* The classes themselves, unit vectors [classes, n_out]: the mean of each one's wordings. */
int ser_model_embed_classes(const struct ser_model *m, size_t head, const struct ser_prompts *p, float *y,
			    struct ser_err *e);
/* The mean of unit vectors x [n, d] that stand for the same, again of unit length, into y [classes, d]. */
void ser_prompts_mean(const struct ser_prompts *p, const float *x, size_t d, float *y);
/* The first tower over records, and the one over texts that goes with it; -1: there is none. */
int ser_model_tower(const struct ser_model *m, bool texts);

/* ---- records ---------------------------------------------------------------------------------------- */

/* Running a model over records, one worker's records at a time: results depend on the record alone. */
struct ser_runner;
/* m is borrowed and not changed. Encoders that the source (NULL: all) does not name do not run, and their fields are not read. */
struct ser_runner *ser_runner_new(const struct ser_model *m, const struct ser_source *s, int n_worker);
/* Products in bf16: before the first record. SER_EUSAGE where this build has none (see ser_la_set_precision). */
int ser_runner_precision(struct ser_runner *r, enum ser_la_precision p, struct ser_err *e);
/* Before the first record: weights are given back as they are packed, and with that the model is the runner's alone. */
void ser_runner_consume(struct ser_runner *r);
/* Before the first record: in place of its source, what ser_runner_do() gives is the state of layer `last` of the source's one encoder.
 * When that is asked for, seen gets those of the layers i = 0, 1, ... from `first` on, as they are made, and ctx[worker]. */
void ser_runner_layers(struct ser_runner *r, size_t first, size_t last,
		       void (*seen)(void *ctx, size_t i, struct ser_node y), void *const *ctx);
void ser_runner_free(struct ser_runner *r);
/* ser_model_check_header() for the encoders that run. */
int ser_runner_check_header(const struct ser_runner *r, const struct ser_header *h, struct ser_err *e);
/* Encode n records at once: *y is the source's node, on *t until the worker's next call, with a row or a segment for each of them, the
 * same bytes as of each alone. Returns the frames of the first encoder that ran, of the first record; or <0: of one of them. */
ptrdiff_t ser_runner_do(struct ser_runner *r, int worker, size_t n, struct ser_record *const *rec, struct ser_tape **t,
			int *y, struct ser_err *e);
/* What the tool's user should be told of the records run so far, a sentence appended to b; nothing where all is well. Under
 * SER_NORM_GLOBAL: how many have values more than 100 deviations of the training data from its mean, and of the one that stands first
 * its id, and the dimension and the distance of its furthest value; and how many differ where the training data were constant. Any
 * number of workers gives the same. */
void ser_runner_note(const struct ser_runner *r, struct ser_buf *b);
/* Put a node [n_row, n_col] into a record, copied, as float32: [n_col], or [n_row, n_col] when `rows`. SER_EDATA when it
 * is not finite. */
int ser_runner_set(struct ser_record *rec, const char *name, struct ser_node y, bool rows, struct ser_err *e);

#endif
