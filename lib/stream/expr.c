/* SPDX-License-Identifier: MIT */
/* Conditions on labels: a recursive-descent parser into a tree, and a walk over it for each record.
 *
 *   or      = and { ("||" | "or") and }
 *   and     = not { ("&&" | "and") not }
 *   not     = ("!" | "not") not | test
 *   test    = sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum | ("=~" | "!~") STRING | ["not"] "in" "(" sum {"," sum} ")" ]
 *   sum     = term { ("+" | "-") term }
 *   term    = factor { ("*" | "/" | "%") factor }
 *   factor  = "-" factor | NUMBER | STRING | "true" | "false" | "nil" | NAME | CALL | "(" or ")"
 *   CALL    = has(F) | field(F) | number(or) | ndim(F) | shape(F, sum)     F = NAME | STRING */
#include "stream/stream.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NEST = 100, MAX_OPS = 2000, MAX_RE = 2000 };

enum op {
	LITERAL,
	FIELD,
	HAS,
	NUMBER,
	NDIM,
	SHAPE,
	OR,
	AND,
	NOT,
	EQ,
	NE,
	LT,
	LE,
	GT,
	GE,
	MATCH,
	IN,
	ADD,
	SUB,
	MUL,
	DIV,
	MOD,
	NEG
};

struct node {
	enum op op;
	struct node *a, *b; /* of IN, b is the first of a list linked by `next` */
	struct node *next;
	struct ser_val val; /* LITERAL */
	const char *name;   /* of the field */
	bool met;           /* some record had it */
	size_t re;          /* MATCH: index into ser_expr.re */
};

struct ser_expr {
	struct ser_arena mem;
	struct node *root;
	struct node **all; /* every node, for ser_expr_unmet() */
	size_t n_node, cap_node, n_op;
	regex_t *re;
	size_t n_re, cap_re, re_size;
	/* parsing */
	const char *text;
	size_t at, tok, tok_len; /* the token at hand begins at tok */
	int depth;
	struct ser_err *e;
};

/* ---- tokens ---- */

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || (unsigned char)c >= 0x80;
}

/* Step to the next token: a name, a number, a quoted string (with its quotes) or an operator. */
static void step(struct ser_expr *x)
{
	static const char two[][3] = {"||", "&&", "==", "!=", "<=", ">=", "=~", "!~"};
	const char *s = x->text;
	size_t i = x->at;
	while (isspace((unsigned char)s[i]))
		i++;
	x->tok = i;
	if (s[i] == '"' || s[i] == '\'') {
		char quote = s[i++];
		while (s[i] != '\0' && s[i] != quote)
			i += s[i] == '\\' && s[i + 1] != '\0' ? 2 : 1;
		i += s[i] == quote;
	} else if (isdigit((unsigned char)s[i]) || (s[i] == '.' && isdigit((unsigned char)s[i + 1]))) {
		while (name_char(s[i]) || ((s[i] == '+' || s[i] == '-') && (s[i - 1] == 'e' || s[i - 1] == 'E')))
			i++;
	} else if (name_char(s[i])) {
		while (name_char(s[i]))
			i++;
	} else if (s[i] != '\0') {
		size_t len = 1;
		for (size_t k = 0; k < sizeof two / sizeof *two; k++)
			if (strncmp(s + i, two[k], 2) == 0)
				len = 2;
		i += len;
	}
	x->at = i;
	x->tok_len = i - x->tok;
}

static bool is(const struct ser_expr *x, const char *s)
{
	return strlen(s) == x->tok_len && memcmp(x->text + x->tok, s, x->tok_len) == 0;
}

static bool take(struct ser_expr *x, const char *s)
{
	if (!is(x, s))
		return false;
	step(x);
	return true;
}

static struct node *wrong(struct ser_expr *x, const char *expected)
{
	if (x->tok_len == 0)
		ser_fail(x->e, SER_EUSAGE, "expression \"%.200s\": ends where %s is expected", x->text, expected);
	else
		ser_fail(x->e, SER_EUSAGE, "expression \"%.200s\", column %zu: found \"%.*s\", expected %s", x->text,
			 x->tok + 1, (int)(x->tok_len < 40 ? x->tok_len : 40), x->text + x->tok, expected);
	return NULL;
}

