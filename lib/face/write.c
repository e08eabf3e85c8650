/* SPDX-License-Identifier: MIT */
/* Tables from tracks. */
#include "face/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const ser_face_tables[] = {"csv", "openface", "arkit", NULL};

/* "AU01" is AU01_r in OpenFace's tables. */
static void head(FILE *f, bool openface, size_t d, const char *const *name)
{
	fputs(openface ? "frame, timestamp, confidence, success" : "timestamp", f);
	for (size_t k = 0; k < d; k++)
		fprintf(f, "%s%s%s", openface ? ", " : ",", name[k],
			openface && strncmp(name[k], "AU", 2) == 0 && strlen(name[k]) == 4 ? "_r" : "");
	putc('\n', f);
}

static void table(FILE *f, bool openface, size_t n, size_t d, double shift_s, const float *x)
{
	char number[32];
	for (size_t i = 0; i < n; i++) {
		if (openface)
			fprintf(f, "%zu, %.3f, 1.00, 1", i + 1, (double)i * shift_s);
		else
			fprintf(f, "%.6g", (double)i * shift_s);
		for (size_t k = 0; k < d; k++)
			fprintf(f, "%s%s", openface ? ", " : ",", ser_format_float(x[i * d + k], number));
		putc('\n', f);
	}
}

/* Of each of Live Link's columns the place in x, or none: -1 */
static int places(size_t d, const char *const *name, ptrdiff_t *at, struct ser_err *e)
{
	for (size_t j = 0; face_arkit[j] != NULL; j++)
		at[j] = -1;
	for (size_t k = 0; k < d; k++) {
		size_t j = 0; /* MediaPipe's names begin with a small letter */
		while (face_arkit[j] != NULL && ((face_arkit[j][0] | 0x20) != (name[k][0] | 0x20) ||
						 strcmp(face_arkit[j] + 1, name[k] + 1) != 0))
			j++;
		if (face_arkit[j] == NULL && strcmp(name[k], "_neutral") != 0)
			return ser_fail(e, SER_EDATA, "\"%s\" is no column of Live Link's tables", name[k]);
		if (face_arkit[j] != NULL)
			at[j] = (ptrdiff_t)k;
	}
	return 0;
}

static int arkit(FILE *f, size_t n, size_t d, const char *const *name, double shift_s, double fps, const float *x,
		 struct ser_err *e)
{
	ptrdiff_t at[64];
	size_t n_col = 0;
	if (places(d, name, at, e) != 0)
		return e->code;
	fputs("Timecode,BlendShapeCount", f);
	for (; face_arkit[n_col] != NULL; n_col++)
		fprintf(f, ",%s", face_arkit[n_col]);
	putc('\n', f);
	size_t n_out = n > 0 ? (size_t)floor((double)(n - 1) * shift_s * fps + 1e-6) + 1 : 0, whole = (size_t)ceil(fps);
	for (size_t i = 0; i < n_out; i++) {
		double t = (double)i / fps / shift_s;
		size_t a = (size_t)t < n ? (size_t)t : n - 1, b = a + 1 < n ? a + 1 : a,
		       s = (size_t)((double)i / fps + 1e-9);
		float w = (float)(t - (double)a);
		fprintf(f, "%02zu:%02zu:%02zu:%02zu,%zu", s / 3600, s / 60 % 60, s % 60,
			(i - (size_t)ceil((double)s * fps - 1e-6)) % whole, n_col);
		for (size_t j = 0; j < n_col; j++)
			fprintf(f, ",%.6f",
				at[j] < 0
					? 0
					: (double)((1 - w) * x[a * d + (size_t)at[j]] + w * x[b * d + (size_t)at[j]]));
		putc('\n', f);
	}
	return 0;
}

int ser_face_write(FILE *f, enum ser_face_table how, size_t n, size_t d, const char *const *name, double shift_s,
		   double fps, const float *x, struct ser_err *e)
{
	if (how == SER_FACE_TO_ARKIT)
		return arkit(f, n, d, name, shift_s, fps, x, e);
	head(f, how == SER_FACE_TO_OPENFACE, d, name);
	table(f, how == SER_FACE_TO_OPENFACE, n, d, shift_s, x);
	return 0;
}
