/* SPDX-License-Identifier: MIT */
/* Losses: value and derivative in one pass, in double inside. */
#include "nn/kern.h"

#include <math.h>
#include <string.h>

static double row_weight(const struct ser_loss *o, size_t i)
{
	return o != NULL && o->weight != NULL ? (double)o->weight[i] : 1;
}

static double class_weight(const struct ser_loss *o, size_t j)
{
	return o != NULL && o->class_w != NULL ? (double)o->class_w[j] : 1;
}

/* What the sum is divided by; 0 when there is nothing to divide. */
static double divisor(const struct ser_loss *o, double used)
{
	return o != NULL && o->norm > 0 ? o->norm : used;
}

static double log_sum_exp(size_t n, const real *x)
{
	double m = (double)x[0], s = 0;
	for (size_t j = 1; j < n; j++)
		m = !((double)x[j] <= m) ? (double)x[j] : m;
	for (size_t j = 0; j < n; j++)
		s += exp((double)x[j] - m);
	return m + log(s);
}

static double finish(double sum, double div, size_t n, real *d)
{
	if (!(div > 0)) {
		if (d != NULL)
			memset(d, 0, n * sizeof *d);
		return 0;
	}
	for (size_t i = 0; d != NULL && i < n; i++)
		d[i] = (real)((double)d[i] / div);
	return sum / div;
}

/* With p = softmax(x) and a target y of the row, c_j = w_j y_j:  l = - sum c_j ln p_j (+ sum c_j ln y_j for KL),
 * dl/dx_j = p_j sum c - c_j.  Focal: l = -(1-p_y)^g w_y ln p_y. */
double kern_cross_entropy(size_t n_row, size_t n_col, const real *x, const int32_t *label, const real *target, bool kl,
			  double focal, const struct ser_loss *o, real *d)
{
	double sum = 0, used = 0, smooth = o != NULL ? o->smooth : 0;
	if (d != NULL)
		memset(d, 0, n_row * n_col * sizeof *d);
	for (size_t i = 0; i < n_row; i++, x += n_col) {
		real *di = d != NULL ? d + i * n_col : NULL;
		double w = row_weight(o, i), lse = log_sum_exp(n_col, x), l = 0, total = 0;
		if (label != NULL && label[i] < 0)
			continue;
		if (label != NULL && focal >= 0) {
			size_t k = (size_t)label[i];
			double c = w * class_weight(o, k), lp = (double)x[k] - lse, p = exp(lp), q = 1 - p;
			/* q = 0 leaves no gradient but for focal = 0 */
			double g = c * (focal > 0 ? pow(q, focal) - focal * pow(q, focal - 1) * p * lp : 1);
			if (q <= 0 && focal > 0)
				g = 0;
			sum -= c * pow(q, focal) * lp;
			used += c;
			for (size_t j = 0; di != NULL && j < n_col; j++)
				di[j] = (real)(g * (exp((double)x[j] - lse) - (j == k ? 1 : 0)));
			continue;
		}
		for (size_t j = 0; j < n_col; j++) {
			double y = target != NULL ? (double)target[i * n_col + j]
						  : smooth / (double)n_col + (j == (size_t)label[i] ? 1 - smooth : 0);
			double c = w * class_weight(o, j) * y;
			total += c;
			if (c != 0)
				l -= c * ((double)x[j] - lse);
			if (kl && y > 0)
				l += c * log(y);
			if (di != NULL)
				di[j] = (real)-c;
		}
		for (size_t j = 0; di != NULL && j < n_col; j++)
			di[j] = (real)((double)di[j] + total * exp((double)x[j] - lse));
		sum += l;
		used += label != NULL ? w * class_weight(o, (size_t)label[i]) : w;
	}
	return finish(sum, divisor(o, used), n_row * n_col, d);
}

