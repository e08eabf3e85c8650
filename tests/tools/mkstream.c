/* SPDX-License-Identifier: MIT */
/* mkstream: make a small stream for tests, whole or with one defect. Record i is the same whatever the number of records,
 * so that streams made with --first are the parts of a longer one. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum defect { NONE, EMPTY, GARBAGE, CUT, FLIP, NEWER, DUP_ID, DUP_FIELD, COUNT, NO_CRC, NO_TRAILER };
static const char *const defects[] = {"none",   "empty",     "garbage", "cut",    "flip",       "newer",
				      "dup-id", "dup-field", "count",   "no-crc", "no-trailer", NULL};
static const char *const dtypes[] = {"<f4", "<f2", "<f8", "<i2", "<i4", "<i8", "|u1", NULL};

struct make {
	int n, first, speakers, frames, bins, dtype;
	double shift, nan;
	int64_t seed;
	const char *tool, *name;
	bool tensor, still;
};

/* Elements of record i, the frames' number varying a little with it. */
static char *elements(const struct make *m, const char *id, int i, size_t n)
{
	size_t size = ser_dtype_size((enum ser_dtype)m->dtype);
	char *data = ser_calloc(n, size);
	struct ser_rng rng;
	ser_rng_seed_key(&rng, (uint64_t)m->seed, id, strlen(id));
	for (size_t k = 0; k < n; k++) {
		double x = ser_rng_normal(&rng);
		int64_t i8 = (int64_t)(50 + 10 * x);
		int32_t i4 = (int32_t)i8;
		int16_t i2 = (int16_t)i8;
		uint8_t u1 = (uint8_t)i8;
		float f4 = (float)x;
		uint16_t f2 = (uint16_t)(0x3800 + (ser_rng_next(&rng) & 0x3ff)); /* [0.5,1) */
		const void *from = m->dtype == SER_F4   ? (const void *)&f4
				   : m->dtype == SER_F2 ? (const void *)&f2
				   : m->dtype == SER_F8 ? (const void *)&x
				   : m->dtype == SER_I8 ? (const void *)&i8
				   : m->dtype == SER_I4 ? (const void *)&i4
				   : m->dtype == SER_I2 ? (const void *)&i2
							: (const void *)&u1;
		memcpy(data + k * size, from, size);
	}
	if (i == (int)m->nan && m->dtype == SER_F4)
		memcpy(data, &(float){0.0f / 0.0f}, sizeof(float));
	return data;
}

/* `still` is the tensor of all records, kept for the next, when there is one for all. */
static void tensor(const struct make *m, struct ser_record *r, const char *id, int i, char **still)
{
	size_t shape[2] = {(size_t)(m->frames + i % 3), (size_t)m->bins}, bins = (size_t)m->bins;
	if (m->still && *still == NULL)
		*still = elements(m, "", 0, ((size_t)m->frames + 2) * bins);
	char *data = m->still ? *still : elements(m, id, i, shape[0] * bins);
	ser_record_set_copy(r, m->name, ser_tensor((enum ser_dtype)m->dtype, data, 2, shape));
	if (!m->still)
		free(data);
}

static void make(const struct make *m, int fd)
{
	static const char *const emo[] = {"neutral", "happy", "sad", "angry"};
	struct ser_header h;
	struct ser_err e;
	struct ser_record r = {0};
	ser_header_init(&h);
	if (*m->tool != '\0')
		ser_header_prov_add(&h, m->tool, NULL, 0);
	if (m->tensor) {
		struct ser_val axes = ser_val_list();
		ser_val_push(&h.arena, &axes, ser_str("time"));
		ser_val_push(&h.arena, &axes, ser_str("bin"));
		ser_val_set(&h.arena, ser_header_dim_add(&h, m->name), "axes", axes);
		ser_val_set(&h.arena, ser_header_dim(&h, m->name), "shift_s", ser_real(m->shift));
	}
	struct ser_writer *w = ser_writer_new(fd, "<stdout>", &h);
	char *still = NULL;
	int rc = 0;
	for (int i = m->first; rc == 0 && i < m->first + m->n; i++) {
		char id[32], spk[16];
		snprintf(id, sizeof id, "u%05d", i);
		snprintf(spk, sizeof spk, "%02d", i % m->speakers);
		ser_record_clear(&r);
		ser_record_set(&r, "id", ser_str(id));
		ser_record_set(&r, "spk", ser_str(spk));
		ser_record_set(&r, "emo", ser_str(emo[i / 2 % 4]));
		ser_record_set(&r, "fold", ser_int(i % 5));
		ser_record_set(&r, "dur", ser_real(0.25 * (i % 9)));
		if (m->tensor)
			tensor(m, &r, id, i, &still);
		rc = ser_writer_record(w, &r, &e);
	}
	if (rc != 0 || ser_writer_end(w, &e) != 0) {
		fprintf(stderr, "mkstream: %s\n", e.msg);
		exit(1);
	}
	free(still);
	ser_writer_free(w);
	ser_record_free(&r);
	ser_header_free(&h);
}

