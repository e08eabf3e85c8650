/* SPDX-License-Identifier: MIT */
#include "model/import.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- patterns ---- */

enum { MAX_NUMBER = 2 };

/* Does a pattern's whole text match the beginning of s? Numbers go to num; *rest is what follows. */
static bool match(const char *pattern, const char *s, unsigned long num[MAX_NUMBER], const char **rest)
{
	int n = 0;
	while (*pattern != '\0')
		if (pattern[0] == '%') {
			char *end;
			if (*s < '0' || *s > '9')
				return false;
			num[n++] = strtoul(s, &end, 10);
			s = end;
			pattern += 2;
		} else if (*pattern++ != *s++) {
			return false;
		}
	*rest = s;
	return true;
}

static void put(struct ser_buf *b, const char *pattern, const unsigned long num[MAX_NUMBER], const char *rest)
{
	b->n = 0;
	for (int k = 0; *pattern != '\0'; pattern++)
		if (*pattern == '%') {
			ser_buf_printf(b, "%lu", num[k++]);
			pattern++;
		} else {
			ser_buf_add(b, pattern, 1);
		}
	ser_buf_str(b, rest);
}

static void note(struct ser_buf *b, size_t *n, const char *name)
{
	ser_buf_printf(b, "%s%s", *n > 0 ? ", " : "", name);
	++*n;
}

/* ---- which tensor is which ---- */

struct source {
	const struct ser_st_tensor *t;
	int third;
};
struct names {
	struct ser_map *ours; /* below "encoder." */
	struct source *from;  /* [ours] */
	size_t cap;
};

static const struct source *find(const struct names *n, const char *ours)
{
	ptrdiff_t i = ser_map_find(n->ours, ours, strlen(ours));
	return i >= 0 ? &n->from[i] : NULL;
}

/* What stands before all names of the encoder: what is before the family's anchor, in the one tensor that has it. */
static int find_prefix(const struct ser_weights *w, const struct ser_encoder_family *f, const char **prefix,
		       struct ser_arena *a, struct ser_err *e)
{
	const char *anchor = f->anchor;
	size_t n = strlen(anchor);
	*prefix = NULL;
	for (size_t i = 0; i < w->all.n_tensor; i++) {
		const char *t = w->all.tensor[i].name;
		size_t len = strlen(t);
		if (len < n || strcmp(t + len - n, anchor) != 0 || (len > n && t[len - n - 1] != '.'))
			continue;
		if (*prefix != NULL)
			return ser_fail(e, SER_EDATA, "two encoders: \"%s%s\" and \"%s\"", *prefix, anchor, t);
		*prefix = ser_arena_strndup(a, t, len - n);
	}
	return *prefix != NULL ? 0
			       : ser_fail(e, SER_EDATA, "no tensor \"%s\": not a %s of %s", anchor, f->arch,
					  ser_encoder_sources[f->from]);
}

/* Our names of one tensor, by the first row that holds, and those after it that share it out. */
static int take_name(struct names *n, const struct ser_st_tensor *t, const char *theirs, const struct ser_rename *row,
		     struct ser_encoder_notes *notes, struct ser_err *e)
{
	struct ser_buf b = {0};
	bool known = false;
	int rc = 0;
	for (; row->theirs != NULL && rc == 0; row++) {
		unsigned long num[MAX_NUMBER] = {0};
		const char *rest;
		bool zero = row->theirs[0] == '\0' && row->ours[0] != '\0', is_new;
		if (zero || !match(row->theirs, theirs, num, &rest))
			continue;
		known = true;
		if (row->ours == NULL) {
			note(&notes->passed, &notes->n_passed, t->name);
			break;
		}
		put(&b, row->ours, num, rest);
		size_t i = ser_map_add(n->ours, b.s, b.n, &is_new);
		if (!is_new)
			rc = ser_fail(e, SER_EDATA, "tensor \"%s\" is there twice, the second time as \"%s\"", b.s,
				      t->name);
		n->from = ser_grow(n->from, &n->cap, i + 1, sizeof *n->from);
		n->from[i] = (struct source){t, row->third};
		if (row->third == 0 || row->third == 3)
			break;
	}
	ser_buf_free(&b);
	if (rc == 0 && !known)
		rc = ser_fail(e, SER_EDATA, "tensor \"%s\" is not known", t->name);
	return rc;
}