/* ---- tree ---- */

static struct node *new_node(struct ser_expr *x, enum op op, struct node *a, struct node *b)
{
	if (op != LITERAL && op != FIELD &&
	    x->n_op++ == MAX_OPS) { /* which bounds the tree's depth; lists may be long */
		ser_fail(x->e, SER_EUSAGE, "expression has more than %d operators", MAX_OPS);
		return NULL;
	}
	struct node *n = ser_arena_calloc(&x->mem, 1, sizeof *n);
	n->op = op;
	n->a = a;
	n->b = b;
	x->all = ser_grow(x->all, &x->cap_node, x->n_node + 1, sizeof *x->all);
	x->all[x->n_node++] = n;
	return n;
}

/* The text of the quoted string at hand: a backslash before a quote or a backslash goes, any other stays, so that "\." is
 * what a regular expression means by it. NULL when the quote is not closed. */
static char *unquote(struct ser_expr *x)
{
	const char *s = x->text + x->tok;
	size_t n = 0;
	if (x->tok_len < 2 || s[x->tok_len - 1] != s[0]) {
		wrong(x, "a closing quote");
		return NULL;
	}
	char *out = ser_arena_alloc(&x->mem, x->tok_len, 1);
	for (size_t i = 1; i + 1 < x->tok_len; i++) {
		if (s[i] == '\\' && (s[i + 1] == '\\' || s[i + 1] == '"' || s[i + 1] == '\''))
			i++;
		if (i + 1 == x->tok_len) {
			wrong(x, "a closing quote");
			return NULL;
		}
		out[n++] = s[i];
	}
	out[n] = '\0';
	step(x);
	return out;
}

static bool at_string(const struct ser_expr *x)
{
	char c = x->text[x->tok];
	return c == '"' || c == '\'';
}

static bool at_name(const struct ser_expr *x)
{
	static const char *const reserved[] = {"and", "or", "not", "in", "true", "false", "nil"};
	if (x->tok_len == 0 || !name_char(x->text[x->tok]) || isdigit((unsigned char)x->text[x->tok]))
		return false;
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if (is(x, reserved[i]))
			return false;
	return true;
}

static struct node *parse_or(struct ser_expr *x);
static struct node *parse_sum(struct ser_expr *x);

static struct node *parse_call(struct ser_expr *x, enum op op)
{
	struct node *n = new_node(x, op, NULL, NULL);
	if (n == NULL)
		return NULL;
	if (op == NUMBER) {
		if ((n->a = parse_or(x)) == NULL)
			return NULL;
	} else if (at_string(x)) {
		if ((n->name = unquote(x)) == NULL)
			return NULL;
	} else if (at_name(x)) {
		n->name = ser_arena_strndup(&x->mem, x->text + x->tok, x->tok_len);
		step(x);
	} else {
		return wrong(x, "a field's name");
	}
	if (op == SHAPE) {
		if (!take(x, ","))
			return wrong(x, "\",\" and an axis");
		if ((n->a = parse_sum(x)) == NULL)
			return NULL;
	}
	return take(x, ")") ? n : wrong(x, "\")\"");
}

static struct node *parse_number(struct ser_expr *x)
{
	char num[64];
	struct node *n = new_node(x, LITERAL, NULL, NULL);
	if (n == NULL)
		return NULL;
	if (x->tok_len >= sizeof num)
		return wrong(x, "a number");
	memcpy(num, x->text + x->tok, x->tok_len);
	num[x->tok_len] = '\0';
	int64_t i;
	double f;
	if (ser_parse_int(num, 0, INT64_MAX, &i, NULL) == 0)
		n->val = ser_int(i);
	else if (strspn(num, "0123456789.eE+-") == x->tok_len && ser_parse_real(num, 0, HUGE_VAL, &f, NULL) == 0)
		n->val = ser_real(f);
	else
		return wrong(x, "a number");
	step(x);
	return n;
}

