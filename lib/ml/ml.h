/* SPDX-License-Identifier: MIT */
/* ml: what is done with labels, predictions and embeddings: scores with their uncertainty, distances,
 * k-means, pair sampling. Nothing here reads a stream, prints or exits. */
#ifndef SER_ML_H
#define SER_ML_H

#include "ml/boot.h"
#include "ml/cluster.h"
#include "ml/dist.h"
#include "ml/eval.h"
#include "ml/kmeans.h"
#include "ml/pairs.h"
#include "ml/project.h"
#include "ml/score.h"

#endif
