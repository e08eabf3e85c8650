/* SPDX-License-Identifier: MIT */
/* stat: how good predictions and clusterings are: their scores, and how sure these are. Nothing here reads a stream, prints or
 * exits. */
#ifndef SER_STAT_H
#define SER_STAT_H

#include "stat/boot.h"
#include "stat/cluster.h"
#include "stat/eval.h"
#include "stat/metrics.h"

#endif
