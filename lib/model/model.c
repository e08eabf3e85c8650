/* SPDX-License-Identifier: MIT */
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const ser_model_norms[] = {"none", "mean", "meanvar", "global", NULL};
static const char *const head_kinds[] = {"class", "cosine", "unit", "value"};

const char *ser_head_kind_name(enum ser_head_kind k)
{
	return head_kinds[k];
}

/* ---- making one ---- */

static size_t n_hyper(const struct ser_arch *a)
{
	size_t n = 0;
	while (a->hyper[n].name != NULL)
		n++;
	return n;
}

static int set_hyper(struct ser_model *m, const char *name, size_t len, double x, struct ser_err *e)
{
	const struct ser_hyper *h = m->arch->hyper;
	size_t i = 0;
	while (h[i].name != NULL && (strlen(h[i].name) != len || memcmp(h[i].name, name, len) != 0))
		i++;
	if (h[i].name == NULL)
		return ser_fail(e, SER_EUSAGE, "architecture %s has no hyper-parameter \"%.*s\"", m->arch->name,
				(int)len, name);
	static const char *const kinds[] = {"a number", "a whole number", "an odd number"};
	char lo[32], hi[32];
	if (!(x >= h[i].lo && x <= h[i].hi) || (h[i].kind != SER_HYPER_REAL && x != floor(x)) ||
	    (h[i].kind == SER_HYPER_ODD && fmod(x, 2) != 1))
		return ser_fail(e, SER_EUSAGE, "hyper-parameter %s of %s is %g, expected %s in [%s, %s]", h[i].name,
				m->arch->name, x, kinds[h[i].kind], ser_format_real(h[i].lo, lo),
				ser_format_real(h[i].hi, hi));
	m->hyper[i] = x;
	return 0;
}

static struct ser_model *blank(const struct ser_arch *arch, uint64_t seed)
{
	struct ser_model *m = ser_calloc(1, sizeof *m);
	m->arch = arch;
	m->hyper = ser_arena_alloc(&m->arena, n_hyper(arch) + 1, sizeof *m->hyper);
	for (size_t i = 0; arch->hyper[i].name != NULL; i++)
		m->hyper[i] = arch->hyper[i].dflt;
	m->dims = ser_val_map();
	m->train = ser_val_map();
	m->prov = ser_val_list();
	m->params = ser_params_new(seed);
	return m;
}

int ser_model_new(struct ser_model **out, const char *arch, const char *const *hyper, size_t n, uint64_t seed,
		  struct ser_err *e)
{
	const struct ser_arch *a = ser_arch_find(arch);
	*out = NULL;
	if (a == NULL) {
		struct ser_buf b = {0};
		for (size_t i = 0; ser_archs[i] != NULL; i++)
			ser_buf_printf(&b, "%s%s", i > 0 ? ", " : "", ser_archs[i]->name);
		ser_fail(e, SER_EUSAGE, "architecture \"%s\" is none of %s", arch, b.s);
		ser_buf_free(&b);
		return e->code;
	}
	struct ser_model *m = blank(a, seed);
	for (size_t i = 0; i < n; i++) {
		const char *eq = strchr(hyper[i], '=');
		double x;
		if (eq == NULL)
			ser_fail(e, SER_EUSAGE, "\"%s\" is not of the form name=value", hyper[i]);
		else if (ser_parse_real(eq + 1, -HUGE_VAL, HUGE_VAL, &x, e) == 0 &&
			 set_hyper(m, hyper[i], (size_t)(eq - hyper[i]), x, e) == 0)
			continue;
		ser_model_free(m);
		return e->code;
	}
	*out = m;
	return 0;
}

void ser_model_free(struct ser_model *m)
{
	if (m == NULL)
		return;
	free(m->head);
	ser_params_free(m->params);
	ser_arena_free(&m->arena);
	free(m);
}

static char *keep(struct ser_model *m, const char *s)
{
	return ser_arena_strndup(&m->arena, s, strlen(s));
}

void ser_model_input(struct ser_model *m, const char *field, size_t n_in, const struct ser_val *dims,
		     enum ser_model_norm norm)
{
	m->field = keep(m, field);
	m->n_in = n_in;
	m->dims = dims != NULL ? ser_val_copy(&m->arena, dims) : ser_val_map();
	m->norm = norm;
}

