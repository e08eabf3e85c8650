/* SPDX-License-Identifier: MIT */
#include "model/weights.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_JSON = 64 << 20 /* bytes of an index of shards, or of settings */ };

int ser_weights_add(struct ser_weights *w, const struct ser_st_tensor *t, struct ser_err *e)
{
	bool is_new;
	size_t i = ser_map_add(w->all.name, t->name, strlen(t->name), &is_new);
	if (!is_new)
		return ser_fail(e, SER_EDATA, "tensor \"%s\" is there twice", t->name);
	if (i >= SER_ST_MAX_TENSOR)
		return ser_fail(e, SER_EDATA, "more than %d tensors", SER_ST_MAX_TENSOR);
	w->all.tensor = ser_grow(w->all.tensor, &w->cap_tensor, i + 1, sizeof *w->all.tensor);
	w->all.tensor[i] = *t;
	w->all.n_tensor = i + 1;
	return 0;
}

static int add_safetensors(struct ser_weights *w, struct ser_st *s, struct ser_err *e)
{
	w->part = ser_realloc(w->part, w->n_part + 1, sizeof *w->part);
	w->part[w->n_part++] = s;
	for (size_t i = 0; i < s->n_tensor; i++)
		if (ser_weights_add(w, &s->tensor[i], e) != 0)
			return e->code;
	return 0;
}

/* One file's bytes, borrowed */
static int take_bytes(struct ser_weights *w, const char *p, size_t n, struct ser_err *e)
{
	struct ser_st *s;
	if (ser_torch_is(p, n))
		return ser_torch_parse(w, p, n, e);
	if (n >= 9 && p[8] == '{')
		return ser_st_parse(&s, p, n, e) != 0 ? e->code : add_safetensors(w, s, e);
	if (ser_ct2_is(p, n))
		return ser_ct2_parse(w, p, n, e);
	if (ser_onnx_is(p, n))
		return ser_onnx_parse(w, p, n, e);
	return ser_fail(e, SER_EDATA, "neither a safetensors file nor one of torch.save, CTranslate2 or ONNX");
}

