/* SPDX-License-Identifier: MIT */
/* Private to ml: rows in double for distances, filled up with zeros to whole vectors; of unit length for the cosine. */
#ifndef SER_ML_ROWS_H
#define SER_ML_ROWS_H

#include "base/base.h"
#include "ml/dist.h"

struct ser_rows {
	double *x;   /* [n,d] */
	size_t n, d; /* d a multiple of 8 */
	enum ser_metric metric;
};
int ser_rows_init(struct ser_rows *r, const float *x, size_t n, size_t d, enum ser_metric metric, struct ser_err *e);
void ser_rows_free(struct ser_rows *r);
/* out[j - from] = distance of rows i and j, j in [from,n) */
void ser_rows_distances(const struct ser_rows *r, size_t i, size_t from, double *out);

#endif
