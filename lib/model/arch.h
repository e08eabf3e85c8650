/* SPDX-License-Identifier: MIT */
/* What the architectures' files share; within this module only. */
#ifndef SER_MODEL_ARCH_H
#define SER_MODEL_ARCH_H

#include "model/model.h"

extern const struct ser_arch ser_arch_cnn, ser_arch_convpool, ser_arch_conv_attn, ser_arch_crnn, ser_arch_ecapa,
	ser_arch_xvector, ser_arch_mlp, ser_arch_linear;

/* Convolution over time that keeps the number of frames (stride 1) or divides it, rounding up. k is odd. */
struct ser_conv ser_arch_same(size_t k, size_t stride, size_t dil);
/* Below the scope `name`: conv, batch norm, ReLU (conv without bias); or conv, ReLU, batch norm (with). */
int ser_arch_conv_bn_relu(struct ser_tape *t, const char *name, int x, size_t n_out, struct ser_conv c);
int ser_arch_conv_relu_bn(struct ser_tape *t, const char *name, int x, size_t n_out, struct ser_conv c);
/* For architectures that take utterances of any length. */
size_t ser_arch_any_length(const double *h);

#endif
