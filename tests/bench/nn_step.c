/* SPDX-License-Identifier: MIT */
/* Times the training engine on the networks that tests/bench/engine compares.
 * usage: nn_step ser-attn|ser-blstm|ecapa|ecapa-fwd|mha|mha-fwd [-t THREADS] [-b BATCH] [-c CHANNELS] [-n FRAMES] [-r REPS] [-p bf16] [-k]
 * ser-*: a step of InfoNCE-like learning (SupCon, 4 labels) over 64 utterances of 3 to 6 s, 80 mels, Adam.
 * ecapa: a step of AAM-softmax over 1000 speakers, 32 utterances of 2 s.   ecapa-fwd: embeddings of 3 s, one utterance
 * after another, as ser-embed makes them: several on as many threads at once, one on all.   mha: self-attention of 12 heads of
 * 64 over utterances of FRAMES, with its projections.
 * -k: blocks are computed again in backward.
 * Prints one line of JSON: medians of elapsed and processor seconds, peak memory, billions of operations (2 a
 * multiply-add of products; a step is three forward passes), the loss before and after. */
#include "nn/nn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct ser_conv conv(size_t k, size_t stride, size_t dil)
{
	return (struct ser_conv){.k = k, .stride = stride, .dil = dil, .pad = dil * (k - 1) / 2, .groups = 1};
}

static int tdnn(struct ser_tape *t, const char *name, int x, size_t n_out, size_t k, size_t dil)
{
	struct ser_conv c = conv(k, 1, dil);
	ser_tape_enter(t, "%s", name);
	x = ser_nn_relu(t, ser_layer_conv1d(t, "conv", x, n_out, &c, true));
	x = ser_layer_batch_norm(t, "bn", x, n_out);
	ser_tape_leave(t);
	return x;
}

static int ecapa(struct ser_tape *t, int x, size_t C)
{
	int h[3], total = tdnn(t, "inp0", x, C, 5, 1);
	for (int b = 0; b < 3; b++) {
		ser_tape_enter(t, "block%d", b);
		int y = tdnn(t, "a", total, C, 1, 1), part[8];
		size_t w = C / 8;
		for (size_t i = 0; i < 8; i++)
			part[i] = ser_nn_slice(t, y, i * w, w);
		for (size_t i = 1; i < 8; i++) {
			char name[16];
			snprintf(name, sizeof name, "r%zu", i);
			y = i > 1 ? ser_nn_add(t, part[i], part[i - 1]) : part[i];
			part[i] = tdnn(t, name, y, w, 3, (size_t)b + 2);
		}
		y = tdnn(t, "b", ser_nn_concat(t, 8, part), C, 1, 1);
		h[b] = ser_nn_add(t, ser_layer_se(t, "se", y, 128), total);
		if (b < 2)
			total = ser_nn_add(t, total, h[b]);
		ser_tape_leave(t);
	}
	struct ser_conv c1 = conv(1, 1, 1);
	x = ser_nn_relu(t, ser_layer_conv1d(t, "mfa", ser_nn_concat(t, 3, h), 1536, &c1, true));
	x = ser_layer_batch_norm(t, "bn", ser_layer_attn_stats(t, "pool", x, 128, true), 3072);
	return ser_layer_batch_norm(t, "bn2", ser_layer_linear(t, "fc", x, 192, true), 192);
}

static int attn_pool(struct ser_tape *t, int x)
{
	return ser_nn_pool_sum(t, x, ser_nn_softmax_time(t, ser_layer_linear(t, "pool", x, 1, true)));
}