static int take_names(struct names *n, const struct ser_weights *w, const struct ser_encoder_family *f,
		      const char *prefix, const struct ser_encoder_head *head, struct ser_encoder_notes *notes,
		      struct ser_err *e)
{
	size_t len = strlen(prefix);
	int rc = 0;
	for (size_t i = 0; i < w->all.n_tensor && rc == 0; i++) {
		const struct ser_st_tensor *t = &w->all.tensor[i];
		if (ser_encoder_head_is(head, t))
			continue;
		if (strncmp(t->name, prefix, len) != 0)
			note(&notes->passed, &notes->n_passed, t->name);
		else
			rc = take_name(n, t, t->name + len, f->rename, notes, e);
	}
	return rc;
}

/* ---- hyper-parameters ---- */

/* The row of what may be missing */
static const struct ser_rename *missing(const struct ser_encoder_family *f, const char *ours)
{
	for (const struct ser_rename *r = f->rename; r->theirs != NULL; r++)
		if (r->theirs[0] == '\0' && r->ours[0] != '\0' && strcmp(r->ours, ours) == 0)
			return r;
	return NULL;
}

struct hypers {
	const struct ser_arch *arch;
	double *value; /* [rows]; NaN: not known */
};

static size_t row_of(const struct ser_arch *a, const char *name)
{
	size_t i = 0;
	while (a->hyper[i].name != NULL && strcmp(a->hyper[i].name, name) != 0)
		i++;
	ser_assert(a->hyper[i].name != NULL);
	return i;
}

static double *hyper(struct hypers *h, const char *name)
{
	return &h->value[row_of(h->arch, name)];
}

static double count(const struct names *n, const char *pattern, unsigned long from)
{
	struct ser_buf b = {0};
	unsigned long num[MAX_NUMBER] = {from, 0};
	for (;; num[0]++) {
		put(&b, pattern, num, "");
		if (find(n, b.s) == NULL)
			break;
	}
	ser_buf_free(&b);
	return (double)(num[0] - from);
}

static int take_shapes(struct hypers *h, const struct names *n, const struct ser_encoder_family *f, struct ser_err *e)
{
	for (const struct ser_shape_hyper *s = ser_encoder_shapes(h->arch->name); s->hyper != NULL; s++) {
		const struct ser_hyper *row = &h->arch->hyper[row_of(h->arch, s->hyper)];
		const struct source *from = s->rule != SER_SHAPE_COUNT ? find(n, s->ours) : NULL;
		double x = 0;
		int k = from != NULL && s->k < 0 ? from->t->ndim + s->k : s->k;
		if (s->rule == SER_SHAPE_COUNT)
			x = count(n, s->ours, (unsigned long)s->k);
		else if (s->rule == SER_SHAPE_PRESENT)
			x = from != NULL;
		else if (from == NULL && missing(f, s->ours) != NULL)
			continue; /* a setting says it */
		else if (from == NULL && row->lo > 0)
			return ser_fail(e, SER_EDATA, "no tensor \"%s\", under whatever name", s->ours);
		else if (from != NULL && s->rule == SER_SHAPE_SIZE)
			x = (double)from->t->n;
		else if (from != NULL && (k < 0 || k >= from->t->ndim || from->t->n == 0))
			return ser_fail(e, SER_EDATA, "tensor \"%s\" has %d axes, or no elements", from->t->name,
					from->t->ndim);
		else if (from != NULL && s->rule == SER_SHAPE_AXIS)
			x = (double)from->t->shape[k];
		else if (from != NULL && from->t->ndim > 1)
			x = floor((double)from->t->shape[0] / (double)from->t->shape[1]);
		*hyper(h, s->hyper) = x;
	}
	return 0;
}

