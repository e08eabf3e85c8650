/* SPDX-License-Identifier: MIT */
/* ml: what is learned from embeddings without a network: distances, k-means, projections, and the sampling of pairs.
 * Nothing here reads a stream, prints or exits. */
#ifndef SER_ML_H
#define SER_ML_H

#include "ml/dist.h"
#include "ml/kmeans.h"
#include "ml/pairs.h"
#include "ml/project.h"
#include "ml/scaling.h"

#endif
