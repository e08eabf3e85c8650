/* SPDX-License-Identifier: MIT */
/* Files of torch.save (torch/serialization.py, torch/_utils.py). A zip archive, nothing in it packed: NAME/data.pkl is the pickle,
 * NAME/data/KEY the bytes of a storage. Before PyTorch 1.6: four pickles (a magic number, a version, the sizes of the machine's
 * types, what was saved), a fifth with the storages' keys, then of each key the number of its elements, eight bytes, and these. A
 * storage is an array of elements of one type; a tensor is a view of one by offset, shape and strides. */
#include "model/weights.h"

#include <stdlib.h>
#include <string.h>

static const char magic[] =
	"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"; /* a pickle of 0x1950a86a20f9469cfc6c */

static const struct {
	const char *name;
	enum ser_st_dtype dtype;
} storages[] = {
	{"torch FloatStorage", SER_ST_F32},  {"torch HalfStorage", SER_ST_F16}, {"torch BFloat16Storage", SER_ST_BF16},
	{"torch DoubleStorage", SER_ST_F64}, {"torch LongStorage", SER_ST_I64}, {"torch IntStorage", SER_ST_I32},
	{"torch ShortStorage", SER_ST_I16},  {"torch CharStorage", SER_ST_I8},  {"torch ByteStorage", SER_ST_U8},
	{"torch BoolStorage", SER_ST_BOOL},
};
enum { N_STORAGE = sizeof storages / sizeof *storages };

/* Names that files of weights hold. What they stand for is never called. */
static const char *const globals[] = {
	"torch FloatStorage", "torch HalfStorage", "torch BFloat16Storage", "torch DoubleStorage", "torch LongStorage",
	"torch IntStorage", "torch ShortStorage", "torch CharStorage", "torch ByteStorage", "torch BoolStorage",
	"torch._utils _rebuild_tensor", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter",
	"torch Size", "torch device", "torch float32", "torch float16", "torch bfloat16", "torch float64",
	"torch int64", "collections OrderedDict", "collections defaultdict", "builtins set", "__builtin__ set",
	"builtins dict", "__builtin__ dict", "_codecs encode", "argparse Namespace", "pathlib PosixPath",
	/* numbers of NumPy, and the dictionary of labels, in fairseq's files */
	"numpy.core.multiarray scalar", "numpy._core.multiarray scalar", "numpy.core.multiarray _reconstruct",
	"numpy._core.multiarray _reconstruct", "numpy dtype", "numpy ndarray", "fairseq.data.dictionary Dictionary",
	NULL};

enum { LOCAL = 0x04034b50 }; /* how a zip archive begins */
struct bytes {
	const char *p;
	size_t n;
};

/* The file as it is opened up */
struct torch {
	struct ser_weights *w;
	struct ser_map *key;   /* of storages */
	struct bytes *storage; /* [keys] */
	size_t cap;
};

static uint64_t le(const char *p, size_t n)
{
	uint64_t x = 0;
	while (n-- > 0)
		x = x << 8 | (unsigned char)p[n];
	return x;
}

/* ---- tensors ---- */

static bool is_object(const struct ser_pickle *v, const char *name)
{
	return v->kind == SER_PICKLE_OBJECT && strcmp(v->text, name) == 0;
}

static const struct ser_pickle *item(const struct ser_pickle *list, size_t i)
{
	static const struct ser_pickle none = {.kind = SER_PICKLE_NONE};
	return list != NULL && list->kind == SER_PICKLE_LIST && i < list->n_item ? list->item[i] : &none;
}

/* The call that makes a tensor, through that which makes a parameter of it; NULL: v is something else. */
static const struct ser_pickle *tensor_call(const struct ser_pickle *v)
{
	if (is_object(v, "torch._utils _rebuild_parameter"))
		v = item(v->arg, 0);
	return is_object(v, "torch._utils _rebuild_tensor_v2") || is_object(v, "torch._utils _rebuild_tensor") ? v
													       : NULL;
}