/* true and false are 1 and 0; NaN: neither that nor a number */
static double number(const struct ser_val *v)
{
	return v->kind == SER_INT    ? (double)v->u.i
	       : v->kind == SER_REAL ? v->u.f
	       : v->kind == SER_BOOL ? v->u.b
				     : (double)NAN;
}

static bool same(const struct ser_val *a, const struct ser_val *b)
{
	double x = number(a), y = number(b);
	return ser_val_equal(a, b) || (a->kind != SER_BOOL && b->kind != SER_BOOL && fabs(x - y) <= 1e-9 * fabs(y));
}

static int take_setting(struct hypers *h, const struct ser_setting *s, const struct ser_val *v, struct ser_err *e)
{
	struct ser_buf have = {0};
	struct ser_arena a = {0};
	struct ser_val is;
	double x = number(v);
	int rc = 0;
	ser_val_json(&have, v, false);
	if (s->rule == SER_SETTING_ONLY) {
		ser_assert(ser_val_from_json(&a, s->is, strlen(s->is), &is, e) == 0);
		if (!same(v, &is))
			rc = ser_fail(e, SER_EDATA, "its setting %s is %.200s; only %s is known here", s->key, have.s,
				      s->is);
	} else if (isnan(x) && s->rule != SER_SETTING_SAY) {
		rc = ser_fail(e, SER_EDATA, "its setting %s is %.200s, no number", s->key, have.s);
	} else if (s->rule == SER_SETTING_AGREE && isnan(*hyper(h, s->hyper))) {
		*hyper(h, s->hyper) = x;
	} else if (s->rule == SER_SETTING_AGREE && *hyper(h, s->hyper) != x) {
		rc = ser_fail(e, SER_EDATA, "its setting %s is %.200s, by its tensors it is %.12g", s->key, have.s,
			      *hyper(h, s->hyper));
	} else if (s->rule == SER_SETTING_TAKE || s->rule == SER_SETTING_NEXT) {
		*hyper(h, s->hyper) = x + (s->rule == SER_SETTING_NEXT);
	} else if (s->rule == SER_SETTING_OFF && x == 0) {
		*hyper(h, s->hyper) = 0;
	}
	ser_buf_free(&have);
	ser_arena_free(&a);
	return rc;
}

static int take_settings(struct hypers *h, const struct ser_encoder_family *f, const struct ser_encoder_about *about,
			 const struct ser_val *inner, struct ser_err *e)
{
	const struct ser_val *map[] = {about->config, about->processor, inner};
	for (const struct ser_setting *s = f->setting; s->key != NULL; s++) {
		const struct ser_val *v = NULL;
		for (size_t i = 0; i < 3 && v == NULL; i++)
			v = map[i] != NULL ? ser_val_get(map[i], s->key) : NULL;
		if (v != NULL && v->kind != SER_NIL && take_setting(h, s, v, e) != 0)
			return e->code;
	}
	return 0;
}

