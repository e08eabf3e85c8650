/* SPDX-License-Identifier: MIT */
/* Central differences against the tape's gradients, for every operator and loss. They need double: make check-grad builds it
 * so. In single precision each case runs, and its gradients must be finite. */
#include "nn/nn.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "nn_cases.h"

static double run(struct ser_tape *t, const struct kase *k, unsigned mode, struct ser_err *e)
{
	int loss;
	case_run(t, k, mode, &loss);
	double v = (mode & SER_TAPE_SHAPE) != 0 ? 0 : ser_tape_scalar(t, loss);
	if ((mode & SER_TAPE_GRAD) != 0)
		assert_int_equal(ser_tape_backward(t, loss, 1, e), 0);
	case_done();
	return v;
}

static void check(void **state)
{
	const struct kase *k = *state;
	struct ser_err e = {0};
	struct ser_params *p = ser_params_new(3);
	struct ser_tape *t = ser_tape_new(NULL, p);
	for (int i = 0; i < 6 && k->in[i].r > 0; i++) {
		char name[16];
		snprintf(name, sizeof name, "x%d", i);
		ser_params_add(p, name, 0, (struct ser_init){SER_INIT_NORMAL, 1}, 2,
			       (size_t[]){k->in[i].r, k->in[i].c});
	}
	if (strncmp(k->name, "batch_norm", 10) == 0) { /* running statistics: positive, no gradient */
		for (size_t i = p->n_slice - 2; i < p->n_slice; i++) {
			p->slice[i].flags |= SER_P_BUFFER;
			for (size_t j = 0; j < p->slice[i].n; j++)
				p->val[p->slice[i].at + j] = fabs(p->val[p->slice[i].at + j]) + (real)0.5;
		}
	}
	run(t, k, SER_TAPE_SHAPE | k->mode, &e);
	ser_params_zero_grad(p);
	run(t, k, SER_TAPE_GRAD | k->mode, &e);
	for (size_t i = 0; i < p->n_slice; i++) {
		const struct ser_slice *s = &p->slice[i];
		if ((s->flags & SER_P_BUFFER) != 0)
			continue;
		if (sizeof(real) < sizeof(double)) {
			for (size_t j = 0; j < s->n; j++)
				assert_true(isfinite(p->grad[s->at + j]));
			continue;
		}
		double worst = 0, largest = 0;
		for (size_t j = 0; j < s->n; j++) {
			real *v = p->val + s->at + j, old = *v;
			double h = 1e-5;
			*v = old + (real)h;
			double up = run(t, k, k->mode, &e);
			*v = old - (real)h;
			double down = run(t, k, k->mode, &e);
			*v = old;
			double num = (up - down) / (2 * h), ana = (double)p->grad[s->at + j], err = fabs(num - ana);
			worst = !(err <= worst) ? err : worst;
			largest = fmax(largest, fabs(ana));
		}
		/* a bias before a normalisation or of attention's keys has no gradient: then the difference itself must vanish */
		bool none = strcmp(s->name, "c.bias") == 0 || strcmp(s->name, "x1") == 0 || largest < 1e-9;
		if (!(worst <= 1e-6 * (none ? fmax(largest, 1e-3) : largest)))
			fail_msg("%s: gradient of %s is off by %g, its largest is %g", k->name, s->name, worst,
				 largest);
		if (s->name[0] == 'x' && strcmp(k->name, "expand") != 0 && !(largest > 0))
			fail_msg("%s: gradient of %s is zero", k->name, s->name);
	}
	ser_tape_free(t);
	ser_params_free(p);
}

/* What is not a derivative: reversal. */
static int n_reverse(struct ser_tape *t, const int *x)
{
	return ser_nn_reverse_grad(t, ser_nn_scale(t, x[0], 2), 0.3);
}

static void special(void **state)
{
	(void)state;
	struct ser_err e = {0};
	const struct kase rev = {"reverse", n_reverse, {{1, 1}}, 0};
	struct ser_params *p = ser_params_new(3);
	struct ser_tape *t = ser_tape_new(NULL, p);
	ser_params_add(p, "x", 0, (struct ser_init){SER_INIT_CONST, 3}, 2, (size_t[]){1, 1});
	assert_true(fabs(run(t, &rev, SER_TAPE_GRAD, &e) - 6) <= 1e-6);
	assert_true(fabs((double)p->grad[0] + 0.6) <= 1e-6); /* 2 * -0.3 */
	ser_tape_free(t);
	ser_params_free(p);
}

int main(void)
{
	enum { N = sizeof cases / sizeof *cases };
	struct CMUnitTest tests[N + 1];
	for (int i = 0; i < N; i++)
		tests[i] = (struct CMUnitTest){cases[i].name, check, NULL, NULL, (void *)&cases[i]};
	tests[N] = (struct CMUnitTest)cmocka_unit_test(special);
	return _cmocka_run_group_tests("gradients", tests, N + 1, NULL, NULL);
}
