/* SPDX-License-Identifier: MIT */
/* Times the forward pass of a pretrained encoder's architecture with random weights, as ser-embed runs it, or a step of fine-tuning.
 * usage: encoder ARCH [-H NAME=VALUE]... [-t THREADS] [-b BATCH] [-s SECONDS] [-r REPS] [-p bf16] [-g [-k]]
 * One utterance of SECONDS (default 5) on all threads, or BATCH > 1 of 2 to 10 s, THREADS at once. -g: a step of Adam with BATCH
 * utterances of SECONDS, cross entropy of 4 classes on the mean over time, the convolutions over the waveform frozen; -k: layers are
 * computed again in backward. Prints one line of JSON: the best and the median elapsed and processor seconds, the seconds of sound,
 * peak memory. */
#include "model/model.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64, RATE = 16000 };

struct run {
	const struct ser_arch *arch;
	double hyper[64];
	size_t batch;
	float **x; /* [batch][n[b], 1] */
	size_t *n;
	struct ser_tape **tape; /* [n_worker] */
	int n_worker;
	bool tune;
	struct ser_params *params;
	struct ser_opt *opt; /* of fine-tuning */
};

static double now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "encoder: %s\n", what);
	exit(2);
}

static void set_hyper(struct run *r, const char *text)
{
	size_t n = strcspn(text, "="), i = 0;
	while (r->arch->hyper[i].name != NULL &&
	       (strlen(r->arch->hyper[i].name) != n || strncmp(r->arch->hyper[i].name, text, n) != 0))
		i++;
	if (r->arch->hyper[i].name == NULL || text[n] == '\0')
		die("-H: no such hyper-parameter");
	r->hyper[i] = strtod(text + n + 1, NULL);
}

/* The ragged utterances are the same for the peer: 2 to 10 s, evenly, in an order that is not of length */
static double make_data(struct run *r, double seconds)
{
	struct ser_rng rng;
	double all = 0;
	ser_rng_seed(&rng, 1);
	r->x = ser_malloc(r->batch, sizeof *r->x);
	r->n = ser_malloc(r->batch, sizeof *r->n);
	for (size_t b = 0; b < r->batch; b++) {
		double s = r->batch == 1 || r->tune ? seconds
						    : 2 + 8 * (double)(b * 7 % r->batch) / (double)(r->batch - 1);
		r->n[b] = (size_t)(s * RATE);
		r->x[b] = ser_malloc(r->n[b], sizeof(float));
		for (size_t i = 0; i < r->n[b]; i++)
			r->x[b][i] = (float)(0.1 * ser_rng_normal(&rng));
		all += s;
	}
	return all;
}

/* n utterances from b on: their frames */
static int network(const struct run *r, struct ser_tape *t, size_t b, size_t n)
{
	int x = ser_tape_batch(t, n, (const float *const *)r->x + b, r->n + b, 1);
	ser_tape_enter(t, "encoder");
	x = r->arch->build(t, r->hyper, x).frames;
	ser_tape_leave(t);
	return x;
}

static int classes(struct ser_tape *t, int frames)
{
	static const int32_t label[MOST];
	return ser_nn_cross_entropy(t, ser_layer_linear(t, "head", ser_nn_pool_mean(t, frames), 4, true), label, NULL);
}

static void step(struct run *r)
{
	struct ser_err e;
	ser_tape_reset(r->tape[0], SER_TAPE_GRAD | SER_TAPE_TRAIN, 1);
	int loss = classes(r->tape[0], network(r, r->tape[0], 0, r->batch));
	ser_params_zero_grad(r->params);
	if (ser_tape_backward(r->tape[0], loss, 1, &e) < 0 || ser_params_clip(r->params, 1, NULL, &e) < 0)
		die(e.msg);
	ser_opt_step(r->opt, 1e-5);
}