/* The settings that a file of torch.save holds beside the tensors, flat: of each name the first in the places where they are kept. */
static void inner_settings(const struct ser_pickle *root, struct ser_arena *a, struct ser_val *out)
{
	const struct ser_pickle *cfg = ser_pickle_get(root, "cfg"), *model = ser_pickle_get(cfg, "model"),
				*args = ser_pickle_get(model, "w2v_args");
	const struct ser_pickle *place[] = {ser_pickle_get(args, "model"),
					    ser_pickle_get(args, "task"),
					    args,
					    model,
					    ser_pickle_get(cfg, "task"),
					    cfg,
					    ser_pickle_get(root, "args"),
					    ser_pickle_get(root, "model_cfg"),
					    ser_pickle_get(root, "task_cfg"),
					    ser_pickle_get(root, "dims")};
	*out = ser_val_map();
	for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
		const struct ser_pickle *m = place[i];
		if (m != NULL && m->kind == SER_PICKLE_OBJECT)
			m = m->state;
		for (size_t k = 0; m != NULL && m->kind == SER_PICKLE_MAP && k + 1 < m->n_item; k += 2) {
			const struct ser_pickle *key = m->item[k], *v = m->item[k + 1];
			struct ser_val x = v->kind == SER_PICKLE_INT    ? ser_int(v->i)
					   : v->kind == SER_PICKLE_BOOL ? ser_bool(v->i != 0)
					   : v->kind == SER_PICKLE_REAL ? ser_real(v->f)
									: ser_nil();
			if (v->kind == SER_PICKLE_TEXT && ser_utf8_ok(v->text, v->n_text))
				x = ser_strn(v->text, v->n_text);
			if (key->kind != SER_PICKLE_TEXT || key->n_text == 0 || key->n_text > SER_MAX_NAME ||
			    !ser_utf8_ok(key->text, key->n_text) || x.kind == SER_NIL || out->u.map.n >= SER_MAX_FIELD)
				continue;
			char *name = ser_arena_strndup(a, key->text, key->n_text);
			if (ser_val_get(out, name) == NULL)
				ser_val_set(a, out, name, x);
		}
	}
}

static bool has(const struct ser_arch *a, const char *name)
{
	for (size_t i = 0; a->hyper[i].name != NULL; i++)
		if (strcmp(a->hyper[i].name, name) == 0)
			return true;
	return false;
}

static bool given(const struct ser_encoder_about *about, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < about->n_hyper; i++)
		if (strncmp(about->hyper[i], name, n) == 0 && about->hyper[i][n] == '=')
			return true;
	return false;
}

/* What no tensor and no setting said, as it is in all that were published: heads of 64 channels; of waveforms, layer norms in the
 * convolutions go with norms before the parts of a layer (not in data2vec) and with normalised waveforms. A head that stands behind
 * Whisper was trained on the mean over all frames of 30 s, the silence behind a sound among them. */
static int presume(struct hypers *h, const struct ser_encoder_family *f, const struct ser_encoder_about *about,
		   bool with_head, struct ser_err *e)
{
	if (with_head && strcmp(f->arch, "whisper") == 0) {
		*hyper(h, "pad_to") = 2 * *hyper(h, "positions");
		*hyper(h, "pad_mask") = 0;
	}
	if (has(h->arch, "heads") && !given(about, "heads") && isnan(*hyper(h, "heads"))) {
		double dim = *hyper(h, "dim");
		if (fmod(dim, 64) != 0)
			return ser_fail(e, SER_EDATA,
					"nothing says how many attention heads there are: give \"heads\"");
		*hyper(h, "heads") = dim / 64;
	}
	if (has(h->arch, "pre_norm") && isnan(*hyper(h, "pre_norm")))
		*hyper(h, "pre_norm") = *hyper(h, "conv_norm") != 0 && strcmp(f->arch, "data2vec-audio") != 0;
	if (has(h->arch, "conv_norm") && f->from != SER_FROM_HF && isnan(*hyper(h, "normalize")))
		*hyper(h, "normalize") = *hyper(h, "conv_norm") != 0;
	if (has(h->arch, "tail") && isnan(*hyper(h, "tail")))
		*hyper(h, "tail") =
			strcmp(f->arch, "ge2e") == 0 ? 3 : 4; /* rows that ser_encoder_front() has past N / shift */
	if (h->arch->hop > 0 && has(h->arch, "pad_mask") && f->from == SER_FROM_HF && isnan(*hyper(h, "pad_mask")))
		*hyper(h, "pad_mask") = 0; /* as transformers takes a preprocessor_config.json that does not say it */
	return 0;
}

