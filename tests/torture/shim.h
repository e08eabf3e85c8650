/* SPDX-License-Identifier: MIT */
/* What the driver and the library in the tool tell each other. */
#ifndef TORTURE_SHIM_H
#define TORTURE_SHIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { SHIM_MARK = 0x5e12f417 }; /* argument of the call of getppid that says "main() begins" */

struct shim {
	_Atomic uint64_t n_alloc; /* allocations since main() began */
	uint64_t fail_at;         /* the one to refuse, from 1; 0: none */
	bool for_good;            /* those after it, too */
	char asked[64];           /* the library, or the tool, whose allocation was refused last */
};

#endif