static int ser_attn(struct ser_tape *t, int x)
{
	static const size_t k[] = {5, 5, 5, 3}, s[] = {1, 2, 2, 1};
	for (int i = 0; i < 4; i++) {
		char name[16];
		struct ser_conv c = conv(k[i], s[i], 1);
		snprintf(name, sizeof name, "conv%d", i);
		ser_tape_enter(t, "%s", name);
		x = ser_nn_relu(t, ser_layer_batch_norm(t, "bn", ser_layer_conv1d(t, "conv", x, 256, &c, true), 256));
		ser_tape_leave(t);
	}
	x = ser_layer_layer_norm(t, "ln1", ser_nn_add(t, x, ser_layer_mha(t, "att", x, 4, 0, 0)), 256);
	int f = ser_nn_relu(t, ser_layer_linear(t, "ff1", x, 512, true));
	f = ser_layer_linear(t, "ff2", f, 256, true);
	x = ser_layer_layer_norm(t, "ln2", ser_nn_add(t, x, f), 256);
	return ser_nn_l2_norm(t, ser_layer_linear(t, "fc", attn_pool(t, x), 128, true), 1e-12);
}

static int ser_blstm(struct ser_tape *t, int x)
{
	static const size_t n[] = {32, 64, 64}, pt[] = {2, 2, 1}, F[] = {80, 40, 20};
	struct ser_conv k3 = conv(3, 1, 1);
	for (int i = 0; i < 3; i++) {
		char name[16];
		snprintf(name, sizeof name, "conv%d", i);
		ser_tape_enter(t, "%s", name);
		x = ser_layer_conv2d(t, "conv", x, F[i], n[i], &k3, &k3, true);
		x = ser_nn_relu(t, ser_layer_batch_norm(t, "bn", x, n[i]));
		x = ser_nn_max_pool2d(t, x, F[i], pt[i], 2);
		ser_tape_leave(t);
	}
	x = ser_layer_lstm(t, "rnn", x, 128, true);
	return ser_nn_l2_norm(t, ser_layer_linear(t, "fc", attn_pool(t, x), 128, true), 1e-12);
}

static int mha(struct ser_tape *t, int x)
{
	x = ser_layer_mha(t, "mha", ser_layer_linear(t, "in", x, 768, true), 12, 0, 0);
	return ser_nn_l2_norm(t, ser_nn_pool_mean(t, x), 1e-12);
}

/* Operations of a forward pass over an utterance of n frames. */
static double ops(const char *net, size_t n_frame, size_t channels)
{
	double T = (double)n_frame, C = (double)channels, part = C / 8;
	if (strcmp(net, "ser-attn") == 0) {
		double per_frame = 80 * 5 * 256 + 256 * 5 * 256 * (0.5 + 0.25) + 256 * 3 * 256 * 0.25 +
				   (4 * 256 * 256 + 2 * 256 * 512) * 0.25;
		return 2 * (T * per_frame + 2 * (T / 4) * (T / 4) * 256);
	}
	if (strcmp(net, "ser-blstm") == 0)
		return 2 * T *
		       (9 * 32 * 80 + 9 * 32 * 64 * 40 * 0.5 + 9 * 64 * 64 * 20 * 0.25 +
			2 * 4 * 128 * (640 + 128) * 0.25);
	if (strcmp(net, "mha") == 0)
		return 2 * T * 768 * (80 + 4 * 768 + 2 * T);
	double per_frame = 80 * 5 * C + 3 * (2 * C * C + 7 * part * part * 3) + 3 * C * 1536 + 4 * 1536 * 128;
	return 2 * (T * per_frame + 3 * 2 * C * 128 + 3072 * 192);
}

struct run {
	const char *net; /* without "-fwd" */
	bool forward;
	size_t batch, channels, n_frame; /* n_frame: of an utterance of mha; then of all utterances */
	float **x;                       /* [batch][n[b], 80] */
	size_t *n;
	int32_t *label;
	int n_worker;          /* utterances side by side, a thread each; 1: one after another, on all threads */
	struct ser_tape *tape; /* of all threads */
	struct ser_tape **own; /* [n_worker] where that is more than 1 */
	struct ser_params *params;
	struct ser_opt *opt;
};