int ser_model_head_add(struct ser_model *m, const struct ser_head *h, struct ser_err *e)
{
	if (ser_model_head_find(m, h->name) >= 0)
		return ser_fail(e, SER_EUSAGE, "two heads are named \"%s\"", h->name);
	m->head = ser_grow(m->head, &m->cap_head, m->n_head + 1, sizeof *m->head);
	struct ser_head *new = &m->head[m->n_head];
	*new = *h;
	new->name = keep(m, h->name);
	new->field = h->field != NULL ? keep(m, h->field) : NULL;
	if (h->out != NULL) {
		const char **out = ser_arena_alloc(&m->arena, h->n_out, sizeof *out);
		for (size_t i = 0; i < h->n_out; i++)
			out[i] = keep(m, h->out[i]);
		new->out = out;
	}
	new->n_sub = h->n_sub > 0 ? h->n_sub : 1;
	return (int)m->n_head++;
}

int ser_model_head_find(const struct ser_model *m, const char *name)
{
	for (size_t i = 0; i < m->n_head; i++)
		if (strcmp(m->head[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* ---- the network ---- */

struct ser_encoded ser_model_encode(const struct ser_model *m, struct ser_tape *t, int x)
{
	ser_tape_enter(t, "encoder");
	struct ser_encoded y = m->arch->build(t, m->hyper, x);
	ser_tape_leave(t);
	return y;
}

int ser_model_head(const struct ser_model *m, struct ser_tape *t, size_t head, int emb)
{
	const struct ser_head *h = &m->head[head];
	int x = emb;
	ser_tape_enter(t, "heads.%s", h->name);
	if (h->n_hidden > 0)
		x = ser_nn_relu(t, ser_layer_linear(t, "hidden", x, h->n_hidden, true));
	for (size_t i = 2; i <= h->n_layer && h->n_hidden > 0; i++) {
		char name[32];
		snprintf(name, sizeof name, "hidden%zu", i);
		x = ser_nn_relu(t, ser_layer_linear(t, name, x, h->n_hidden, true));
	}
	if (h->dropout > 0)
		x = ser_nn_dropout(t, x, h->dropout);
	switch (h->kind) {
	case SER_HEAD_CLASS:
	case SER_HEAD_VALUE:
		x = ser_layer_linear(t, "out", x, h->n_out, true);
		break;
	case SER_HEAD_UNIT:
		x = ser_nn_l2_norm(t, ser_layer_linear(t, "out", x, h->n_out, true), 1e-12);
		break;
	case SER_HEAD_COSINE: {
		size_t shape[2] = {ser_mul(h->n_out, h->n_sub), ser_tape_shape(t, x).n_col};
		struct ser_init init = {SER_INIT_NORMAL, 1 / sqrt((double)shape[1])};
		int w = ser_layer_param(t, "centre", 0, init, 2, shape);
		x = ser_nn_linear(t, ser_nn_l2_norm(t, x, 1e-12), ser_nn_l2_norm(t, w, 1e-12), -1);
		break;
	}
	}
	ser_tape_leave(t);
	return x;
}

int ser_model_build(struct ser_model *m, struct ser_err *e)
{
	ser_assert(m->n_in > 0 && m->field != NULL);
	const char *wrong = m->arch->check != NULL ? m->arch->check(m->hyper) : NULL;
	if (wrong != NULL)
		return ser_fail(e, SER_EUSAGE, "architecture %s: %s", m->arch->name, wrong);
	if (m->arch->n_in > 0 && m->n_in != m->arch->n_in)
		return ser_fail(e, SER_EUSAGE, "architecture %s takes %zu column%s, field \"%s\" has %zu",
				m->arch->name, m->arch->n_in, m->arch->n_in > 1 ? "s" : "", m->field, m->n_in);
	if (m->norm == SER_NORM_GLOBAL && ser_params_find(m->params, "input.mean") < 0) {
		ser_params_add(m->params, "input.mean", SER_P_BUFFER, (struct ser_init){SER_INIT_CONST, 0}, 1,
			       &m->n_in);
		ser_params_add(m->params, "input.std", SER_P_BUFFER, (struct ser_init){SER_INIT_CONST, 1}, 1, &m->n_in);
	}
	struct ser_tape *t = ser_tape_new(NULL, m->params);
	ser_tape_reset(t, SER_TAPE_SHAPE, 0);
	size_t seg[2] = {0, m->arch->min_frame(m->hyper) + 64};
	struct ser_encoded y = ser_model_encode(m, t, ser_tape_input(t, NULL, seg[1], m->n_in, seg, 1));
	m->n_emb = ser_tape_shape(t, y.emb).n_col;
	for (size_t i = 0; i < m->n_head; i++)
		ser_model_head(m, t, i, y.emb);
	ser_tape_free(t);
	return ser_params_check(m->params, e);
}

/* ---- features ---- */

void ser_model_normalise(const struct ser_model *m, float *x, size_t n_frame)
{
	size_t d = m->n_in;
	if (m->norm == SER_NORM_NONE || n_frame == 0)
		return;
	if (m->norm == SER_NORM_GLOBAL) {
		const struct ser_params *p = m->params;
		const real *mean = p->val + p->slice[ser_params_find(p, "input.mean")].at;
		const real *std = p->val + p->slice[ser_params_find(p, "input.std")].at;
		for (size_t i = 0; i < n_frame; i++)
			for (size_t j = 0; j < d; j++)
				x[i * d + j] = (float)((x[i * d + j] - mean[j]) / std[j]);
		return;
	}
	double *sum = ser_calloc(2 * d, sizeof *sum), *sq = sum + d;
	for (size_t i = 0; i < n_frame; i++)
		for (size_t j = 0; j < d; j++)
			sum[j] += (double)x[i * d + j];
	for (size_t j = 0; j < d; j++)
		sum[j] /= (double)n_frame;
	for (size_t i = 0; i < n_frame; i++)
		for (size_t j = 0; j < d; j++) {
			double c = (double)x[i * d + j] - sum[j];
			sq[j] += c * c;
			x[i * d + j] = (float)c;
		}
	if (m->norm == SER_NORM_MEANVAR) {
		for (size_t j = 0; j < d; j++)
			sq[j] = 1 / sqrt(sq[j] / (double)n_frame + 1e-10);
		for (size_t i = 0; i < n_frame; i++)
			for (size_t j = 0; j < d; j++)
				x[i * d + j] = (float)((double)x[i * d + j] * sq[j]);
	}
	free(sum);
}

static const char *json_of(struct ser_buf *b, const struct ser_val *v)
{
	b->n = 0;
	if (v == NULL)
		return "nothing";
	ser_val_json(b, v, false);
	return b->s;
}

/* The next word of a text, and how long it is; 0: there is none. */
static size_t next_word(const char **at)
{
	*at += strspn(*at, " ");
	return strcspn(*at, " ");
}

/* Where two texts of front-ends differ, "fbank num-mel-bins=80 ...": by kind, or else option by option. Nothing when they have other
 * options. */
static void front_differs(struct ser_buf *b, const char *want, const char *have)
{
	size_t n = next_word(&want), k = next_word(&have);
	if (n != k || memcmp(want, have, n) != 0) {
		ser_buf_printf(b, "kind=%.*s, not %.*s", (int)n, want, (int)k, have);
		return;
	}
	for (want += n, have += k; (n = next_word(&want)) > 0; want += n, have += k) {
		k = next_word(&have);
		size_t name = strcspn(want, "=");
		if (name >= n || k <= name || memcmp(want, have, name + 1) != 0)
			return;
		if (n != k || memcmp(want, have, n) != 0)
			ser_buf_printf(b, "%s%.*s, not %.*s", b->n > 0 ? "; " : "", (int)n, want, (int)(k - name - 1),
				       have + name + 1);
	}
}

static int wrong_dims(const char *name, const char *field, const struct ser_val *want, const struct ser_val *have,
		      struct ser_err *e)
{
	struct ser_buf b = {0}, w = {0}, h = {0};
	if (want != NULL && have != NULL && strcmp(name, "front") == 0 && want->kind == SER_STR &&
	    have->kind == SER_STR)
		front_differs(&b, want->u.str.s, have->u.str.s);
	if (b.n > 0)
		ser_fail(e, SER_EDATA,
			 "the model was made for other features: field \"%s\" is to have %.600s; ser-wav2feat --like "
			 "MODEL "
			 "makes "
			 "them as it wants them",
			 field, b.s);
	else
		ser_fail(e, SER_EDATA,
			 "the model was made for other features: %s of field \"%s\" was %.200s, this stream's is "
			 "%.200s; "
			 "ser-wav2feat --like MODEL makes them as it wants them",
			 name, field, json_of(&w, want), json_of(&h, have));
	ser_buf_free(&b);
	ser_buf_free(&w);
	ser_buf_free(&h);
	return e->code;
}

int ser_model_check_header(const struct ser_model *m, const struct ser_header *h, struct ser_err *e)
{
	const struct ser_val *dim = ser_header_dim(h, m->field), none = ser_val_map();
	const struct ser_val *side[2] = {dim != NULL ? dim : &none, &m->dims};
	const struct ser_val *front[2] = {ser_val_get(side[1], "front"), ser_val_get(side[0], "front")};
	/* first what says most: the rest follows from it */
	if (front[0] != NULL && front[1] != NULL && !ser_val_equal(front[0], front[1]))
		return wrong_dims("front", m->field, front[0], front[1], e);
	for (int s = 1; s >= 0; s--)
		for (size_t i = 0; i < side[s]->u.map.n; i++) {
			const char *name = side[s]->u.map.f[i].name;
			const struct ser_val *want = ser_val_get(&m->dims, name), *have = ser_val_get(side[0], name);
			if (want == NULL || have == NULL || !ser_val_equal(want, have))
				return wrong_dims(name, m->field, want, have, e);
		}
	return 0;
}

int ser_model_tensor(struct ser_record *r, const char *field, const float **x, size_t shape[static 2],
		     struct ser_err *e)
{
	const struct ser_val *v = ser_record_get(r, field);
	size_t own[SER_MAX_AXES];
	bool vector = v != NULL && v->kind == SER_TENSOR && v->u.t.ndim == 1;
	if (ser_record_f4(r, field, vector ? 1 : 2, x, own, e) != 0)
		return e->code;
	shape[0] = vector ? 1 : own[0];
	shape[1] = vector ? own[0] : own[1];
	if (shape[1] == 0)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" is empty", field);
	for (size_t i = 0; i < shape[0] * shape[1]; i++)
		if (!isfinite((*x)[i]))
			return ser_record_fail(r, e, SER_EDATA,
					       "field \"%s\" is not finite at frame %zu, dimension %zu", field,
					       i / shape[1], i % shape[1]);
	return 0;
}

ptrdiff_t ser_model_features(const struct ser_model *m, struct ser_record *r, float **x, size_t *cap, struct ser_err *e)
{
	const float *feat;
	size_t shape[2], least = m->arch->min_frame(m->hyper);
	if (ser_model_tensor(r, m->field, &feat, shape, e) != 0)
		return e->code;
	if (shape[1] != m->n_in)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu dimensions a frame, the model wants %zu",
				       m->field, shape[1], m->n_in);
	if (shape[0] < least)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu frames, the model needs %zu", m->field,
				       shape[0], least);
	size_t most = m->arch->max_frame != NULL ? m->arch->max_frame(m->hyper) : SIZE_MAX;
	if (shape[0] > most)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu frames, the model takes %zu", m->field,
				       shape[0], most);
	size_t n_token = m->arch->n_token != NULL ? m->arch->n_token(m->hyper) : 0;
	for (size_t i = 0; n_token > 0 && i < shape[0]; i++)
		if (!(feat[i] >= 0 && feat[i] < (float)n_token && feat[i] == floorf(feat[i])))
			return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %g at %zu, no token of %zu", m->field,
					       (double)feat[i], i, n_token);
	size_t n = shape[0] * shape[1];
	*x = ser_grow(*x, cap, n, sizeof **x);
	memcpy(*x, feat, n * sizeof *feat);
	ser_model_normalise(m, *x, shape[0]);
	return (ptrdiff_t)shape[0];
}

