/* SPDX-License-Identifier: MIT */
#include "formats/pickle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum opcode {
	MARK = '(',
	STOP = '.',
	POP = '0',
	POP_MARK = '1',
	DUP = '2',
	BININT = 'J',
	BININT1 = 'K',
	BININT2 = 'M',
	NONE = 'N',
	BINPERSID = 'Q',
	REDUCE = 'R',
	BINSTRING = 'T',
	SHORT_BINSTRING = 'U',
	BINUNICODE = 'X',
	EMPTY_LIST = ']',
	APPEND = 'a',
	APPENDS = 'e',
	BUILD = 'b',
	GLOBAL = 'c',
	BINGET = 'h',
	LONG_BINGET = 'j',
	LIST = 'l',
	BINPUT = 'q',
	LONG_BINPUT = 'r',
	SETITEM = 's',
	SETITEMS = 'u',
	TUPLE = 't',
	EMPTY_TUPLE = ')',
	EMPTY_DICT = '}',
	DICT = 'd',
	BINFLOAT = 'G',
	PROTO = 0x80,
	NEWOBJ = 0x81,
	TUPLE1 = 0x85,
	TUPLE2 = 0x86,
	TUPLE3 = 0x87,
	NEWTRUE = 0x88,
	NEWFALSE = 0x89,
	LONG1 = 0x8a,
	LONG4 = 0x8b,
	BINBYTES = 'B',
	SHORT_BINBYTES = 'C',
	SHORT_BINUNICODE = 0x8c,
	BINUNICODE8 = 0x8d,
	BINBYTES8 = 0x8e,
	EMPTY_SET = 0x8f,
	ADDITEMS = 0x90,
	STACK_GLOBAL = 0x93,
	MEMOIZE = 0x94,
	FRAME = 0x95
};

struct machine {
	const char *p; /* the pickle */
	size_t n, at, n_step;
	const char *const *globals;
	struct ser_arena *arena;
	struct ser_pickle *room; /* values not yet given out */
	size_t n_room;
	struct ser_pickle **stack; /* NULL is a mark */
	size_t n_stack, cap_stack;
	struct ser_pickle **memo;
	size_t n_memo, cap_memo;
	struct ser_pickle persistent; /* a list of them */
	struct ser_err *e;
};

static bool fail(struct machine *m, const char *what)
{
	ser_fail(m->e, SER_EDATA, "pickle, byte %zu: %s", m->at, what);
	return false;
}

/* ---- bytes ---- */

/* The next n of them; NULL when there are fewer. */
static const char *take(struct machine *m, size_t n)
{
	if (n > m->n - m->at) {
		fail(m, "cut off");
		return NULL;
	}
	m->at += n;
	return m->p + m->at - n;
}

static uint64_t le(const char *p, size_t n)
{
	uint64_t x = 0;
	while (n-- > 0)
		x = x << 8 | (unsigned char)p[n];
	return x;
}

static bool number(struct machine *m, size_t n_byte, uint64_t *x)
{
	const char *p = take(m, n_byte);
	if (p == NULL)
		return false;
	*x = le(p, n_byte);
	return true;
}

/* ---- values ---- */

static struct ser_pickle *value(struct machine *m, enum ser_pickle_kind kind)
{
	if (m->n_room == 0) {
		m->n_room = 64;
		m->room = ser_arena_calloc(m->arena, m->n_room, sizeof *m->room);
	}
	m->n_room--;
	m->room->kind = kind;
	return m->room++;
}

static bool push(struct machine *m, struct ser_pickle *v)
{
	m->stack = ser_grow(m->stack, &m->cap_stack, m->n_stack + 1, sizeof *m->stack);
	m->stack[m->n_stack++] = v;
	return true;
}

static bool push_int(struct machine *m, enum ser_pickle_kind kind, int64_t i)
{
	struct ser_pickle *v = value(m, kind);
	v->i = i;
	return push(m, v);
}

/* The value on top, n below it; NULL, and a failure, where there is none or a mark. */
static struct ser_pickle *top(struct machine *m, size_t n)
{
	struct ser_pickle *v = m->n_stack > n ? m->stack[m->n_stack - 1 - n] : NULL;
	if (v == NULL)
		fail(m, "takes a value that is not there");
	return v;
}

static struct ser_pickle *pop(struct machine *m)
{
	struct ser_pickle *v = top(m, 0);
	m->n_stack -= v != NULL;
	return v;
}

/* How many values are above the last mark. */
static bool above_mark(struct machine *m, size_t *n)
{
	*n = 0;
	while (*n < m->n_stack && m->stack[m->n_stack - 1 - *n] != NULL)
		++*n;
	return *n < m->n_stack || fail(m, "wants a mark that is not there");
}

