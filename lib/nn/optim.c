/* SPDX-License-Identifier: MIT */
/* Optimisers and schedules. */
#include "nn/nn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ser_opt_opts ser_opt_defaults(void)
{
	return (struct ser_opt_opts){.kind = SER_OPT_ADAMW,
				     .momentum = 0.9,
				     .beta1 = 0.9,
				     .beta2 = 0.999,
				     .eps = 1e-8,
				     .weight_decay = 0.01};
}

int ser_opt_new(struct ser_opt **out, const struct ser_opt_opts *o, struct ser_params *p, struct ser_la *la,
		struct ser_err *e)
{
	*out = NULL;
	if (!(o->beta1 >= 0 && o->beta1 < 1 && o->beta2 >= 0 && o->beta2 < 1))
		return ser_fail(e, SER_EUSAGE, "Adam's betas must be in [0,1), found %g and %g", o->beta1, o->beta2);
	if (!(o->eps > 0))
		return ser_fail(e, SER_EUSAGE, "Adam's epsilon must be positive, found %g", o->eps);
	if (!(o->momentum >= 0 && o->momentum < 1))
		return ser_fail(e, SER_EUSAGE, "momentum must be in [0,1), found %g", o->momentum);
	if (!(o->weight_decay >= 0))
		return ser_fail(e, SER_EUSAGE, "weight decay must not be negative, found %g", o->weight_decay);
	if (!(o->ema >= 0 && o->ema < 1))
		return ser_fail(e, SER_EUSAGE, "the average's factor must be in [0,1), found %g", o->ema);
	struct ser_opt *s = ser_calloc(1, sizeof *s);
	*s = (struct ser_opt){.o = *o, .p = p, .la = la, .n = p->n};
	if (o->kind != SER_OPT_SGD || o->momentum > 0)
		s->m = ser_calloc(s->n, sizeof *s->m);
	if (o->kind != SER_OPT_SGD)
		s->v = ser_calloc(s->n, sizeof *s->v);
	if (o->ema > 0) {
		s->avg = ser_calloc(s->n, sizeof *s->avg);
		if (s->n > 0)
			memcpy(s->avg, p->val, s->n * sizeof *s->avg);
	}
	*out = s;
	return 0;
}

void ser_opt_free(struct ser_opt *s)
{
	if (s == NULL)
		return;
	free(s->m);
	free(s->v);
	free(s->avg);
	free(s);
}

struct update {
	const struct ser_opt *s;
	real *p, *m, *v, *avg;
	const real *g;
	real lr, decay, b1, b2, c1, c2, eps;
	bool decoupled, first;
};

/* m = b1 m + (1-b1) g, v = b2 v + (1-b2) g^2, p -= lr/(1-b1^t) m / (sqrt(v/(1-b2^t)) + eps) */
SER_CLONES static void adam(const struct update *u, size_t i0, size_t i1)
{
	real *restrict p = u->p, *restrict m = u->m, *restrict v = u->v;
	const real *restrict g = u->g;
	real lr = u->lr, b1 = u->b1, b2 = u->b2, c1 = u->c1, c2 = u->c2, eps = u->eps;
	real l2 = u->decoupled ? 0 : u->decay, shrink = u->decoupled ? 1 - lr * u->decay : 1;
	for (size_t i = i0; i < i1; i++) {
		real d = g[i] + l2 * p[i], q = p[i] * shrink;
		m[i] = b1 * m[i] + (1 - b1) * d;
		v[i] = b2 * v[i] + (1 - b2) * d * d;
#ifdef SER_REAL_DOUBLE
		p[i] = q - lr * c1 * m[i] / (__builtin_sqrt(v[i]) * c2 + eps);
#else
		p[i] = q - lr * c1 * m[i] / (__builtin_sqrtf(v[i]) * c2 + eps);
#endif
	}
}

/* Where there never was a gradient, as of tokens that never came, the moments stay 0, take no memory, and p moves by decay alone. */
static void adam_rows(const struct update *u, size_t i0, size_t i1)
{
	enum { AT_ONCE = 1024 };
	bool shrink = u->decoupled && u->decay != 0;
	for (size_t i = i0; i < i1; i += AT_ONCE) {
		size_t n = i1 - i < AT_ONCE ? i1 - i : AT_ONCE, bytes = n * sizeof(real);
		bool none = (u->decoupled || u->decay == 0) && ser_is_zero(u->g + i, bytes) &&
			    ser_is_zero(u->m + i, bytes) && ser_is_zero(u->v + i, bytes);
		if (!none)
			adam(u, i, i + n);
		for (size_t j = i; none && shrink && j < i + n; j++)
			u->p[j] *= 1 - u->lr * u->decay;
	}
}