/* ---- files ---- */

/* [O, a, b, .., I] <-> [O, I, a, b, ..]: engine's and PyTorch's convolution weights. `middle` is the product of the
 * axes between. */
static void layout(const struct ser_slice *s, size_t *out, size_t *middle, size_t *in)
{
	*out = s->ndim > 2 ? s->shape[0] : 1;
	*in = s->ndim > 2 ? s->shape[s->ndim - 1] : s->n;
	*middle = s->ndim > 2 ? s->n / *out / *in : 1;
}

void ser_model_slice_shape(const struct ser_slice *s, size_t *shape)
{
	for (int i = 0; i < s->ndim; i++)
		shape[i] = s->ndim > 2 && i > 0 ? s->shape[i == 1 ? s->ndim - 1 : i - 1] : s->shape[i];
}

void ser_model_slice_out(const struct ser_slice *s, const real *val, float *out, size_t *shape)
{
	size_t n_out, n_mid, n_in;
	layout(s, &n_out, &n_mid, &n_in);
	for (size_t o = 0; o < n_out; o++)
		for (size_t k = 0; k < n_mid; k++)
			for (size_t i = 0; i < n_in; i++)
				out[(o * n_in + i) * n_mid + k] = (float)val[(o * n_mid + k) * n_in + i];
	ser_model_slice_shape(s, shape);
}