/* l = max(x,0) - x y + ln(1 + e^-|x|), dl/dx = s(x) - y */
double kern_bce(size_t n_row, size_t n_col, const real *x, const real *target, const struct ser_loss *o, real *d)
{
	double sum = 0, used = 0;
	for (size_t i = 0; i < n_row; i++) {
		double w = row_weight(o, i);
		used += w;
		for (size_t j = 0; j < n_col; j++) {
			double v = (double)x[i * n_col + j], y = (double)target[i * n_col + j],
			       c = w * class_weight(o, j);
			sum += c * ((v > 0 ? v : 0) - v * y + log1p(exp(-fabs(v))));
			if (d != NULL)
				d[i * n_col + j] = (real)(c * (1 / (1 + exp(-v)) - y));
		}
	}
	return finish(sum, divisor(o, used), n_row * n_col, d);
}

/* l = - sum c_j ln(1 - p_j), c_j = w_j q_j. p = s(x): -ln(1 - p) = ln(1 + e^x), dl/dx_j = c_j s(x_j). p = softmax(x), o_j = 1 - p_j
 * summed over the others, g_j = c_j p_j / o_j: dl/dx_j = g_j - p_j sum_k g_k */
double kern_unlikelihood(size_t n_row, size_t n_col, const real *x, const real *q, bool each, const struct ser_loss *o,
			 real *d)
{
	double sum = 0, used = 0;
	for (size_t i = 0; i < n_row; i++, x += n_col, q += n_col) {
		double w = row_weight(o, i), lse = each ? 0 : log_sum_exp(n_col, x), all = 0;
		real *di = d != NULL ? d + i * n_col : NULL;
		used += w;
		for (size_t j = 0; j < n_col; j++) {
			double v = (double)x[j], c = w * class_weight(o, j) * (double)q[j], g;
			if (each) {
				sum += c * ((v > 0 ? v : 0) + log1p(exp(-fabs(v))));
				g = c / (1 + exp(-v));
			} else {
				double others = 0;
				for (size_t k = 0; k < n_col; k++)
					others += k != j ? exp((double)x[k] - lse) : 0;
				others = others > 1e-300 ? others : 1e-300;
				sum -= c * log(others);
				g = c * exp(v - lse) / others;
				all += g;
			}
			if (di != NULL)
				di[j] = (real)g;
		}
		for (size_t j = 0; !each && di != NULL && j < n_col; j++)
			di[j] = (real)((double)di[j] - exp((double)x[j] - lse) * all);
	}
	return finish(sum, divisor(o, used), n_row * n_col, d);
}

double kern_mse(size_t n_row, size_t n_col, const real *x, const real *target, bool absolute, const struct ser_loss *o,
		real *d)
{
	double sum = 0, used = 0;
	for (size_t i = 0; i < n_row; i++) {
		double w = row_weight(o, i);
		used += w;
		for (size_t j = 0; j < n_col; j++) {
			double e = (double)x[i * n_col + j] - (double)target[i * n_col + j], c = w * class_weight(o, j);
			sum += c * (absolute ? fabs(e) : e * e);
			if (d != NULL)
				d[i * n_col + j] = (real)(c * (absolute ? (e > 0) - (e < 0) : 2 * e));
		}
	}
	return finish(sum, divisor(o, used), n_row * n_col, d);
}

/* ccc = 2 s_xy / D, D = s_xx + s_yy + (mx - my)^2 + eps, s_xx = v sum (x - mx)^2, v = 1/n, or 1/(n-1) when mixed:
 * d ccc/dx_i = 2/n ((y_i - my) - ccc v n (x_i - mx) - ccc (mx - my)) / D; a row of weight w counts w times. First the means, then what is
 * about them. */