static void add_item(struct machine *m, struct ser_pickle *v, const struct ser_pickle *item)
{
	if (v->n_item == v->cap_item) {
		size_t cap = v->cap_item == 0 ? 4 : 2 * v->cap_item;
		const struct ser_pickle **to = ser_arena_alloc(m->arena, cap, sizeof *to);
		if (v->n_item > 0)
			memcpy(to, v->item, v->n_item * sizeof *to);
		v->item = to;
		v->cap_item = cap;
	}
	v->item[v->n_item++] = item;
}

/* Add the n values on top to v, and take them off. */
static void add_items(struct machine *m, struct ser_pickle *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_item(m, v, m->stack[m->n_stack - n + i]);
	m->n_stack -= n;
}

/* A list or map of the n values on top; `marked`: below them is a mark, which goes too. */
static bool gather(struct machine *m, enum ser_pickle_kind kind, size_t n, bool marked)
{
	if (marked) {
		if (!above_mark(m, &n))
			return false;
	} else if (n > 0 && top(m, n - 1) == NULL) {
		return false;
	}
	for (size_t i = 0; i < n; i++)
		if (m->stack[m->n_stack - 1 - i] == NULL)
			return fail(m, "takes a value that is not there");
	if (kind == SER_PICKLE_MAP && n % 2 != 0)
		return fail(m, "a key without a value");
	struct ser_pickle *v = value(m, kind);
	add_items(m, v, n);
	m->n_stack -= marked;
	return push(m, v);
}

/* What is above the mark goes to the list or map under it. `pairs`: of keys and values */
static bool extend(struct machine *m, size_t n, bool marked, bool pairs)
{
	if (marked && !above_mark(m, &n))
		return false;
	if (pairs && n % 2 != 0)
		return fail(m, "a key without a value");
	for (size_t i = 0; i < n; i++)
		if (top(m, i) == NULL)
			return false;
	struct ser_pickle *v = top(m, n + marked);
	if (v == NULL)
		return false;
	if (v->kind != SER_PICKLE_OBJECT && v->kind != (pairs ? SER_PICKLE_MAP : SER_PICKLE_LIST))
		return fail(m, pairs ? "sets items of what is no map" : "appends to what is no list");
	add_items(m, v, n);
	m->n_stack -= marked;
	return true;
}

static bool text(struct machine *m, size_t n_len)
{
	uint64_t n;
	if (!number(m, n_len, &n))
		return false;
	if (n > m->n - m->at)
		return fail(m, "cut off");
	struct ser_pickle *v = value(m, SER_PICKLE_TEXT);
	v->text = take(m, (size_t)n);
	v->n_text = (size_t)n;
	return push(m, v);
}

/* A whole number of n_len bytes' worth of bytes, two's complement */
static bool long_int(struct machine *m, size_t n_len)
{
	uint64_t n;
	const char *p;
	if (!number(m, n_len, &n))
		return false;
	if (n > 1 << 20)
		return fail(m, "a number of more than a million bytes");
	if ((p = take(m, (size_t)n)) == NULL)
		return false;
	bool below = n > 0 && (p[n - 1] & 0x80) != 0;
	if (n <= 8) {
		uint64_t x = le(p, (size_t)n);
		if (below && n < 8)
			x |= ~(uint64_t)0 << 8 * n;
		return push_int(m, SER_PICKLE_INT, (int64_t)x);
	}
	struct ser_pickle *v = value(m, SER_PICKLE_REAL);
	for (size_t i = (size_t)n; i-- > 0;)
		v->f = v->f * 256 + (unsigned char)p[i];
	v->f -= below ? ldexp(1, n < 256 ? (int)n * 8 : 2048) : 0;
	return push(m, v);
}

static bool real(struct machine *m)
{
	const char *p = take(m, 8);
	uint64_t x = 0;
	if (p == NULL)
		return false;
	for (int i = 0; i < 8; i++) /* the one number with its high byte first */
		x = x << 8 | (unsigned char)p[i];
	struct ser_pickle *v = value(m, SER_PICKLE_REAL);
	memcpy(&v->f, &x, sizeof x);
	return push(m, v);
}

/* ---- the memo ---- */

