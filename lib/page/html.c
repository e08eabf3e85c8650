/* SPDX-License-Identifier: MIT */
#include "page/private.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void h_text(struct ser_buf *b, const char *s)
{
	ser_svg_escape(b, s);
}

static void number(struct ser_buf *b, double x, const char *fmt)
{
	char s[64];
	if (!isfinite(x)) {
		ser_buf_str(b, "\xe2\x80\x93");
		return;
	}
	snprintf(s, sizeof s, fmt, x);
	if (s[0] == '-')
		ser_buf_str(b, "\xe2\x88\x92");
	ser_buf_str(b, s + (s[0] == '-'));
}

void h_put(struct ser_buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	for (const char *s = fmt; *s != '\0'; s++) {
		if (*s != '%') {
			size_t n = strcspn(s, "%");
			ser_buf_add(b, s, n);
			s += n - 1;
			continue;
		}
		switch (*++s) {
		case 's':
			h_text(b, va_arg(ap, const char *));
			break;
		case 'r':
			ser_buf_str(b, va_arg(ap, const char *));
			break;
		case 'd':
			ser_buf_printf(b, "%lld", va_arg(ap, long long));
			break;
		case 'f':
			number(b, va_arg(ap, double), "%.4f");
			break;
		case 'p':
			number(b, 100 * va_arg(ap, double), "%.1f");
			break;
		default:
			ser_buf_str(b, "%");
			break;
		}
	}
	va_end(ap);
}

void h_table(struct ser_buf *b, const char *caption, const char *columns, bool sortable)
{
	h_put(b,
	      "<div class=\"scroll\" tabindex=\"0\" role=\"group\" "
	      "aria-label=\"%s\"><table><caption>%s</caption><thead><tr>",
	      caption, caption);
	for (const char *s = columns;; s++) {
		size_t n = strcspn(s, "|");
		bool num = *s == '#', fixed = *s == '!' || !sortable;
		char *name = ser_strndup(s + (num || *s == '!'), n - (num || *s == '!'));
		h_put(b, "<th scope=\"col\"%r>", num ? " class=\"num\"" : "");
		h_put(b, fixed ? "%s</th>" : "<button type=\"button\">%s</button></th>", name);
		free(name);
		s += n;
		if (*s == '\0')
			break;
	}
	h_put(b, "</tr></thead><tbody>\n");
}

void h_table_end(struct ser_buf *b)
{
	h_put(b, "</tbody></table></div>\n");
}

void h_bar(struct ser_buf *b, double value, double lo, double hi, double chance)
{
	const double v[3] = {value, lo, hi};
	if (!isfinite(value))
		return;
	h_put(b, "<svg class=\"bar\" viewBox=\"0 0 100 12\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect "
		 "class=\"all\" "
		 "width=\"100\" height=\"12\"/><rect class=\"is\" height=\"12\" width=\"");
	ser_svg_num(b, 100 * fmin(fmax(v[0], 0), 1));
	h_put(b, "\"/>");
	if (isfinite(lo) && isfinite(hi)) {
		h_put(b, "<path class=\"ci\" d=\"M");
		ser_svg_num(b, 100 * fmin(fmax(lo, 0), 1));
		h_put(b, " 6H");
		ser_svg_num(b, 100 * fmin(fmax(hi, 0), 1));
		h_put(b, "\"/>");
	}
	if (isfinite(chance)) {
		h_put(b, "<path class=\"chance\" d=\"M");
		ser_svg_num(b, 100 * chance);
		h_put(b, " 0V12\"/>");
	}
	h_put(b, "</svg>");
}

/* ---- charts ---- */

static const char *const BEGIN = "<style>", *const END = "</defs>\n";

void h_chart(struct ser_buf *b, const char *svg, const char *what, const char *caption)
{
	const char *at = strstr(svg, "<svg "), *from = strstr(svg, BEGIN), *to = strstr(svg, END);
	ser_assert(at != NULL && from != NULL && to != NULL); /* as ser_svg_begin() writes it */
	h_put(b,
	      "<figure><div class=\"scroll chart\" tabindex=\"0\" role=\"group\" aria-label=\"%s\"><svg role=\"img\" "
	      "aria-label=\"%s\" ",
	      what, what);
	ser_buf_add(b, at + 5, (size_t)(from - at - 5));
	ser_buf_str(b, to + strlen(END));
	h_put(b, "</div>");
	if (caption != NULL && *caption != '\0')
		h_put(b, "<figcaption>%s</figcaption>", caption);
	h_put(b, "</figure>\n");
}

void h_chart_styles(struct ser_buf *b)
{
	struct ser_buf empty = {0};
	ser_svg_begin(&empty, 1, 1, NULL, NULL);
	const char *from = strstr(empty.s, BEGIN), *to = strstr(empty.s, END);
	h_put(b, "<svg class=\"shared\" width=\"0\" height=\"0\" aria-hidden=\"true\">");
	ser_buf_add(b, from, (size_t)(to + strlen(END) - from));
	h_put(b, "</svg>\n");
	ser_buf_free(&empty);
}

/* ---- reports ---- */

static bool is(const struct ser_val *row, const char *key, const char *value)
{
	const struct ser_val *v = key != NULL ? ser_val_get(row, key) : NULL;
	return key == NULL || (v != NULL && ser_val_is_str(v, value));
}

const struct ser_val *report_find(const struct ser_val *report, const char *table, const char *key1, const char *value1,
				  const char *key2, const char *value2)
{
	const struct ser_val *t = ser_val_get(report, table);
	for (size_t i = 0; t != NULL && t->kind == SER_LIST && i < t->u.list.n; i++)
		if (is(&t->u.list.v[i], key1, value1) && is(&t->u.list.v[i], key2, value2))
			return &t->u.list.v[i];
	return NULL;
}

double report_num(const struct ser_val *row, const char *column)
{
	const struct ser_val *v = row != NULL ? ser_val_get(row, column) : NULL;
	return v == NULL ? NAN : v->kind == SER_REAL ? v->u.f : v->kind == SER_INT ? (double)v->u.i : NAN;
}

const char *report_str(const struct ser_val *row, const char *column)
{
	const struct ser_val *v = row != NULL ? ser_val_get(row, column) : NULL;
	return v != NULL && v->kind == SER_STR ? v->u.str.s : "";
}
