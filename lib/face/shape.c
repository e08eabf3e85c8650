/* SPDX-License-Identifier: MIT */
/* Faces without the motion of their heads. */
#include "face/face.h"
#include "la/la.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Outer corners of the eyes */
static int corners(size_t n_point, size_t eye[static 2], struct ser_err *e)
{
	bool mesh = n_point == 468 || n_point == 478;
	if (!mesh && n_point != 68)
		return ser_fail(e, SER_EDATA, "%zu points, expected 68, 468 or 478", n_point);
	eye[0] = mesh ? 33 : 36;
	eye[1] = mesh ? 263 : 45;
	return 0;
}

/* One frame: its centroid to 0, its eyes' distance to 1 */
static bool centre(size_t n_point, size_t d, const size_t eye[static 2], const float *x, double *q)
{
	double size = 0;
	for (size_t c = 0; c < d; c++) {
		double mean = 0;
		for (size_t i = 0; i < n_point; i++)
			mean += (double)x[i * d + c];
		for (size_t i = 0; i < n_point; i++)
			q[i * d + c] = (double)x[i * d + c] - mean / (double)n_point;
		double apart = q[eye[1] * d + c] - q[eye[0] * d + c];
		size += apart * apart;
	}
	for (size_t k = 0; k < n_point * d; k++)
		q[k] /= sqrt(size);
	return size > 0 && isfinite(size);
}

/* The rotation r [d,d], r q ~ ref. Two dimensions: the angle of sum(ref conj(q)); three: Horn's quaternion, the eigenvector of the greatest
 * eigenvalue of a matrix made of m = sum q ref'. */
static int rotation(size_t n_point, size_t d, const double *q, const double *ref, double *r, struct ser_err *e)
{
	double m[3][3] = {{0}};
	for (size_t i = 0; i < n_point; i++)
		for (size_t a = 0; a < d; a++)
			for (size_t b = 0; b < d; b++)
				m[a][b] += q[i * d + a] * ref[i * d + b];
	if (d == 2) {
		double angle = atan2(m[0][1] - m[1][0], m[0][0] + m[1][1]);
		memcpy(r, (double[]){cos(angle), -sin(angle), sin(angle), cos(angle)}, 4 * sizeof *r);
		return 0;
	}
	double xx = m[0][0], yy = m[1][1], zz = m[2][2], w[4];
	double n[16] = {xx + yy + zz,      m[1][2] - m[2][1], m[2][0] - m[0][2], m[0][1] - m[1][0],
			m[1][2] - m[2][1], xx - yy - zz,      m[0][1] + m[1][0], m[2][0] + m[0][2],
			m[2][0] - m[0][2], m[0][1] + m[1][0], yy - xx - zz,      m[1][2] + m[2][1],
			m[0][1] - m[1][0], m[2][0] + m[0][2], m[1][2] + m[2][1], zz - xx - yy};
	if (ser_la_eigh(4, n, w, e) != 0)
		return e->code;
	double s = n[0], x = n[1], y = n[2], z = n[3];
	memcpy(r,
	       (double[]){s * s + x * x - y * y - z * z, 2 * (x * y - s * z), 2 * (x * z + s * y), 2 * (y * x + s * z),
			  s * s - x * x + y * y - z * z, 2 * (y * z - s * x), 2 * (z * x - s * y), 2 * (z * y + s * x),
			  s * s - x * x - y * y + z * z},
	       9 * sizeof *r);
	return 0;
}

static void rotate(size_t n_point, size_t d, const double *r, double *q)
{
	for (size_t i = 0; i < n_point; i++) {
		double p[3];
		memcpy(p, q + i * d, d * sizeof *p);
		for (size_t a = 0; a < d; a++) {
			q[i * d + a] = 0;
			for (size_t b = 0; b < d; b++)
				q[i * d + a] += r[a * d + b] * p[b];
		}
	}
}

/* The mean face, its eyes level: turned about the line of sight */
static void level(size_t n_point, size_t d, const size_t eye[static 2], double *mean)
{
	double angle = -atan2(mean[eye[1] * d + 1] - mean[eye[0] * d + 1], mean[eye[1] * d] - mean[eye[0] * d]),
	       r[9] = {0};
	r[0] = r[d + 1] = cos(angle);
	r[1] = -(r[d] = sin(angle));
	if (d == 3)
		r[8] = 1;
	rotate(n_point, d, r, mean);
}