static void make_data(struct run *r)
{
	bool ec = strcmp(r->net, "ecapa") == 0;
	size_t fixed = strcmp(r->net, "mha") == 0 ? r->n_frame : r->forward ? 300 : ec ? 200 : 0;
	struct ser_rng rng;
	r->n_frame = 0;
	ser_rng_seed(&rng, 1);
	r->x = ser_malloc(r->batch, sizeof *r->x);
	r->n = ser_malloc(r->batch, sizeof *r->n);
	r->label = ser_malloc(r->batch, sizeof *r->label);
	for (size_t b = 0; b < r->batch; b++) {
		r->n[b] = fixed > 0 ? fixed : b == 0 ? 600 : 300 + ser_rng_below(&rng, 301);
		r->label[b] = (int32_t)ser_rng_below(&rng, ec ? 1000 : 4);
		r->x[b] = ser_malloc(r->n[b] * 80, sizeof(float));
		r->n_frame += r->n[b];
		for (size_t i = 0; i < r->n[b] * 80; i++)
			r->x[b][i] = (float)ser_rng_normal(&rng);
	}
}

static void free_data(struct run *r)
{
	for (size_t b = 0; b < r->batch; b++)
		free(r->x[b]);
	free(r->x);
	free(r->n);
	free(r->label);
}

/* The network on utterances [b, b+n), and in training its loss */
static int network(const struct run *r, struct ser_tape *t, size_t b, size_t n)
{
	int x = ser_tape_batch(t, n, (const float *const *)r->x + b, r->n + b, 80);
	if (strcmp(r->net, "ecapa") != 0) {
		x = (strcmp(r->net, "mha") == 0 ? mha : strcmp(r->net, "ser-attn") == 0 ? ser_attn : ser_blstm)(t, x);
		return r->forward ? x : ser_nn_supcon(t, x, r->label + b, 0.1);
	}
	x = ecapa(t, x, r->channels);
	if (r->forward)
		return x;
	int w = ser_layer_param(t, "classes", 0, (struct ser_init){SER_INIT_NORMAL, 0.04}, 2, (size_t[]){1000, 192});
	x = ser_nn_linear(t, ser_nn_l2_norm(t, x, 1e-12), ser_nn_l2_norm(t, w, 1e-12), -1);
	return ser_nn_aam(t, x, 1, r->label + b, 0.2, 30, NULL);
}

static void embed(void *ctx, size_t b, int worker)
{
	const struct run *r = ctx;
	struct ser_tape *t = r->n_worker > 1 ? r->own[worker] : r->tape;
	ser_tape_reset(t, SER_TAPE_FIXED, 1);
	ser_tape_node(t, network(r, t, b, 1));
}

