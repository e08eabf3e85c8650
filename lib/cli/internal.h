/* SPDX-License-Identifier: MIT */
/* Between the files of this module only. */
#ifndef SER_CLI_INTERNAL_H
#define SER_CLI_INTERNAL_H

#include "cli/cli.h"

/* The status when data or I/O failed: 1, or 2 where 1 has a meaning of its own. */
int ser_cli_trouble(const struct ser_tool *t);

/* The command line in one canonical form, for the provenance: mode, options in the table's order, operands. */
void ser_cli_prov_args(const struct ser_cli *c, struct ser_arena *a, struct ser_strs *out);

/* From here on: read these files and what is below these folders, or everything; write where these names, or patterns with %, put
 * their files, and in the temporary folder; start no program, open no socket. What the kernel cannot do is left out in silence. */
void ser_confine(const struct ser_strs *read, const struct ser_strs *write, bool read_all);

#endif