/* ---- the model ---- */

/* The part of a tensor that is meant */
static struct ser_st_tensor part_of(const struct source *s)
{
	struct ser_st_tensor t = *s->t;
	if (s->third > 0 && t.ndim > 0 && t.shape[0] % 3 == 0) {
		size_t row = t.shape[0] > 0 ? t.n / t.shape[0] : 0, step = t.stride != NULL ? t.stride[0] : row;
		t.shape[0] /= 3;
		t.n /= 3;
		t.data = (const char *)t.data + t.shape[0] * step * (size_t)(s->third - 1) * ser_st_dtype_size(t.dtype);
	}
	return t;
}

/* The next axis of more than one element from k on */
static int next_axis(const size_t *shape, int ndim, int k)
{
	while (k < ndim && shape[k] == 1)
		k++;
	return k;
}

static bool same_shape(const size_t *a, int na, const size_t *b, int nb)
{
	int i = next_axis(a, na, 0), k = next_axis(b, nb, 0);
	for (; i < na && k < nb && a[i] == b[k]; i = next_axis(a, na, i + 1), k = next_axis(b, nb, k + 1))
		;
	return i == na && k == nb;
}

static void put_shape(struct ser_buf *b, const size_t *shape, int n)
{
	ser_buf_str(b, "[");
	for (int i = 0; i < n; i++)
		ser_buf_printf(b, i > 0 ? ",%zu" : "%zu", shape[i]);
	ser_buf_str(b, "]");
}

static int check_slice(const struct ser_slice *sl, const struct names *n, const struct ser_encoder_family *f,
		       struct ser_err *e)
{
	const char *ours = sl->name + strlen("encoder.");
	const struct source *from = find(n, ours);
	size_t want[SER_MAX_DIM];
	if (from == NULL)
		return missing(f, ours) != NULL
			       ? 0
			       : ser_fail(e, SER_EDATA, "no tensor for \"%s\" of architecture %s", ours, f->arch);
	struct ser_st_tensor t = part_of(from);
	ser_model_slice_shape(sl, want);
	if (same_shape(t.shape, t.ndim, want, sl->ndim))
		return 0;
	struct ser_buf a = {0}, b = {0};
	put_shape(&a, t.shape, t.ndim);
	put_shape(&b, want, sl->ndim);
	int rc = ser_fail(e, SER_EDATA, "tensor \"%s\" has the shape %s, expected %s", t.name, a.s, b.s);
	ser_buf_free(&a);
	ser_buf_free(&b);
	return rc;
}

/* Does a hyper-parameter that is 0 leave out the part of its name, as pooler=0 does "pooler.dense.weight"? */
static bool left_out(const struct ser_model *m, const char *ours)
{
	size_t n = strcspn(ours, ".");
	for (size_t i = 0; m->enc[0].arch->hyper[i].name != NULL; i++)
		if (strlen(m->enc[0].arch->hyper[i].name) == n && strncmp(m->enc[0].arch->hyper[i].name, ours, n) == 0)
			return m->enc[0].hyper[i] == 0;
	return false;
}

/* What the network needs against what there is, before it takes memory */
static int check(struct ser_model *m, const struct names *n, const struct ser_encoder_family *f,
		 struct ser_encoder_notes *notes, struct ser_err *e)
{
	struct ser_params *own = m->params, *p = ser_params_new(0);
	struct ser_buf b = {0};
	p->outline = true;
	m->params = p;
	int rc = ser_model_build(m, e);
	m->params = own;
	for (size_t i = 0; i < p->n_slice && rc == 0; i++)
		rc = check_slice(&p->slice[i], n, f, e);
	for (size_t i = 0; i < ser_map_len(n->ours) && rc == 0; i++) {
		b.n = 0;
		ser_buf_printf(&b, "encoder.%s", ser_map_key(n->ours, i, NULL));
		if (ser_params_find(p, b.s) >= 0)
			continue;
		if (left_out(m, b.s + strlen("encoder.")))
			note(&notes->passed, &notes->n_passed, n->from[i].t->name);
		else
			rc = ser_fail(e, SER_EDATA, "tensor \"%s\" has no place in architecture %s", n->from[i].t->name,
				      f->arch);
	}
	ser_buf_free(&b);
	ser_params_free(p);
	return rc;
}