static void embed(void *ctx, size_t b, int worker)
{
	const struct run *r = ctx;
	ser_tape_reset(r->tape[worker], SER_TAPE_FIXED, 1);
	ser_tape_node(r->tape[worker], network(r, r->tape[worker], b, 1));
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	struct run r = {.arch = argc > 1 ? ser_arch_find(argv[1]) : NULL, .batch = 1};
	int nt = 1, opt, reps = 5;
	double seconds = 5;
	bool bf16 = false, again = false;
	if (r.arch == NULL || r.arch->n_in != 1)
		die("the first argument is an architecture over waveforms");
	for (size_t i = 0; r.arch->hyper[i].name != NULL; i++)
		r.hyper[i] = r.arch->hyper[i].dflt;
	optind = 2;
	while ((opt = getopt(argc, argv, "H:t:b:s:r:p:gk")) != -1) {
		if (opt == 'H')
			set_hyper(&r, optarg);
		else if (opt == 't')
			nt = (int)strtol(optarg, NULL, 10);
		else if (opt == 'b')
			r.batch = strtoul(optarg, NULL, 10);
		else if (opt == 's')
			seconds = strtod(optarg, NULL);
		else if (opt == 'r')
			reps = (int)strtol(optarg, NULL, 10);
		else if (opt == 'g')
			r.tune = true;
		else if (opt == 'k')
			again = true;
		else if (opt == 'p')
			bf16 = strcmp(optarg, "bf16") == 0;
		else
			return 2;
	}
	if (nt < 1 || r.batch < 1 || reps < 1 || reps > MOST || r.batch > MOST || !(seconds * RATE >= 400))
		die("a number is out of range");
	double sound = make_data(&r, seconds), wall[MOST], cpu[MOST];
	struct ser_params *params = ser_params_new(1);
	r.n_worker = r.batch > 1 && !r.tune ? nt : 1;
	r.params = params;
	struct ser_la **la = ser_calloc((size_t)r.n_worker, sizeof *la);
	r.tape = ser_calloc((size_t)r.n_worker, sizeof *r.tape);
	for (int i = 0; i < r.n_worker; i++) {
		la[i] = ser_la_new(r.n_worker > 1 ? 1 : nt);
		if (bf16 && !ser_la_set_precision(la[i], SER_LA_BF16))
			die("no bf16 products here");
		r.tape[i] = ser_tape_new(la[i], params);
	}
	ser_tape_reset(r.tape[0], SER_TAPE_SHAPE, 1);
	int frames = network(&r, r.tape[0], 0, 1);
	struct ser_err e;
	struct ser_opt_opts o = ser_opt_defaults();
	if (r.tune) {
		classes(r.tape[0], frames);
		ser_params_flag(params, "encoder.feature_extractor.", SER_P_FROZEN, true);
		ser_tape_recompute(r.tape[0], again);
		if (ser_opt_new(&r.opt, &o, params, la[0], &e) < 0)
			die(e.msg);
	}
	for (int i = -1; i < reps; i++) {
		double t0 = now(CLOCK_MONOTONIC), c0 = now(CLOCK_PROCESS_CPUTIME_ID);
		if (r.tune)
			step(&r);
		else
			ser_parallel_for(r.n_worker, r.batch, embed, &r);
		if (i < 0)
			continue;
		wall[i] = now(CLOCK_MONOTONIC) - t0;
		cpu[i] = now(CLOCK_PROCESS_CPUTIME_ID) - c0;
	}
	qsort(wall, (size_t)reps, sizeof *wall, by_size);
	qsort(cpu, (size_t)reps, sizeof *cpu, by_size);
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	printf("{\"wall_s\": %.5f, \"cpu_s\": %.5f, \"best_s\": %.5f, \"sound_s\": %.2f, \"peak_mib\": %.1f, "
	       "\"mparams\": %.2f}\n",
	       wall[reps / 2], cpu[reps / 2], wall[0], sound, (double)u.ru_maxrss / 1024,
	       (double)ser_params_count(params, true) / 1e6);
	for (int i = 0; i < r.n_worker; i++) {
		ser_tape_free(r.tape[i]);
		ser_la_free(la[i]);
	}
	for (size_t b = 0; b < r.batch; b++)
		free(r.x[b]);
	free(r.x);
	free(r.n);
	free(r.tape);
	free(la);
	ser_opt_free(r.opt);
	ser_params_free(params);
	return 0;
}