void ser_model_slice_in(const struct ser_slice *s, const float *in, real *val)
{
	size_t n_out, n_mid, n_in;
	layout(s, &n_out, &n_mid, &n_in);
	for (size_t o = 0; o < n_out; o++)
		for (size_t k = 0; k < n_mid; k++)
			for (size_t i = 0; i < n_in; i++)
				val[(o * n_mid + k) * n_in + i] = (real)in[(o * n_in + i) * n_mid + k];
}

static void add_meta(struct ser_arena *a, struct ser_st_meta *m, size_t *n, const char *key, const struct ser_val *v)
{
	struct ser_buf b = {0};
	if (v->kind == SER_STR)
		ser_val_text(&b, v);
	else
		ser_val_json(&b, v, false);
	m[(*n)++] = (struct ser_st_meta){key, ser_arena_strndup(a, b.s, b.n)};
	ser_buf_free(&b);
}

static struct ser_val head_val(struct ser_arena *a, const struct ser_head *h)
{
	struct ser_val v = ser_val_map(), out = ser_val_list();
	ser_val_set(a, &v, "name", ser_str(h->name));
	ser_val_set(a, &v, "kind", ser_str(head_kinds[h->kind]));
	ser_val_set(a, &v, "field", h->field != NULL ? ser_str(h->field) : ser_nil());
	ser_val_set(a, &v, "n_out", ser_int((int64_t)h->n_out));
	ser_val_set(a, &v, "n_hidden", ser_int((int64_t)h->n_hidden));
	ser_val_set(a, &v, "n_sub", ser_int((int64_t)h->n_sub));
	if (h->n_layer > 1) /* so that files without it stay as they were */
		ser_val_set(a, &v, "n_layer", ser_int((int64_t)h->n_layer));
	ser_val_set(a, &v, "dropout", ser_real(h->dropout));
	ser_val_set(a, &v, "adversarial", ser_bool(h->adversarial));
	if (h->out != NULL) {
		out.u.list.v = ser_arena_alloc(a, h->n_out, sizeof *out.u.list.v);
		out.u.list.n = h->n_out;
		for (size_t i = 0; i < h->n_out; i++)
			out.u.list.v[i] = ser_str(h->out[i]);
		ser_val_set(a, &v, "out", out);
	}
	return v;
}

