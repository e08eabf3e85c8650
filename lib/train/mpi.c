/* SPDX-License-Identifier: MIT */
/* The plug-in over Open MPI: libexec/ser/mpi.so. No part of libser. */
#include "train/plugin.h"

#include <mpi.h>

enum { PIECE = 1 << 28 }; /* MPI counts in int */

static int begin(int *rank, int *size)
{
	int given;
	if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given) != MPI_SUCCESS || given < MPI_THREAD_FUNNELED)
		return -1;
	MPI_Comm_rank(MPI_COMM_WORLD, rank);
	MPI_Comm_size(MPI_COMM_WORLD, size);
	return 0;
}

static void end(void)
{
	MPI_Finalize();
}

static void all_reduce(void *data, size_t n, size_t size, MPI_Datatype type, MPI_Op op)
{
	char *x = data;
	for (size_t at = 0; at < n; at += PIECE) {
		size_t m = n - at < PIECE ? n - at : PIECE;
		MPI_Allreduce(MPI_IN_PLACE, x + at * size, (int)m, type, op, MPI_COMM_WORLD);
	}
}

static void sum_f64(double *x, size_t n)
{
	all_reduce(x, n, sizeof *x, MPI_DOUBLE, MPI_SUM);
}

static void sum_f32(float *x, size_t n)
{
	all_reduce(x, n, sizeof *x, MPI_FLOAT, MPI_SUM);
}

static void min_u64(uint64_t *x, size_t n)
{
	all_reduce(x, n, sizeof *x, MPI_UINT64_T, MPI_MIN);
}

extern const struct ser_comm_plugin ser_comm_plugin_1;
const struct ser_comm_plugin ser_comm_plugin_1 = {begin, end, sum_f64, sum_f32, min_u64};