static void fill(struct ser_model *m, const struct names *n, const struct ser_encoder_family *f,
		 struct ser_encoder_notes *notes)
{
	struct ser_params *p = m->params;
	float *x = NULL;
	size_t cap = 0;
	for (size_t i = 0; i < p->n_slice; i++) {
		const struct ser_slice *sl = &p->slice[i];
		const struct source *from = find(n, sl->name + strlen("encoder."));
		if (from == NULL && missing(f, sl->name + strlen("encoder."))->third == SER_AS_NEW)
			continue;
		if (from == NULL) {
			memset(p->val + sl->at, 0, sl->n * sizeof *p->val);
			note(&notes->zero, &notes->n_zero, sl->name + strlen("encoder."));
			continue;
		}
		struct ser_st_tensor t = part_of(from);
		x = ser_grow(x, &cap, t.n, sizeof *x);
		ser_st_f4(&t, x);
		ser_model_slice_in(sl, x, p->val + sl->at);
	}
	free(x);
}

static int make(struct ser_model **out, const struct names *n, const struct ser_encoder_family *f, struct hypers *h,
		const struct ser_encoder_about *about, struct ser_encoder_notes *notes, struct ser_err *e)
{
	struct ser_arena a = {0};
	size_t n_text = 0, n_row = 0, n_in = 1;
	while (h->arch->hyper[n_row].name != NULL)
		n_row++;
	const char **text = ser_arena_alloc(&a, n_row + about->n_hyper, sizeof *text);
	for (size_t i = 0; i < n_row; i++) {
		char num[32];
		struct ser_buf b = {0};
		if (isnan(h->value[i]))
			continue;
		ser_buf_printf(&b, "%s=%s", h->arch->hyper[i].name, ser_format_real(h->value[i], num));
		text[n_text++] = ser_arena_strndup(&a, b.s, b.n);
		ser_buf_free(&b);
	}
	for (size_t i = 0; i < about->n_hyper; i++)
		text[n_text++] = about->hyper[i];
	int rc = ser_model_new(out, f->arch, text, n_text, 0, e);
	ser_arena_free(&a);
	if (rc != 0)
		return rc;
	const struct source *first = find(n, "conv1.weight"); /* what takes the columns of the input */
	if (first == NULL)
		first = find(n, "lstm.weight_ih_l0");
	bool is_text = (*out)->enc[0].arch->n_token != NULL;
	if ((*out)->enc[0].arch->n_in == 0 && first != NULL && first->t->ndim >= 2 && first->t->shape[1] > 0)
		n_in = first->t->shape[1];
	ser_model_input(*out,
			about->field != NULL ? about->field
			: is_text            ? "tok"
					     : "feat",
			n_in, about->dims, SER_NORM_NONE);
	if ((rc = check(*out, n, f, notes, e)) == 0 && (rc = ser_model_build(*out, e)) == 0) {
		fill(*out, n, f, notes);
		rc = ser_params_check((*out)->params, e);
	}
	return rc;
}

/* ---- which family ---- */

static bool tells(const struct ser_weights *w, const char *end)
{
	size_t n = strlen(end);
	for (size_t i = 0; i < w->all.n_tensor; i++) {
		const char *t = w->all.tensor[i].name;
		size_t len = strlen(t);
		if (len >= n && strcmp(t + len - n, end) == 0 && (len == n || t[len - n - 1] == '.'))
			return true;
	}
	return false;
}