/* Where the trailer begins: at the last "\xa3end", less its map's tag. */
static size_t trailer(const char *s, size_t n)
{
	for (size_t i = n - 4; i > 0; i--)
		if (memcmp(s + i,
			   "\xa3"
			   "end",
			   4) == 0)
			return i - 1;
	abort();
}

/* Damage s[0..n); returns the new length. There is room for 8 KB more. */
static size_t spoil(enum defect d, char *s, size_t n, int n_record)
{
	static const char twice[] = "\x83\xa2id\xa3twi\xa1"
				    "a\x01\xa1"
				    "a\x02",
			  again[] = "\x81\xa2id\xa6u00000";
	size_t end = trailer(s, n);
	switch (d) {
	case EMPTY:
		return 0;
	case GARBAGE:
		for (size_t i = 0; i < 4096; i++)
			s[i] = (char)ser_hash(&i, sizeof i);
		s[0] = (char)0xc1;
		return 4096;
	case CUT:
		return end > 20 ? end - 7 : end / 2;
	case NO_TRAILER:
		return end;
	case FLIP:
		s[end - 3] ^= 4;
		return n;
	case NEWER:
		for (size_t i = 0; i + 4 < n; i++)
			if (memcmp(s + i, "\xa3ser\x01", 5) == 0) {
				s[i + 4] = 2;
				break;
			}
		return n;
	case DUP_FIELD:
	case DUP_ID:
		memcpy(s + end, d == DUP_ID ? again : twice, d == DUP_ID ? sizeof again - 1 : sizeof twice - 1);
		end += d == DUP_ID ? sizeof again - 1 : sizeof twice - 1;
		n_record++;
		break;
	case COUNT:
		n_record++;
		break;
	case NONE:
		return n;
	case NO_CRC:
		break;
	}
	memcpy(s + end,
	       "\x81\xa3"
	       "end\xd2",
	       6); /* a trailer with the count alone */
	for (int i = 0; i < 4; i++)
		s[end + 6 + (size_t)i] = (char)(n_record >> (24 - 8 * i));
	return end + 10;
}

int main(int argc, char **argv)
{
	struct make m = {.n = 10,
			 .speakers = 3,
			 .frames = 5,
			 .bins = 4,
			 .shift = 0.01,
			 .seed = 1,
			 .tool = "mkstream",
			 .name = "feat",
			 .tensor = true,
			 .nan = -1};
	int defect = NONE;
	const struct ser_option opts[] = {
		{"records", "records", SER_OPT_INT(&m.n, "N", 0, 1e9), .letter = 'n'},
		{"first", "number of the first record", SER_OPT_INT(&m.first, "N", 0, 1e9)},
		{"speakers", "speakers, in turn", SER_OPT_INT(&m.speakers, "N", 1, 1e6)},
		{"frames", "frames of a tensor, plus 0, 1 or 2", SER_OPT_INT(&m.frames, "N", 0, 1e8)},
		{"bins", "columns of a tensor", SER_OPT_INT(&m.bins, "N", 0, 1e6)},
		{"dtype", "the tensors' elements", SER_OPT_CHOICE(&m.dtype, "TYPE", dtypes)},
		{"name", "the tensors' name", SER_OPT_STR(&m.name, "NAME")},
		{"shift", "seconds from frame to frame", SER_OPT_REAL(&m.shift, "S", 0, 10)},
		{"nan", "a record that has a NaN; -1: none", SER_OPT_REAL(&m.nan, "N", -1, 1e9)},
		{"tensor", "with tensors", SER_OPT_FLAG(&m.tensor)},
		{"still", "the same numbers in all tensors: streams are made fast", SER_OPT_FLAG(&m.still)},
		{"tool", "the tool in the provenance; empty: no provenance", SER_OPT_STR(&m.tool, "NAME")},
		{"seed", "seed of the tensors", SER_OPT_I64(&m.seed, "N", 0, 0)},
		{"defect", "what is wrong with the stream", SER_OPT_CHOICE(&defect, "KIND", defects)},
		{0},
	};
	const struct ser_tool tool = {"mkstream", "Make a small stream for tests.", "", opts, NULL, 0};
	struct ser_cli c;
	struct ser_err e;
	ser_cli_begin(&c, &tool, argc, argv);
	if (defect == NONE) {
		make(&m, 1);
		return ser_cli_end(&c);
	}
	int fd = ser_tmpfile("mkstream", &e);
	char *s, path[64];
	size_t n;
	if (fd < 0)
		ser_cli_die(&c, &e);
	make(&m, fd);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (ser_read_file(path, (size_t)1 << 30, &s, &n, &e) != 0)
		ser_cli_die(&c, &e);
	s = ser_realloc(s, n + 8192, 1);
	n = spoil((enum defect)defect, s, n, m.n);
	fwrite(s, 1, n, stdout);
	close(fd);
	free(s);
	return ser_cli_end(&c);
}