static bool put(struct machine *m, uint64_t i)
{
	struct ser_pickle *v = top(m, 0);
	if (v == NULL)
		return false;
	if (i >= SER_PICKLE_MAX_STEP)
		return fail(m, "a number of the memo beyond its bound");
	if (i >= m->n_memo) {
		m->memo = ser_grow(m->memo, &m->cap_memo, (size_t)i + 1, sizeof *m->memo);
		memset(m->memo + m->n_memo, 0, ((size_t)i + 1 - m->n_memo) * sizeof *m->memo);
		m->n_memo = (size_t)i + 1;
	}
	m->memo[i] = v;
	return true;
}

static bool get(struct machine *m, size_t n_byte)
{
	uint64_t i;
	if (!number(m, n_byte, &i))
		return false;
	if (i >= m->n_memo || m->memo[i] == NULL)
		return fail(m, "takes from the memo what is not there");
	return push(m, m->memo[i]);
}

/* ---- globals and what is made of them ---- */

static bool push_global(struct machine *m, const char *module, size_t n_module, const char *name, size_t n_name)
{
	for (size_t i = 0; m->globals[i] != NULL; i++) {
		const char *g = m->globals[i];
		if (strlen(g) == n_module + 1 + n_name && memcmp(g, module, n_module) == 0 && g[n_module] == ' ' &&
		    memcmp(g + n_module + 1, name, n_name) == 0) {
			struct ser_pickle *v = value(m, SER_PICKLE_GLOBAL);
			v->text = g;
			v->n_text = strlen(g);
			return push(m, v);
		}
	}
	ser_fail(m->e, SER_EDATA, "pickle, byte %zu: names %.*s.%.*s, which weights have no need of: refused", m->at,
		 (int)(n_module < 200 ? n_module : 200), module, (int)(n_name < 200 ? n_name : 200), name);
	return false;
}

/* "module\nname\n" */
static bool global(struct machine *m)
{
	const char *p = m->p + m->at, *end = m->p + m->n;
	const char *a = memchr(p, '\n', (size_t)(end - p)),
		   *b = a != NULL ? memchr(a + 1, '\n', (size_t)(end - a - 1)) : NULL;
	if (b == NULL)
		return fail(m, "cut off");
	m->at += (size_t)(b + 1 - p);
	return push_global(m, p, (size_t)(a - p), a + 1, (size_t)(b - a - 1));
}

static bool stack_global(struct machine *m)
{
	const struct ser_pickle *name = pop(m), *module = name != NULL ? pop(m) : NULL;
	if (module == NULL)
		return false;
	if (name->kind != SER_PICKLE_TEXT || module->kind != SER_PICKLE_TEXT)
		return fail(m, "a global whose name is no text");
	return push_global(m, module->text, module->n_text, name->text, name->n_text);
}

static bool is_map_global(const char *s)
{
	return strcmp(s, "collections OrderedDict") == 0 || strcmp(s, "collections defaultdict") == 0;
}

static bool call(struct machine *m)
{
	struct ser_pickle *arg = pop(m), *f = arg != NULL ? pop(m) : NULL;
	if (f == NULL)
		return false;
	if (f->kind != SER_PICKLE_GLOBAL || arg->kind != SER_PICKLE_LIST)
		return fail(m, "calls what is no global");
	struct ser_pickle *v = value(m, is_map_global(f->text) ? SER_PICKLE_MAP : SER_PICKLE_OBJECT);
	v->text = f->text;
	v->n_text = f->n_text;
	v->arg = arg;
	return push(m, v);
}

static bool build(struct machine *m)
{
	struct ser_pickle *state = pop(m), *v = state != NULL ? top(m, 0) : NULL;
	if (v == NULL)
		return false;
	if (v->kind != SER_PICKLE_OBJECT && v->kind != SER_PICKLE_MAP)
		return fail(m, "gives attributes to what has none");
	v->state = state;
	return true;
}

static bool persistent(struct machine *m)
{
	struct ser_pickle *id = pop(m);
	if (id == NULL)
		return false;
	struct ser_pickle *v = value(m, SER_PICKLE_PERSISTENT);
	v->arg = id;
	add_item(m, &m->persistent, v);
	return push(m, v);
}

/* ---- the machine ---- */

static bool pop_mark(struct machine *m)
{
	size_t n;
	if (!above_mark(m, &n))
		return false;
	m->n_stack -= n + 1;
	return true;
}

