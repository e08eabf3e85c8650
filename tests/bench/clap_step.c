/* SPDX-License-Identifier: MIT */
/* Times a training step of ser-train clap: a wav2vec 2.0 base over waveforms, its extractor frozen, and a RoBERTa base over seven
 * texts, random weights, AdamW.
 * usage: clap_step [-b BATCH] [-s SECONDS] [-a PARTS] [-t THREADS] [-r REPS] [-p bf16] [-R]
 * -R: --recompute. Prints one line of JSON: median and best elapsed seconds, processor seconds, peak memory. */
#include "text/text.h"
#include "train/train.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64, RATE = 16000 };

static double now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void check(int rc, const struct ser_err *e)
{
	if (rc < 0) {
		fprintf(stderr, "clap_step: %s\n", e->msg);
		exit(2);
	}
}

static int temporary(char path[static 32])
{
	struct ser_err e;
	snprintf(path, 32, "/tmp/clap_step.XXXXXX");
	int fd = mkstemp(path);
	check(fd < 0 ? ser_fail(&e, SER_EIO, "no temporary file") : 0, &e);
	return fd;
}

/* n records of so many samples, of seven classes and two sexes, all to train on. */
static struct ser_dataset *records(size_t n, size_t n_sample)
{
	static const char *const labels[] = {"spk", "emo", "sex"};
	struct ser_err e;
	struct ser_header h;
	struct ser_record r = {0};
	struct ser_rng rng;
	char path[32];
	int fd = temporary(path);
	unlink(path);
	ser_rng_seed(&rng, 1);
	ser_header_init(&h);
	struct ser_writer *w = ser_writer_new(fd, "memory", &h);
	float *x = ser_malloc(n_sample, sizeof *x);
	for (size_t i = 0; i < n; i++) {
		char id[32], class[32];
		snprintf(id, sizeof id, "u%zu", i);
		snprintf(class, sizeof class, "feeling %zu", i % 7);
		for (size_t j = 0; j < n_sample; j++)
			x[j] = (float)(0.1 * ser_rng_normal(&rng));
		ser_record_set(&r, "id", ser_str(id));
		ser_record_set(&r, "spk", ser_str(id));
		ser_record_set(&r, "emo", ser_str(class));
		ser_record_set(&r, "sex", ser_str(i / 7 % 2 == 0 ? "f" : "m"));
		ser_record_set(&r, "feat", ser_f4(x, 2, (size_t[]){n_sample, 1}));
		check(ser_writer_record(w, &r, &e), &e);
	}
	check(ser_writer_end(w, &e), &e);
	free(x);
	ser_writer_free(w);
	ser_record_free(&r);
	ser_header_free(&h);
	lseek(fd, 0, SEEK_SET);
	struct ser_dataset *d = ser_dataset_new("feat", labels, sizeof labels / sizeof *labels, 0);
	check(ser_dataset_add(d, fd, "memory", &e), &e);
	check(ser_dataset_done(d, &e), &e);
	close(fd);
	return d;
}

static void write_tokenizer(char path[static 32])
{
	struct ser_tokenizer_trainer *r = ser_tokenizer_trainer_new();
	struct ser_tokenizer *t = ser_tokenizer_train(r, SER_TOKENIZER_LEAST);
	struct ser_buf b = {0};
	struct ser_err e;
	int fd = temporary(path);
	ser_tokenizer_json(t, &b);
	check(write(fd, b.s, b.n) == (ssize_t)b.n ? 0 : ser_fail(&e, SER_EIO, "%s: cannot be written", path), &e);
	close(fd);
	ser_buf_free(&b);
	ser_tokenizer_close(t);
	ser_tokenizer_trainer_free(r);
}

static void set(struct ser_task *t, const char *name, const char *value)
{
	struct ser_err e;
	const struct ser_option *r = t->kind->options;
	while (strcmp(r->name, name) != 0)
		r++;
	check(ser_option_set(r, t->own, value, &e), &e);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	struct ser_train_opts o = ser_train_defaults();
	struct ser_net_opts net = {.enc = {ser_encoder_defaults(), ser_encoder_defaults()}, .n_enc = 2, .spk = "spk"};
	struct ser_split_opts so = {.spk = "spk"};
	double seconds = 4, wall[MOST], cpu[MOST];
	size_t reps = 2;
	int opt, nt = 1;
	o.batch = 8;
	while ((opt = getopt(argc, argv, "b:s:a:t:r:p:R")) != -1) {
		if (opt == 'b')
			o.batch = strtoul(optarg, NULL, 10);
		else if (opt == 's')
			seconds = strtod(optarg, NULL);
		else if (opt == 'a')
			o.accumulate = strtoul(optarg, NULL, 10);
		else if (opt == 't')
			nt = (int)strtol(optarg, NULL, 10);
		else if (opt == 'r')
			reps = strtoul(optarg, NULL, 10);
		else if (opt == 'p')
			o.precision = strcmp(optarg, "bf16") == 0 ? SER_LA_BF16 : SER_LA_FULL;
		else if (opt == 'R')
			o.recompute = true;
		else
			return 2;
	}
	if (o.batch < 1 || o.batch > 1024 || !(seconds >= 0.1 && seconds <= 60) || nt < 1 || reps < 1 || reps > MOST) {
		fputs("clap_step: a number is out of range\n", stderr);
		return 2;
	}
	char tokenizer[32];
	struct ser_task task;
	struct ser_split split;
	struct ser_model *m;
	struct ser_trainer *t;
	struct ser_train_row row;
	struct ser_err e;
	struct ser_dataset *d = records(o.batch, (size_t)(seconds * RATE));
	write_tokenizer(tokenizer);
	net.enc[0].arch = "wav2vec2";
	net.enc[1].arch = "roberta";
	net.enc[1].tokenizer = tokenizer;
	ser_task_init(&task, ser_task_find("clap"));
	task.spk = "spk";
	set(&task, "label", "emo");
	set(&task, "gender", "sex");
	ser_task_name_all(&task, 1);
	o.n_epoch = reps + 1;
	o.mask.n_time = o.mask.n_freq = 0;
	o.tune[0].crop = 0;
	o.tune[0].freeze = "extractor";
	check(ser_split_make(&split, d, &so, &e), &e);
	check(ser_net_new(&m, d, &split, &task, 1, &net, &e), &e);
	check(ser_trainer_new(&t, d, &split, m, &task, 1, &o, nt, &e), &e);
	unlink(tokenizer);
	for (size_t i = 0; i <= reps; i++) { /* an epoch is a step; the first warms up */
		double t0 = now(CLOCK_MONOTONIC), c0 = now(CLOCK_PROCESS_CPUTIME_ID);
		check(ser_trainer_step(t, &row, &e), &e);
		if (i > 0) {
			wall[i - 1] = now(CLOCK_MONOTONIC) - t0;
			cpu[i - 1] = now(CLOCK_PROCESS_CPUTIME_ID) - c0;
		}
	}
	qsort(wall, reps, sizeof *wall, by_size);
	qsort(cpu, reps, sizeof *cpu, by_size);
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	printf("{\"wall_s\": %.4f, \"cpu_s\": %.4f, \"best_s\": %.4f, \"peak_mib\": %.1f, \"mparams\": %.2f, \"loss\": "
	       "%.4f}\n",
	       wall[reps / 2], cpu[reps / 2], wall[0], (double)u.ru_maxrss / 1024,
	       (double)ser_params_count(m->params, true) / 1e6, row.loss);
	ser_trainer_free(t);
	ser_model_free(m);
	ser_task_free(&task);
	ser_split_free(&split);
	ser_dataset_free(d);
	return 0;
}
