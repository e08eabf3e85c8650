/* SPDX-License-Identifier: MIT */
#include "stream/stream.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add_string(struct ser_buf *b, const char *s, size_t n)
{
	ser_buf_add(b, "\"", 1);
	size_t from = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		size_t raw = ser_utf8_control(s + i, n - i);
		if (c != '"' && c != '\\' && raw == 0)
			continue;
		ser_buf_add(b, s + from, i - from);
		i += raw == 2; /* U+0080 to U+009F: the second byte is the number */
		c = raw == 2 ? (unsigned char)s[i] : c;
		from = i + 1;
		switch (c) {
		case '"':
			ser_buf_str(b, "\\\"");
			break;
		case '\\':
			ser_buf_str(b, "\\\\");
			break;
		case '\n':
			ser_buf_str(b, "\\n");
			break;
		case '\t':
			ser_buf_str(b, "\\t");
			break;
		default:
			ser_buf_printf(b, "\\u%04x", c);
		}
	}
	ser_buf_add(b, s + from, n - from);
	ser_buf_add(b, "\"", 1);
}

static void add_real(struct ser_buf *b, double x)
{
	char num[32];
	if (!isfinite(x)) {
		ser_buf_str(b, "null");
		return;
	}
	ser_format_real(x, num);
	ser_buf_str(b, num);
	if (strpbrk(num, ".e") == NULL)
		ser_buf_str(b, ".0"); /* a real stays one when read back */
}

/* Elements of one axis and all below it; *at walks through the data. */
static void add_axis(struct ser_buf *b, const struct ser_tensor *t, int axis, size_t *at)
{
	if (axis == t->ndim) {
		double x = ser_tensor_real(t, *at);
		if (t->dtype == SER_I8) {
			int64_t i;
			memcpy(&i, (const char *)t->data + *at * sizeof i, sizeof i);
			ser_buf_printf(b, "%" PRId64, i);
		} else if (t->dtype == SER_I2 || t->dtype == SER_I4 || t->dtype == SER_U1) {
			ser_buf_printf(b, "%.0f", x);
		} else if (t->dtype == SER_F4 && isfinite(x)) {
			char num[32];
			ser_buf_str(b, ser_format_float((float)x, num));
		} else {
			add_real(b, x);
		}
		++*at;
		return;
	}
	ser_buf_add(b, "[", 1);
	for (size_t i = 0; i < t->shape[axis]; i++) {
		if (i > 0)
			ser_buf_add(b, ",", 1);
		add_axis(b, t, axis + 1, at);
	}
	ser_buf_add(b, "]", 1);
}

static void add_tensor(struct ser_buf *b, const struct ser_tensor *t, bool data)
{
	ser_buf_printf(b, "{\"dtype\":\"%s\",\"shape\":[", ser_dtype_str(t->dtype));
	for (int i = 0; i < t->ndim; i++)
		ser_buf_printf(b, i > 0 ? ",%zu" : "%zu", t->shape[i]);
	ser_buf_add(b, "]", 1);
	if (data && ser_tensor_len(t) == 0) { /* the shape says it all, and may say it of millions of empty rows */
		ser_buf_str(b, ",\"data\":[]");
	} else if (data) {
		size_t at = 0;
		ser_buf_str(b, ",\"data\":");
		add_axis(b, t, 0, &at);
	}
	ser_buf_add(b, "}", 1);
}

void ser_val_json(struct ser_buf *b, const struct ser_val *v, bool data)
{
	switch (v->kind) {
	case SER_NIL:
		ser_buf_str(b, "null");
		break;
	case SER_BOOL:
	case SER_INT:
		ser_val_text(b, v);
		break;
	case SER_REAL:
		add_real(b, v->u.f);
		break;
	case SER_STR:
		add_string(b, v->u.str.s, v->u.str.n);
		break;
	case SER_TENSOR:
		add_tensor(b, &v->u.t, data);
		break;
	case SER_LIST:
		ser_buf_add(b, "[", 1);
		for (size_t i = 0; i < v->u.list.n; i++) {
			if (i > 0)
				ser_buf_add(b, ",", 1);
			ser_val_json(b, &v->u.list.v[i], data);
		}
		ser_buf_add(b, "]", 1);
		break;
	case SER_MAP:
		ser_buf_add(b, "{", 1);
		for (size_t i = 0; i < v->u.map.n; i++) {
			const struct ser_field *f = &v->u.map.f[i];
			if (i > 0)
				ser_buf_add(b, ",", 1);
			add_string(b, f->name, f->name_len);
			ser_buf_add(b, ":", 1);
			ser_val_json(b, &f->val, data);
		}
		ser_buf_add(b, "}", 1);
		break;
	}
}

