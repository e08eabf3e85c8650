/* SPDX-License-Identifier: MIT */
#include "tests_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const label[] = {"emo"};
	ser_fuzz_import("csv", &(struct ser_format_opt){0}, p, n);
	ser_fuzz_import("csv", &(struct ser_format_opt){.label = label, .n_label = 1}, p, n);
	ser_fuzz_import("csv", &(struct ser_format_opt){.no_id = true}, p, n);
	ser_fuzz_import("opensmile-csv", &(struct ser_format_opt){0}, p, n);
	ser_fuzz_import("opensmile-csv", &(struct ser_format_opt){.no_id = true}, p, n);
	return 0;
}
