/* SPDX-License-Identifier: MIT */
/* Pretrained encoders under the names that other programs give their tensors, and back to Hugging Face's. What is read off tensors'
 * shapes is not taken from a configuration; what a configuration says besides must agree. */
#ifndef SER_MODEL_IMPORT_H
#define SER_MODEL_IMPORT_H

#include "model/model.h"
#include "model/weights.h"

enum ser_encoder_source {
	SER_FROM_HF,             /* transformers: wav2vec2, hubert, wavlm, data2vec-audio, whisper, roberta, bert */
	SER_FROM_FAIRSEQ,        /* fairseq, s3prl's copies of its files, unilm's WavLM; RoBERTa's too */
	SER_FROM_TORCHAUDIO,     /* wav2vec2, hubert, wavlm */
	SER_FROM_OPENAI_WHISPER, /* whisper */
	SER_FROM_CTRANSLATE2,    /* whisper, as faster-whisper has it */
	SER_FROM_FUNASR,         /* emotion2vec */
	SER_FROM_RESEMBLYZER,    /* ge2e */
	SER_N_ENCODER_SOURCE
};
extern const char
	*const ser_encoder_sources[]; /* "hf", "fairseq", "torchaudio", "openai-whisper", "ctranslate2", "funasr",
					  * "resemblyzer", NULL */

/* What is known besides the tensors; any may be absent. */
struct ser_encoder_about {
	const struct ser_val *config, *processor; /* maps: config.json, preprocessor_config.json */
	const char *const *hyper;                 /* [n_hyper] "name=value": beyond all else */
	size_t n_hyper;
	const char *field;          /* that the model is to read; NULL: "feat", of text "tok" */
	const struct ser_val *dims; /* what a header says about it, or NULL */
	const char *label;          /* that a head over classes tells; NULL: heads are passed over */
};
/* What was done with what is not the encoder's: names separated by ", ". */
struct ser_encoder_notes {
	struct ser_buf passed,
		zero; /* passed over: heads, what pretraining needs, other parts of the model; filled with zeros */
	size_t n_passed, n_zero;
};
/* The head behind an encoder, by its tensors: import_head.c */
struct ser_encoder_head {
	const struct ser_st_tensor *out[2], *before[2], *mix; /* weight and bias; NULL: there is none */
	bool tanh;                                            /* after `before` */
};
void ser_encoder_head_find(struct ser_encoder_head *h, const struct ser_weights *w, enum ser_encoder_source from,
			   const char *prefix);
bool ser_encoder_head_is(const struct ser_encoder_head *h, const struct ser_st_tensor *t);
/* Of an encoder that is built. SER_EDATA: of another shape, classes of one name. */
int ser_encoder_head_import(struct ser_model *m, const struct ser_encoder_head *h, enum ser_encoder_source from,
			    const struct ser_encoder_about *about, struct ser_err *e);

/* The encoder in w, and with about->label the head behind it, if there is one that is known. Every tensor of its architecture must be
 * there, once, of its shape but for axes of one element; a further one that is not known to be something else is an error. The notes'
 * buffers are the caller's to free. SER_EDATA. */
int ser_encoder_import(struct ser_model **out, const struct ser_weights *w, enum ser_encoder_source from,
		       const struct ser_encoder_about *about, struct ser_encoder_notes *notes, struct ser_err *e);
/* A folder as transformers takes it: config.json, preprocessor_config.json of what reads sound, model.safetensors. `name` is the model's,
 * for messages. SER_EDATA: the model is more than an encoder of one of its architectures; what is written appears whole or not at all. */
int ser_encoder_export(const struct ser_model *m, const char *name, const char *folder, struct ser_err *e);
/* The front-end that makes what an imported encoder reads of a sound, as ser_front_parse() takes it, appended to b; of text nothing. */
void ser_encoder_front(const struct ser_model *m, struct ser_buf *b);

/* ---- tables: import_tables.c ---- */

/* Theirs and ours below "encoder."; %d stands for a number, kept from one to the other; what follows a pattern is kept, too. Of a
 * tensor's name the first row holds. A table ends with a row whose `theirs` is NULL. */
enum { SER_AS_NEW = -1 };
struct ser_rename {
	/* ours NULL: something else, passed over; both "": any other name is ours; theirs "": filled with zeros where it is missing */
	const char *theirs, *ours;
	/* and third SER_AS_NEW: it stays as the architecture makes it */
	int third; /* 1 to 3: ours is this third of its rows, and the next rows hold, too */
};
/* Where hyper-parameters can be read off tensors, by our names; ends with hyper NULL. */
enum ser_shape_rule {
	SER_SHAPE_AXIS,    /* the length of axis k, from the last if k < 0 */
	SER_SHAPE_COUNT,   /* how many of this pattern there are, from 0 on (or from k) */
	SER_SHAPE_PRESENT, /* whether it is there */
	SER_SHAPE_RATIO,   /* axis 0 to axis 1: groups of a convolution that keeps its channels */
	SER_SHAPE_SIZE     /* elements */
};
struct ser_shape_hyper {
	const char *hyper, *ours;
	enum ser_shape_rule rule;
	int k;
};
/* A configuration's settings; ends with key NULL. */
enum ser_setting_rule {
	SER_SETTING_TAKE,  /* a hyper-parameter, number or boolean */
	SER_SETTING_NEXT,  /* one less than it */
	SER_SETTING_OFF,   /* when it is false, the hyper-parameter is 0 */
	SER_SETTING_AGREE, /* must say what the tensors say */
	SER_SETTING_SAY,   /* the tensors say it, whatever stands there; written */
	SER_SETTING_ONLY   /* must be what `is` says, in JSON, where it is there */
};
struct ser_setting {
	const char *key, *hyper;
	enum ser_setting_rule rule;
	const char *is;
};
struct ser_encoder_family {
	enum ser_encoder_source from;
	const char *arch;
	const char *type; /* model_type of the configuration; NULL: told by `tell` */
	const char *tell; /* a tensor's name, a pattern, that tells it from those further down; NULL: none is needed */
	const char *anchor; /* a tensor's name, by which the prefix before all is found */
	const struct ser_rename *rename;
	const struct ser_setting *setting;
};
extern const struct ser_encoder_family ser_encoder_families[]; /* ends with arch NULL */
const struct ser_shape_hyper *ser_encoder_shapes(const char *arch);

#endif
