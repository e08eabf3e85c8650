/* SPDX-License-Identifier: MIT */
/* Tables of faces. The first byte says which format; what is taken is whole: every value finite, frames within the bound, and a table
 * made of it is read again. */
#include "tests_fuzz.h"

#include "face/face.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static void again(const struct ser_face *f, const struct ser_face_opt *o)
{
	char *text = NULL, path[32];
	size_t size = 0;
	struct ser_err e;
	struct ser_face *back;
	FILE *w = open_memstream(&text, &size);
	const struct ser_face_columns *c = &f->part[SER_FACE_AU];
	ser_assert(w != NULL);
	int rc = ser_face_write(w, SER_FACE_TO_OPENFACE, f->n, c->n, c->name, 0.01, 60, c->x, &e);
	ser_assert(rc == 0 && fclose(w) == 0);
	int fd = ser_fuzz_file((const uint8_t *)text, size, path);
	rc = ser_face_read(&back, path, SER_FACE_OPENFACE, o, &e);
	ser_assert(rc == 0 || rc == SER_EDATA); /* names that it does not know, or twice */
	if (rc == 0)
		ser_face_free(back);
	close(fd);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ser_face_opt o = ser_face_opt_defaults();
	struct ser_face *f;
	struct ser_err e;
	char path[32];
	o.max = 1 << 20;
	o.fps = n > 0 && (p[0] & 4) ? 30 : 0;
	o.openface3 = n > 0 && (p[0] & 8);
	o.space = n > 0 && (p[0] & 16);
	o.face = n > 0 && (p[0] & 32) ? 0 : -1;
	int fd = ser_fuzz_file(p + (n > 0), n - (n > 0), path);
	if (ser_face_read(&f, path, n > 0 ? (enum ser_face_format)(p[0] & 3) : SER_FACE_OPENFACE, &o, &e) == 0) {
		for (int k = 0; k < SER_N_FACE_PART; k++)
			for (size_t i = 0; i < f->n * f->part[k].n; i++)
				ser_assert(isfinite(f->part[k].x[i]));
		if (f->part[SER_FACE_AU].n > 0)
			again(f, &o);
		ser_face_free(f);
	}
	close(fd);
	return 0;
}