double kern_ccc(size_t n_row, size_t n_col, const real *x, const real *target, bool mixed, double eps,
		const struct ser_loss *o, const struct kern_all *all, double *sum, real *d)
{
	double loss = 0, total = 0, own = 0, *mean = sum + 3 * n_col + 1;
	for (size_t i = 0; i < n_row; i++)
		own += row_weight(o, i);
	sum[3 * n_col] = own;
	for (size_t j = 0; j < n_col; j++) {
		double *s = sum + 3 * j;
		total += class_weight(o, j);
		s[0] = s[1] = s[2] = 0;
		for (size_t i = 0; i < n_row; i++) {
			s[0] += row_weight(o, i) * (double)x[i * n_col + j];
			s[1] += row_weight(o, i) * (double)target[i * n_col + j];
		}
	}
	if (all->sum != NULL)
		all->sum(all->ctx, sum, 3 * n_col + 1);
	double n = sum[3 * n_col], n_var = mixed && n > 1 ? n - 1 : n;
	if (n == 0)
		return 0;
	for (size_t j = 0; j < n_col; j++) {
		double *s = sum + 3 * j, mx = mean[2 * j] = s[0] / n, my = mean[2 * j + 1] = s[1] / n;
		s[0] = s[1] = s[2] = 0;
		for (size_t i = 0; i < n_row; i++) {
			double a = (double)x[i * n_col + j] - mx, b = (double)target[i * n_col + j] - my;
			s[0] += row_weight(o, i) * (a * a);
			s[1] += row_weight(o, i) * (b * b);
			s[2] += row_weight(o, i) * (a * b);
		}
	}
	if (all->sum != NULL)
		all->sum(all->ctx, sum, 3 * n_col);
	for (size_t j = 0; j < n_col; j++) {
		double mx = mean[2 * j], my = mean[2 * j + 1], w = class_weight(o, j) / total;
		double *s = sum + 3 * j, D = (s[0] + s[1]) / n_var + (mx - my) * (mx - my) + eps,
		       ccc = 2 * s[2] / n / D;
		loss += w * (1 - ccc);
		for (size_t i = 0; d != NULL && i < n_row; i++) {
			double a = (double)x[i * n_col + j] - mx, b = (double)target[i * n_col + j] - my;
			double slope = -w * 2 / n * (b - ccc * (a * (n / n_var) + mx - my)) / D;
			d[i * n_col + j] = (real)(row_weight(o, i) * slope);
		}
	}
	return loss * (own / n);
}

/* The class's cosine c becomes cos(theta + m) = c cos m - sqrt(1 - c^2) sin m, or c - m sin m past pi - m. */
double kern_aam(size_t n_row, size_t n_class, size_t n_sub, const real *cosine, const int32_t *label, double margin,
		double scale, const struct ser_loss *o, real *d)
{
	double sum = 0, used = 0, smooth = o != NULL ? o->smooth : 0, K = (double)n_class;
	size_t n_col = n_class * n_sub;
	if (d != NULL)
		memset(d, 0, n_row * n_col * sizeof *d);
	for (size_t i = 0; i < n_row; i++, cosine += n_col) {
		if (label[i] < 0)
			continue;
		size_t y = (size_t)label[i];
		double w = row_weight(o, i) * class_weight(o, y), max = -INFINITY, s = 0, l = 0, slope = 1, own = 0;
		for (int pass = 0; pass < 3; pass++)
			for (size_t k = 0; k < n_class; k++) {
				size_t at = k * n_sub;
				for (size_t q = 1; q < n_sub; q++)
					at = cosine[k * n_sub + q] > cosine[at] ? k * n_sub + q : at;
				double c = (double)cosine[at], v = c;
				if (k == y) {
					double sn = sqrt(fmax(1 - c * c, 0));
					if (c > cos(M_PI - margin)) {
						v = c * cos(margin) - sn * sin(margin);
						slope = cos(margin) + sin(margin) * c / fmax(sn, 1e-6);
					} else {
						v = c - margin * sin(M_PI - margin);
						slope = 1;
					}
				}
				v *= scale;
				double t = smooth / K + (k == y ? 1 - smooth : 0);
				if (pass == 0)
					max = !(v <= max) ? v : max;
				else if (pass == 1) {
					s += exp(v - max);
					l -= t * v;
				} else if (d != NULL) {
					own = w * scale * (exp(v - max) / s - t) * (k == y ? slope : 1);
					d[i * n_col + at] = (real)own;
				}
			}
		sum += w * (l + max + log(s));
		used += w;
	}
	return finish(sum, divisor(o, used), n_row * n_col, d);
}

