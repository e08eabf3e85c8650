/* SPDX-License-Identifier: MIT */
/* HTK parameter files (The HTK Book, 5.10): a header of 12 bytes, big-endian, and frames. One file a record. */
#include "formats/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BASE = 077, WAVEFORM = 0, IREFC = 5, DISCRETE = 10, COMPRESSED = 02000, CHECKSUM = 010000, VQ = 040000 };

static const char *const kinds[] = {"WAVEFORM", "LPC",   "LPREFC",  "LPCEPSTRA", "LPDELCEP", "IREFC",
				    "MFCC",     "FBANK", "MELSPEC", "USER",      "DISCRETE", "PLP"};
enum { N_KIND = sizeof kinds / sizeof kinds[0] };
static const struct {
	char letter;
	unsigned bit;
} qualifiers[] = {{'E', 0100},  {'N', 0200},  {'D', 0400},   {'A', 01000}, {'T', 0100000},
		  {'C', 02000}, {'Z', 04000}, {'K', 010000}, {'0', 020000}};
enum { N_QUALIFIER = sizeof qualifiers / sizeof qualifiers[0] };

static void kind_name(unsigned code, char out[64])
{
	int n = snprintf(out, 64, "%s", (code & BASE) < N_KIND ? kinds[code & BASE] : "ANON");
	for (size_t i = 0; i < N_QUALIFIER; i++)
		if (code & qualifiers[i].bit)
			n += snprintf(out + n, 64 - (size_t)n, "_%c", qualifiers[i].letter);
}

static int kind_code(const char *s, unsigned *code, struct ser_err *e)
{
	size_t n = strcspn(s, "_"), k = 0;
	while (k < N_KIND && (strlen(kinds[k]) != n || memcmp(kinds[k], s, n) != 0))
		k++;
	*code = (unsigned)k;
	for (const char *p = s + n; k < N_KIND && *p != '\0'; p += 2) {
		size_t q = 0;
		while (q < N_QUALIFIER && !(p[0] == '_' && p[1] == qualifiers[q].letter))
			q++;
		if (q == N_QUALIFIER || (*code & qualifiers[q].bit))
			return ser_fail(e, SER_EUSAGE, "\"%s\" is no HTK parameter kind such as MFCC_D_A", s);
		*code |= qualifiers[q].bit;
	}
	if (k == N_KIND)
		return ser_fail(e, SER_EUSAGE, "\"%s\" is no HTK parameter kind such as MFCC_D_A", s);
	if (*code & (COMPRESSED | CHECKSUM))
		return ser_fail(e, SER_EUSAGE, "\"%s\": compressed files and checksums are read, not written", s);
	if (k == WAVEFORM || k == IREFC || k == DISCRETE)
		return ser_fail(e, SER_EUSAGE, "\"%s\": a kind of integers, and only floats are written", s);
	return 0;
}

/* ---- reading ---- */

struct reader {
	uint32_t n_frame;
	unsigned size, kind; /* bytes of a frame; parameter kind */
	bool done;
	struct ser_buf data;
};

static uint32_t be(const unsigned char *u, int n)
{
	uint32_t x = 0;
	for (int i = 0; i < n; i++)
		x = x << 8 | u[i];
	return x;
}

