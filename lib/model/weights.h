/* SPDX-License-Identifier: MIT */
/* Weights that other programs wrote, whatever the file is, as named tensors:
 *   safetensors, whole or in shards with model.safetensors.index.json;
 *   what torch.save wrote (.bin, .pt, .pth, .ckpt), a zip archive or, before PyTorch 1.6, plain, whole or in shards;
 *   CTranslate2's model.bin, whose names get dots for slashes;
 *   ONNX models whose initialisers have kept their names (.onnx), with all elements in the file.
 * Files are mapped, tensors are not copied before they are used, and no code in a file is run. */
#ifndef SER_MODEL_WEIGHTS_H
#define SER_MODEL_WEIGHTS_H

#include "formats/pickle.h"
#include "formats/safetensors.h"
#include "stream/stream.h"

struct ser_weights {
	struct ser_st all; /* the tensors of all files, by name */
	size_t cap_tensor;
	/* Of torch.save, what the file holds beside: settings of the training among it. NULL: another kind of file */
	const struct ser_pickle *root;
	struct ser_st **part; /* files that are safetensors */
	size_t n_part;
	struct {
		void *p;
		size_t n;
	} * map; /* files that are not */
	size_t n_map;
};
/* `path`: a file, the index of shards, or a folder with one of model.safetensors, its index, pytorch_model.bin, its index, model.pt,
 * model.bin. SER_EIO, or SER_EDATA with what is wrong. */
int ser_weights_open(struct ser_weights **out, const char *path, struct ser_err *e);
/* The same of one file's n bytes in memory, borrowed until freed. */
int ser_weights_parse(struct ser_weights **out, const char *p, size_t n, struct ser_err *e);
void ser_weights_free(struct ser_weights *w);

/* A JSON file in the folder `path`, or beside the file `path`: 1 and its value, in w's memory; 0: there is none. SER_EDATA, SER_EIO. */
int ser_weights_json(struct ser_weights *w, const char *path, const char *name, struct ser_val *out, struct ser_err *e);

/* What torch.save wrote into these bytes: tensors are added to w->all, which borrows them. A state dict may be the whole of it or
 * in it: of the dicts that hold tensors that which is nested least, and of those as deep the one that holds most. */
int ser_torch_parse(struct ser_weights *w, const char *p, size_t n, struct ser_err *e);
bool ser_torch_is(const char *p, size_t n);
/* Likewise the initialisers of an ONNX model, copied, but those of types that no parameter has. */
int ser_onnx_parse(struct ser_weights *w, const char *p, size_t n, struct ser_err *e);
bool ser_onnx_is(const char *p, size_t n);
/* Likewise the variables of CTranslate2, but those of whole numbers. */
int ser_ct2_parse(struct ser_weights *w, const char *p, size_t n, struct ser_err *e);
bool ser_ct2_is(const char *p, size_t n);
/* Add a tensor. SER_EDATA when the name is there. */
int ser_weights_add(struct ser_weights *w, const struct ser_st_tensor *t, struct ser_err *e);

#endif
