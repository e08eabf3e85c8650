/* SPDX-License-Identifier: MIT */
#include "tests_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	ser_fuzz_import("svmlight", &(struct ser_format_opt){0}, p, n);
	return 0;
}
