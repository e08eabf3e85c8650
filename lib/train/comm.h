/* SPDX-License-Identifier: MIT */
/* comm: processes that compute together, on one machine or many, started by Open MPI's mpirun. Sums over them are all that
 * data-parallel training needs.
 *
 * Nothing here is linked with MPI: where the build found Open MPI it made a plug-in, libexec/ser/mpi.so beside the
 * directory of the executables, and that is loaded when mpirun is seen to have started the process (by OMPI_COMM_WORLD_SIZE or PMIX_RANK in
 * the environment). So one build runs with MPI and without.
 *
 * Wherever a struct ser_comm is asked for, NULL is allowed and means this process alone. Calls are made by all processes in the
 * same order, by one thread of each. What goes wrong inside MPI ends all processes: its default. A process that ends
 * otherwise than through ser_comm_close makes mpirun end the others, with its status. */
#ifndef SER_TRAIN_COMM_H
#define SER_TRAIN_COMM_H

#include "base/base.h"

struct ser_comm;
/* Join the others. *out is NULL when mpirun did not start this process. SER_EIO: it did, but the plug-in cannot be loaded. Call
 * before threads are started, once a process. */
int ser_comm_open(struct ser_comm **out, struct ser_err *e);
/* Wait for the others and part. */
void ser_comm_close(struct ser_comm *c);

int ser_comm_rank(const struct ser_comm *c); /* in [0, size) */
int ser_comm_size(const struct ser_comm *c);

/* Replace x [n] by its sum over all processes: the same bytes in each. */
void ser_comm_sum(struct ser_comm *c, double *x, size_t n);
void ser_comm_sum_f32(struct ser_comm *c, float *x, size_t n);
/* Did all processes come with the same number? */
bool ser_comm_same(struct ser_comm *c, uint64_t x);

#endif
