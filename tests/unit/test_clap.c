/* SPDX-License-Identifier: MIT */
/* ser-train clap against PyTorch (tests/ref/encoders.py): the gradient of every parameter, ten losses of ten steps of Adam and what the
 * parameters are then; also with the batch in parts, whose loss keeps every negative. */
#include "text/text.h"
#include "train/private.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "golden.h"

enum { N = 8, DIM = 3, N_STEP = 10 };
/* After some steps of Adam, which makes the rounding of small gradients as large as them. The reference has inputs in float, all else in
 * double. */
static const double later = sizeof(real) > 4 ? 1e-6 : 1e-3;

/* Record i: two or three frames, class i % 3, and who said it; two have no sex. */
static struct ser_dataset *records(void)
{
	static const char *const labels[] = {"spk", "emo", "sex"}, *const emos[] = {"angry", "calm", "sad"};
	static const char *const sex[N] = {"f", "m", "m", NULL, "f", "f", NULL, "m"};
	struct ser_err e;
	struct ser_header h;
	struct ser_record r = {0};
	char path[] = "/tmp/test_clap.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	ser_header_init(&h);
	struct ser_writer *w = ser_writer_new(fd, "memory", &h);
	for (uint32_t i = 0; i < N; i++) {
		char id[8];
		float x[3 * DIM];
		for (uint32_t j = 0; j < 3 * DIM; j++)
			x[j] = (float)unit(j, 500 + i);
		snprintf(id, sizeof id, "u%u", (unsigned)i);
		ser_record_set(&r, "id", ser_str(id));
		ser_record_set(&r, "spk", ser_str(id));
		ser_record_set(&r, "emo", ser_str(emos[i % 3]));
		ser_record_set(&r, "sex", sex[i] != NULL ? ser_str(sex[i]) : ser_nil());
		ser_record_set(&r, "feat", ser_f4(x, 2, (size_t[]){2 + i % 2, DIM}));
		assert_int_equal(ser_writer_record(w, &r, &e), 0);
	}
	assert_int_equal(ser_writer_end(w, &e), 0);
	ser_writer_free(w);
	ser_record_free(&r);
	ser_header_free(&h);
	lseek(fd, 0, SEEK_SET);
	struct ser_dataset *d = ser_dataset_new("feat", labels, sizeof labels / sizeof *labels, 0);
	assert_int_equal(ser_dataset_add(d, fd, "memory", &e), 0);
	assert_int_equal(ser_dataset_done(d, &e), 0);
	close(fd);
	return d;
}

/* A tokenizer of single bytes, as a file. */
static void write_tokenizer(char path[static 32])
{
	struct ser_tokenizer_trainer *r = ser_tokenizer_trainer_new();
	struct ser_tokenizer *t = ser_tokenizer_train(r, SER_TOKENIZER_LEAST);
	struct ser_buf b = {0};
	snprintf(path, 32, "/tmp/test_clap.XXXXXX");
	int fd = mkstemp(path);
	ser_tokenizer_json(t, &b);
	assert_true(fd >= 0 && write(fd, b.s, b.n) == (ssize_t)b.n);
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
	assert_int_equal(ser_option_set(r, t->own, value, &e), 0);
}

/* The parameters by the formula; factors on cosines begin at `scale`. */
static void fill(struct ser_params *p, const struct ser_val *list, double scale)
{
	for (size_t k = 0; k < list->u.list.n; k++) {
		const struct ser_val *v = &list->u.list.v[k], *name = need(v, "name");
		char text[256];
		snprintf(text, sizeof text, "%.*s", (int)name->u.str.n, name->u.str.s);
		int i = ser_params_find(p, text);
		if (i < 0)
			fail_msg("no parameter %s", text);
		const struct ser_slice *s = &p->slice[i];
		for (size_t j = 0; j < s->n; j++)
			p->val[s->at + j] = (real)(float)(number(need(v, "base")) +
							  number(need(v, "amp")) *
								  unit((uint32_t)j, (uint32_t)number(need(v, "seed"))));
		if (strstr(text, "logit_scale") != NULL)
			p->val[s->at] = (real)(float)log(scale);
	}
}

/* Against first numbers, sum and length of each; those that cancel, as keys' biases do, against the largest length of all. */
static void check(const char *what, const struct ser_params *p, const real *flat, const struct ser_val *want,
		  double tol)
{
	double largest = 0;
	for (size_t k = 0; k < want->u.map.n; k++)
		largest = fmax(largest, number(need(&want->u.map.f[k].val, "l2")));
	for (size_t k = 0; k < want->u.map.n; k++) {
		const struct ser_field *f = &want->u.map.f[k];
		const struct ser_val *first = need(&f->val, "first8");
		int i = ser_params_find(p, f->name);
		if (i < 0)
			fail_msg("no parameter %s", f->name);
		const real *x = flat + p->slice[i].at;
		double sum = 0, l2 = 0, n = (double)p->slice[i].n, size = number(need(&f->val, "l2"));
		for (size_t j = 0; j < p->slice[i].n; j++) {
			sum += (double)x[j];
			l2 += (double)x[j] * (double)x[j];
		}
		double room = tol * size + 1e-3 * tol * largest;
		if (!(fabs(sqrt(l2) - size) <= room) || !(fabs(sum - number(need(&f->val, "sum"))) <= room * sqrt(n)))
			fail_msg("%s: %s: length %g, sum %g, expected %g, %g", what, f->name, sqrt(l2), sum, size,
				 number(need(&f->val, "sum")));
		for (size_t j = 0; j < first->u.list.n; j++)
			if (!(fabs((double)x[j] - number(&first->u.list.v[j])) <= room))
				fail_msg("%s: %s: element %zu is %g, expected %g", what, f->name, j, (double)x[j],
					 number(&first->u.list.v[j]));
	}
}