static const struct ser_encoder_family *family_of(const struct ser_weights *w, enum ser_encoder_source from,
						  const struct ser_val *config, struct ser_err *e)
{
	const struct ser_encoder_family *f;
	const struct ser_val *type = config != NULL ? ser_val_get(config, "model_type") : NULL;
	struct ser_buf types = {0};
	if (from == SER_FROM_HF && (type == NULL || type->kind != SER_STR)) {
		ser_fail(e, SER_EDATA, "there is no config.json, or no \"model_type\" in it");
		return NULL;
	}
	for (f = ser_encoder_families; f->arch != NULL; f++) {
		if (f->from != from)
			continue;
		if (f->type != NULL ? ser_val_is_str(type, f->type) : f->tell == NULL || tells(w, f->tell))
			break;
		if (f->type != NULL)
			ser_buf_printf(&types, "%s%s", types.n > 0 ? ", " : "", f->type);
	}
	if (f->arch == NULL) {
		ser_fail(e, SER_EDATA, "its model_type \"%.*s\" is none of %s", (int)type->u.str.n, type->u.str.s,
			 types.s);
		f = NULL;
	}
	ser_buf_free(&types);
	return f;
}

int ser_encoder_import(struct ser_model **out, const struct ser_weights *w, enum ser_encoder_source from,
		       const struct ser_encoder_about *about, struct ser_encoder_notes *notes, struct ser_err *e)
{
	struct ser_arena a = {0};
	struct names n = {.ours = ser_map_new()};
	struct ser_encoder_head head = {.out = {NULL, NULL}};
	struct ser_val inner;
	const char *prefix;
	const struct ser_encoder_family *f = family_of(w, from, about->config, e);
	int rc = f != NULL ? 0 : SER_EDATA;
	*out = NULL;
	if (rc == 0)
		rc = find_prefix(w, f, &prefix, &a, e);
	if (rc == 0 && about->label != NULL)
		ser_encoder_head_find(&head, w, from, prefix);
	if (rc == 0)
		rc = take_names(&n, w, f, prefix, &head, notes, e);
	if (rc == 0) {
		struct hypers h = {.arch = ser_arch_find(f->arch)};
		size_t n_row = 0;
		while (h.arch->hyper[n_row].name != NULL)
			n_row++;
		h.value = ser_arena_alloc(&a, n_row, sizeof *h.value);
		for (size_t i = 0; i < n_row; i++)
			h.value[i] = (double)NAN;
		inner_settings(w->root, &a, &inner);
		if ((rc = take_shapes(&h, &n, f, e)) == 0 && (rc = take_settings(&h, f, about, &inner, e)) == 0 &&
		    (rc = presume(&h, f, about, head.out[0] != NULL, e)) == 0)
			rc = make(out, &n, f, &h, about, notes, e);
		if (rc == 0 && head.out[0] != NULL)
			rc = ser_encoder_head_import(*out, &head, from, about, e);
	}
	ser_map_free(n.ours);
	free(n.from);
	ser_arena_free(&a);
	if (rc != 0) {
		ser_model_free(*out);
		*out = NULL;
		e->code = SER_EDATA;
	}
	return rc != 0 ? SER_EDATA : 0;
}

void ser_encoder_front(const struct ser_model *m, struct ser_buf *b)
{
	static const char mel[] = "mel win-length=400 hop-length=160 n-fft=400 mel-scale=slaney mel-norm=slaney";
	const struct ser_encoder *c = &m->enc[0];
	if (strcmp(c->arch->name, "whisper") == 0)
		ser_buf_printf(b, "%s num-mel-bins=%zu edges=silence log=whisper", mel, c->n_in);
	else if (strcmp(c->arch->name, "ge2e") == 0)
		ser_buf_printf(b, "%s num-mel-bins=%zu edges=silence pad=constant", mel, c->n_in);
	else if (c->arch->n_token == NULL)
		ser_buf_str(b, "wave sample-frequency=16000");
}
