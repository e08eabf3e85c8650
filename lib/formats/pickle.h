/* SPDX-License-Identifier: MIT */
/* pickle: what Python's pickle module writes in its binary protocols (1 to 5; pickletools.py says what each opcode does), read as plain
 * data. Nothing of it is carried out: a global is a name, which must be among those that the caller knows, and a call of it is an
 * object of that name with what it would have been called with. Memory is in proportion to the bytes. */
#ifndef SER_FORMATS_PICKLE_H
#define SER_FORMATS_PICKLE_H

#include "base/base.h"

enum { SER_PICKLE_MAX_STEP = 1 << 22 /* opcodes of a pickle, at most */ };

enum ser_pickle_kind {
	SER_PICKLE_NONE,
	SER_PICKLE_BOOL,
	SER_PICKLE_INT,
	SER_PICKLE_REAL, /* and integers beyond 64 bits */
	SER_PICKLE_TEXT, /* str and bytes */
	SER_PICKLE_LIST, /* list, tuple, set */
	SER_PICKLE_MAP,  /* dict, OrderedDict, defaultdict */
	SER_PICKLE_GLOBAL,
	SER_PICKLE_OBJECT,
	SER_PICKLE_PERSISTENT
};

/* A value. Values are shared where the pickle says so, and one may be within itself. */
struct ser_pickle {
	enum ser_pickle_kind kind;
	int64_t i; /* of BOOL and INT */
	double f;  /* of REAL */
	/* TEXT: n_text bytes, borrowed from the pickle. GLOBAL, OBJECT: "module name", a NUL behind it */
	const char *text;
	size_t n_text;
	/* LIST: its elements. MAP: key, value, key, value ... OBJECT: the same of one that was filled as a list or a map */
	const struct ser_pickle **item;
	size_t n_item, cap_item;
	const struct ser_pickle *arg;   /* OBJECT: the list that it would be called with; PERSISTENT: the id */
	const struct ser_pickle *state; /* of what was given attributes; else NULL */
};

struct ser_pickled {
	const struct ser_pickle *root;
	const struct ser_pickle **persistent; /* all persistent values, in the order in which they were met */
	size_t n_persistent, n_byte;          /* n_byte: how long the pickle is */
};
/* Read the pickle that begins at p, n bytes at most. `globals`: those known, "module name" each, then NULL. All is in `a` and borrows p.
 * SER_EDATA: cut off, malformed, an opcode of protocol 0 or of what data has no need of, another global. */
int ser_pickle_parse(struct ser_pickled *out, const char *p, size_t n, const char *const *globals, struct ser_arena *a,
		     struct ser_err *e);

/* The value of a key of a MAP, or an attribute of an OBJECT; NULL when there is none, or v is neither. */
const struct ser_pickle *ser_pickle_get(const struct ser_pickle *v, const char *key);
bool ser_pickle_is_text(const struct ser_pickle *v, const char *s);

#endif