static int begin(struct ser_import *im, struct ser_err *e)
{
	struct reader *p = ser_calloc(1, sizeof *p);
	struct source *s = &im->in;
	unsigned char h[12];
	char name[64];
	im->state = p;
	if (ser_src_get(s, h, sizeof h, e) != 0)
		return e->code;
	uint32_t period = be(h + 4, 4);
	p->n_frame = be(h, 4);
	p->size = be(h + 8, 2);
	p->kind = be(h + 10, 2);
	unsigned base = p->kind & BASE;
	bool small = base == WAVEFORM || base == IREFC || base == DISCRETE || (p->kind & COMPRESSED);
	if (p->n_frame > INT32_MAX || period > INT32_MAX || base >= N_KIND || (p->kind & VQ) || p->size == 0 ||
	    p->size > INT16_MAX || p->size % (small ? 2 : 4) != 0 || (base == WAVEFORM && p->size != 2))
		return ser_src_fail(s, e, "not an HTK file that is read: %u frames of %u bytes, kind %06o", p->n_frame,
				    p->size, p->kind);
	size_t bytes = (size_t)p->n_frame * p->size * ((p->kind & COMPRESSED) ? 2 : 1);
	if (bytes > im->o.max_record)
		return ser_src_fail(s, e, "%u frames of %u bytes, limit %zu bytes", p->n_frame, p->size,
				    im->o.max_record);
	/* What is said of the tensor; the same for files of one kind. */
	struct ser_header *h2 = &im->header;
	struct ser_val *dim = ser_header_dim(h2, im->o.tensor);
	struct ser_header fresh;
	ser_header_init(&fresh);
	dim = ser_header_dim_add(&fresh, im->o.tensor);
	struct ser_val axes = ser_val_list();
	ser_val_push(&fresh.arena, &axes, ser_str(base == WAVEFORM ? "sample" : "frame"));
	if (base != WAVEFORM)
		ser_val_push(&fresh.arena, &axes, ser_str("bin"));
	ser_val_set(&fresh.arena, dim, "axes", axes);
	if (period > 0) {
		ser_val_set(&fresh.arena, dim, "shift_s", ser_real((double)period / 1e7));
		ser_val_set(&fresh.arena, dim, "rate_hz", ser_real(1e7 / (double)period));
	}
	kind_name(p->kind & ~(unsigned)(COMPRESSED | CHECKSUM), name);
	ser_val_set(&fresh.arena, dim, "htk_kind", ser_str(name));
	ser_header_free(h2);
	*h2 = fresh;
	return 0;
}

static int next(struct ser_import *im, struct ser_record *r, struct ser_err *e)
{
	struct reader *p = im->state;
	struct source *s = &im->in;
	unsigned base = p->kind & BASE;
	bool small = base == WAVEFORM || base == IREFC || base == DISCRETE, packed = p->kind & COMPRESSED;
	size_t cols = p->size / (small || packed ? 2 : 4), rows = p->n_frame, n;
	struct ser_buf raw = {0};
	if (p->done)
		return 0;
	p->done = true;
	if (packed && rows < 4) /* the scales count as four frames: two floats a column */
		return ser_src_fail(s, e, "a compressed file of %zu frames, at least 4 expected", rows);
	ser_buf_reserve(&raw, 1);
	int rc = ser_src_append(s, &raw, rows * p->size, e);
	if (rc == 0 && (p->kind & CHECKSUM))
		rc = ser_src_append(s, &raw, 2, e);
	if (rc == 0 && ser_src_getc(s) != EOF)
		rc = ser_src_fail(s, e, "more than the header's %zu frames", rows);
	if (rc != 0) {
		ser_buf_free(&raw);
		return rc;
	}
	const unsigned char *u = (const unsigned char *)raw.s, *scale = u;
	rows -= packed ? 4 : 0;
	u += packed ? 8 * cols : 0;
	n = rows * cols;
	p->data.n = 0;
	ser_buf_reserve(&p->data, 4 * n + 1);
	for (size_t i = 0; i < n; i++) {
		uint32_t bits = be(u + i * (small || packed ? 2 : 4), small || packed ? 2 : 4);
		if (packed) { /* x = (value + B) / A */
			float a, b, x;
			uint32_t ba = be(scale + 4 * (i % cols), 4), bb = be(scale + 4 * (cols + i % cols), 4);
			memcpy(&a, &ba, sizeof a);
			memcpy(&b, &bb, sizeof b);
			x = ((float)(int16_t)bits + b) / a;
			memcpy(&bits, &x, sizeof bits);
		}
		uint16_t whole = (uint16_t)bits;
		memcpy(p->data.s + i * (small ? 2 : 4), small ? (void *)&whole : (void *)&bits, small ? 2 : 4);
	}
	ser_buf_free(&raw);
	size_t shape[2] = {rows, cols};
	ser_import_stem(im, r);
	ser_record_set(r, im->o.tensor,
		       ser_tensor(small ? SER_I2 : SER_F4, p->data.s, base == WAVEFORM ? 1 : 2, shape));
	return 1;
}

static void end(struct ser_import *im)
{
	struct reader *p = im->state;
	ser_buf_free(&p->data);
	free(p);
}

