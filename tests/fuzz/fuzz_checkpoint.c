/* SPDX-License-Identifier: MIT */
/* A training checkpoint, for a small training of its own. The fingerprint of data and options that a checkpoint holds is put
 * right first, so that what lies behind it is reached. */
#include "tests_fuzz.h"
#include "train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_ITEM = 8, DIM = 3, FINGERPRINT = 6 };
static const char *const labels[] = {"spk", "emo"};
static struct ser_dataset *data;
static struct ser_split split;
static char fingerprint[8];

static void make_data(void)
{
	struct ser_err e;
	struct ser_header h;
	struct ser_record r = {0};
	int fd = ser_fuzz_file(NULL, 0, (char[32]){0});
	ser_header_init(&h);
	struct ser_writer *w = ser_writer_new(fd, "memory", &h);
	for (int i = 0; i < N_ITEM; i++) {
		char id[16], spk[8];
		float x[2 * DIM];
		for (int k = 0; k < 2 * DIM; k++)
			x[k] = (float)sin(i + k);
		snprintf(id, sizeof id, "u%d", i);
		snprintf(spk, sizeof spk, "s%d", i % 4);
		ser_record_set(&r, "id", ser_str(id));
		ser_record_set(&r, "spk", ser_str(spk));
		ser_record_set(&r, "emo", ser_str(i / 4 % 2 == 0 ? "happy" : "sad"));
		ser_record_set(&r, "feat", ser_f4(x, 2, (size_t[]){2, DIM}));
		ser_assert(ser_writer_record(w, &r, &e) == 0);
	}
	ser_assert(ser_writer_end(w, &e) == 0);
	ser_writer_free(w);
	ser_record_free(&r);
	ser_header_free(&h);
	lseek(fd, 0, SEEK_SET);
	data = ser_dataset_new("feat", labels, 2, 0);
	ser_assert(ser_dataset_add(data, fd, "memory", &e) == 0 && ser_dataset_done(data, &e) == 0);
	close(fd);
	struct ser_split_opts so = {.spk = "spk", .dev_frac = 0.25, .seed = 1};
	ser_assert(ser_split_make(&split, data, &so, &e) == 0);
}

struct training {
	struct ser_model *m;
	struct ser_trainer *t;
	struct ser_task task;
};

static void begin(struct training *x)
{
	struct ser_err e;
	const char *const hyper[] = {"hidden=2", "layers=1"};
	struct ser_train_opts o = ser_train_defaults();
	o.n_epoch = 2;
	o.batch = 4;
	o.seed = 1;
	ser_assert(ser_model_new(&x->m, "mlp", hyper, 2, 1, &e) == 0);
	ser_model_input(x->m, "feat", DIM, NULL, SER_NORM_GLOBAL);
	ser_assert(ser_task_parse(&x->task, "emo:1", &e) == 0);
	ser_task_name_all(&x->task, 1);
	ser_assert(ser_train_heads(x->m, data, &split, &x->task, 1, &e) == 0 && ser_model_build(x->m, &e) == 0);
	ser_assert(ser_trainer_new(&x->t, data, &split, x->m, &x->task, 1, &o, 1, &e) == 0);
}

static void end(struct training *x)
{
	ser_trainer_free(x->t);
	ser_task_free(&x->task);
	ser_model_free(x->m);
}

/* Where a checkpoint has its fingerprint, or NULL. */
static char *place(const struct ser_st *s)
{
	const struct ser_st_tensor *c = ser_st_find(s, "checkpoint.count");
	return c != NULL && c->dtype == SER_ST_I64 && c->n > FINGERPRINT ? (char *)(uintptr_t)c->data + FINGERPRINT * 8
									 : NULL;
}

/* Learn the fingerprint from a checkpoint of our own; FUZZ_SEED=FILE makes and keeps one. */
static void learn(void)
{
	struct training x;
	struct ser_train_row row;
	struct ser_err e;
	struct ser_st *s;
	char tmp[64];
	const char *dir = getenv("TMPDIR"), *seed = getenv("FUZZ_SEED");
	snprintf(tmp, sizeof tmp, "%.40s/fuzz.XXXXXX", dir != NULL ? dir : "/tmp");
	int fd = mkstemp(tmp);
	begin(&x);
	while (ser_trainer_step(x.t, &row, &e) > 0 && row.step < 3)
		;
	ser_assert(fd >= 0 && ser_trainer_save(x.t, seed != NULL ? seed : tmp, "12", &e) == 0);
	ser_assert(ser_st_open(&s, seed != NULL ? seed : tmp, &e) == 0 && place(s) != NULL);
	memcpy(fingerprint, place(s), sizeof fingerprint);
	ser_st_free(s);
	end(&x);
	close(fd);
	unlink(tmp);
}

static void leave(void)
{
	ser_split_free(&split);
	ser_dataset_free(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct training x;
	struct ser_train_row row;
	struct ser_err e;
	struct ser_st *s;
	char path[32], *note = NULL;
	if (data == NULL) {
		make_data();
		learn();
		atexit(leave);
	}
	char *copy = ser_malloc(n + 1, 1);
	memcpy(copy, p, n);
	if (ser_st_parse(&s, copy, n, &e) == 0 && place(s) != NULL)
		memcpy(place(s), fingerprint, sizeof fingerprint);
	ser_st_free(s);
	int fd = ser_fuzz_file((const uint8_t *)copy, n, path);
	begin(&x);
	int rc = ser_trainer_resume(x.t, path, &note, &e);
	for (int i = 0; i < 3 && rc == 0; i++) { /* whatever it holds, training goes on or says why not */
		int more = ser_trainer_step(x.t, &row, &e);
		ser_assert(more >= 0 || strlen(e.msg) > 10);
		if (more <= 0)
			break;
	}
	if (rc == 0)
		ser_trainer_finish(x.t);
	free(note);
	end(&x);
	close(fd);
	free(copy);
	return 0;
}
