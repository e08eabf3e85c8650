/* SPDX-License-Identifier: MIT */
#include "train/comm.h"
#include "train/plugin.h"

#include <stdlib.h>

struct ser_comm {
	const struct ser_comm_plugin *p;
	int rank, size;
};

int ser_comm_open(struct ser_comm **out, struct ser_err *e)
{
	*out = NULL;
	if (getenv("OMPI_COMM_WORLD_SIZE") == NULL && getenv("PMIX_RANK") == NULL)
		return 0;
	/* global, because MPI loads modules of its own that look for its symbols */
	const struct ser_comm_plugin *p = ser_plugin(SER_COMM_PLUGIN, SER_COMM_PLUGIN_NAME, true, e);
	if (p == NULL)
		return ser_fail_in(e, "started by mpirun, but there is no MPI support");
	struct ser_comm *c = ser_calloc(1, sizeof *c);
	c->p = p;
	if (p->begin(&c->rank, &c->size) != 0) {
		free(c);
		return ser_fail(e, SER_EIO, "MPI cannot be started");
	}
	*out = c;
	return 0;
}

void ser_comm_close(struct ser_comm *c)
{
	if (c == NULL)
		return;
	c->p->end();
	free(c);
}

int ser_comm_rank(const struct ser_comm *c)
{
	return c != NULL ? c->rank : 0;
}

int ser_comm_size(const struct ser_comm *c)
{
	return c != NULL ? c->size : 1;
}

void ser_comm_sum(struct ser_comm *c, double *x, size_t n)
{
	if (c != NULL)
		c->p->sum_f64(x, n);
}

void ser_comm_sum_f32(struct ser_comm *c, float *x, size_t n)
{
	if (c != NULL)
		c->p->sum_f32(x, n);
}

bool ser_comm_same(struct ser_comm *c, uint64_t x)
{
	uint64_t least[2] = {x, ~x}; /* the least, and the complement of the greatest */
	if (c != NULL)
		c->p->min_u64(least, 2);
	return least[0] == ~least[1];
}
