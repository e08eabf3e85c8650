/* SPDX-License-Identifier: MIT */
#include "dsp/dsp.h"

#include <math.h>
#include <stdlib.h>

double ser_energy_variation(const float *x, size_t n_frame, size_t n_bin, double range_db)
{
	double *level = ser_malloc(n_frame, sizeof *level), loudest = -INFINITY, n = 0, sum = 0, sq = 0;
	for (size_t i = 0; i < n_frame; i++) {
		const float *f = x + i * n_bin;
		double most = (double)f[0], e = 0;
		for (size_t j = 1; j < n_bin; j++)
			most = (double)f[j] > most ? (double)f[j] : most;
		for (size_t j = 0; j < n_bin; j++)
			e += exp((double)f[j] - most);
		level[i] = 10 / log(10) * (most + log(e));
		loudest = level[i] > loudest ? level[i] : loudest;
	}
	for (size_t i = 0; i < n_frame; i++)
		if (level[i] >= loudest - range_db) {
			n++;
			sum += level[i];
		}
	for (size_t i = 0; i < n_frame; i++)
		if (level[i] >= loudest - range_db)
			sq += (level[i] - sum / n) * (level[i] - sum / n);
	free(level);
	return sqrt(sq / n);
}