int ser_face_align(size_t n, size_t n_point, size_t n_dim, const float *x, float *y, struct ser_err *e)
{
	enum { ROUNDS = 2 }; /* the first goes by the first frame */
	size_t eye[2], k = ser_mul(n_point, n_dim);
	if (corners(n_point, eye, e) != 0)
		return e->code;
	if (n_dim != 2 && n_dim != 3)
		return ser_fail(e, SER_EDATA, "points of %zu dimensions, expected 2 or 3", n_dim);
	double *q = ser_malloc(3 * k, sizeof *q), *ref = q + k, *mean = ref + k, r[9];
	int rc = 0;
	for (int round = 0; round < ROUNDS && rc == 0; round++) {
		memset(mean, 0, k * sizeof *mean);
		for (size_t t = 0; t < n && rc == 0; t++) {
			if (!centre(n_point, n_dim, eye, x + t * k, q))
				rc = ser_fail(e, SER_EDATA, "frame %zu: the corners of the eyes coincide", t);
			if (round == 0 && t == 0)
				memcpy(ref, q, k * sizeof *q);
			rc = rc == 0 ? rotation(n_point, n_dim, q, ref, r, e) : rc;
			if (rc != 0)
				break;
			rotate(n_point, n_dim, r, q);
			for (size_t i = 0; i < k; i++)
				mean[i] += q[i] / (double)n;
		}
		memcpy(ref, mean, k * sizeof *ref);
	}
	level(n_point, n_dim, eye, ref);
	for (size_t t = 0; t < n && rc == 0; t++) {
		centre(n_point, n_dim, eye, x + t * k, q);
		rc = rotation(n_point, n_dim, q, ref, r, e);
		if (rc == 0)
			rotate(n_point, n_dim, r, q);
		for (size_t i = 0; i < k && rc == 0; i++)
			y[t * k + i] = (float)q[i];
	}
	free(q);
	return rc;
}

double ser_face_speed(size_t n, size_t n_point, size_t n_dim, const float *x, const int16_t *seen, double shift_s)
{
	double sum = 0, pairs = 0;
	size_t k = n_point * n_dim;
	for (size_t t = 1; t < n; t++) {
		if (seen != NULL && (seen[t] < 0 || seen[t - 1] < 0))
			continue;
		for (size_t i = 0; i < n_point; i++) {
			double d2 = 0;
			for (size_t c = i * n_dim; c < (i + 1) * n_dim; c++)
				d2 += pow((double)x[t * k + c] - (double)x[(t - 1) * k + c], 2);
			sum += sqrt(d2);
		}
		pairs++;
	}
	return sum / (pairs * (double)n_point * shift_s);
}

int ser_face_align_record(struct ser_record *r, const char *field, const size_t s[static 3], const float *x, float **y,
			  struct ser_err *e)
{
	char why[sizeof e->msg];
	*y = ser_arena_alloc(&r->arena, ser_mul(s[0], s[1] * s[2]), sizeof **y);
	if (ser_face_align(s[0], s[1], s[2], x, *y, e) == SER_OK)
		return SER_OK;
	memcpy(why, e->msg, sizeof why);
	return ser_record_fail(r, e, e->code, "field \"%s\": %s", field, why);
}

int ser_face_seen(struct ser_record *r, const char *field, size_t n, const int16_t **seen, struct ser_err *e)
{
	const struct ser_val *v = ser_record_get(r, field);
	*seen = NULL;
	if (v == NULL)
		return SER_OK;
	if (v->kind != SER_TENSOR || v->u.t.ndim != 1 || v->u.t.shape[0] != n)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" is not a number for each of %zu frames", field,
				       n);
	int16_t *y = ser_arena_alloc(&r->arena, n, sizeof *y);
	for (size_t i = 0; i < n; i++)
		y[i] = ser_tensor_real(&v->u.t, i) < 0 ? -1 : 1;
	*seen = y;
	return SER_OK;
}
