/* SPDX-License-Identifier: MIT */
/* ser-select's conditions, on a record with a label of each kind and a tensor. */
#include "tests_fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const float x[6] = {1, 2, 3, 4, 5, 6};
	struct ser_record r = {0};
	struct ser_err e;
	char *text = ser_strndup((const char *)p, n);
	struct ser_expr *expr = ser_expr_new(text, &e);
	if (expr != NULL) {
		ser_record_set(&r, "id", ser_str("03a01Fa"));
		ser_record_set(&r, "emo", ser_str("happy"));
		ser_record_set(&r, "fold", ser_int(3));
		ser_record_set(&r, "dur", ser_real(1.5));
		ser_record_set(&r, "ok", ser_bool(true));
		ser_record_set(&r, "none", ser_nil());
		ser_record_set(&r, "feat", ser_f4(x, 2, (size_t[]){2, 3}));
		int rc = ser_expr_do(expr, &r, &e);
		ser_assert(rc == 0 || rc == 1 || (rc == SER_EDATA && strlen(e.msg) > 10));
		ser_expr_unmet(expr);
	} else {
		ser_assert(e.code == SER_EUSAGE && strlen(e.msg) > 10);
	}
	ser_expr_free(expr);
	ser_record_free(&r);
	free(text);
	return 0;
}
