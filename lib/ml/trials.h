/* SPDX-License-Identifier: MIT */
/* Lists of trials for speaker verification: pairs of records of one speaker (target) and of two (non-target). */
#ifndef SER_ML_TRIALS_H
#define SER_ML_TRIALS_H

#include "base/base.h"

struct ser_trials_opt {
	size_t n_target, n_nontarget; /* at most so many of each speaker; 0: all that there are */
	uint64_t seed;
};

struct ser_trials_in {
	size_t n;
	const char *const *id; /* [n], all different */
	const size_t *spk;     /* [n] any numbers, equal for the same speaker */
	const size_t *within;  /* [n] pairs agree in this, such as the sex; NULL: need not */
	const size_t *across;  /* [n] pairs differ in this, such as the session; NULL: need not */
};

struct ser_trials {
	size_t n;
	size_t *a, *b;          /* [n] items; the id of a is bytewise before that of b, and so are the trials sorted */
	bool *target;           /* [n] */
	size_t n_target, n_spk; /* n_spk: speakers with a target trial */
};

/* Of all pairs that are eligible, those of each speaker with the least hashes of seed and both ids: a uniform draw
 * without replacement, the same for any order of the items. A non-target pair counts for one of its two speakers,
 * which the hash decides too. Time is n squared, memory what is kept. SER_EDATA and NULL when no pair is a target, or
 * none is not. */
struct ser_trials *ser_trials_new(const struct ser_trials_opt *o, const struct ser_trials_in *in, struct ser_err *e);
void ser_trials_free(struct ser_trials *t);

#endif
