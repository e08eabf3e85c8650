# ser: filters for speech emotion recognition.  make, make check, make install; see README.md.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules

include config.mk

# ---- flavours: release; san (address, undefined, leak); tsan; double (real = double, for gradient checks) ----
CFLAGS_release = -O2 -g
CFLAGS_san     = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan    = -O1 -g -fsanitize=thread -fno-omit-frame-pointer
CFLAGS_double  = -O2 -g -DSER_REAL_DOUBLE
LDFLAGS_san    = -fsanitize=address,undefined
LDFLAGS_tsan   = -fsanitize=thread

BUILD  := build/$(FLAVOUR)
BINDIR := $(if $(filter release,$(FLAVOUR)),bin,$(BUILD)/bin)

# ---- libraries: pkg-config where a package has a file for it ----
PKGS    := msgpack sndfile soxr fftw3f jansson zlib
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   := $(shell pkg-config --libs $(PKGS))
LIBS    := $(PKG_LIBS) -ldnnl -llapacke -lopenblas -lm -lpthread

CPPFLAGS = -D_GNU_SOURCE -Ilib $(PKG_CFLAGS)
CFLAGS   = -std=c11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wvla -fno-math-errno -ffp-contract=off \
           $(if $(NATIVE),-march=native) $(if $(WERROR),-Werror) $(CFLAGS_$(FLAVOUR))
LDFLAGS  = -Wl,--as-needed $(LDFLAGS_$(FLAVOUR))

# ---- what there is: found, not listed ----
LIB_SRC  := $(sort $(wildcard lib/*/*.c lib/*/*/*.c))
TOOL_SRC := $(sort $(wildcard src/ser-*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o)
TOOLS    := $(TOOL_SRC:src/%.c=$(BINDIR)/%)
UNITS    := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
MAN      := $(sort $(wildcard man/*.[1-8]))

.PHONY: all deps demo check check-unit check-cli check-san check-tsan fuzz lint bench install uninstall dist clean
.SECONDARY:

all: $(TOOLS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/libser.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(BINDIR)/%: $(BUILD)/src/%.o $(BUILD)/libser.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libser.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

clean:
	rm -rf build bin/ser-*