void ser_model_pack(const struct ser_model *m, struct ser_arena *a, struct ser_st_tensor **t, size_t *n,
		    struct ser_st_meta **meta, size_t *n_meta)
{
	const struct ser_params *p = m->params;
	struct ser_val hyper = ser_val_map(), input = ser_val_map(), heads = ser_val_list();
	for (size_t i = 0; m->arch->hyper[i].name != NULL; i++)
		ser_val_set(a, &hyper, m->arch->hyper[i].name,
			    m->arch->hyper[i].kind == SER_HYPER_REAL ? ser_real(m->hyper[i])
								     : ser_int((int64_t)m->hyper[i]));
	ser_val_set(a, &input, "field", ser_str(m->field));
	ser_val_set(a, &input, "dim", ser_int((int64_t)m->n_in));
	ser_val_set(a, &input, "norm", ser_str(ser_model_norms[m->norm]));
	ser_val_set(a, &input, "dims", m->dims);
	for (size_t i = 0; i < m->n_head; i++)
		ser_val_push(a, &heads, head_val(a, &m->head[i]));
	*meta = ser_arena_alloc(a, 8, sizeof **meta);
	*n_meta = 0;
	add_meta(a, *meta, n_meta, "format", &(struct ser_val){.kind = SER_STR, .u.str = {"ser-model", 9}});
	add_meta(a, *meta, n_meta, "version", &(struct ser_val){.kind = SER_STR, .u.str = {"1", 1}});
	struct ser_val arch = ser_str(m->arch->name);
	add_meta(a, *meta, n_meta, "arch", &arch);
	add_meta(a, *meta, n_meta, "hyper", &hyper);
	add_meta(a, *meta, n_meta, "input", &input);
	add_meta(a, *meta, n_meta, "heads", &heads);
	add_meta(a, *meta, n_meta, "train", &m->train);
	add_meta(a, *meta, n_meta, "prov", &m->prov);
	*n = p->n_slice;
	*t = ser_arena_calloc(a, *n, sizeof **t);
	for (size_t i = 0; i < *n; i++) {
		const struct ser_slice *s = &p->slice[i];
		float *data = ser_arena_alloc(a, s->n, sizeof *data);
		(*t)[i] = (struct ser_st_tensor){
			.name = s->name, .dtype = SER_ST_F32, .ndim = s->ndim, .n = s->n, .data = data};
		ser_model_slice_out(s, p->val + s->at, data, (*t)[i].shape);
	}
}