/* A list of sizes, at most SER_ST_MAX_AXES; -1: it is not. */
static int sizes(const struct ser_pickle *v, size_t *out)
{
	if (v->kind == SER_PICKLE_OBJECT)
		v = item(v->arg, 0); /* torch.Size */
	if (v->kind != SER_PICKLE_LIST || v->n_item > SER_ST_MAX_AXES)
		return -1;
	for (size_t i = 0; i < v->n_item; i++) {
		if (v->item[i]->kind != SER_PICKLE_INT || v->item[i]->i < 0 || (uint64_t)v->item[i]->i > SIZE_MAX / 2)
			return -1;
		out[i] = (size_t)v->item[i]->i;
	}
	return (int)v->n_item;
}

/* The storage that a persistent id names: ("storage", type, key, place, number of elements [, view]). */
static int find_storage(const struct torch *f, const struct ser_pickle *v, enum ser_st_dtype *dtype, struct bytes *b,
			struct ser_err *e)
{
	const struct ser_pickle *id = v->kind == SER_PICKLE_PERSISTENT ? v->arg : NULL;
	const struct ser_pickle *type = item(id, 1), *key = item(id, 2);
	int k = 0;
	if (id == NULL || !ser_pickle_is_text(item(id, 0), "storage") || type->kind != SER_PICKLE_GLOBAL ||
	    key->kind != SER_PICKLE_TEXT || (id->n_item > 5 && item(id, 5)->kind != SER_PICKLE_NONE))
		return ser_fail(e, SER_EDATA, "its storage is described otherwise than by torch.save");
	while (k < N_STORAGE && strcmp(storages[k].name, type->text) != 0)
		k++;
	if (k == N_STORAGE)
		return ser_fail(e, SER_EDATA, "its storage is a %s", type->text);
	ptrdiff_t i = ser_map_find(f->key, key->text, key->n_text);
	if (i < 0)
		return ser_fail(e, SER_EDATA, "its storage %.*s is not in the file",
				(int)(key->n_text < 100 ? key->n_text : 100), key->text);
	*dtype = storages[k].dtype;
	*b = f->storage[i];
	return 0;
}

/* Row-major strides need none */
static bool in_rows(const struct ser_st_tensor *t, const size_t *stride)
{
	size_t want = 1;
	for (int i = t->ndim - 1; i >= 0; i--) {
		if (t->shape[i] != 1 && stride[i] != want)
			return false;
		want *= t->shape[i];
	}
	return true;
}

static int take_tensor(const struct torch *f, const struct ser_pickle *call, struct ser_st_tensor *t, struct ser_err *e)
{
	size_t stride[SER_ST_MAX_AXES], last = 0;
	struct bytes b = {0};
	const struct ser_pickle *offset = item(call->arg, 1);
	t->ndim = sizes(item(call->arg, 2), t->shape);
	if (t->ndim < 0 || sizes(item(call->arg, 3), stride) != t->ndim || offset->kind != SER_PICKLE_INT ||
	    offset->i < 0)
		return ser_fail(e, SER_EDATA, "its offset, shape or strides are none");
	if (find_storage(f, item(call->arg, 0), &t->dtype, &b, e) != 0)
		return e->code;
	size_t size = ser_st_dtype_size(t->dtype), n = b.n / size;
	t->n = 1;
	for (int i = 0; i < t->ndim; i++)
		if (!ser_mul_ok(t->n, t->shape[i], &t->n))
			return ser_fail(e, SER_EDATA, "its shape is too large");
	for (int i = 0; i < t->ndim && t->n > 0; i++) {
		size_t reach;
		if (!ser_mul_ok(t->shape[i] - 1, stride[i], &reach) || reach > SIZE_MAX / 2 - last)
			return ser_fail(e, SER_EDATA, "its strides are too large");
		last += reach;
	}
	if (t->n > n || (t->n > 0 && ((uint64_t)offset->i >= n || last >= n - (size_t)offset->i)))
		return ser_fail(e, SER_EDATA, "it reaches beyond its storage of %zu elements", n);
	t->data = t->n > 0 ? b.p + (size_t)offset->i * size : b.p;
	t->filed = true;
	if (!in_rows(t, stride)) {
		size_t *own = ser_arena_alloc(&f->w->all.arena, (size_t)t->ndim, sizeof *own);
		memcpy(own, stride, (size_t)t->ndim * sizeof *own);
		t->stride = own;
	}
	return 0;
}

