/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 50, KEPT = 1000 }; /* values of a label: in the text; counted at all */

/* What all records say about one field. */
struct column {
	uint64_t n, n_kind[SER_TENSOR + 1]; /* records that have it; by kind of value */
	struct ser_map *value;              /* of a label, as text, with a count each */
	uint64_t *count;
	size_t cap;
	bool many; /* more than KEPT values */
	struct ser_range range;
	enum ser_dtype dtype;
	int ndim;
	bool mixed; /* dtype or number of axes vary */
	size_t lo[SER_MAX_AXES], hi[SER_MAX_AXES];
	double seconds;
	bool timed;
};

struct info {
	struct ser_map *name;
	struct column *col;
	size_t cap;
};

static void add_label(struct column *c, const struct ser_val *v)
{
	struct ser_buf text = {0};
	double x = v->kind == SER_INT ? (double)v->u.i : v->kind == SER_REAL ? v->u.f : 0;
	if (v->kind == SER_INT || v->kind == SER_REAL) {
		struct ser_tensor t = {.dtype = SER_F8, .data = &x};
		ser_tensor_range(&t, &c->range);
	}
	if (c->many || v->kind == SER_NIL)
		return;
	ser_val_text(&text, v);
	size_t i = ser_map_add(c->value, text.s, text.n, NULL);
	size_t old = c->cap;
	c->count = ser_grow(c->count, &c->cap, i + 1, sizeof *c->count);
	if (c->cap > old)
		memset(c->count + old, 0, (c->cap - old) * sizeof *c->count);
	c->count[i]++;
	c->many = ser_map_len(c->value) > KEPT;
	ser_buf_free(&text);
}

static double number(const struct ser_val *map, const char *name)
{
	const struct ser_val *v = ser_val_get(map, name);
	return v == NULL ? 0 : v->kind == SER_REAL ? v->u.f : v->kind == SER_INT ? (double)v->u.i : 0;
}

static void add_tensor(struct column *c, const struct ser_tensor *t, const struct ser_val *dim)
{
	if (c->n_kind[SER_TENSOR] == 1) {
		c->dtype = t->dtype;
		c->ndim = t->ndim;
	}
	c->mixed = c->mixed || c->dtype != t->dtype || c->ndim != t->ndim;
	for (int i = 0; i < t->ndim; i++) {
		c->lo[i] = c->n_kind[SER_TENSOR] == 1 || t->shape[i] < c->lo[i] ? t->shape[i] : c->lo[i];
		c->hi[i] = t->shape[i] > c->hi[i] ? t->shape[i] : c->hi[i];
	}
	ser_tensor_range(t, &c->range);
	double shift = number(dim, "shift_s"), rate = number(dim, "rate_hz");
	if (t->ndim > 0 && (shift > 0 || rate > 0)) {
		c->seconds += (double)t->shape[0] * (shift > 0 ? shift : 1 / rate);
		c->timed = true;
	}
}

static void add_record(struct info *f, const struct ser_record *r, const struct ser_header *h)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct ser_field *x = &r->field[i];
		bool is_new;
		size_t k = ser_map_add(f->name, x->name, x->name_len, &is_new);
		f->col = ser_grow(f->col, &f->cap, k + 1, sizeof *f->col);
		struct column *c = &f->col[k];
		if (is_new)
			*c = (struct column){.value = ser_map_new()};
		c->n++;
		c->n_kind[x->val.kind]++;
		if (x->val.kind == SER_TENSOR)
			add_tensor(c, &x->val.u.t, ser_header_dim(h, ser_map_key(f->name, k, NULL)));
		else if (!(x->name_len == 2 && memcmp(x->name, "id", 2) == 0)) /* which is never the same twice */
			add_label(c, &x->val);
	}
}

static const char *const kinds[] = {"nil", "boolean", "integer", "real", "string", "tensor"};

/* The values of a label, ordered as text; numbers as numbers. */
struct value {
	const char *s;
	uint64_t n;
};

static int cmp_value(const void *a, const void *b)
{
	const struct value *p = a, *q = b;
	double x, y;
	if (ser_parse_real(p->s, -HUGE_VAL, HUGE_VAL, &x, NULL) == 0 &&
	    ser_parse_real(q->s, -HUGE_VAL, HUGE_VAL, &y, NULL) == 0 && x != y)
		return x < y ? -1 : 1;
	return strcmp(p->s, q->s);
}

static struct value *values(const struct column *c, size_t *n)
{
	*n = ser_map_len(c->value);
	struct value *v = ser_calloc(*n, sizeof *v);
	for (size_t i = 0; i < *n; i++)
		v[i] = (struct value){ser_map_key(c->value, i, NULL), c->count[i]};
	qsort(v, *n, sizeof *v, cmp_value);
	return v;
}

/* ---- JSON: an object a file ---- */

static void json_text(struct ser_buf *b, const char *s)
{
	struct ser_val v = ser_str(s);
	ser_val_json(b, &v, false);
}