struct kase {
	const char *name, *gender_mode, *target;
	bool mlp;
};
static const struct kase cases[] = {
	{"emotion softmax", NULL, "softmax", false},
	{"emotion rowsum", NULL, "rowsum", true},
	{"soft softmax", "soft", "softmax", true},
	{"soft rowsum", "soft", "rowsum", false},
	{"multitask softmax", "multitask", "softmax", false},
	{"multitask rowsum", "multitask", "rowsum", true},
};

/* Factors on cosines that were led out of [1, 100] are at its ends after a step. */
static void bounds(struct ser_trainer *t, const struct ser_params *p)
{
	static const char *const scale[] = {"heads.audio.logit_scale", "heads.text.logit_scale"};
	static const double led[] = {-1, 6}, end[] = {0, 4.605170185988092};
	struct ser_train_row row;
	struct ser_err e;
	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < 2; k++)
			p->val[p->slice[ser_params_find(p, scale[k])].at] = (real)led[i];
		assert_true(ser_trainer_step(t, &row, &e) >= 0);
		for (int k = 0; k < 2; k++)
			assert_true(fabs((double)p->val[p->slice[ser_params_find(p, scale[k])].at] - end[i]) <= 1e-6);
	}
}

static void ten_steps(const struct kase *k, const struct ser_val *all, const char *tokenizer, size_t accumulate)
{
	static const char *const text[] = {"vocab=261",    "dim=32",   "heads=4",   "ffn=64",        "layers=2",
					   "positions=40", "pooler=1", "dropout=0", "attn_dropout=0"};
	static const char *const mlp[] = {"hidden=6", "layers=1", "dropout=0"};
	const struct ser_val *want = need(all, k->name);
	struct ser_err e;
	struct ser_task task;
	struct ser_split split;
	struct ser_model *m;
	struct ser_trainer *t;
	struct ser_train_row row;
	struct ser_net_opts net = {.enc = {ser_encoder_defaults(), ser_encoder_defaults()}, .n_enc = 2, .spk = "spk"};
	struct ser_train_opts o = ser_train_defaults();
	struct ser_dataset *d = records();
	net.enc[0].arch = k->mlp ? "mlp" : "linear";
	net.enc[0].norm = SER_NORM_NONE;
	net.enc[0].hyper = (struct ser_strs){(const char **)(uintptr_t)mlp, k->mlp ? 3 : 0};
	net.enc[1].arch = "roberta";
	net.enc[1].tokenizer = tokenizer;
	net.enc[1].hyper = (struct ser_strs){(const char **)(uintptr_t)text, sizeof text / sizeof *text};
	ser_task_init(&task, ser_task_find("clap"));
	task.spk = "spk";
	task.n_hidden = 7;
	set(&task, "label", "emo");
	set(&task, "proj", "5");
	set(&task, "target", k->target);
	if (k->gender_mode != NULL) {
		set(&task, "gender", "sex");
		set(&task, "gender-mode", k->gender_mode);
		set(&task, "alpha", "0.8");
	}
	ser_task_name_all(&task, 1);
	o.n_epoch = N_STEP + 2;
	o.batch = N;
	o.accumulate = accumulate;
	o.mask.n_time = o.mask.n_freq = 0;
	o.opt.kind = SER_OPT_ADAM;
	o.opt.weight_decay = o.warmup = o.clip = 0;
	o.opt.eps = 1e-5;
	o.sched = SER_SCHED_CONST;
	o.lr = 0.002;
	o.tune[0].crop = 0;
	struct ser_split_opts so = {.spk = "spk"};
	assert_int_equal(ser_split_make(&split, d, &so, &e), 0);
	if (ser_net_new(&m, d, &split, &task, 1, &net, &e) != 0)
		fail_msg("%s", e.msg);
	fill(m->params, need(all, k->mlp ? "mlp" : "linear"), number(need(want, "scale")));
	if (ser_trainer_new(&t, d, &split, m, &task, 1, &o, 1, &e) != 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < N_STEP; i++) {
		double loss = number(&need(want, "losses")->u.list.v[i]);
		assert_true(ser_trainer_step(t, &row, &e) >= 0);
		if (!(fabs(row.loss - loss) <= (i == 0 ? 0.01 : 1) * later * loss))
			fail_msg("%s, %zu parts, step %zu: loss %.9g, expected %.9g", k->name, accumulate, i + 1,
				 row.loss, loss);
		if (i == 0)
			check(k->name, m->params, m->params->grad, need(want, "grads"), sizeof(real) > 4 ? 1e-6 : 5e-5);
	}
	check(k->name, m->params, m->params->val, need(want, "values"), later);
	bounds(t, m->params);
	ser_trainer_free(t);
	ser_model_free(m);
	ser_task_free(&task);
	ser_split_free(&split);
	ser_dataset_free(d);
}

static void steps(void **state)
{
	(void)state;
	struct source golden = {0};
	char path[32];
	assert_true(load(&golden, "tests/golden/clap.json", NULL));
	write_tokenizer(path);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ten_steps(&cases[i], &golden.all, path, 1);
		if (cases[i].mlp) /* whose batch norm is of a part */
			continue;
		ten_steps(&cases[i], &golden.all, path, 3);
		ten_steps(&cases[i], &golden.all, path, N + 1);
	}
	unlink(path);
	ser_arena_free(&golden.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(steps)};
	return cmocka_run_group_tests_name("clap", tests, NULL, NULL);
}