static struct node *parse_factor(struct ser_expr *x)
{
	static const struct {
		const char *name;
		enum op op;
	} calls[] = {{"has", HAS}, {"field", FIELD}, {"number", NUMBER}, {"ndim", NDIM}, {"shape", SHAPE}};
	struct node *n = NULL;
	char c = x->text[x->tok];
	if (++x->depth > MAX_NEST) {
		ser_fail(x->e, SER_EUSAGE, "expression nests deeper than %d", MAX_NEST);
		return NULL;
	}
	if (take(x, "-")) {
		if ((n = parse_factor(x)) != NULL)
			n = new_node(x, NEG, n, NULL);
	} else if (take(x, "(")) {
		if ((n = parse_or(x)) != NULL && !take(x, ")"))
			n = wrong(x, "\")\"");
	} else if (isdigit((unsigned char)c) || (c == '.' && x->tok_len > 1)) {
		n = parse_number(x);
	} else if (at_string(x)) {
		char *s = unquote(x);
		if (s != NULL && (n = new_node(x, LITERAL, NULL, NULL)) != NULL)
			n->val = ser_str(s);
	} else if (is(x, "true") || is(x, "false") || is(x, "nil")) {
		if ((n = new_node(x, LITERAL, NULL, NULL)) != NULL)
			n->val = is(x, "nil") ? ser_nil() : ser_bool(is(x, "true"));
		step(x);
	} else if (at_name(x)) {
		const char *name = ser_arena_strndup(&x->mem, x->text + x->tok, x->tok_len);
		step(x);
		if (take(x, "(")) {
			size_t k = 0;
			while (k < sizeof calls / sizeof *calls && strcmp(name, calls[k].name) != 0)
				k++;
			if (k == sizeof calls / sizeof *calls)
				ser_fail(x->e, SER_EUSAGE,
					 "expression \"%.200s\": \"%.40s\" is none of the functions has, field, "
					 "number, ndim, shape",
					 x->text, name);
			else
				n = parse_call(x, calls[k].op);
		} else if ((n = new_node(x, FIELD, NULL, NULL)) != NULL) {
			n->name = name;
		}
	} else {
		n = wrong(x, "a value");
	}
	x->depth--;
	return n;
}

/* One level of operators that group from the left. */
struct level {
	const char *sign;
	enum op op;
};

static struct node *parse_left(struct ser_expr *x, const struct level *l, struct node *(*below)(struct ser_expr *))
{
	struct node *a = below(x);
	while (a != NULL) {
		size_t k = 0;
		while (l[k].sign != NULL && !is(x, l[k].sign))
			k++;
		if (l[k].sign == NULL)
			break;
		step(x);
		struct node *b = below(x);
		a = b != NULL ? new_node(x, l[k].op, a, b) : NULL;
	}
	return a;
}

static struct node *parse_term(struct ser_expr *x)
{
	static const struct level l[] = {{"*", MUL}, {"/", DIV}, {"%", MOD}, {0}};
	return parse_left(x, l, parse_factor);
}

static struct node *parse_sum(struct ser_expr *x)
{
	static const struct level l[] = {{"+", ADD}, {"-", SUB}, {0}};
	return parse_left(x, l, parse_term);
}

/* Past a bracket expression that begins at s. */
static const char *re_bracket(const char *s)
{
	s += s[1] == '^' ? 2 : 1;
	s += *s == ']';
	while (*s != '\0' && *s != ']') {
		const char *close = s[0] == '[' && s[1] != '\0' && strchr(":.=", s[1]) != NULL ? s + 2 : NULL;
		while (close != NULL && *close != '\0' && !(close[0] == s[1] && close[1] == ']'))
			close++;
		s = close != NULL && *close != '\0' ? close + 2 : s + 1;
	}
	return s + (*s == ']');
}

/* A stretch of a regular expression: how large the C library makes it, and whether it holds an anchor. */
struct re_part {
	size_t size;
	bool anchor;
};

/* Adds to *size how large the C library makes a regular expression, which writes repetitions out: x+ is xx*, x{2,4} is xxxx,
 * and so on inwards, so that a few characters can mean gigabytes. Closures of closures cost more than their text, and an
 * anchor within one can take for ever, as can a back-reference, which extended regular expressions do not have. NULL, or
 * why it is refused. */
