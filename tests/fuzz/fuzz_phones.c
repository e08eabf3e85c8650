/* SPDX-License-Identifier: MIT */
/* Phones with their times; the first byte says which format. What is taken lies in order. The bytes are a table of visemes and of units,
 * too. */
#include "tests_fuzz.h"

#include "face/face.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const column[] = {"AU01", "AU06", "AU12"};
	struct ser_arena a = {0};
	struct ser_phone *v;
	struct ser_visemes *t;
	struct ser_face_units *u;
	struct ser_err e;
	size_t n_phone;
	char *text = ser_strndup((const char *)p, n);
	bool any = n > 0;
	if (ser_phones_parse((enum ser_phone_format)(any ? p[0] % 3 : 0), text + any, n - any, "fuzz", "a", "phones",
			     &a, &v, &n_phone, &e) == 0)
		for (size_t i = 0; i < n_phone; i++)
			ser_assert(v[i].end_s >= v[i].begin_s && strlen(v[i].symbol) <= n);
	if (ser_visemes_from(&t, text, "fuzz", &e) == 0) {
		int k = ser_viseme(t, text);
		ser_assert(k >= -1 && k < (int)ser_visemes_count(t));
		ser_visemes_free(t);
	}
	if (ser_face_units_new(&u, text, "fuzz", column, 3, &e) == 0) {
		ser_face_emotion(u, 2, (const float[]){0, 1, 2, 3, 4, 5}, NULL, 1, 0.2);
		ser_face_units_free(u);
	}
	ser_arena_free(&a);
	free(text);
	return 0;
}