static void json_real(struct ser_buf *b, const char *name, double x)
{
	struct ser_val v = ser_real(x);
	ser_buf_printf(b, ",\"%s\":", name);
	ser_val_json(b, &v, false);
}

static void json_column(struct ser_buf *b, const struct column *c)
{
	size_t n;
	bool first = true;
	ser_buf_printf(b, "{\"records\":%llu,\"kinds\":{", (unsigned long long)c->n);
	for (int k = 0; k <= SER_TENSOR; k++)
		if (c->n_kind[k] > 0) {
			ser_buf_printf(b, "%s\"%s\":%llu", first ? "" : ",", kinds[k],
				       (unsigned long long)c->n_kind[k]);
			first = false;
		}
	ser_buf_str(b, "}");
	if (c->n_kind[SER_TENSOR] > 0 && !c->mixed) {
		ser_buf_printf(b, ",\"dtype\":\"%s\",\"shape\":[", ser_dtype_str(c->dtype));
		for (int i = 0; i < c->ndim; i++)
			ser_buf_printf(b, "%s[%zu,%zu]", i > 0 ? "," : "", c->lo[i], c->hi[i]);
		ser_buf_str(b, "]");
	}
	if (c->range.n > 0) {
		json_real(b, "min", c->range.min);
		json_real(b, "mean", c->range.sum / (double)c->range.n);
		json_real(b, "max", c->range.max);
	}
	if (c->range.n + c->range.n_bad > 0)
		ser_buf_printf(b, ",\"not_finite\":%llu", (unsigned long long)c->range.n_bad);
	if (c->timed)
		json_real(b, "seconds", c->seconds);
	struct value *v = values(c, &n);
	if (n > 0 && !c->many) {
		ser_buf_str(b, ",\"values\":{");
		for (size_t i = 0; i < n; i++) {
			json_text(b, v[i].s);
			ser_buf_printf(b, ":%llu%s", (unsigned long long)v[i].n, i + 1 < n ? "," : "");
		}
		ser_buf_str(b, "}");
	}
	free(v);
	ser_buf_str(b, "}");
}

static void print_json(const struct ser_in *in, const struct info *f, const struct ser_header *h, const char *name,
		       uint64_t n)
{
	struct ser_buf b = {0};
	ser_buf_str(&b, "{\"file\":");
	json_text(&b, name);
	ser_buf_printf(
		&b, ",\"version\":%d,\"records\":%llu,\"segments\":%llu,\"bytes\":%llu,\"prov\":", SER_STREAM_VERSION,
		(unsigned long long)n, (unsigned long long)ser_in_segments(in), (unsigned long long)ser_in_bytes(in));
	ser_val_json(&b, &h->prov, false);
	ser_buf_str(&b, ",\"dims\":");
	ser_val_json(&b, &h->dims, false);
	ser_buf_str(&b, ",\"fields\":{");
	for (size_t i = 0; i < ser_map_len(f->name); i++) {
		ser_buf_str(&b, i > 0 ? "," : "");
		json_text(&b, ser_map_key(f->name, i, NULL));
		ser_buf_str(&b, ":");
		json_column(&b, &f->col[i]);
	}
	ser_buf_str(&b, "}}");
	puts(b.s);
	ser_buf_free(&b);
}

/* ---- text ---- */

/* A provenance, a line a tool; the inputs of a tool that had several are indented above it. */
static void print_prov(struct ser_buf *b, const struct ser_val *prov, int depth)
{
	for (size_t i = 0; prov->kind == SER_LIST && i < prov->u.list.n; i++) {
		const struct ser_val *p = &prov->u.list.v[i], *tool = ser_val_get(p, "tool"),
				     *args = ser_val_get(p, "args");
		const struct ser_val *inputs = ser_val_get(p, "inputs");
		for (size_t k = 0; inputs != NULL && inputs->kind == SER_LIST && k < inputs->u.list.n; k++) {
			ser_buf_printf(b, "  made by  %*sinput %zu:\n", 2 * depth, "", k + 1);
			print_prov(b, &inputs->u.list.v[k], depth + 1);
		}
		ser_buf_printf(b, "  made by  %*s", 2 * depth, "");
		if (tool != NULL && tool->kind == SER_STR)
			ser_val_text(b, tool);
		for (size_t k = 0; args != NULL && args->kind == SER_LIST && k < args->u.list.n; k++) {
			ser_buf_str(b, " ");
			if (args->u.list.v[k].kind <= SER_STR)
				ser_val_text(b, &args->u.list.v[k]);
		}
		ser_buf_str(b, "\n");
	}
}