int ser_model_save(const struct ser_model *m, const char *path, struct ser_err *e)
{
	struct ser_arena a = {0};
	struct ser_st_tensor *t;
	struct ser_st_meta *meta;
	size_t n, n_meta;
	if (ser_params_check(m->params, e) != 0)
		return ser_fail_in(e, "%s: not written", path);
	ser_model_pack(m, &a, &t, &n, &meta, &n_meta);
	int rc = ser_st_save(path, t, n, meta, n_meta, e);
	ser_arena_free(&a);
	return rc;
}

/* One value of the metadata, parsed, of the kind wanted. */
static int get_meta(const struct ser_st *s, struct ser_arena *a, const char *key, enum ser_kind kind, struct ser_val *v,
		    struct ser_err *e)
{
	const char *text = ser_st_meta(s, key);
	if (text == NULL)
		return ser_fail(e, SER_EDATA, "not a model of ser-train: its metadata has no \"%s\"", key);
	if (kind == SER_STR) {
		*v = ser_str(text);
		return 0;
	}
	if (ser_val_from_json(a, text, strlen(text), v, e) != 0)
		return ser_fail_in(e, "metadata \"%s\"", key);
	if (v->kind != kind)
		return ser_fail(e, SER_EDATA, "metadata \"%s\" is not a %s", key, kind == SER_MAP ? "map" : "list");
	return 0;
}

static bool get_size(const struct ser_val *map, const char *name, size_t lo, size_t *out)
{
	const struct ser_val *v = ser_val_get(map, name);
	if (v == NULL || v->kind != SER_INT || v->u.i < (int64_t)lo || v->u.i > 1 << 24)
		return false;
	*out = (size_t)v->u.i;
	return true;
}

static int take_head(struct ser_model *m, struct ser_arena *a, const struct ser_val *v, struct ser_err *e)
{
	const struct ser_val *name = ser_val_get(v, "name"), *kind = ser_val_get(v, "kind"),
			     *out = ser_val_get(v, "out");
	const struct ser_val *field = ser_val_get(v, "field"), *drop = ser_val_get(v, "dropout");
	const struct ser_val *adv = ser_val_get(v, "adversarial");
	struct ser_head h = {0};
	int k = 0;
	if (name == NULL || name->kind != SER_STR || kind == NULL || drop == NULL || drop->kind != SER_REAL ||
	    !(drop->u.f >= 0 && drop->u.f < 1) || !get_size(v, "n_out", 1, &h.n_out) ||
	    !get_size(v, "n_hidden", 0, &h.n_hidden) || !get_size(v, "n_sub", 1, &h.n_sub) ||
	    (ser_val_get(v, "n_layer") != NULL &&
	     (!get_size(v, "n_layer", 1, &h.n_layer) || h.n_layer > SER_MAX_HEAD_LAYER)))
		return ser_fail(e, SER_EDATA, "metadata \"heads\": a head without name, kind, sizes or dropout");
	while (k < 4 && !ser_val_is_str(kind, head_kinds[k]))
		k++;
	if (k == 4)
		return ser_fail(e, SER_EDATA, "metadata \"heads\": \"%s\" is of an unknown kind", name->u.str.s);
	h.name = name->u.str.s;
	h.kind = (enum ser_head_kind)k;
	h.dropout = drop->u.f;
	h.adversarial = adv != NULL && adv->kind == SER_BOOL && adv->u.b;
	h.field = field != NULL && field->kind == SER_STR ? field->u.str.s : NULL;
	if (h.kind != SER_HEAD_UNIT) {
		if (out == NULL || out->kind != SER_LIST || out->u.list.n != h.n_out)
			return ser_fail(e, SER_EDATA, "metadata \"heads\": \"%s\" does not name its %zu outputs",
					h.name, h.n_out);
		const char **names = ser_arena_alloc(a, h.n_out, sizeof *names);
		for (size_t i = 0; i < h.n_out; i++) {
			if (out->u.list.v[i].kind != SER_STR)
				return ser_fail(e, SER_EDATA, "metadata \"heads\": an output of \"%s\" has no name",
						h.name);
			names[i] = out->u.list.v[i].u.str.s;
		}
		h.out = names;
	}
	return ser_model_head_add(m, &h, e) < 0 ? ser_fail_in(e, "metadata \"heads\"") : 0;
}