static bool is_state(const struct ser_pickle *key, const struct ser_pickle *v)
{
	return key->kind == SER_PICKLE_TEXT && tensor_call(v) != NULL;
}

static size_t n_tensor(const struct ser_pickle *map)
{
	size_t n = 0;
	for (size_t i = 0; i + 1 < map->n_item; i += 2)
		n += is_state(map->item[i], map->item[i + 1]);
	return n;
}

/* The state dict (see weights.h) that is `depth` dicts within v; *left: items that may still be looked at, for dicts can be shared. */
static const struct ser_pickle *state_of(const struct ser_pickle *v, int depth, size_t *left)
{
	const struct ser_pickle *best = NULL;
	size_t most = 0;
	if (v->kind != SER_PICKLE_MAP || v->n_item > *left)
		return NULL;
	*left -= v->n_item;
	if (depth == 0)
		return n_tensor(v) > 0 ? v : NULL;
	for (size_t i = 0; i + 1 < v->n_item; i += 2) {
		const struct ser_pickle *s = state_of(v->item[i + 1], depth - 1, left);
		if (s == NULL || s == best || s->n_item > *left)
			continue;
		*left -= s->n_item;
		size_t n = n_tensor(s);
		if (n > most) {
			most = n;
			best = s;
		}
	}
	return best;
}

static int take_state(struct torch *f, const struct ser_pickle *root, struct ser_err *e)
{
	const struct ser_pickle *s = NULL;
	size_t left = 8 * SER_PICKLE_MAX_STEP;
	for (int depth = 0; depth < 3 && s == NULL; depth++)
		s = state_of(root, depth, &left);
	if (s == NULL)
		return ser_fail(e, SER_EDATA, "holds no dict of tensors by name");
	f->w->root = root;
	for (size_t i = 0; i + 1 < s->n_item; i += 2) {
		const struct ser_pickle *key = s->item[i];
		struct ser_st_tensor t = {0};
		if (!is_state(key, s->item[i + 1]))
			continue;
		if (!ser_utf8_ok(key->text, key->n_text) || key->n_text == 0)
			return ser_fail(e, SER_EDATA, "a tensor's name is no text");
		t.name = ser_arena_strndup(&f->w->all.arena, key->text, key->n_text);
		if (take_tensor(f, tensor_call(s->item[i + 1]), &t, e) != 0)
			return ser_fail_in(e, "tensor \"%s\"", t.name);
		if (ser_weights_add(f->w, &t, e) != 0)
			return e->code;
	}
	return 0;
}

static void add_storage(struct torch *f, const char *key, size_t n_key, const char *p, size_t n)
{
	size_t i = ser_map_add(f->key, key, n_key, NULL);
	f->storage = ser_grow(f->storage, &f->cap, i + 1, sizeof *f->storage);
	f->storage[i] = (struct bytes){p, n};
}

/* ---- the zip archive ---- */

enum { CENTRAL = 0x02014b50, END = 0x06054b50, END64 = 0x06064b50, LOCATOR64 = 0x07064b50 };

struct member {
	const char *name;
	size_t n_name;
	uint64_t method, packed, size, at;
};

/* Sizes and place of more than 32 bits are in the extra field 1, those that are, in this order. */
static void take_extra(struct member *m, const char *x, size_t n)
{
	uint64_t *want[3] = {&m->size, &m->packed, &m->at};
	size_t id, len;
	for (size_t i = 0; i + 4 <= n; i += 4 + len) {
		id = (size_t)le(x + i, 2);
		len = (size_t)le(x + i + 2, 2);
		if (len > n - i - 4)
			return;
		for (size_t k = 0, at = 0; id == 1 && k < 3; k++)
			if (*want[k] == UINT32_MAX && at + 8 <= len) {
				*want[k] = le(x + i + 4 + at, 8);
				at += 8;
			}
	}
}