static void print_column(struct ser_buf *b, const struct column *c, uint64_t n_record)
{
	size_t n;
	if (c->n_kind[SER_TENSOR] > 0 && c->mixed)
		ser_buf_str(b, "tensors of several kinds");
	else if (c->n_kind[SER_TENSOR] > 0)
		ser_buf_printf(b, "%s [", ser_dtype_str(c->dtype));
	for (int i = 0; c->n_kind[SER_TENSOR] > 0 && !c->mixed && i < c->ndim; i++)
		ser_buf_printf(b, c->lo[i] == c->hi[i] ? "%s%zu" : "%s%zu..%zu", i > 0 ? "," : "", c->lo[i], c->hi[i]);
	if (c->n_kind[SER_TENSOR] > 0 && !c->mixed)
		ser_buf_str(b, "]");
	for (int k = 0; k < SER_TENSOR; k++)
		if (c->n_kind[k] > 0)
			ser_buf_printf(b, "%s%s", b->n > 0 ? ", " : "", kinds[k]);
	if (c->n != n_record)
		ser_buf_printf(b, ", in %llu records", (unsigned long long)c->n);
	if (c->range.n > 0)
		ser_buf_printf(b, ", min %.6g mean %.6g max %.6g", c->range.min, c->range.sum / (double)c->range.n,
			       c->range.max);
	if (c->range.n_bad > 0)
		ser_buf_printf(b, ", %llu not finite", (unsigned long long)c->range.n_bad);
	if (c->timed)
		ser_buf_printf(b, ", %.2f s", c->seconds);
	struct value *v = values(c, &n);
	if (c->many)
		ser_buf_printf(b, ", more than %d values", KEPT);
	else if (n > 0)
		ser_buf_printf(b, ", %zu value%s", n, n > 1 ? "s" : "");
	for (size_t i = 0; n <= SHOWN && i < n; i++)
		ser_buf_printf(b, "%s%s %llu", i > 0 ? ", " : ": ", v[i].s, (unsigned long long)v[i].n);
	free(v);
}

static void print_text(const struct ser_in *in, const struct info *f, const struct ser_header *h, const char *name,
		       uint64_t n)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s: version %d, %llu records, %llu segment%s, %llu bytes\n", name, SER_STREAM_VERSION,
		       (unsigned long long)n, (unsigned long long)ser_in_segments(in),
		       ser_in_segments(in) == 1 ? "" : "s", (unsigned long long)ser_in_bytes(in));
	print_prov(&b, &h->prov, 0);
	for (size_t i = 0; i < h->dims.u.map.n; i++) {
		ser_buf_printf(&b, "  dims     %.*s ", (int)h->dims.u.map.f[i].name_len, h->dims.u.map.f[i].name);
		ser_val_json(&b, &h->dims.u.map.f[i].val, false);
		ser_buf_str(&b, "\n");
	}
	fwrite(b.s, 1, b.n, stdout);
	for (size_t i = 0; i < ser_map_len(f->name); i++) {
		b.n = 0;
		print_column(&b, &f->col[i], n);
		for (size_t k = 0; k < b.n; k++) /* what could move a terminal's cursor is shown as a dot */
			b.s[k] = (unsigned char)b.s[k] < 0x20 || b.s[k] == 0x7f ? '.' : b.s[k];
		printf("  field    %-9s %s\n", ser_map_key(f->name, i, NULL), b.s);
	}
	ser_buf_free(&b);
}

static void one_file(struct ser_cli *c, char *name, bool json)
{
	struct ser_in *in = ser_in_files(c, &name, name != NULL);
	struct info f = {.name = ser_map_new()};
	struct ser_record r = {0};
	struct ser_header h;
	struct ser_err e;
	bool segment;
	uint64_t n = 0;
	ser_header_copy(&h, ser_in_header(in));
	for (; ser_in_next(in, &r, &segment); n++) {
		if (segment && ser_header_merge(&h, ser_in_header(in), &e) != 0) {
			ser_fail_in(&e, "%s", ser_in_name(in));
			ser_cli_die(c, &e);
		}
		add_record(&f, &r, ser_in_header(in));
	}
	(json ? print_json : print_text)(in, &f, &h, ser_in_name(in), n);
	for (size_t i = 0; i < ser_map_len(f.name); i++) {
		ser_map_free(f.col[i].value);
		free(f.col[i].count);
	}
	free(f.col);
	ser_map_free(f.name);
	ser_header_free(&h);
	ser_record_free(&r);
	ser_in_close(in);
}

int main(int argc, char **argv)
{
	bool json = false;
	const struct ser_option opts[] = {
		{"json", 'j', SER_OPTION_FLAG, &json, NULL, 0, 0, NULL, 0, "a JSON object for each file"},
		{0},
	};
	const struct ser_tool tool = {"ser-info",  "Check a stream from end to end and say what is in it.",
				      "[FILE]...", opts,
				      NULL,        SER_CLI_IN};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);
	if (c.n_operand == 0)
		one_file(&c, NULL, json);
	for (int i = 0; i < c.n_operand; i++)
		one_file(&c, c.operand[i], json);
	return ser_cli_end(&c);
}