static int take_input(struct ser_model *m, const struct ser_val *v, struct ser_err *e)
{
	const struct ser_val *field = ser_val_get(v, "field"), *norm = ser_val_get(v, "norm"),
			     *dims = ser_val_get(v, "dims");
	size_t dim;
	int k = 0;
	while (norm != NULL && ser_model_norms[k] != NULL && !ser_val_is_str(norm, ser_model_norms[k]))
		k++;
	if (field == NULL || field->kind != SER_STR || norm == NULL || ser_model_norms[k] == NULL || dims == NULL ||
	    dims->kind != SER_MAP || !get_size(v, "dim", 1, &dim))
		return ser_fail(e, SER_EDATA, "metadata \"input\" lacks a field, dim, norm or dims that is known");
	ser_model_input(m, field->u.str.s, dim, dims, (enum ser_model_norm)k);
	return 0;
}

/* Shape in the file of a slice. */
static bool shape_fits(const struct ser_slice *s, const struct ser_st_tensor *t)
{
	size_t shape[SER_MAX_DIM];
	ser_model_slice_shape(s, shape);
	return t->ndim == s->ndim && memcmp(t->shape, shape, (size_t)s->ndim * sizeof *shape) == 0;
}

/* The file's tensors against what the architecture would have, before that takes any memory: a few bytes of metadata can
 * describe a network of any size. */
static int check_tensors(struct ser_model *m, const struct ser_st *s, struct ser_err *e)
{
	struct ser_params *own = m->params, *p = ser_params_new(0);
	p->outline = true;
	m->params = p;
	int rc = ser_model_build(m, e);
	m->params = own;
	for (size_t i = 0; i < p->n_slice && rc == 0; i++) {
		const struct ser_slice *sl = &p->slice[i];
		const struct ser_st_tensor *t = ser_st_find(s, sl->name);
		if (t == NULL)
			rc = ser_fail(e, SER_EDATA, "parameter \"%s\" of architecture %s is missing", sl->name,
				      m->arch->name);
		else if (!shape_fits(sl, t))
			rc = ser_fail(
				e, SER_EDATA,
				"parameter \"%s\" has %zu elements and another shape than architecture %s gives it",
				sl->name, t->n, m->arch->name);
	}
	for (size_t i = 0; i < s->n_tensor && rc == 0; i++)
		if (ser_params_find(p, s->tensor[i].name) < 0 && strncmp(s->tensor[i].name, "checkpoint.", 11) != 0)
			rc = ser_fail(e, SER_EDATA, "tensor \"%s\" has no place in architecture %s", s->tensor[i].name,
				      m->arch->name);
	ser_params_free(p);
	return rc;
}

static int fill_params(struct ser_model *m, const struct ser_st *s, struct ser_err *e)
{
	struct ser_params *p = m->params;
	float *buf = NULL;
	size_t cap = 0;
	for (size_t i = 0; i < p->n_slice; i++) {
		const struct ser_slice *sl = &p->slice[i];
		const struct ser_st_tensor *t = ser_st_find(s, sl->name);
		buf = ser_grow(buf, &cap, t->n, sizeof *buf);
		ser_st_f4(t, buf);
		ser_model_slice_in(sl, buf, p->val + sl->at);
	}
	free(buf);
	return ser_params_check(p, e);
}