static const char *re_refused(const char *s, size_t *size)
{
	/* the groups around; what the group at hand has so far; its last part */
	struct re_part open[MAX_NEST], sum = {0}, last = {0};
	size_t depth = 0, n = *size; /* n: of all that is before the group at hand */
	while (*s != '\0' && n + sum.size <= MAX_RE) {
		size_t times = 1;
		bool again = *s == '*' || *s == '+' || *s == '{';
		if (again && last.anchor)
			return "has an anchor in a part that repeats";
		if (*s == '*' || *s == '?' || *s == '+') {
			times = *s == '+' ? 8 : 2;
			s++;
		} else if (*s == '{') {
			size_t bound = 0;
			for (s++; isdigit((unsigned char)*s) || *s == ','; s++) {
				bound = *s == ',' ? 0 : 10 * bound + (size_t)(*s - '0');
				bound = bound <= MAX_RE ? bound : MAX_RE + 1;
				times = bound > times ? bound : times;
			}
			s += *s == '}';
		} else if (*s == '(') {
			if (depth == MAX_NEST)
				return "too deep";
			open[depth++] = sum;
			n += sum.size;
			sum = last = (struct re_part){0};
			s++;
		} else if (*s == ')' && depth > 0) {
			last = (struct re_part){sum.size + 1, sum.anchor};
			n -= open[--depth].size;
			sum = (struct re_part){open[depth].size + last.size, open[depth].anchor || last.anchor};
			s++;
		} else {
			if (*s == '\\' && isdigit((unsigned char)s[1]))
				return "has a back-reference";
			last = (struct re_part){1,
						*s == '^' || *s == '$' ||
							(*s == '\\' && s[1] != '\0' && strchr("bB<>`'", s[1]) != NULL)};
			sum = (struct re_part){sum.size + 1, sum.anchor || last.anchor};
			s = *s == '[' ? re_bracket(s) : s + (*s == '\\' && s[1] != '\0' ? 2 : 1);
		}
		sum.size += (times - 1) * last.size;
		last.size *= times;
	}
	*size = n + sum.size;
	return *size <= MAX_RE ? NULL : "too large, or repeats too much";
}

static struct node *parse_match(struct ser_expr *x, struct node *a)
{
	struct node *n = new_node(x, MATCH, a, NULL);
	if (n == NULL)
		return NULL;
	if (!at_string(x))
		return wrong(x, "a regular expression in quotes");
	char *s = unquote(x);
	if (s == NULL)
		return NULL;
	const char *refused = re_refused(s, &x->re_size);
	if (refused != NULL) {
		ser_fail(x->e, SER_EUSAGE, "regular expression \"%.200s\": %s", s, refused);
		return NULL;
	}
	x->re = ser_grow(x->re, &x->cap_re, x->n_re + 1, sizeof *x->re);
	int rc = regcomp(&x->re[x->n_re], s, REG_EXTENDED | REG_NOSUB);
	if (rc != 0) {
		char why[128];
		regerror(rc, &x->re[x->n_re], why, sizeof why);
		ser_fail(x->e, SER_EUSAGE, "regular expression \"%.200s\": %s", s, why);
		return NULL;
	}
	n->re = x->n_re++;
	return n;
}

static struct node *parse_list(struct ser_expr *x, struct node *a)
{
	struct node *n = new_node(x, IN, a, NULL), **end = n != NULL ? &n->b : NULL;
	if (n == NULL)
		return NULL;
	if (!take(x, "("))
		return wrong(x, "\"(\"");
	do {
		if ((*end = parse_sum(x)) == NULL)
			return NULL;
		end = &(*end)->next;
	} while (take(x, ","));
	return take(x, ")") ? n : wrong(x, "\",\" or \")\"");
}

static struct node *negate(struct ser_expr *x, struct node *n)
{
	return n != NULL ? new_node(x, NOT, n, NULL) : NULL;
}

