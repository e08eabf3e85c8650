/* SPDX-License-Identifier: MIT */
/* What the architectures' files share; within this module only. */
#ifndef SER_MODEL_ARCH_H
#define SER_MODEL_ARCH_H

#include "model/model.h"

extern const struct ser_arch ser_arch_convpool;

/* Convolution over time that keeps the number of frames (stride 1) or divides it, rounding up. k is odd. */
struct ser_conv ser_arch_same(size_t k, size_t stride, size_t dil);
/* conv (without bias), batch norm, ReLU below the scope `name`. */
int ser_arch_conv_bn_relu(struct ser_tape *t, const char *name, int x, size_t n_out, struct ser_conv c);

#endif