int ser_model_from_st(struct ser_model **out, const struct ser_st *s, struct ser_err *e)
{
	struct ser_arena a = {0};
	struct ser_val format, version, arch, hyper, input, heads, train, prov;
	struct ser_model *m = NULL;
	*out = NULL;
	int rc = get_meta(s, &a, "format", SER_STR, &format, e);
	if (rc == 0 && !ser_val_is_str(&format, "ser-model"))
		rc = ser_fail(e, SER_EDATA, "not a model of ser-train: its metadata's format is \"%s\"",
			      format.u.str.s);
	if (rc == 0)
		rc = get_meta(s, &a, "version", SER_STR, &version, e);
	if (rc == 0 && !ser_val_is_str(&version, "1"))
		rc = ser_fail(e, SER_EDATA, "model file version %s is newer than this tool's (1)", version.u.str.s);
	if (rc != 0 || (rc = get_meta(s, &a, "arch", SER_STR, &arch, e)) != 0 ||
	    (rc = get_meta(s, &a, "hyper", SER_MAP, &hyper, e)) != 0 ||
	    (rc = get_meta(s, &a, "input", SER_MAP, &input, e)) != 0 ||
	    (rc = get_meta(s, &a, "heads", SER_LIST, &heads, e)) != 0 ||
	    (rc = get_meta(s, &a, "train", SER_MAP, &train, e)) != 0 ||
	    (rc = get_meta(s, &a, "prov", SER_LIST, &prov, e)) != 0) {
		ser_arena_free(&a);
		return rc;
	}
	rc = ser_model_new(&m, arch.u.str.s, NULL, 0, 0, e);
	for (size_t i = 0; rc == 0 && i < hyper.u.map.n; i++) {
		const struct ser_field *f = &hyper.u.map.f[i];
		double x = f->val.kind == SER_INT    ? (double)f->val.u.i
			   : f->val.kind == SER_REAL ? f->val.u.f
						     : (double)NAN;
		rc = set_hyper(m, f->name, f->name_len, x, e);
	}
	if (rc == 0)
		rc = take_input(m, &input, e);
	for (size_t i = 0; rc == 0 && i < heads.u.list.n; i++)
		rc = take_head(m, &a, &heads.u.list.v[i], e);
	if (rc == 0) {
		m->train = ser_val_copy(&m->arena, &train);
		m->prov = ser_val_copy(&m->arena, &prov);
		rc = check_tensors(m, s, e);
	}
	if (rc == 0)
		rc = ser_model_build(m, e);
	if (rc == 0)
		rc = fill_params(m, s, e);
	ser_arena_free(&a);
	if (rc != 0) {
		ser_model_free(m);
		return e->code = SER_EDATA; /* whatever it is, the file is to blame and not the command line */
	}
	*out = m;
	return 0;
}

int ser_model_load(struct ser_model **out, const char *path, struct ser_err *e)
{
	struct ser_st *s;
	*out = NULL;
	if (ser_st_open(&s, path, e) != 0)
		return e->code;
	int rc = ser_model_from_st(out, s, e);
	ser_st_free(s);
	return rc != 0 ? ser_fail_in(e, "%s", path) : 0;
}

int ser_model_copy_params(struct ser_model *m, const struct ser_model *src, const char *prefix, struct ser_err *e)
{
	struct ser_params *p = m->params;
	const struct ser_params *q = src->params;
	size_t len = strlen(prefix);
	for (size_t i = 0; i < p->n_slice; i++) {
		const struct ser_slice *s = &p->slice[i];
		bool input = strncmp(s->name, "input.", 6) == 0;
		if (strncmp(s->name, prefix, len) != 0 && !input)
			continue;
		int k = ser_params_find(q, s->name);
		if (k < 0 && input)
			continue;
		if (k < 0)
			return ser_fail(e, SER_EDATA, "it has no parameter \"%s\"", s->name);
		const struct ser_slice *o = &q->slice[k];
		if (o->ndim != s->ndim || memcmp(o->shape, s->shape, (size_t)s->ndim * sizeof *s->shape) != 0)
			return ser_fail(e, SER_EDATA, "its parameter \"%s\" has another shape", s->name);
		memcpy(p->val + s->at, q->val + o->at, s->n * sizeof *p->val);
	}
	for (size_t i = 0; i < q->n_slice; i++)
		if (strncmp(q->slice[i].name, prefix, len) == 0 && ser_params_find(p, q->slice[i].name) < 0)
			return ser_fail(e, SER_EDATA, "its parameter \"%s\" has no place here", q->slice[i].name);
	return 0;
}