static struct node *parse_test(struct ser_expr *x)
{
	static const struct level l[] = {{"==", EQ}, {"!=", NE}, {"<", LT}, {"<=", LE}, {">", GT}, {">=", GE}, {0}};
	struct node *a = parse_sum(x);
	if (a == NULL)
		return NULL;
	for (size_t k = 0; l[k].sign != NULL; k++)
		if (take(x, l[k].sign)) {
			struct node *b = parse_sum(x);
			return b != NULL ? new_node(x, l[k].op, a, b) : NULL;
		}
	if (take(x, "=~"))
		return parse_match(x, a);
	if (take(x, "!~"))
		return negate(x, parse_match(x, a));
	if (take(x, "in"))
		return parse_list(x, a);
	if (take(x, "not"))
		return take(x, "in") ? negate(x, parse_list(x, a)) : wrong(x, "\"in\"");
	return a;
}

static struct node *parse_not(struct ser_expr *x)
{
	if (!take(x, "!") && !take(x, "not"))
		return parse_test(x);
	struct node *n = NULL;
	if (++x->depth > MAX_NEST)
		ser_fail(x->e, SER_EUSAGE, "expression nests deeper than %d", MAX_NEST);
	else
		n = negate(x, parse_not(x));
	x->depth--;
	return n;
}

static struct node *parse_and(struct ser_expr *x)
{
	static const struct level l[] = {{"&&", AND}, {"and", AND}, {0}};
	return parse_left(x, l, parse_not);
}

static struct node *parse_or(struct ser_expr *x)
{
	static const struct level l[] = {{"||", OR}, {"or", OR}, {0}};
	return parse_left(x, l, parse_and);
}

struct ser_expr *ser_expr_new(const char *text, struct ser_err *e)
{
	struct ser_err local;
	struct ser_expr *x = ser_calloc(1, sizeof *x);
	x->text = text;
	x->e = e != NULL ? e : &local;
	step(x);
	x->root = parse_or(x);
	if (x->root != NULL && x->tok_len > 0)
		x->root = wrong(x, x->text[x->tok] == '=' ? "\"==\", which compares" : "an operator or the end");
	if (x->root == NULL) {
		ser_expr_free(x);
		return NULL;
	}
	x->text = NULL;
	x->e = NULL;
	return x;
}

void ser_expr_free(struct ser_expr *x)
{
	if (x == NULL)
		return;
	for (size_t i = 0; i < x->n_re; i++)
		regfree(&x->re[i]);
	free(x->re);
	free(x->all);
	ser_arena_free(&x->mem);
	free(x);
}

/* ---- evaluation ---- */

static bool is_number(const struct ser_val *v)
{
	return v->kind == SER_INT || v->kind == SER_REAL;
}

static double real(const struct ser_val *v)
{
	return v->kind == SER_INT ? (double)v->u.i : v->u.f;
}

static int eval(struct ser_expr *x, struct node *n, const struct ser_record *r, struct ser_val *v, struct ser_err *e);

/* 1, 0, or <0: what counts as a condition is a boolean, or nil, which is false. */
static int truth(struct ser_expr *x, struct node *n, const struct ser_record *r, struct ser_err *e)
{
	struct ser_val v;
	char what[128];
	int rc = eval(x, n, r, &v, e);
	if (rc != 0)
		return rc;
	if (v.kind == SER_BOOL)
		return v.u.b;
	if (v.kind == SER_NIL)
		return 0;
	return ser_record_fail(r, e, SER_EDATA, "%s%s%s is %s, expected a condition, true or false",
			       n->name != NULL ? "\"" : "", n->name != NULL ? n->name : "the expression",
			       n->name != NULL ? "\"" : "", ser_val_what(&v, what));
}

static const char *shown(const struct node *n)
{
	return n->name != NULL ? n->name : n->op == LITERAL ? "the constant" : "an expression";
}