static int directory(const char *p, size_t n, uint64_t *at, uint64_t *count, struct ser_err *e)
{
	size_t k = n >= 22 ? n - 22 : 0, least = n > 22 + 65535 ? n - 22 - 65535 : 0;
	while (k > least && le(p + k, 4) != END)
		k--;
	if (n < 22 || le(p + k, 4) != END)
		return ser_fail(e, SER_EDATA, "a zip archive without a directory at its end: cut off?");
	*count = le(p + k + 10, 2);
	*at = le(p + k + 16, 4);
	if (k >= 20 && le(p + k - 20, 4) == LOCATOR64) {
		uint64_t end = le(p + k - 20 + 8, 8);
		if (n < 56 || end > n - 56 || le(p + end, 4) != END64)
			return ser_fail(e, SER_EDATA, "a zip archive whose end is malformed");
		*count = le(p + end + 32, 8);
		*at = le(p + end + 48, 8);
	}
	return *at > n || *count > n / 46 ? ser_fail(e, SER_EDATA, "a zip archive whose directory is malformed") : 0;
}

/* The next entry of the directory: its bytes in *b. */
static int next_member(const char *p, size_t n, uint64_t *at, struct member *m, struct bytes *b, struct ser_err *e)
{
	static const char bad[] = "a zip archive whose directory is malformed";
	const char *d = p + *at;
	if (n - *at < 46 || le(d, 4) != CENTRAL)
		return ser_fail(e, SER_EDATA, bad);
	size_t n_extra = (size_t)le(d + 30, 2), n_comment = (size_t)le(d + 32, 2);
	*m = (struct member){.name = d + 46,
			     .n_name = (size_t)le(d + 28, 2),
			     .method = le(d + 10, 2),
			     .packed = le(d + 20, 4),
			     .size = le(d + 24, 4),
			     .at = le(d + 42, 4)};
	if (n - *at - 46 < m->n_name + n_extra + n_comment)
		return ser_fail(e, SER_EDATA, bad);
	take_extra(m, d + 46 + m->n_name, n_extra);
	*at += 46 + m->n_name + n_extra + n_comment;
	if (n < 30 || m->at > n - 30 || le(p + m->at, 4) != LOCAL)
		return ser_fail(e, SER_EDATA, bad);
	uint64_t from = m->at + 30 + le(p + m->at + 26, 2) + le(p + m->at + 28, 2);
	if (from > n || m->size > n - from)
		return ser_fail(e, SER_EDATA, "a zip archive whose member %.*s reaches beyond its end",
				(int)(m->n_name < 200 ? m->n_name : 200), m->name);
	if (m->method != 0 || m->packed != m->size)
		return ser_fail(e, SER_EDATA, "a zip archive with packed members, as torch.save writes none");
	*b = (struct bytes){p + from, (size_t)m->size};
	return 0;
}

static bool ends_with(const struct member *m, const char *end)
{
	size_t n = strlen(end);
	return m->n_name >= n && memcmp(m->name + m->n_name - n, end, n) == 0;
}

/* "NAME/data/KEY": where the key begins; 0: it is another member. */
static size_t key_at(const struct member *m)
{
	static const char dir[] = "/data/";
	for (size_t i = m->n_name; i-- > 0;)
		if (m->name[i] == '/')
			return i >= 5 && memcmp(m->name + i - 5, dir, 6) == 0 ? i + 1 : 0;
	return 0;
}

static int take_zip(struct torch *f, const char *p, size_t n, struct ser_err *e)
{
	struct bytes b = {0}, pickle = {0};
	struct member m;
	uint64_t at = 0, count = 0;
	struct ser_pickled root;
	if (directory(p, n, &at, &count, e) != 0)
		return e->code;
	for (; count > 0; count--) {
		if (next_member(p, n, &at, &m, &b, e) != 0)
			return e->code;
		size_t key = key_at(&m);
		if (ends_with(&m, "/byteorder") && (b.n != 6 || memcmp(b.p, "little", 6) != 0))
			return ser_fail(e, SER_EDATA, "written on a machine of the other byte order");
		if (ends_with(&m, "/data.pkl"))
			pickle = b;
		else if (key > 0)
			add_storage(f, m.name + key, m.n_name - key, b.p, b.n);
	}
	if (pickle.p == NULL)
		return ser_fail(e, SER_EDATA, "a zip archive without data.pkl: not written by torch.save");
	if (ser_pickle_parse(&root, pickle.p, pickle.n, globals, &f->w->all.arena, e) != 0)
		return e->code;
	return take_state(f, root.root, e);
}

