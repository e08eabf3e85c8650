/* SPDX-License-Identifier: MIT */
#include "tests_fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint64_t n_record;
	int fd = memfd_create("fuzz", 0);
	ser_assert(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	lseek(fd, 0, SEEK_SET);
	ser_fuzz_stream(fd, &n_record);
	close(fd);
	return 0;
}
