/* SPDX-License-Identifier: MIT */
/* Sound files of any kind, by each way in: memory, a file, a pipe. What one decodes, so do the others. */
#include "audio/audio.h"
#include "tests_fuzz.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SAMPLE = 1 << 20, PIPE_ROOM = 65536 };

/* libsndfile loses some memory of these when a file turns out to be damaged. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libvorbis\nleak:libogg\n";
}

static ptrdiff_t drain(struct ser_audio *a, int rc, float **x, const struct ser_err *e)
{
	struct ser_err own;
	size_t n = 0, cap = 0;
	if (rc == 0)
		rc = ser_audio_read_all(a, MAX_SAMPLE, x, &n, &cap, &own);
	else
		ser_assert(e->code == rc && strlen(e->msg) > 10);
	ser_audio_free(a);
	for (size_t i = 0; rc == 0 && i < n; i++)
		ser_assert(isfinite((*x)[i]));
	return rc == 0 ? (ptrdiff_t)n : rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ser_audio *a;
	struct ser_audio_opt o;
	struct ser_err e;
	char path[32];
	float *x = NULL, *y = NULL, *z = NULL;
	ser_audio_opt_init(&o);
	o.rate_hz = n % 2 == 0 ? 0 : 16000;
	int rc = ser_audio_open_mem(&a, p, n, "fuzz", &o, &e);
	ptrdiff_t n_mem = drain(a, rc, &x, &e);

	int fd = ser_fuzz_file(p, n, path);
	rc = ser_audio_open_fd(&a, fd, "fuzz", &o, &e);
	ptrdiff_t n_fd = drain(a, rc, &y, &e);
	close(fd);
	ser_assert(n_fd == n_mem && (n_mem <= 0 || memcmp(x, y, (size_t)n_mem * sizeof *x) == 0));

	if (n <= PIPE_ROOM) {
		int end[2];
		ser_assert(pipe2(end, O_CLOEXEC) == 0 && write(end[1], p, n) == (ssize_t)n);
		close(end[1]);
		rc = ser_audio_open_fd(&a, end[0], "fuzz", &o, &e);
		ptrdiff_t n_pipe = drain(a, rc, &z, &e);
		close(end[0]);
		if (n_mem > 0 && n_pipe > 0)
			ser_assert(n_pipe == n_mem && memcmp(x, z, (size_t)n_mem * sizeof *x) == 0);
	}
	free(x);
	free(y);
	free(z);
	return 0;
}