/* ---- writing ---- */

static int start(struct ser_export *ex, struct ser_err *e)
{
	unsigned code;
	return ex->o.htk_kind != NULL ? kind_code(ex->o.htk_kind, &code, e) : 0;
}

/* Seconds from frame to frame and the kind, by the options or the header. */
static int describe(struct ser_export *ex, const struct ser_record *r, const char *name, double *shift_s,
		    unsigned *kind, struct ser_err *e)
{
	const struct ser_val *dim = ser_header_dim(&ex->header, name);
	const struct ser_val *shift = ser_val_get(dim != NULL ? dim : &ex->header.dims, "shift_s"),
			     *said = ser_val_get(dim != NULL ? dim : &ex->header.dims, "htk_kind");
	char text[64];
	*shift_s = dim != NULL && shift != NULL && shift->kind == SER_REAL ? shift->u.f : ex->o.shift_s;
	if (!(*shift_s > 0))
		return ser_record_fail(r, e, SER_EDATA,
				       "the header does not say how far frames are apart: give --frame-shift");
	if (!(*shift_s * 1e7 >= 0.5) || !(*shift_s * 1e7 < INT32_MAX))
		return ser_record_fail(r, e, SER_EDATA, "frames %g s apart, beyond HTK's range", *shift_s);
	if (ex->o.htk_kind != NULL)
		return kind_code(ex->o.htk_kind, kind, e);
	*kind = 9; /* USER */
	if (dim != NULL && said != NULL && said->kind == SER_STR && said->u.str.n < sizeof text) {
		memcpy(text, said->u.str.s, said->u.str.n);
		text[said->u.str.n] = '\0';
		if (kind_code(text, kind, e) != 0)
			*kind = 9;
	}
	return 0;
}

static int put(struct ser_export *ex, const struct ser_record *r, struct ser_err *e)
{
	char name[SER_MAX_NAME + 1];
	const struct ser_tensor *t = ser_export_tensor(ex, r, e);
	double shift_s;
	unsigned kind;
	if (t == NULL || ser_export_tensor_name(ex, r, name, e) != 0)
		return e->code;
	if (t->ndim != 2 || (t->dtype != SER_F4 && t->dtype != SER_F2 && t->dtype != SER_F8) || t->shape[1] == 0 ||
	    t->shape[1] > INT16_MAX / 4 || t->shape[0] > INT32_MAX) {
		struct ser_val v = {.kind = SER_TENSOR, .u.t = *t};
		char what[128];
		return ser_record_fail(r, e, SER_EDATA, "%s: HTK has frames of 1 to %d floats", ser_val_what(&v, what),
				       INT16_MAX / 4);
	}
	if (describe(ex, r, name, &shift_s, &kind, e) != 0)
		return e->code;
	struct ser_buf b = {0};
	size_t n = ser_tensor_len(t);
	uint32_t head[4] = {(uint32_t)t->shape[0], (uint32_t)llround(shift_s * 1e7), (uint32_t)t->shape[1] * 4, kind};
	ser_buf_reserve(&b, 12 + 4 * n);
	for (int i = 0; i < 4; i++)
		for (int k = i < 2 ? 4 : 2; k-- > 0;)
			b.s[b.n++] = (char)(head[i] >> (8 * k));
	for (size_t i = 0; i < n; i++) {
		float x = (float)ser_tensor_real(t, i);
		uint32_t bits;
		memcpy(&bits, &x, sizeof bits);
		for (int k = 4; k-- > 0;)
			b.s[b.n++] = (char)(bits >> (8 * k));
	}
	int rc = ser_export_open(ex, r, e);
	if (rc == 0) {
		rc = ser_export_bytes(ex, ex->f, b.s, b.n, e);
		int closed = ser_export_close(ex, rc == 0 ? e : NULL);
		rc = rc != 0 ? rc : closed;
	}
	ser_buf_free(&b);
	return rc;
}

const struct ser_format ser_format_htk = {"htk",      "HTK parameter files, one a record in a directory",
					  FORMAT_DIR, ".htk",
					  begin,      next,
					  end,        start,
					  put,        NULL,
					  NULL};