/* PyTorch: d = g + decay p; v = momentum v + d (v = d at the first step); p -= lr (nesterov ? d + momentum v : v) */
SER_CLONES static void sgd(const struct update *u, size_t i0, size_t i1)
{
	real *p = u->p, *m = u->m;
	const real *g = u->g;
	real mu = (real)u->s->o.momentum;
	for (size_t i = i0; i < i1; i++) {
		real d = g[i] + u->decay * p[i], v = d;
		if (m != NULL) {
			v = m[i] = u->first ? d : mu * m[i] + d;
			v = u->s->o.nesterov ? d + mu * v : v;
		}
		p[i] -= u->lr * v;
	}
}

static void update_range(void *ctx, size_t i0, size_t i1, int worker)
{
	(void)worker;
	const struct update *u = ctx;
	if (u->s->o.kind == SER_OPT_SGD)
		sgd(u, i0, i1);
	else
		adam_rows(u, i0, i1);
	real f = (real)(1 - u->s->o.ema);
	for (size_t i = i0; u->avg != NULL && i < i1; i++)
		u->avg[i] += f * (u->p[i] - u->avg[i]);
}

void ser_opt_step(struct ser_opt *s, double lr)
{
	const struct ser_opt_opts *o = &s->o;
	ser_assert(s->n == s->p->n);
	s->step++;
	double c1 = 1 / (1 - pow(o->beta1, (double)s->step)), c2 = 1 / sqrt(1 - pow(o->beta2, (double)s->step));
	for (size_t i = 0; i < s->p->n_slice; i++) {
		const struct ser_slice *l = &s->p->slice[i];
		if ((l->flags & (SER_P_BUFFER | SER_P_FROZEN)) != 0)
			continue;
		struct update u = {.s = s,
				   .p = s->p->val + l->at,
				   .g = s->p->grad + l->at,
				   .lr = (real)(lr * l->lr_scale),
				   .m = s->m != NULL ? s->m + l->at : NULL,
				   .v = s->v != NULL ? s->v + l->at : NULL,
				   .avg = s->avg != NULL ? s->avg + l->at : NULL,
				   .b1 = (real)o->beta1,
				   .b2 = (real)o->beta2,
				   .c1 = (real)c1,
				   .c2 = (real)c2,
				   .eps = (real)o->eps,
				   .first = s->step == 1,
				   .decay = (l->flags & SER_P_NO_DECAY) != 0 ? 0 : (real)o->weight_decay,
				   .decoupled = o->kind == SER_OPT_ADAMW};
		ser_la_range(s->la, l->n, 1 << 16, update_range, &u);
	}
}

real *ser_opt_state(struct ser_opt *s, int i, const char **name)
{
	static const char *const names[] = {"m", "v", "avg"};
	real *all[] = {s->m, s->v, s->avg};
	for (int k = 0; k < 3; k++)
		if (all[k] != NULL && i-- == 0) {
			*name = names[k];
			return all[k];
		}
	return NULL;
}

void ser_opt_swap_average(struct ser_opt *s)
{
	if (s->avg == NULL)
		return;
	for (size_t i = 0; i < s->p->n_slice; i++) {
		const struct ser_slice *l = &s->p->slice[i];
		if ((l->flags & (SER_P_BUFFER | SER_P_FROZEN)) != 0)
			continue;
		for (size_t j = l->at; j < l->at + l->n; j++) {
			real x = s->p->val[j];
			s->p->val[j] = s->avg[j];
			s->avg[j] = x;
		}
	}
}

/* ---- schedules ---- */

struct ser_sched ser_sched_defaults(void)
{
	return (struct ser_sched){.kind = SER_SCHED_CONST,
				  .lr = 1e-3,
				  .factor = 0.5,
				  .every = 1000,
				  .patience = 5,
				  .n_total = 1,
				  .best = -INFINITY,
				  .scale = 1};
}

double ser_sched_lr(const struct ser_sched *s, uint64_t step)
{
	if (step < s->n_warmup)
		return s->lr * (double)(step + 1) / (double)s->n_warmup;
	double at = (double)(step - s->n_warmup);
	switch (s->kind) {
	case SER_SCHED_COSINE: {
		double n = s->n_total > s->n_warmup ? (double)(s->n_total - s->n_warmup) : 1, f = at < n ? at / n : 1;
		return s->lr_min + (s->lr - s->lr_min) * 0.5 * (1 + cos(M_PI * f));
	}
	case SER_SCHED_STEP:
		return fmax(s->lr_min, s->lr * pow(s->factor, s->every > 0 ? floor(at / (double)s->every) : 0));
	case SER_SCHED_PLATEAU:
		return fmax(s->lr_min, s->lr * s->scale);
	case SER_SCHED_CONST:
		break;
	}
	return s->lr;
}

bool ser_sched_report(struct ser_sched *s, double metric)
{
	if (metric > s->best) {
		s->best = metric;
		s->n_bad = 0;
		return false;
	}
	if (s->kind != SER_SCHED_PLATEAU || ++s->n_bad <= s->patience)
		return false;
	s->n_bad = 0;
	s->scale *= s->factor;
	return true;
}