static bool step(struct machine *m, unsigned char op)
{
	uint64_t i;
	switch ((enum opcode)op) {
	case PROTO:
		return number(m, 1, &i) && (i <= 5 || fail(m, "a protocol after the fifth"));
	case FRAME:
		return number(m, 8, &i);
	case MARK:
		return push(m, NULL);
	case POP:
		return m->n_stack > 0 ? (m->n_stack--, true) : fail(m, "takes a value that is not there");
	case POP_MARK:
		return pop_mark(m);
	case DUP:
		return top(m, 0) != NULL && push(m, top(m, 0));
	case NONE:
		return push(m, value(m, SER_PICKLE_NONE));
	case NEWTRUE:
	case NEWFALSE:
		return push_int(m, SER_PICKLE_BOOL, op == NEWTRUE);
	case BININT:
		return number(m, 4, &i) && push_int(m, SER_PICKLE_INT, (int32_t)(uint32_t)i);
	case BININT1:
		return number(m, 1, &i) && push_int(m, SER_PICKLE_INT, (int64_t)i);
	case BININT2:
		return number(m, 2, &i) && push_int(m, SER_PICKLE_INT, (int64_t)i);
	case LONG1:
		return long_int(m, 1);
	case LONG4:
		return long_int(m, 4);
	case BINFLOAT:
		return real(m);
	case SHORT_BINSTRING:
	case SHORT_BINBYTES:
	case SHORT_BINUNICODE:
		return text(m, 1);
	case BINSTRING:
	case BINBYTES:
	case BINUNICODE:
		return text(m, 4);
	case BINBYTES8:
	case BINUNICODE8:
		return text(m, 8);
	case EMPTY_LIST:
	case EMPTY_TUPLE:
	case EMPTY_SET:
		return push(m, value(m, SER_PICKLE_LIST));
	case EMPTY_DICT:
		return push(m, value(m, SER_PICKLE_MAP));
	case LIST:
	case TUPLE:
		return gather(m, SER_PICKLE_LIST, 0, true);
	case DICT:
		return gather(m, SER_PICKLE_MAP, 0, true);
	case TUPLE1:
	case TUPLE2:
	case TUPLE3:
		return gather(m, SER_PICKLE_LIST, 1 + (size_t)(op - TUPLE1), false);
	case APPEND:
		return extend(m, 1, false, false);
	case APPENDS:
	case ADDITEMS:
		return extend(m, 0, true, false);
	case SETITEM:
		return extend(m, 2, false, true);
	case SETITEMS:
		return extend(m, 0, true, true);
	case GLOBAL:
		return global(m);
	case STACK_GLOBAL:
		return stack_global(m);
	case REDUCE:
	case NEWOBJ:
		return call(m);
	case BUILD:
		return build(m);
	case BINPERSID:
		return persistent(m);
	case BINPUT:
		return number(m, 1, &i) && put(m, i);
	case LONG_BINPUT:
		return number(m, 4, &i) && put(m, i);
	case MEMOIZE:
		return put(m, m->n_memo);
	case BINGET:
		return get(m, 1);
	case LONG_BINGET:
		return get(m, 4);
	case STOP:
		break;
	}
	ser_fail(m->e, SER_EDATA, "pickle, byte %zu: opcode 0x%02x, which weights have no need of", m->at, op);
	return false;
}

int ser_pickle_parse(struct ser_pickled *out, const char *p, size_t n, const char *const *globals, struct ser_arena *a,
		     struct ser_err *e)
{
	struct machine m = {.p = p, .n = n, .globals = globals, .arena = a, .e = e};
	const char *op;
	bool ok;
	while ((ok = (op = take(&m, 1)) != NULL) && (unsigned char)*op != STOP) {
		ok = m.n_step++ < SER_PICKLE_MAX_STEP ? step(&m, (unsigned char)*op)
						      : fail(&m, "more steps than are read");
		if (!ok)
			break;
	}
	if (ok && (m.n_stack != 1 || m.stack[0] == NULL))
		ok = fail(&m, "ends without its one value");
	*out = (struct ser_pickled){.root = ok ? m.stack[0] : NULL,
				    .persistent = m.persistent.item,
				    .n_persistent = m.persistent.n_item,
				    .n_byte = m.at};
	free(m.stack);
	free(m.memo);
	return ok ? 0 : SER_EDATA;
}

bool ser_pickle_is_text(const struct ser_pickle *v, const char *s)
{
	return v != NULL && v->kind == SER_PICKLE_TEXT && v->n_text == strlen(s) && memcmp(v->text, s, v->n_text) == 0;
}

const struct ser_pickle *ser_pickle_get(const struct ser_pickle *v, const char *key)
{
	if (v != NULL && v->kind == SER_PICKLE_OBJECT)
		v = v->state;
	if (v == NULL || v->kind != SER_PICKLE_MAP)
		return NULL;
	for (size_t i = v->n_item; i >= 2; i -= 2) /* the last of those that are equal */
		if (ser_pickle_is_text(v->item[i - 2], key))
			return v->item[i - 1];
	return NULL;
}