void ser_val_brief(struct ser_buf *b, const struct ser_val *map)
{
	enum { SHOWN = 16 };
	ser_buf_str(b, "{");
	for (size_t i = 0; map->kind == SER_MAP && i < map->u.map.n; i++) {
		const struct ser_field *f = &map->u.map.f[i];
		ser_buf_printf(b, "%s\"%.*s\":", i > 0 ? "," : "", (int)f->name_len, f->name);
		if (f->val.kind == SER_LIST && f->val.u.list.n > SHOWN)
			ser_buf_printf(b, "[%zu of them]", f->val.u.list.n);
		else
			ser_val_json(b, &f->val, false);
	}
	ser_buf_str(b, "}");
}

static struct ser_val from_json(struct ser_arena *a, json_t *j)
{
	struct ser_val v = ser_nil();
	switch (json_typeof(j)) {
	case JSON_NULL:
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		return ser_bool(json_is_true(j));
	case JSON_INTEGER:
		return ser_int(json_integer_value(j));
	case JSON_REAL:
		return ser_real(json_real_value(j));
	case JSON_STRING: {
		struct ser_val s = ser_strn(json_string_value(j), json_string_length(j));
		return ser_val_copy(a, &s);
	}
	case JSON_ARRAY:
		v = ser_val_list();
		v.u.list.n = json_array_size(j);
		v.u.list.v = ser_arena_calloc(a, v.u.list.n, sizeof *v.u.list.v);
		for (size_t i = 0; i < v.u.list.n; i++)
			v.u.list.v[i] = from_json(a, json_array_get(j, i));
		break;
	case JSON_OBJECT: {
		const char *key;
		json_t *item;
		size_t n = 0;
		v = ser_val_map();
		v.u.map.f = ser_arena_calloc(a, json_object_size(j), sizeof *v.u.map.f);
		json_object_foreach(j, key, item)
		{
			size_t len = strlen(key);
			v.u.map.f[n++] = (struct ser_field){
				.name = ser_arena_strndup(a, key, len), .name_len = len, .val = from_json(a, item)};
		}
		v.u.map.n = n;
		break;
	}
	}
	return v;
}

static int json_depth(json_t *j, int limit)
{
	int deepest = 0;
	size_t i;
	const char *key;
	json_t *item;
	if (limit == 0)
		return 1;
	if (json_is_array(j)) {
		json_array_foreach(j, i, item)
		{
			int d = json_depth(item, limit - 1);
			deepest = d > deepest ? d : deepest;
		}
	} else if (json_is_object(j)) {
		json_object_foreach(j, key, item)
		{
			int d = json_depth(item, limit - 1);
			deepest = d > deepest ? d : deepest;
		}
	} else {
		return 0;
	}
	return deepest + 1;
}

/* Names in maps are as long as a stream's may be. */
static bool names_ok(json_t *j)
{
	size_t i;
	const char *key;
	json_t *item;
	json_array_foreach(j, i, item)
	{
		if (!names_ok(item))
			return false;
	}
	json_object_foreach(j, key, item)
	{
		if (*key == '\0' || strlen(key) > SER_MAX_NAME || !names_ok(item))
			return false;
	}
	return true;
}

int ser_val_from_json(struct ser_arena *a, const char *text, size_t n, struct ser_val *out, struct ser_err *e)
{
	json_error_t je;
	json_t *j = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
	if (j == NULL)
		return ser_fail(e, SER_EDATA, "bad JSON at line %d, column %d: %s", je.line, je.column, je.text);
	int rc = 0;
	if (json_depth(j, SER_MAX_DEPTH + 1) > SER_MAX_DEPTH)
		rc = ser_fail(e, SER_EDATA, "JSON nested deeper than %d", SER_MAX_DEPTH);
	else if (!names_ok(j))
		rc = ser_fail(e, SER_EDATA, "a name in JSON is not of 1 to %d bytes", SER_MAX_NAME);
	else
		*out = from_json(a, j);
	json_decref(j);
	return rc;
}