/* Row i of s without column i (skip) as logits of class y: loss ln sum e - s_y, its derivative times w added to d. */
static double row_ce(size_t n, const real *s, size_t skip, size_t y, double w, real *d)
{
	double max = -INFINITY, sum = 0;
	for (size_t j = 0; j < n; j++)
		if (j != skip)
			max = !((double)s[j] <= max) ? (double)s[j] : max;
	for (size_t j = 0; j < n; j++)
		if (j != skip)
			sum += exp((double)s[j] - max);
	for (size_t j = 0; d != NULL && j < n; j++)
		if (j != skip)
			d[j] = (real)((double)d[j] + w * (exp((double)s[j] - max) / sum - (j == y ? 1 : 0)));
	return w * (max + log(sum) - (double)s[y]);
}

double kern_ntxent(size_t n, const real *s, real *d)
{
	double sum = 0;
	if (d != NULL)
		memset(d, 0, n * n * sizeof *d);
	for (size_t i = 0; i < n; i++)
		sum += row_ce(n, s + i * n, i, (i + n / 2) % n, 1 / (double)n, d != NULL ? d + i * n : NULL);
	return sum;
}

double kern_infonce(size_t n, const real *s, real *d)
{
	double sum = 0, w = 0.5 / (double)n;
	if (d != NULL)
		memset(d, 0, n * n * sizeof *d);
	for (size_t i = 0; i < n; i++)
		sum += row_ce(n, s + i * n, n, i, w, d != NULL ? d + i * n : NULL);
	/* the columns: the other direction */
	for (size_t j = 0; j < n; j++) {
		double max = -INFINITY, t = 0;
		for (size_t i = 0; i < n; i++)
			max = !((double)s[i * n + j] <= max) ? (double)s[i * n + j] : max;
		for (size_t i = 0; i < n; i++)
			t += exp((double)s[i * n + j] - max);
		sum += w * (max + log(t) - (double)s[j * n + j]);
		for (size_t i = 0; d != NULL && i < n; i++)
			d[i * n + j] = (real)((double)d[i * n + j] +
					      w * (exp((double)s[i * n + j] - max) / t - (i == j ? 1 : 0)));
	}
	return sum;
}

/* l_i = - 1/|P| sum_p (s_ip - ln sum_{a != i} e^s_ia) */
double kern_supcon(size_t n, const real *s, const int32_t *label, real *d)
{
	double sum = 0, used = 0;
	if (d != NULL)
		memset(d, 0, n * n * sizeof *d);
	for (size_t i = 0; i < n; i++) {
		const real *si = s + i * n;
		double np = 0, max = -INFINITY, t = 0;
		for (size_t j = 0; j < n; j++) {
			if (j == i)
				continue;
			np += label[j] == label[i];
			max = !((double)si[j] <= max) ? (double)si[j] : max;
		}
		if (np == 0)
			continue;
		for (size_t j = 0; j < n; j++)
			t += j != i ? exp((double)si[j] - max) : 0;
		used++;
		sum += max + log(t);
		for (size_t j = 0; j < n; j++) {
			if (j == i)
				continue;
			double p = label[j] == label[i] ? 1 / np : 0;
			sum -= p * (double)si[j];
			if (d != NULL)
				d[i * n + j] = (real)(exp((double)si[j] - max) / t - p);
		}
	}
	return finish(sum, used, n * n, d);
}

/* l_i = 1/|P| sum_p (ln(e^s_ip + sum_n e^s_in) - s_ip); with q_p = e^s_ip/(e^s_ip + N):
 * dl/ds_ip = (q_p - 1)/|P|, dl/ds_in = e^s_in/|P| sum_p 1/(e^s_ip + N) */