/* What is timed. The loss, 0 in a forward pass; below 0: failed. */
static double step(struct run *r, struct ser_err *e)
{
	if (r->forward) {
		ser_parallel_for(r->n_worker, r->batch, embed, r);
		return 0;
	}
	ser_tape_reset(r->tape, SER_TAPE_GRAD | SER_TAPE_TRAIN, 1);
	int loss = network(r, r->tape, 0, r->batch);
	ser_params_zero_grad(r->params);
	if (ser_tape_backward(r->tape, loss, 1, e) < 0 || ser_params_clip(r->params, 0, NULL, e) < 0)
		return -1;
	ser_opt_step(r->opt, 1e-3);
	return ser_tape_scalar(r->tape, loss);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *x, size_t n)
{
	qsort(x, n, sizeof *x, by_size);
	return n % 2 == 1 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

static struct ser_la *context(int n_thread, bool bf16)
{
	struct ser_la *la = ser_la_new(n_thread);
	if (bf16 && !ser_la_set_precision(la, SER_LA_BF16)) {
		fprintf(stderr, "nn_step: no bf16 products here\n");
		exit(1);
	}
	return la;
}

int main(int argc, char **argv)
{
	enum { MOST = 64 };
	struct run r = {.net = argc > 1 ? argv[1] : "ser-attn", .channels = 512, .n_frame = 500};
	int nt = 1, opt, reps = 5;
	bool bf16 = false, recompute = false;
	if (argc > 1)
		optind = 2;
	while ((opt = getopt(argc, argv, "t:b:c:n:r:p:k")) != -1) {
		if (opt == 't')
			nt = (int)strtol(optarg, NULL, 10);
		else if (opt == 'b')
			r.batch = strtoul(optarg, NULL, 10);
		else if (opt == 'c')
			r.channels = strtoul(optarg, NULL, 10);
		else if (opt == 'n')
			r.n_frame = strtoul(optarg, NULL, 10);
		else if (opt == 'r')
			reps = (int)strtol(optarg, NULL, 10);
		else if (opt == 'p')
			bf16 = strcmp(optarg, "bf16") == 0;
		else if (opt == 'k')
			recompute = true;
		else
			return 2;
	}
	reps = reps < 1 ? 1 : reps > MOST ? MOST : reps;
	r.forward = strcmp(r.net, "ecapa-fwd") == 0 || strcmp(r.net, "mha-fwd") == 0;
	r.net = !r.forward ? r.net : r.net[0] == 'e' ? "ecapa" : "mha";
	if (r.batch == 0)
		r.batch = r.forward ? 1 : strcmp(r.net, "ecapa") == 0 ? 32 : 64;
	make_data(&r);
	struct ser_la *la = context(nt, bf16);
	r.params = ser_params_new(1);
	r.tape = ser_tape_new(la, r.params);
	ser_tape_recompute(r.tape, recompute);
	ser_tape_reset(r.tape, SER_TAPE_SHAPE, 1);
	network(&r, r.tape, 0, r.batch);
	r.n_worker = r.forward && r.batch > 1 ? nt : 1;
	struct ser_la **one = ser_calloc((size_t)r.n_worker, sizeof *one);
	r.own = ser_calloc((size_t)r.n_worker, sizeof *r.own);
	for (int i = 0; r.n_worker > 1 && i < r.n_worker; i++)
		r.own[i] = ser_tape_new(one[i] = context(1, bf16), r.params);
	struct ser_opt_opts oo = ser_opt_defaults();
	struct ser_err e;
	double wall[MOST], cpu[MOST], first = 0, loss = 0, work = 0;
	if (!r.forward && ser_opt_new(&r.opt, &oo, r.params, la, &e) < 0) {
		fprintf(stderr, "nn_step: %s\n", e.msg);
		return 1;
	}
	for (int i = -1; i < reps; i++) {
		double t0 = now(CLOCK_MONOTONIC), c0 = now(CLOCK_PROCESS_CPUTIME_ID);
		loss = step(&r, &e);
		if (loss < 0) {
			fprintf(stderr, "nn_step: %s\n", e.msg);
			return 1;
		}
		if (i < 0) {
			first = loss;
			continue;
		}
		wall[i] = now(CLOCK_MONOTONIC) - t0;
		cpu[i] = now(CLOCK_PROCESS_CPUTIME_ID) - c0;
	}
	for (size_t b = 0; b < r.batch; b++)
		work += (r.forward ? 1 : 3) * ops(r.net, r.n[b], r.channels);
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	printf("{\"wall_s\": %.5f, \"cpu_s\": %.5f, \"peak_mib\": %.1f, \"gflop\": %.3f, \"mparams\": %.2f, "
	       "\"loss\": [%.5f, %.5f]}\n",
	       median(wall, (size_t)reps), median(cpu, (size_t)reps), (double)u.ru_maxrss / 1024, work / 1e9,
	       (double)ser_params_count(r.params, true) / 1e6, first, loss);
	ser_opt_free(r.opt);
	ser_tape_free(r.tape);
	for (int i = 0; i < r.n_worker; i++) {
		ser_tape_free(r.own[i]);
		ser_la_free(one[i]);
	}
	free(r.own);
	free(one);
	ser_params_free(r.params);
	ser_la_free(la);
	free_data(&r);
	return 0;
}