/* Nil equals nil alone and is in no order with anything; a string against a number is a mistake, not false. */
static int compare(struct node *n, struct node *b, const struct ser_val *p, const struct ser_val *q,
		   const struct ser_record *r, enum op op, struct ser_val *v, struct ser_err *e)
{
	char s[128], t[128];
	bool nil = p->kind == SER_NIL || q->kind == SER_NIL;
	if (!nil && (p->kind > SER_STR || q->kind > SER_STR || (p->kind != q->kind && !(is_number(p) && is_number(q)))))
		return ser_record_fail(r, e, SER_EDATA, "%s is %s and %s is %s: these cannot be compared", shown(n),
				       ser_val_what(p, s), shown(b), ser_val_what(q, t));
	bool nan = (p->kind == SER_REAL && isnan(p->u.f)) || (q->kind == SER_REAL && isnan(q->u.f));
	int c = nil || nan ? 0 : ser_val_cmp(p, q);
	bool equal = !nan && (nil ? p->kind == q->kind : c == 0), ordered = !nil && !nan;
	*v = ser_bool(op == EQ   ? equal
		      : op == NE ? !equal
		      : op == LT ? ordered && c < 0
		      : op == LE ? ordered && c <= 0
		      : op == GT ? ordered && c > 0
				 : ordered && c >= 0);
	return 0;
}

static int arithmetic(struct node *n, const struct ser_val *p, const struct ser_val *q, const struct ser_record *r,
		      struct ser_val *v, struct ser_err *e)
{
	char s[128], t[128];
	*v = ser_nil();
	if (p->kind == SER_NIL || q->kind == SER_NIL)
		return 0;
	if (!is_number(p) || !is_number(q))
		return ser_record_fail(r, e, SER_EDATA, "%s is %s and %s is %s, expected numbers", shown(n->a),
				       ser_val_what(p, s), shown(n->b), ser_val_what(q, t));
	int64_t i = 0;
	bool whole = p->kind == SER_INT && q->kind == SER_INT;
	if (n->op == MOD) {
		if (!whole || q->u.i == 0)
			return ser_record_fail(r, e, SER_EDATA, "%% needs integers and a divisor that is not 0");
		i = q->u.i == -1 ? 0 : p->u.i % q->u.i;
	} else if (whole && n->op != DIV) {
		bool over = n->op == ADD   ? __builtin_add_overflow(p->u.i, q->u.i, &i)
			    : n->op == SUB ? __builtin_sub_overflow(p->u.i, q->u.i, &i)
					   : __builtin_mul_overflow(p->u.i, q->u.i, &i);
		if (over)
			return ser_record_fail(r, e, SER_EDATA, "integer arithmetic beyond 63 bits");
	} else {
		double f = real(p), g = real(q);
		*v = ser_real(n->op == ADD ? f + g : n->op == SUB ? f - g : n->op == MUL ? f * g : f / g);
		return 0;
	}
	*v = ser_int(i);
	return 0;
}

static int match(struct ser_expr *x, struct node *n, const struct ser_val *p, const struct ser_record *r,
		 struct ser_val *v, struct ser_err *e)
{
	char what[128];
	*v = ser_bool(false);
	if (p->kind == SER_NIL)
		return 0;
	if (p->kind > SER_STR)
		return ser_record_fail(r, e, SER_EDATA, "%s is %s, expected a label to match", shown(n->a),
				       ser_val_what(p, what));
	struct ser_buf text = {0};
	ser_val_text(&text, p);
	v->u.b = regexec(&x->re[n->re], text.s, 0, NULL, 0) == 0;
	ser_buf_free(&text);
	return 0;
}

/* The field of a node, which has then been met. */
static const struct ser_val *field(struct node *n, const struct ser_record *r)
{
	const struct ser_val *v = ser_record_get(r, n->name);
	n->met = n->met || v != NULL;
	return v;
}

static int eval_shape(struct node *n, const struct ser_val *axis, const struct ser_record *r, struct ser_val *v,
		      struct ser_err *e)
{
	const struct ser_val *f = field(n, r);
	char what[128];
	*v = ser_nil();
	if (f == NULL || f->kind == SER_NIL)
		return 0;
	if (f->kind != SER_TENSOR)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" is %s, expected a tensor", n->name,
				       ser_val_what(f, what));
	if (n->op == NDIM) {
		*v = ser_int(f->u.t.ndim);
		return 0;
	}
	if (axis->kind != SER_INT)
		return ser_record_fail(r, e, SER_EDATA, "shape(%s, ...): the axis is %s, expected an integer", n->name,
				       ser_val_what(axis, what));
	int64_t i = axis->u.i < 0 ? axis->u.i + f->u.t.ndim : axis->u.i; /* -1 is the last, as in NumPy */
	if (i >= 0 && i < f->u.t.ndim)
		*v = ser_int((int64_t)f->u.t.shape[i]);
	return 0;
}

