/* SPDX-License-Identifier: MIT */
/* ONNX models: their initialisers, which are the weights, by name. What of them is read is in onnx.proto. */
#include "model/onnx.pb-c.h"
#include "model/weights.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A message of a few bytes takes a hundred of memory: in all no more than what a file of weights of its size would take. */
struct purse {
	size_t left;
};

static void *take(void *data, size_t n)
{
	struct purse *p = data;
	if (n > p->left)
		return NULL;
	p->left -= n;
	return ser_malloc(n, 1);
}

static void give_back(void *data, void *p)
{
	(void)data; /* what was given back is not counted: a file is read once */
	free(p);
}

static int one_tensor(struct ser_weights *w, const SerOnnx__Tensor *o, struct ser_err *e)
{
	static const struct {
		int32_t type;
		enum ser_st_dtype dtype;
	} types[] = {{1, SER_ST_F32},  {10, SER_ST_F16}, {16, SER_ST_BF16},
		     {11, SER_ST_F64}, {7, SER_ST_I64},  {6, SER_ST_I32}};
	struct ser_st_tensor t = {.n = 1};
	const void *data = o->raw_data.data;
	size_t n_byte = o->raw_data.len, k = 0, want;
	while (k < sizeof types / sizeof *types && types[k].type != o->data_type)
		k++;
	if (k == sizeof types / sizeof *types)
		return 1; /* quantised weights, truth values, text: no parameters of a network */
	t.dtype = types[k].dtype;
	if (o->data_location != 0)
		return ser_fail(e, SER_EDATA, "its elements are in another file");
	if (o->n_dims > SER_ST_MAX_AXES)
		return ser_fail(e, SER_EDATA, "it has %zu axes, at most %d are read", o->n_dims, SER_ST_MAX_AXES);
	t.ndim = (int)o->n_dims;
	for (size_t i = 0; i < o->n_dims; i++) {
		t.shape[i] = (size_t)o->dims[i];
		if (o->dims[i] < 0 || !ser_mul_ok(t.n, t.shape[i], &t.n))
			return ser_fail(e, SER_EDATA,
					"its shape holds something that is not a size, or too large a one");
	}
	if (o->n_float_data > 0 && t.dtype == SER_ST_F32) {
		data = o->float_data;
		n_byte = o->n_float_data * sizeof *o->float_data;
	} else if (o->n_double_data > 0 && t.dtype == SER_ST_F64) {
		data = o->double_data;
		n_byte = o->n_double_data * sizeof *o->double_data;
	} else if (o->n_int64_data > 0 && t.dtype == SER_ST_I64) {
		data = o->int64_data;
		n_byte = o->n_int64_data * sizeof *o->int64_data;
	} else if (o->n_int32_data > 0 && t.dtype == SER_ST_I32) {
		data = o->int32_data;
		n_byte = o->n_int32_data * sizeof *o->int32_data;
	} else if (o->n_int32_data > 0 && (t.dtype == SER_ST_F16 || t.dtype == SER_ST_BF16)) {
		uint16_t *half = ser_arena_alloc(&w->all.arena, o->n_int32_data, sizeof *half);
		for (size_t i = 0; i < o->n_int32_data; i++)
			half[i] = (uint16_t)o->int32_data[i];
		data = half;
		n_byte = o->n_int32_data * sizeof *half;
	} else {
		t.filed = true;
	}
	if (!ser_mul_ok(t.n, ser_st_dtype_size(t.dtype), &want) || want != n_byte)
		return ser_fail(e, SER_EDATA, "%zu bytes do not fit its shape of %zu elements", n_byte, t.n);
	char *copy = ser_arena_alloc(&w->all.arena, n_byte, 1);
	if (n_byte > 0)
		memcpy(copy, data, n_byte);
	t.data = copy;
	t.name = ser_arena_strndup(&w->all.arena, o->name, strlen(o->name));
	return ser_weights_add(w, &t, e);
}

/* The first field of a model is its version, a small number; text or a message is next. */
bool ser_onnx_is(const char *p, size_t n)
{
	return n > 8 && p[0] == 0x08 && p[1] > 0 && p[1] < 64 && (p[2] & 7) == 2;
}

int ser_onnx_parse(struct ser_weights *w, const char *p, size_t n, struct ser_err *e)
{
	if (n > INT_MAX)
		return ser_fail(e, SER_EDATA, "an ONNX model of %zu bytes, which the format does not have", n);
	struct purse purse = {4 * n + (1 << 20)};
	ProtobufCAllocator allocator = {take, give_back, &purse};
	SerOnnx__Model *m = ser_onnx__model__unpack(&allocator, n, (const uint8_t *)p);
	if (m == NULL)
		return ser_fail(e, SER_EDATA, "not an ONNX model, or damaged or cut off");
	int rc = 0;
	for (size_t i = 0; m->graph != NULL && i < m->graph->n_initializer && rc >= 0; i++) {
		const SerOnnx__Tensor *t = m->graph->initializer[i];
		rc = ser_utf8_ok(t->name, strlen(t->name)) && t->name[0] != '\0' ? one_tensor(w, t, e) : 1;
		if (rc < 0)
			ser_fail_in(e, "tensor \"%s\"", t->name);
	}
	ser_onnx__model__free_unpacked(m, &allocator);
	if (rc >= 0 && w->all.n_tensor == 0)
		rc = ser_fail(e, SER_EDATA, "an ONNX model without weights");
	return rc < 0 ? rc : 0;
}
