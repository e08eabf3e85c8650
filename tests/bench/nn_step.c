/* SPDX-License-Identifier: MIT */
/* Times the training engine on the networks that the peers' benchmarks time.
 * usage: nn_step ser-attn|ser-blstm|ecapa|ecapa-fwd [-t THREADS] [-b BATCH] [-c CHANNELS] [-r REPS] [-p bf16]
 * ser-*: a step of InfoNCE-like learning (SupCon, 4 labels) over 64 utterances of 3 to 6 s, 80 mels, Adam.
 * ecapa: a step of AAM-softmax over 1000 speakers, 32 utterances of 2 s.   ecapa-fwd: embeddings of 3 s. */
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
	x = ser_layer_relu_batch_norm(t, "bn", ser_layer_conv1d(t, "conv", x, n_out, &c, true), n_out);
	ser_tape_leave(t);
	return x;
}

static int ecapa(struct ser_tape *t, int x, size_t C)
{
	int h[3], total = x = tdnn(t, "inp", x, C, 5, 1);
	for (int b = 0; b < 3; b++) {
		ser_tape_enter(t, "block%d", b);
		int m = ser_tape_mark(t);
		int y = tdnn(t, "a", total, C, 1, 1), part[8];
		size_t w = C / 8;
		for (size_t i = 0; i < 8; i++) {
			int own = part[i] = ser_nn_slice(t, y, i * w, w);
			if (i == 0)
				continue;
			char name[16];
			snprintf(name, sizeof name, "r%zu", i);
			if (i > 1) {
				part[i] = ser_nn_add(t, own, part[i - 1]);
				ser_tape_drop(t, own);
			}
			part[i] = tdnn(t, name, part[i], w, 3, (size_t)b + 2);
		}
		ser_tape_drop(t, y);
		y = ser_nn_concat(t, 8, part);
		for (size_t i = 0; i < 8; i++)
			ser_tape_drop(t, part[i]);
		y = ser_layer_se(t, "se", tdnn(t, "b", y, C, 1, 1), 128);
		h[b] = ser_nn_add(t, total, y);
		ser_tape_drop(t, y);
		h[b] = ser_tape_keep(t, m, h[b]);
		if (b < 2)
			total = ser_nn_add(t, total, h[b]);
		ser_tape_leave(t);
	}
	struct ser_conv c1 = conv(1, 1, 1);
	x = ser_nn_concat(t, 3, h);
	for (int b = 0; b < 3; b++)
		ser_tape_drop(t, h[b]);
	x = ser_nn_relu_in_place(t, ser_layer_conv1d(t, "mfa", x, 1536, &c1, true));
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
		x = ser_layer_batch_norm_relu(t, "bn", ser_layer_conv1d(t, "conv", x, 256, &c, true), 256);
		ser_tape_leave(t);
	}
	x = ser_layer_layer_norm(t, "ln1", ser_nn_add(t, x, ser_layer_mha(t, "att", x, 4, 0, 0)), 256);
	int f = ser_layer_linear(t, "ff2", ser_nn_relu_in_place(t, ser_layer_linear(t, "ff1", x, 512, true)), 256,
				 true);
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
		int y = ser_layer_batch_norm_relu(t, "bn", x, n[i]);
		x = ser_nn_max_pool2d(t, y, F[i], pt[i], 2);
		ser_tape_drop(t, y);
		ser_tape_leave(t);
	}
	x = ser_layer_lstm(t, "rnn", x, 128, true);
	return ser_nn_l2_norm(t, ser_layer_linear(t, "fc", attn_pool(t, x), 128, true), 1e-12);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "ser-attn";
	int nt = 1, opt, reps = 5;
	size_t B = 0, C = 512;
	bool bf16 = false;
	if (argc > 1)
		optind = 2;
	while ((opt = getopt(argc, argv, "t:b:c:r:p:")) != -1) {
		if (opt == 't')
			nt = (int)strtol(optarg, NULL, 10);
		else if (opt == 'b')
			B = strtoul(optarg, NULL, 10);
		else if (opt == 'c')
			C = strtoul(optarg, NULL, 10);
		else if (opt == 'r')
			reps = (int)strtol(optarg, NULL, 10);
		else if (opt == 'p')
			bf16 = true;
		else
			return 2;
	}
	bool ec = strncmp(what, "ecapa", 5) == 0, fwd = strcmp(what, "ecapa-fwd") == 0;
	B = B > 0 ? B : fwd ? 1 : ec ? 32 : 64;
	struct ser_rng r;
	ser_rng_seed(&r, 1);
	float **x = ser_malloc(B, sizeof *x);
	size_t *n = ser_malloc(B, sizeof *n), total = 0;
	int32_t *y = ser_malloc(B, sizeof *y);
	for (size_t b = 0; b < B; b++) {
		n[b] = fwd ? 300 : ec ? 200 : b == 0 ? 600 : 300 + ser_rng_below(&r, 301);
		y[b] = (int32_t)ser_rng_below(&r, ec ? 1000 : 4);
		x[b] = ser_malloc(n[b] * 80, sizeof(float));
		total += n[b];
		for (size_t i = 0; i < n[b] * 80; i++)
			x[b][i] = (float)ser_rng_normal(&r);
	}
	struct ser_la *la = ser_la_new(nt);
	if (bf16 && !ser_la_set_precision(la, SER_LA_BF16)) {
		fprintf(stderr, "nn_step: no bf16 products here\n");
		return 1;
	}
	struct ser_params *p = ser_params_new(1);
	struct ser_tape *t = ser_tape_new(la, p);
	struct ser_opt_opts oo = ser_opt_defaults();
	struct ser_opt *o = NULL;
	struct ser_err e;
	double best = 1e9, cpu = 1e9, loss = 0, first = 0;
	for (int i = -2; i < reps; i++) {
		double t0 = now(CLOCK_MONOTONIC), c0 = now(CLOCK_PROCESS_CPUTIME_ID);
		ser_tape_reset(t, i == -2 ? SER_TAPE_SHAPE : fwd ? SER_TAPE_FIXED : SER_TAPE_GRAD | SER_TAPE_TRAIN, 1);
		int in = ser_tape_batch(t, B, (const float *const *)x, n, 80), z;
		z = ec ? ecapa(t, in, C) : strcmp(what, "ser-attn") == 0 ? ser_attn(t, in) : ser_blstm(t, in);
		if (!fwd && ec) {
			int w = ser_layer_param(t, "classes", 0, (struct ser_init){SER_INIT_NORMAL, 0.04}, 2,
						(size_t[]){1000, 192});
			z = ser_nn_linear(t, ser_nn_l2_norm(t, z, 1e-12), ser_nn_l2_norm(t, w, 1e-12), -1);
			z = ser_nn_aam(t, z, 1, y, 0.2, 30, NULL);
		} else if (!fwd) {
			z = ser_nn_supcon(t, z, y, 0.1);
		}
		if (i == -2) {
			if (ser_opt_new(&o, &oo, p, la, &e) < 0)
				return 1;
			continue;
		}
		if (!fwd) {
			ser_params_zero_grad(p);
			if (ser_tape_backward(t, z, 1, &e) < 0 || ser_params_clip(p, 0, NULL, &e) < 0) {
				fprintf(stderr, "%s\n", e.msg);
				return 1;
			}
			ser_opt_step(o, 1e-3);
			loss = ser_tape_scalar(t, z);
			first = i == -1 ? loss : first;
		}
		double s = now(CLOCK_MONOTONIC) - t0, c = now(CLOCK_PROCESS_CPUTIME_ID) - c0;
		if (i >= 0) {
			best = s < best ? s : best;
			cpu = c < cpu ? c : cpu;
		}
	}
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	printf("%s batch %zu C %zu t%d: %.4f s (cpu %.4f), %.1f utterances/s, %zu frames, %.2f M parameters, peak %.0f "
	       "MiB, loss "
	       "%.5f -> %.5f\n",
	       what, B, C, nt, best, cpu, (double)B / best, total, (double)ser_params_count(p, true) / 1e6,
	       (double)u.ru_maxrss / 1024, first, loss);
	ser_opt_free(o);
	ser_tape_free(t);
	ser_params_free(p);
	ser_la_free(la);
	for (size_t b = 0; b < B; b++)
		free(x[b]);
	free(x);
	free(n);
	free(y);
	return 0;
}