/* ---- the plain file ---- */

/* How many bytes an element of a storage has, by key: from the persistent values that name it. The map gets the keys. */
static int element_sizes(const struct ser_pickled *root, struct ser_map *keys, size_t *size, struct ser_err *e)
{
	for (size_t i = 0; i < root->n_persistent; i++) {
		const struct ser_pickle *id = root->persistent[i]->arg, *type = item(id, 1), *key = item(id, 2);
		int k = 0;
		while (k < N_STORAGE && (type->kind != SER_PICKLE_GLOBAL || strcmp(storages[k].name, type->text) != 0))
			k++;
		if (k == N_STORAGE || key->kind != SER_PICKLE_TEXT)
			return ser_fail(e, SER_EDATA, "a storage is described otherwise than by torch.save");
		bool is_new;
		size_t at = ser_map_add(keys, key->text, key->n_text, &is_new);
		if (is_new)
			size[at] = ser_st_dtype_size(storages[k].dtype);
	}
	return 0;
}

/* The storages behind the pickles, in the order of the list of keys */
static int take_storages(struct torch *f, const struct ser_pickle *list, const struct ser_map *keys, const size_t *size,
			 const char *p, size_t n, struct ser_err *e)
{
	size_t at = 0;
	for (size_t i = 0; i < list->n_item; i++) {
		const struct ser_pickle *key = list->item[i];
		ptrdiff_t k = key->kind == SER_PICKLE_TEXT ? ser_map_find(keys, key->text, key->n_text) : -1;
		if (k < 0)
			return ser_fail(e, SER_EDATA, "a storage in its list belongs to no tensor");
		if (n - at < 8 || le(p + at, 8) > (n - at - 8) / size[k])
			return ser_fail(e, SER_EDATA, "its storages end too early: cut off?");
		size_t n_byte = (size_t)le(p + at, 8) * size[k];
		add_storage(f, key->text, key->n_text, p + at + 8, n_byte);
		at += 8 + n_byte;
	}
	return 0;
}

static int take_plain(struct torch *f, const char *p, size_t n, struct ser_err *e)
{
	struct ser_pickled part[5]; /* magic number, version, the machine's types, what was saved, keys */
	struct ser_map *keys = ser_map_new();
	size_t at = 0, *size = NULL;
	int rc = 0;
	for (int i = 0; i < 5 && rc == 0; i++) {
		rc = ser_pickle_parse(&part[i], p + at, n - at, globals, &f->w->all.arena, e);
		at += part[i].n_byte;
	}
	const struct ser_pickle *little = rc == 0 ? ser_pickle_get(part[2].root, "little_endian") : NULL;
	if (rc == 0 && little != NULL && little->i == 0)
		rc = ser_fail(e, SER_EDATA, "written on a machine of the other byte order");
	if (rc == 0 &&
	    (part[1].root->kind != SER_PICKLE_INT || part[1].root->i != 1001 || part[4].root->kind != SER_PICKLE_LIST))
		rc = ser_fail(e, SER_EDATA, "of a version of torch.save that is not known");
	if (rc == 0) {
		size = ser_calloc(part[3].n_persistent + 1, sizeof *size);
		rc = element_sizes(&part[3], keys, size, e);
	}
	if (rc == 0)
		rc = take_storages(f, part[4].root, keys, size, p + at, n - at, e);
	ser_map_free(keys);
	free(size);
	return rc == 0 ? take_state(f, part[3].root, e) : rc;
}

/* ---- both ---- */

bool ser_torch_is(const char *p, size_t n)
{
	return (n >= 4 && le(p, 4) == LOCAL) || (n >= sizeof magic - 1 && memcmp(p, magic, sizeof magic - 1) == 0);
}

int ser_torch_parse(struct ser_weights *w, const char *p, size_t n, struct ser_err *e)
{
	struct torch f = {.w = w, .key = ser_map_new()};
	int rc = le(p, 4) == LOCAL ? take_zip(&f, p, n, e) : take_plain(&f, p, n, e);
	ser_map_free(f.key);
	free(f.storage);
	return rc;
}