static int eval_number(const struct ser_val *p, struct ser_val *v)
{
	char s[64];
	int64_t i;
	double f;
	*v = is_number(p) ? *p : ser_nil();
	if (p->kind != SER_STR || p->u.str.n >= sizeof s)
		return 0;
	memcpy(s, p->u.str.s, p->u.str.n);
	s[p->u.str.n] = '\0';
	if (ser_parse_int(s, INT64_MIN, INT64_MAX, &i, NULL) == 0)
		*v = ser_int(i);
	else if (ser_parse_real(s, -HUGE_VAL, HUGE_VAL, &f, NULL) == 0)
		*v = ser_real(f);
	return 0;
}

static int eval(struct ser_expr *x, struct node *n, const struct ser_record *r, struct ser_val *v, struct ser_err *e)
{
	struct ser_val p = ser_nil(), q;
	int rc;
	switch (n->op) {
	case LITERAL:
		*v = n->val;
		return 0;
	case FIELD: {
		const struct ser_val *f = field(n, r);
		*v = f != NULL ? *f : ser_nil();
		return 0;
	}
	case HAS: {
		const struct ser_val *f = ser_record_get(r, n->name);
		*v = ser_bool(f != NULL && f->kind != SER_NIL);
		return 0;
	}
	case OR:
	case AND: {
		int t = truth(x, n->a, r, e);
		if (t >= 0 && t == (n->op == AND))
			t = truth(x, n->b, r, e);
		*v = ser_bool(t > 0);
		return t < 0 ? t : 0;
	}
	case NOT: {
		int t = truth(x, n->a, r, e);
		*v = ser_bool(t == 0);
		return t < 0 ? t : 0;
	}
	case IN:
		if ((rc = eval(x, n->a, r, &p, e)) != 0)
			return rc;
		*v = ser_bool(false);
		for (struct node *b = n->b; b != NULL && !v->u.b; b = b->next)
			if ((rc = eval(x, b, r, &q, e)) != 0 || (rc = compare(n->a, b, &p, &q, r, EQ, v, e)) != 0)
				return rc;
		return 0;
	default:
		break;
	}
	if (n->a != NULL && (rc = eval(x, n->a, r, &p, e)) != 0)
		return rc;
	switch (n->op) {
	case MATCH:
		return match(x, n, &p, r, v, e);
	case NUMBER:
		return eval_number(&p, v);
	case NDIM:
	case SHAPE:
		return eval_shape(n, &p, r, v, e);
	case NEG: {
		struct ser_val zero = ser_int(0);
		struct node minus = {.op = SUB, .a = n, .b = n->a};
		return arithmetic(&minus, &zero, &p, r, v, e);
	}
	default:
		break;
	}
	if ((rc = eval(x, n->b, r, &q, e)) != 0)
		return rc;
	if (n->op >= ADD)
		return arithmetic(n, &p, &q, r, v, e);
	return compare(n->a, n->b, &p, &q, r, n->op, v, e);
}

int ser_expr_do(struct ser_expr *x, const struct ser_record *r, struct ser_err *e)
{
	return truth(x, x->root, r, e);
}

const char *ser_expr_unmet(const struct ser_expr *x)
{
	for (size_t i = 0; i < x->n_node; i++) {
		const struct node *n = x->all[i];
		bool reads = n->op == FIELD || n->op == SHAPE || n->op == NDIM;
		bool met = false;
		for (size_t k = 0; reads && k < x->n_node; k++)
			met = met || (x->all[k]->met && strcmp(x->all[k]->name, n->name) == 0);
		if (reads && !met)
			return n->name;
	}
	return NULL;
}
