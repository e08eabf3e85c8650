/* SPDX-License-Identifier: MIT */
/* lib/train from inside: who trains, which units a step takes, what is learnt of them, what a fingerprint depends on. */
#include "train/private.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { N = 24, DIM = 3, N_SPK = 4 };
static const char *const emos[] = {"angry", "calm", "sad"};

/* What a record says. */
struct said {
	const char *split;
	double value;
	float shift; /* added to its features */
};

/* N records: speaker i % 4, fold i % 2, cluster i / 4 % 2, class i % 3; x[.][2] is constant. Written in the order of `step`. */
static struct ser_dataset *data_of(size_t step, const struct said *said)
{
	static const char *const labels[] = {"spk", "fold", "split", "cluster", "emo", "value", "vote.a", "vote.b"};
	struct ser_err e;
	struct ser_header h;
	struct ser_record r = {0};
	char path[] = "/tmp/test_train.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	ser_header_init(&h);
	struct ser_writer *w = ser_writer_new(fd, "memory", &h);
	for (size_t k = 0; k < N; k++) {
		size_t i = k * step % N;
		char id[8], spk[8];
		float x[2 * DIM];
		for (size_t j = 0; j < 2 * DIM; j++)
			x[j] = j % DIM == 2 ? 7 : (float)sin((double)(i * 10 + j));
		x[0] += said != NULL ? said[i].shift : 0;
		snprintf(id, sizeof id, "u%02zu", i);
		snprintf(spk, sizeof spk, "s%zu", i % N_SPK);
		ser_record_set(&r, "id", ser_str(id));
		ser_record_set(&r, "spk", ser_str(spk));
		ser_record_set(&r, "fold", ser_int((int64_t)(i % 2)));
		ser_record_set(&r, "cluster", ser_int((int64_t)(i / 4 % 2)));
		ser_record_set(&r, "emo", ser_str(emos[i % 3]));
		ser_record_set(&r, "value", ser_real(said != NULL ? said[i].value : (double)i));
		ser_record_set(&r, "vote.a", ser_int((int64_t)(i % 3)));
		ser_record_set(&r, "vote.b", ser_int(i % 3 == 0 ? 0 : 1));
		ser_record_set(&r, "split", said != NULL && said[i].split != NULL ? ser_str(said[i].split) : ser_nil());
		ser_record_set(&r, "feat", ser_f4(x, 2, (size_t[]){2, DIM}));
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

static struct ser_split split_of(const struct ser_dataset *d, struct ser_split_opts o)
{
	struct ser_split s;
	struct ser_err e;
	o.spk = "spk";
	o.fold = "fold";
	if (ser_split_make(&s, d, &o, &e) != 0)
		fail_msg("%s", e.msg);
	return s;
}

static void set(struct ser_task *t, const char *name, const char *value)
{
	struct ser_err e;
	for (const struct ser_option *r = t->kind->options; r->name != NULL; r++)
		if (strcmp(r->name, name) == 0) {
			assert_int_equal(ser_option_set(r, t->own, value, &e), 0);
			return;
		}
	fail_msg("%s has no option %s", t->kind->name, name);
}

/* ---- who trains ---- */

static void splits(void **state)
{
	(void)state;
	struct ser_dataset *d = data_of(1, NULL);
	struct ser_split s = split_of(d, (struct ser_split_opts){.test_fold = "1"});
	for (size_t i = 0; i < N; i++)
		assert_int_equal(s.role[i], i % 2 == 1 ? SER_ROLE_OUT : SER_ROLE_TRAIN);
	assert_true(s.spk_train == 2 && s.spk_out == 2 && s.n_train == N / 2 && s.n_dev == 0);
	ser_split_free(&s);
	const char *dev[] = {"s2"};
	s = split_of(d, (struct ser_split_opts){.test_fold = "1", .dev_spk = dev, .n_dev_spk = 1});
	for (size_t i = 0; i < N; i++)
		assert_int_equal(s.role[i], i % 2 == 1 ? SER_ROLE_OUT : i % 4 == 2 ? SER_ROLE_DEV : SER_ROLE_TRAIN);
	ser_split_free(&s);
	s = split_of(d, (struct ser_split_opts){.dev_frac = 0.25, .seed = 3});
	assert_true(s.spk_dev == 1 && s.spk_train == 3);
	ser_split_free(&s);
	s = split_of(d, (struct ser_split_opts){.dev_frac = 0.5, .dev_by_item = true});
	assert_true(s.spk_dev == 4 && s.spk_train == 4 && s.n_dev == N / 2);
	ser_split_free(&s);
	s = split_of(d, (struct ser_split_opts){.dev_frac = 0.99,
						.dev_by_item = true}); /* one of each is left to train on */
	assert_true(s.spk_dev == 4 && s.spk_train == 4 && s.n_train == 4);
	ser_split_free(&s);
	struct said said[N] = {{0}};
	for (size_t i = 0; i < N; i++)
		said[i].split = i % 4 == 0 ? "test" : i % 4 == 1 ? "dev" : i % 4 == 2 ? "train" : NULL;
	struct ser_dataset *q = data_of(1, said);
	s = split_of(q, (struct ser_split_opts){.split = "split"});
	assert_true(s.split_out == 6 && s.split_dev == 6 && s.n_out == 6 && s.n_dev == 6 && s.n_train == 12);
	ser_split_free(&s);
	s = split_of(q, (struct ser_split_opts){0});
	assert_int_equal(s.n_train, N);
	ser_split_free(&s);
	struct ser_err e;
	said[4].split = "train"; /* of the same speaker as a test record */
	struct ser_dataset *shared = data_of(1, said);
	struct ser_split_opts o = {.spk = "spk", .split = "split"};
	assert_int_equal(ser_split_make(&s, shared, &o, &e), SER_EPROTO);
	assert_non_null(strstr(e.msg, "\"s0\" (training and test)"));
	ser_dataset_free(d);
	ser_dataset_free(q);
	ser_dataset_free(shared);
}

/* ---- samplers ---- */

struct scene {
	struct ser_dataset *d;
	struct ser_split s;
	struct ser_model *m;
	struct ser_task t[3];
	size_t n;
	struct ser_draw w;
	struct ser_batch b;
};

/* The tasks' options are set already. */
static void begin(struct scene *x, size_t step, struct ser_split_opts o)
{
	struct ser_err e;
	x->d = data_of(step, NULL);
	x->s = split_of(x->d, o);
	ser_task_name_all(x->t, x->n);
	assert_int_equal(ser_model_new(&x->m, "linear", NULL, 0, 1, &e), 0);
	ser_model_input(x->m, "feat", DIM, NULL, SER_NORM_GLOBAL);
	for (size_t k = 0; k < x->n; k++)
		if (x->t[k].kind->read != NULL)
			assert_int_equal(x->t[k].kind->read(&x->t[k], x->d, 0, &e), 0);
	if (ser_train_heads(x->m, x->d, &x->s, x->t, x->n, &e) != 0 || ser_model_build(x->m, &e) != 0)
		fail_msg("%s", e.msg);
	for (size_t k = 0; k < x->n; k++)
		if (x->t[k].kind->targets != NULL && x->t[k].kind->targets(&x->t[k], x->d, &x->s, x->m, &e) != 0)
			fail_msg("%s", e.msg);
	x->w = (struct ser_draw){
		.d = x->d, .s = &x->s, .task = x->t, .n_task = x->n, .seed = 5, .batch = 5, .rank = 0, .size = 1};
	train_batch_init(&x->b, x->d->n);
}

static void end(struct scene *x)
{
	for (size_t k = 0; k < x->n; k++)
		ser_task_free(&x->t[k]);
	train_batch_free(&x->b);
	ser_model_free(x->m);
	ser_split_free(&x->s);
	ser_dataset_free(x->d);
}

static void classifier(struct ser_task *t, const char *label)
{
	ser_task_init(t, ser_task_find("classify"));
	set(t, "label", label);
}

/* Each record once an epoch, batches that differ by one, parts that make the whole, whatever the order of the input. */
static void items(void **state)
{
	(void)state;
	char first[2][N * 8] = {"", ""};
	for (size_t k = 0; k < 2; k++) {
		struct scene x = {.n = 1};
		struct ser_sampler *s;
		struct ser_err e;
		classifier(&x.t[0], "emo");
		begin(&x, k == 0 ? 1 : 5, (struct ser_split_opts){.test_fold = "1"});
		assert_int_equal(train_sample_items(&s, &x.w, &e), 0);
		assert_int_equal(s->n_train, N / 2);
		assert_int_equal(s->per_epoch, 3);
		for (uint64_t epoch = 0; epoch < 2; epoch++) {
			int seen[N] = {0};
			for (uint64_t step = 3 * epoch; step < 3 * epoch + 3; step++) {
				train_batch_clear(&x.b);
				s->part(s, step, 0, 1, &x.b);
				assert_int_equal(x.b.n, 4);
				size_t whole[N], n = 0;
				memcpy(whole, x.b.row, x.b.n * sizeof *whole);
				for (size_t i = 0; i < 4; i++) {
					seen[whole[i]]++;
					strcat(strcat(first[k], x.d->item[whole[i]].id), " ");
				}
				for (size_t p = 0; p < 3; p++) {
					train_batch_clear(&x.b);
					s->part(s, step, p, 3, &x.b);
					for (size_t i = 0; i < x.b.n; i++)
						assert_int_equal(x.b.row[i], whole[n++]);
				}
				assert_int_equal(n, 4);
			}
			for (size_t i = 0; i < N; i++)
				assert_int_equal(seen[i], x.s.role[i] == SER_ROLE_TRAIN);
		}
		assert_memory_not_equal(first[k], first[k] + strlen(first[k]) / 2, 12); /* another order each epoch */
		s->free(s);
		end(&x);
	}
	assert_string_equal(first[0], first[1]);
}

static void balanced(void **state)
{
	(void)state;
	struct scene x = {.n = 1};
	struct ser_sampler *s;
	struct ser_err e;
	classifier(&x.t[0], "vote.a"); /* 0 1 2, once each three */
	const char *dev[] = {"s0"};
	begin(&x, 1, (struct ser_split_opts){.dev_spk = dev, .n_dev_spk = 1});
	x.w.balanced = true;
	for (size_t i = 0; i < N; i++) /* one class is rare */
		x.t[0].code[i] = x.t[0].code[i] == 2 && i > 5 ? 0 : x.t[0].code[i];
	assert_int_equal(train_sample_items(&s, &x.w, &e), 0);
	size_t count[3] = {0};
	s->order = ser_malloc(s->n_train, sizeof *s->order);
	s->shuffle(s, 1);
	for (size_t i = 0; i < s->n_train; i++)
		count[x.t[0].code[s->order[i]]]++;
	assert_true(count[0] == 6 && count[1] == 6 && count[2] == 6);
	/* every record that validates once, shared by two processes */
	int seen[N] = {0};
	s->w.size = 2;
	for (s->w.rank = 0; s->w.rank < 2; s->w.rank++) {
		train_batch_clear(&x.b);
		for (size_t i = 0; s->validate(s, &i, &x.b); train_batch_clear(&x.b))
			for (size_t r = 0; r < x.b.n; r++)
				seen[x.b.row[r]]++;
	}
	for (size_t i = 0; i < N; i++)
		assert_int_equal(seen[i], i % 4 == 0);
	s->free(s);
	end(&x);
}

/* Positives are of the anchor's speaker and cluster, negatives of its speaker's other cluster; validation is the same each time. */
static void clusters(void **state)
{
	(void)state;
	struct scene x = {.n = 1};
	struct ser_sampler *s;
	struct ser_err e;
	struct sets sets = {0};
	ser_task_init(&x.t[0], ser_task_find("contrastive"));
	begin(&x, 7, (struct ser_split_opts){.dev_frac = 0.25, .seed = 1});
	assert_int_equal(train_sample_clusters(&s, &x.w, "spk", "cluster", 2, 2, &sets, &e), 0);
	assert_true(s->n_train == 3 && s->n_dev == 1 && s->per_epoch == 3);
	const struct ser_label *spk = ser_dataset_label(x.d, "spk"), *clu = ser_dataset_label(x.d, "cluster");
	for (uint64_t step = 0; step < 20; step++) {
		size_t n = 0;
		for (size_t p = 0; p < 2; p++) {
			train_batch_clear(&x.b);
			s->part(s, step, p, 2, &x.b);
			n += sets.r.n_anchor;
			for (size_t i = 0; i < sets.r.n_anchor; i++) {
				size_t a = x.b.row[sets.anchor[i]];
				assert_true(x.s.role[a] == SER_ROLE_TRAIN && sets.pos_at[i + 1] > sets.pos_at[i]);
				for (size_t k = sets.pos_at[i]; k < sets.pos_at[i + 1]; k++) {
					size_t b = x.b.row[sets.pos[k]];
					assert_true(b != a && spk->code[a] == spk->code[b] &&
						    clu->code[a] == clu->code[b]);
				}
				for (size_t k = sets.neg_at[i]; k < sets.neg_at[i + 1]; k++) {
					size_t b = x.b.row[sets.neg[k]];
					assert_true(spk->code[a] == spk->code[b] && clu->code[a] != clu->code[b]);
				}
			}
		}
		assert_int_equal(n, 8);
	}
	size_t met[2][N], n_met[2];
	for (int k = 0; k < 2; k++) {
		size_t i = 0;
		train_batch_clear(&x.b);
		assert_true(s->validate(s, &i, &x.b));
		n_met[k] = x.b.n;
		memcpy(met[k], x.b.row, x.b.n * sizeof *met[k]);
		train_batch_clear(&x.b);
		assert_false(s->validate(s, &i, &x.b));
	}
	assert_true(n_met[0] == 4 && n_met[1] == 4 && memcmp(met[0], met[1], sizeof *met[0] * 4) == 0);
	s->free(s);
	train_sets_free(&sets);
	end(&x);
}

/* Of each cluster floor(N / clusters) + 1, N in all; without repetition where the cluster has more; passes of records without and
 * with another label. */
static void uniform(void **state)
{
	(void)state;
	enum { BIG = 18, SMALL = N - BIG };
	struct scene x = {.n = 2};
	struct ser_sampler *s;
	struct ser_err e;
	struct pass p;
	ser_task_init(&x.t[0], ser_task_find("deepcluster"));
	set(&x.t[0], "clusters", "4");
	ser_task_init(&x.t[1], ser_task_find("regress"));
	set(&x.t[1], "label", "value");
	begin(&x, 1, (struct ser_split_opts){0});
	int32_t *code = x.t[0].code;
	for (size_t i = SMALL; i < N; i++)
		x.t[1].code[i] = -1;
	assert_int_equal(train_sample_uniform(&s, &x.w, &x.t[0], &e), 0);
	assert_true(s->n_train == N && s->per_epoch == 4 + 2); /* batches of 5 */
	for (uint64_t step = 0; step < 12; step++) {
		assert_int_equal(train_uniform_pass(s, step, &p), step % 6 == 0 || step % 6 == 4);
		assert_true(p.number == step / 6 * 2 + (step % 6 >= 4) + 1 && p.unlabelled == (step % 6 < 4));
		assert_int_equal(p.n, p.unlabelled ? BIG : SMALL);
		for (size_t i = 0; i < p.n; i++)
			assert_int_equal(p.item[i] >= SMALL, p.unlabelled);
	}
	train_uniform_pass(s, 0, &p);
	for (size_t i = 0; i < BIG; i++) /* clusters of 12, 5, 1 and none: 7 each, 3 of the 21 are cut off */
		code[p.item[i]] = i < 12 ? 0 : i < 17 ? 1 : 2;
	size_t times[N] = {0}, of[3] = {0}, n_row = 0;
	for (uint64_t step = 0; step < 4; step++)
		for (size_t part = 0; part < 2; part++) {
			train_batch_clear(&x.b);
			s->part(s, step, part, 2, &x.b);
			n_row += x.b.n;
		}
	for (size_t i = 0; i < BIG; i++) {
		times[s->order[i]]++;
		of[code[s->order[i]]]++;
	}
	assert_true(of[0] <= 7 && of[1] <= 7 && of[2] <= 7 && of[0] >= 4 && of[1] >= 4);
	for (size_t i = 0; i < BIG; i++)
		assert_true(i >= 12 || times[p.item[i]] <= 1);
	assert_int_equal(times[p.item[17]], of[2]);
	assert_true(n_row >= 12 && n_row <= BIG); /* of a batch's part each record once */
	s->free(s);
	end(&x);
}

/* A record counts where any task can learn from it. */
static void any_task(void **state)
{
	(void)state;
	struct scene x = {.n = 2};
	struct ser_sampler *s;
	struct ser_err e;
	classifier(&x.t[0], "emo");
	ser_task_init(&x.t[1], ser_task_find("regress"));
	set(&x.t[1], "label", "value");
	begin(&x, 1, (struct ser_split_opts){0});
	for (size_t i = 0; i < N; i++) {
		x.t[0].code[i] = i < 10 ? x.t[0].code[i] : -1;
		x.t[1].code[i] = i < 20 ? 0 : -1;
	}
	assert_int_equal(train_sample_items(&s, &x.w, &e), 0);
	assert_int_equal(s->n_train, 20);
	s->free(s);
	end(&x);
}

/* ---- targets ---- */

static void targets(void **state)
{
	(void)state;
	struct scene x = {.n = 3};
	classifier(&x.t[0], "emo");
	set(&x.t[0], "class-weight", "balanced");
	classifier(&x.t[1], "emo");
	set(&x.t[1], "votes", "vote.a");
	set(&x.t[1], "votes", "vote.b");
	ser_task_init(&x.t[2], ser_task_find("regress"));
	set(&x.t[2], "label", "value");
	begin(&x, 1, (struct ser_split_opts){.test_fold = "1"});
	assert_string_equal(x.t[1].name, "emo2");
	assert_string_equal(x.m->head[x.t[1].head].out[1], "b");
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(x.t[0].code[i], (int32_t)(i % 3));
		/* votes 0:0 say nothing; 1:1 and 2:1 do; the label is none of their classes, so the greatest is */
		assert_int_equal(x.t[1].code[i], i % 3 == 0 ? -1 : 0);
	}
	train_batch_clear(&x.b);
	for (size_t i = 0; i < 4; i++)
		train_batch_row(&x.b, i);
	assert_float_equal(x.t[0].kind->weight(&x.t[0], &x.b), 4, 1e-6); /* classes are as many */
	assert_float_equal(x.t[1].kind->weight(&x.t[1], &x.b), 2, 0);
	/* - sum of shares times ln p, of rows 1 (1:1) and 2 (2:1) */
	struct ser_tape *t = ser_tape_new(NULL, x.m->params);
	const real out[8] = {9, 9, 1, 2, 0, 1, 5, 5};
	ser_tape_reset(t, 0, 0);
	int l = x.t[1].kind->loss(&x.t[1], t, ser_tape_input(t, out, 4, 2, NULL, 0), &x.b, 0, 4, 2);
	double lse = log(1 + exp(1.0)), want = (0.5 * lse + 0.5 * (lse - 1) + 2 / 3.0 * lse + 1 / 3.0 * (lse - 1)) / 2;
	assert_float_equal(ser_tape_scalar(t, l), want, 1e-6);
	/* the head of values begins at the training mean */
	const struct ser_params *p = x.m->params;
	assert_float_equal(p->val[p->slice[ser_params_find(p, "heads.values.out.bias")].at], 11, 1e-6);
	ser_tape_free(t);
	end(&x);
}

static void mean_over_values(void **state)
{
	(void)state;
	struct scene x = {.n = 1};
	ser_task_init(&x.t[0], ser_task_find("regress"));
	set(&x.t[0], "label", "value");
	set(&x.t[0], "label", "vote.a");
	set(&x.t[0], "loss", "mse");
	begin(&x, 1, (struct ser_split_opts){0});
	train_batch_clear(&x.b);
	train_batch_row(&x.b, 4); /* 4, 1 */
	train_batch_row(&x.b, 5); /* 5, 2 */
	struct ser_tape *t = ser_tape_new(NULL, x.m->params);
	const real out[4] = {4, 2, 8, 2};
	ser_tape_reset(t, 0, 0);
	int l = x.t[0].kind->loss(&x.t[0], t, ser_tape_input(t, out, 2, 2, NULL, 0), &x.b, 0, 2, 2);
	assert_float_equal(ser_tape_scalar(t, l), (0 + 1 + 9 + 0) / 4.0, 1e-6); /* torch.nn.functional.mse_loss */
	ser_tape_free(t);
	end(&x);
}

/* The loss of a task over outputs of all rows of the batch, and the naive one. */
static void expect(struct scene *x, struct ser_tape *t, const real *out, size_t n_col, double want)
{
	struct ser_task *k = &x->t[0];
	ser_tape_reset(t, 0, 0);
	int l = k->kind->loss(k, t, ser_tape_input(t, out, x->b.n, n_col, NULL, 0), &x->b, 0, x->b.n,
			      k->kind->weight(k, &x->b));
	assert_float_equal(ser_tape_scalar(t, l), want, 2e-6);
}

static void class_losses(void **state)
{
	(void)state;
	struct scene x = {.n = 1};
	classifier(&x.t[0], "emo");
	begin(&x, 1, (struct ser_split_opts){0});
	train_batch_clear(&x.b);
	for (size_t i = 0; i < 3; i++)
		train_batch_row(&x.b, i); /* of classes 0, 1, 2 */
	struct ser_tape *t = ser_tape_new(NULL, x.m->params);
	const real out[9] = {1, 0, -1, (real)0.5, 2, 0, 0, 1, (real)-0.25};
	double ce = 0, focal = 0, bce = 0;
	for (int i = 0; i < 3; i++) {
		double sum = 0, p;
		for (int k = 0; k < 3; k++)
			sum += exp((double)out[3 * i + k]);
		p = exp((double)out[3 * i + i]) / sum;
		ce -= log(p) / 3;
		focal -= pow(1 - p, 1.5) * log(p) / 3;
		for (int k = 0; k < 3; k++) {
			double s = 1 / (1 + exp((double)-out[3 * i + k]));
			bce -= log(k == i ? s : 1 - s) / 3;
		}
	}
	expect(&x, t, out, 3, ce);
	set(&x.t[0], "loss", "focal");
	set(&x.t[0], "gamma", "1.5");
	expect(&x, t, out, 3, focal);
	set(&x.t[0], "loss", "bce");
	expect(&x, t, out, 3, bce);
	ser_tape_free(t);
	end(&x);
}

static double dot(const real *z, int i, int j)
{
	return (double)z[2 * i] * (double)z[2 * j] + (double)z[2 * i + 1] * (double)z[2 * j + 1];
}

static double far_apart(const real *z, int i, int j)
{
	return sqrt(pow((double)z[2 * i] - (double)z[2 * j], 2) + pow((double)z[2 * i + 1] - (double)z[2 * j + 1], 2));
}

/* One speaker, clusters of two: rows 0 1 | 2 3. Each anchor has one positive and two negatives. */
static void pair_losses(void **state)
{
	(void)state;
	struct scene x = {.n = 1};
	struct ser_err e;
	ser_task_init(&x.t[0], ser_task_find("contrastive"));
	set(&x.t[0], "tau", "0.5");
	set(&x.t[0], "batch-speakers", "1");
	set(&x.t[0], "batch-per-cluster", "2");
	begin(&x, 1, (struct ser_split_opts){0});
	assert_int_equal(x.t[0].kind->sampler(&x.t[0], &x.w, &x.t[0].sampler, &e), 0);
	x.t[0].sampler->part(x.t[0].sampler, 0, 0, 1, &x.b);
	assert_int_equal(x.b.n, 4);
	struct ser_tape *t = ser_tape_new(NULL, x.m->params);
	const real z[8] = {1, 0, (real)0.6, (real)0.8, 0, 1, (real)-0.8, (real)0.6};
	double sets = 0, two_way = 0, nt = 0, supcon = 0, triplet = 0;
	for (int a = 0; a < 4; a++) {
		int p = a ^ 1, other = a < 2 ? 2 : 0;
		double sp = exp(dot(z, a, p) / 0.5), sn = 0, all = 0, side = 0;
		for (int j = 0; j < 4; j++) {
			double s = exp(dot(z, a, j) / 0.5);
			sn += j / 2 != a / 2 ? s : 0;
			all += j != a ? s : 0;
			side += exp(dot(z, a, j ^ 1) / 0.5);
		}
		sets -= log(sp / (sp + sn)) / 4;
		supcon -= log(sp / all) / 4;
		two_way -= log(sp / side) / 4; /* both directions are alike here */
		for (int j = other; j < other + 2; j++)
			triplet += fmax(0, far_apart(z, a, p) - far_apart(z, a, j) + 0.5) / 8;
		/* of 8 rows, each record twice: the other side's copy of itself and of its positive */
		double both = 0;
		for (int j = 0; j < 4; j++)
			both += (j != a ? 1 : 0) * exp(dot(z, a, j) / 0.5) + exp(dot(z, a, j ^ 1) / 0.5);
		nt -= log(sp / both) / 4;
	}
	expect(&x, t, z, 2, sets);
	set(&x.t[0], "loss", "supcon");
	expect(&x, t, z, 2, supcon);
	set(&x.t[0], "loss", "infonce");
	expect(&x, t, z, 2, two_way);
	set(&x.t[0], "loss", "nt-xent");
	expect(&x, t, z, 2, nt);
	set(&x.t[0], "loss", "triplet");
	expect(&x, t, z, 2, triplet);
	ser_tape_free(t);
	end(&x);
}

static void lost_values(void **state)
{
	(void)state;
	struct said said[N];
	struct ser_err e;
	for (size_t i = 0; i < N; i++)
		said[i] = (struct said){.value = i == 6 ? NAN : i == 8 ? INFINITY : (double)i};
	struct ser_dataset *d = data_of(1, said);
	struct ser_split s = split_of(d, (struct ser_split_opts){.test_fold = "1"});
	struct ser_task t;
	struct ser_model *m;
	ser_task_init(&t, ser_task_find("regress"));
	set(&t, "label", "value");
	ser_task_name_all(&t, 1);
	assert_int_equal(ser_model_new(&m, "linear", NULL, 0, 1, &e), 0);
	ser_model_input(m, "feat", DIM, NULL, SER_NORM_NONE);
	assert_true(ser_train_heads(m, d, &s, &t, 1, &e) == 0 && ser_model_build(m, &e) == 0);
	assert_int_equal(t.kind->targets(&t, d, &s, m, &e), 0);
	assert_string_equal(t.note.s,
			    "2 of 12 records take no part: \"value\" is no finite number, the first is \"u06\"");
	ser_task_free(&t);
	ser_model_free(m);
	ser_split_free(&s);
	ser_dataset_free(d);
}

/* ---- the trainer ---- */

/* The loss of a first step, of its parts, and the fingerprint, of a training of its own. */
static double first_loss(const struct said *said, size_t n_task, const struct ser_train_opts *o, double part[2],
			 uint64_t *print, double *std)
{
	struct ser_dataset *d = data_of(1, said);
	struct ser_split s = split_of(d, (struct ser_split_opts){.test_fold = "1"});
	struct ser_task t[2];
	struct ser_model *m;
	struct ser_trainer *tr;
	struct ser_train_row row;
	struct ser_err e;
	classifier(&t[0], "emo");
	ser_task_init(&t[1], ser_task_find("regress"));
	set(&t[1], "label", "value");
	set(&t[1], "loss", "mse");
	t[1].weight = 0.25;
	ser_task_name_all(t, n_task);
	assert_int_equal(ser_model_new(&m, "linear", NULL, 0, 1, &e), 0);
	ser_model_input(m, "feat", DIM, NULL, SER_NORM_GLOBAL);
	assert_true(ser_train_heads(m, d, &s, t, n_task, &e) == 0 && ser_model_build(m, &e) == 0);
	if (ser_trainer_new(&tr, d, &s, m, t, n_task, o, 1, &e) != 0 || ser_trainer_step(tr, &row, &e) < 0)
		fail_msg("%s", e.msg);
	*print = train_fingerprint(tr);
	part[0] = row.part[0];
	part[1] = row.part[1];
	*std = (double)m->params->val[m->params->slice[ser_params_find(m->params, "input.std")].at + 2];
	ser_trainer_free(tr);
	for (size_t k = 0; k < 2; k++)
		ser_task_free(&t[k]);
	ser_model_free(m);
	ser_split_free(&s);
	ser_dataset_free(d);
	return row.loss;
}

static void sums(void **state)
{
	(void)state;
	struct ser_train_opts o = ser_train_defaults();
	struct said said[N];
	double one[2], two[2], std;
	uint64_t a, b, c;
	for (size_t i = 0; i < N; i++)
		said[i] = (struct said){.value = (double)i};
	o.mask.n_time = o.mask.n_freq = 0;
	double alone = first_loss(said, 1, &o, one, &a, &std), both = first_loss(said, 2, &o, two, &b, &std);
	assert_float_equal(alone, one[0], 0);
	assert_float_equal(two[0], one[0], 1e-7);
	assert_float_equal(both, two[0] + 0.25 * two[1], 1e-6);
	assert_true(a != b);
	assert_float_equal(std, 0, 0); /* the dimension that is constant in training */
	/* what a checkpoint is of: the same again; another feature, label, side or option */
	first_loss(said, 1, &o, one, &c, &std);
	assert_true(a == c);
	said[1].shift = 1e-3f; /* of a record that is left out, too */
	first_loss(said, 1, &o, one, &c, &std);
	assert_true(a != c);
	said[1].shift = 0;
	said[3].value = -1;
	first_loss(said, 1, &o, one, &c, &std);
	assert_true(a != c);
	said[3].value = 3;
	o.print = 1;
	first_loss(said, 1, &o, one, &c, &std);
	assert_true(a != c);
}

enum { N_EPOCH = 40 };
/* A training whose validation soon gets no better; in two parts, the second from a checkpoint of epoch `cut`, unless that is 0. */
static void plateau_run(size_t cut, double lr[N_EPOCH], real *val)
{
	struct ser_dataset *d = data_of(1, NULL);
	struct ser_split s = split_of(d, (struct ser_split_opts){.dev_frac = 0.25});
	struct ser_train_opts o = ser_train_defaults();
	char path[] = "/tmp/test_train.XXXXXX", *note = NULL;
	int fd = mkstemp(path);
	o.n_epoch = N_EPOCH;
	o.sched = SER_SCHED_PLATEAU;
	o.warmup = 0;
	o.opt.ema = 0.5;
	for (int half = 0; half < 2; half++) {
		struct ser_task t;
		struct ser_model *m;
		struct ser_trainer *tr;
		struct ser_train_row row;
		struct ser_err e;
		classifier(&t, "emo");
		ser_task_name_all(&t, 1);
		assert_int_equal(ser_model_new(&m, "linear", NULL, 0, 1, &e), 0);
		ser_model_input(m, "feat", DIM, NULL, SER_NORM_GLOBAL);
		assert_true(ser_train_heads(m, d, &s, &t, 1, &e) == 0 && ser_model_build(m, &e) == 0);
		assert_int_equal(ser_trainer_new(&tr, d, &s, m, &t, 1, &o, 1, &e), 0);
		if (half == 1 && cut > 0)
			assert_int_equal(ser_trainer_resume(tr, path, &note, &e), 0);
		for (int more = 1; more > 0;) {
			more = ser_trainer_step(tr, &row, &e);
			assert_true(more >= 0 && row.end_of_epoch);
			lr[row.epoch - 1] = row.lr;
			if (half == 0 && row.epoch == cut) {
				assert_int_equal(ser_trainer_save(tr, path, "", &e), 0);
				break;
			}
		}
		memcpy(val, m->params->val, m->params->n * sizeof *val);
		ser_trainer_free(tr);
		ser_task_free(&t);
		ser_model_free(m);
		if (cut == 0)
			break;
	}
	free(note);
	unlink(path);
	close(fd);
	ser_split_free(&s);
	ser_dataset_free(d);
}

/* The rate falls, and when, what it has fallen to and for how long nothing was better survive a checkpoint. */
static void plateau(void **state)
{
	(void)state;
	double one[N_EPOCH], two[N_EPOCH];
	real a[256] = {0}, b[256] = {0};
	plateau_run(0, one, a);
	assert_true(one[N_EPOCH - 1] < one[0] / 3);
	for (size_t cut = 7; cut < N_EPOCH; cut += 4) {
		memset(two, 0, sizeof two);
		plateau_run(cut, two, b);
		assert_memory_equal(one, two, sizeof one);
		assert_memory_equal(a, b, sizeof a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits),       cmocka_unit_test(items),
		cmocka_unit_test(balanced),     cmocka_unit_test(uniform),
		cmocka_unit_test(clusters),     cmocka_unit_test(any_task),
		cmocka_unit_test(targets),      cmocka_unit_test(mean_over_values),
		cmocka_unit_test(lost_values),  cmocka_unit_test(sums),
		cmocka_unit_test(class_losses), cmocka_unit_test(pair_losses),
		cmocka_unit_test(plateau),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