double kern_pair_loss(size_t n, const real *s, const struct ser_pair_rows *p, double norm, real *d)
{
	double sum = 0, used = 0;
	if (d != NULL)
		memset(d, 0, n * n * sizeof *d);
	for (size_t i = 0; i < p->n_anchor; i++) {
		const real *si = s + (size_t)p->anchor[i] * n;
		real *di = d != NULL ? d + (size_t)p->anchor[i] * n : NULL;
		size_t p0 = p->pos_at[i], p1 = p->pos_at[i + 1], n0 = p->neg_at[i], n1 = p->neg_at[i + 1];
		if (p0 == p1)
			continue;
		double w = p->weight != NULL ? (double)p->weight[i] : 1;
		double max = -INFINITY, neg = 0, np = (double)(p1 - p0) / w, share = 0;
		for (size_t j = p0; j < p1; j++)
			max = !((double)si[p->pos[j]] <= max) ? (double)si[p->pos[j]] : max;
		for (size_t j = n0; j < n1; j++)
			max = !((double)si[p->neg[j]] <= max) ? (double)si[p->neg[j]] : max;
		for (size_t j = n0; j < n1; j++)
			neg += exp((double)si[p->neg[j]] - max);
		for (size_t j = p0; j < p1; j++) {
			double v = (double)si[p->pos[j]] - max, t = exp(v) + neg;
			/* all of it underflows only where a negative is hundreds above the positive: then t = neg */
			sum += (log(t) - v) / np;
			share += 1 / t / np;
			if (di != NULL)
				di[p->pos[j]] = (real)((double)di[p->pos[j]] + (exp(v) / t - 1) / np);
		}
		for (size_t j = n0; di != NULL && j < n1; j++)
			di[p->neg[j]] = (real)((double)di[p->neg[j]] + exp((double)si[p->neg[j]] - max) * share);
		used++;
	}
	return finish(sum, norm > 0 ? norm : used, n * n, d);
}

/* With t = softmax(m row), p = softmax(s row): 1/N sum t (ln t - ln p), derivative (p - t)/N */
double kern_clap_kl(size_t n, const real *s, const real *m, real *d)
{
	double sum = 0, N = (double)n;
	for (size_t i = 0; i < n; i++, s += n, m += n) {
		double lm = log_sum_exp(n, m), ls = log_sum_exp(n, s);
		for (size_t j = 0; j < n; j++) {
			double lt = (double)m[j] - lm, lp = (double)s[j] - ls;
			sum += exp(lt) * (lt - lp);
			if (d != NULL)
				d[i * n + j] = (real)((exp(lp) - exp(lt)) / N);
		}
	}
	return sum / N;
}

static double distance(size_t n, const real *a, const real *b)
{
	double s = 0;
	for (size_t i = 0; i < n; i++)
		s += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
	return sqrt(s);
}

double kern_triplet(size_t n_row, size_t n_col, const real *z, size_t n, const int32_t (*trip)[3], double margin,
		    real *d)
{
	double sum = 0;
	if (d != NULL)
		memset(d, 0, n_row * n_col * sizeof *d);
	for (size_t i = 0; i < n; i++) {
		size_t at[3] = {(size_t)trip[i][0] * n_col, (size_t)trip[i][1] * n_col, (size_t)trip[i][2] * n_col};
		const real *a = z + at[0], *p = z + at[1], *q = z + at[2];
		double dp = distance(n_col, a, p), dn = distance(n_col, a, q), l = dp - dn + margin;
		if (l <= 0)
			continue;
		sum += l;
		/* at distance 0 the direction is undefined: none */
		double fp = dp > 0 ? 1 / dp : 0, fn = dn > 0 ? 1 / dn : 0;
		for (size_t c = 0; d != NULL && c < n_col; c++) {
			double gp = fp * ((double)a[c] - (double)p[c]), gn = fn * ((double)a[c] - (double)q[c]);
			d[at[0] + c] = (real)((double)d[at[0] + c] + gp - gn);
			d[at[1] + c] = (real)((double)d[at[1] + c] - gp);
			d[at[2] + c] = (real)((double)d[at[2] + c] + gn);
		}
	}
	return finish(sum, (double)n, n_row * n_col, d);
}