static int take_file(struct ser_weights *w, const char *path, struct ser_err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	if (fd < 0 || fstat(fd, &st) != 0)
		rc = ser_fail(e, SER_EIO, "%s: cannot open: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		rc = ser_fail(e, SER_EIO, "%s: not a regular file", path);
	else if (st.st_size == 0)
		rc = ser_fail(e, SER_EDATA, "%s: empty", path);
	void *p = rc == 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	if (p == MAP_FAILED)
		rc = ser_fail(e, SER_EIO, "%s: cannot map: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (rc != 0)
		return rc;
	w->map = ser_realloc(w->map, w->n_map + 1, sizeof *w->map);
	w->map[w->n_map].p = p;
	w->map[w->n_map++].n = (size_t)st.st_size;
	return take_bytes(w, p, (size_t)st.st_size, e) != 0 ? ser_fail_in(e, "%s", path) : 0;
}

/* The name of a file beside `path`, or in it where it is a folder; in w's memory */
static char *beside(struct ser_weights *w, const char *path, bool folder, const char *name, size_t n_name)
{
	const char *slash = folder ? path + strlen(path) : strrchr(path, '/');
	struct ser_buf b = {0};
	if (slash != NULL)
		ser_buf_printf(&b, "%.*s/", (int)(slash - path), path);
	ser_buf_add(&b, name, n_name);
	char *s = ser_arena_strndup(&w->all.arena, b.s, b.n);
	ser_buf_free(&b);
	return s;
}

/* {"weight_map": {tensor: file}}: each file once, all in the index's folder; the tensors are in their files. */
static int take_index(struct ser_weights *w, const char *path, struct ser_err *e)
{
	struct ser_arena *a = &w->all.arena;
	struct ser_val v;
	const struct ser_val *map;
	char *text;
	size_t n;
	if (ser_read_file(path, MAX_JSON, &text, &n, e) != 0)
		return e->code;
	int rc = ser_val_from_json(a, text, n, &v, e);
	if (rc == 0)
		v = ser_val_copy(a, &v);
	free(text);
	if (rc != 0)
		return ser_fail_in(e, "%s", path);
	if ((map = ser_val_get(&v, "weight_map")) == NULL || map->kind != SER_MAP)
		return ser_fail(e, SER_EDATA, "%s: has no map \"weight_map\"", path);
	struct ser_map *seen = ser_map_new();
	for (size_t i = 0; i < map->u.map.n && rc == 0; i++) {
		const struct ser_field *f = &map->u.map.f[i];
		bool is_new = true;
		if (f->val.kind != SER_STR || memchr(f->val.u.str.s, '/', f->val.u.str.n) != NULL)
			rc = ser_fail(e, SER_EDATA, "%s: \"%.*s\" is in no file of this folder", path, (int)f->name_len,
				      f->name);
		else
			ser_map_add(seen, f->val.u.str.s, f->val.u.str.n, &is_new);
		if (rc == 0 && is_new)
			rc = take_file(w, beside(w, path, false, f->val.u.str.s, f->val.u.str.n), e);
	}
	for (size_t i = 0; i < map->u.map.n && rc == 0; i++) {
		const struct ser_field *f = &map->u.map.f[i];
		if (ser_map_find(w->all.name, f->name, f->name_len) < 0)
			rc = ser_fail(e, SER_EDATA, "%s: its files have no tensor \"%.*s\"", path, (int)f->name_len,
				      f->name);
	}
	ser_map_free(seen);
	return rc;
}

static bool is_index(const char *path)
{
	static const char end[] = ".index.json";
	size_t n = strlen(path);
	return n >= sizeof end && strcmp(path + n - (sizeof end - 1), end) == 0;
}

static int take_path(struct ser_weights *w, const char *path, struct ser_err *e)
{
	static const char *const names[] = {"model.safetensors", "model.safetensors.index.json",
					    "pytorch_model.bin", "pytorch_model.bin.index.json",
					    "model.pt",          "model.bin"};
	struct stat st;
	if (stat(path, &st) != 0)
		return ser_fail(e, SER_EIO, "%s: cannot open: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return is_index(path) ? take_index(w, path, e) : take_file(w, path, e);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *file = beside(w, path, true, names[i], strlen(names[i]));
		if (stat(file, &st) == 0)
			return is_index(file) ? take_index(w, file, e) : take_file(w, file, e);
	}
	return ser_fail(e, SER_EDATA,
			"%s: has no model.safetensors, pytorch_model.bin, index of them, model.pt or model.bin", path);
}

int ser_weights_json(struct ser_weights *w, const char *path, const char *name, struct ser_val *out, struct ser_err *e)
{
	struct stat st;
	bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	char *file = beside(w, path, folder, name, strlen(name)), *text;
	size_t n;
	if (stat(file, &st) != 0)
		return 0;
	if (ser_read_file(file, MAX_JSON, &text, &n, e) != 0)
		return e->code;
	int rc = ser_val_from_json(&w->all.arena, text, n, out, e);
	if (rc == 0)
		*out = ser_val_copy(&w->all.arena, out);
	free(text);
	if (rc == 0 && out->kind != SER_MAP)
		rc = ser_fail(e, SER_EDATA, "not a map");
	return rc != 0 ? ser_fail_in(e, "%s", file) : 1;
}

static struct ser_weights *blank(void)
{
	struct ser_weights *w = ser_calloc(1, sizeof *w);
	w->all.name = ser_map_new();
	return w;
}

int ser_weights_open(struct ser_weights **out, const char *path, struct ser_err *e)
{
	*out = blank();
	int rc = take_path(*out, path, e);
	if (rc != 0) {
		ser_weights_free(*out);
		*out = NULL;
	}
	return rc;
}

int ser_weights_parse(struct ser_weights **out, const char *p, size_t n, struct ser_err *e)
{
	*out = blank();
	int rc = take_bytes(*out, p, n, e);
	if (rc != 0) {
		ser_weights_free(*out);
		*out = NULL;
	}
	return rc;
}

void ser_weights_free(struct ser_weights *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < w->n_part; i++)
		ser_st_free(w->part[i]);
	for (size_t i = 0; i < w->n_map; i++)
		munmap(w->map[i].p, w->map[i].n);
	free(w->part);
	free(w->map);
	free(w->all.tensor);
	ser_map_free(w->all.name);
	ser_arena_free(&w->all.arena);
	free(w);
}
