/* SPDX-License-Identifier: MIT */
/* Between comm.c and the plug-in. */
#ifndef SER_TRAIN_PLUGIN_H
#define SER_TRAIN_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#define SER_COMM_PLUGIN      "mpi.so"
#define SER_COMM_PLUGIN_NAME "ser_comm_plugin_1" /* of its struct; the number changes with the struct */

struct ser_comm_plugin {
	int (*begin)(int *rank, int *size); /* 0: joined */
	void (*end)(void);
	void (*sum_f64)(double *x, size_t n);
	void (*sum_f32)(float *x, size_t n);
	void (*min_u64)(uint64_t *x, size_t n);
};

#endif
