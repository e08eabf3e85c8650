# ser: filters for speech emotion recognition.  make, make check, make install; see README.md.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules

include config.mk

# V=1 shows whole command lines.
ifeq ($(V),)
Q   := @
say  = @printf '  %-4s %s\n' $(1) $(2)
endif

# ---- flavours: release; san (address, undefined, leak); tsan; double (real = double, for gradient checks) ----
CFLAGS_release = -O2 -g -ffile-prefix-map=$(CURDIR)=. $(HARDEN)
CFLAGS_san     = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan    = -O1 -g -fsanitize=thread -fno-omit-frame-pointer
CFLAGS_fuzz    = -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_double  = -O2 -g -DSER_REAL_DOUBLE
LDFLAGS_release = -pie -Wl,-z,relro,-z,now,-z,noexecstack
LDFLAGS_san    = -fsanitize=address,undefined
LDFLAGS_tsan   = -fsanitize=thread
LDFLAGS_fuzz   = -fsanitize=fuzzer,address,undefined

# Mistakes with memory end the program instead of serving an attacker; what a compiler or a machine does not have is left out.
HARDEN_WANTED = -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
HARDEN        = $(eval HARDEN := $(call taken,$(HARDEN_WANTED)))$(HARDEN)
taken         = $(foreach f,$(1),$(shell $(CC) -Werror $(f) -c -x c -o /dev/null /dev/null 2>/dev/null && echo ' $(f)'))
# Floats stay floats where C lets a machine (s390x) reckon them in double.
PRECISION     = $(eval PRECISION := $(call taken,-fexcess-precision=fast))$(PRECISION)

VERSION := $(shell sed -n 's/^.define SER_VERSION "\(.*\)"/\1/p' lib/base/base.h)
BUILD  := build/$(FLAVOUR)
BINDIR := $(if $(filter release,$(FLAVOUR)),bin,$(BUILD)/bin)
LIBEXEC := $(BINDIR:%bin=%libexec)/ser

# ---- libraries: asked for when first needed, which is after `make deps` in one call of make ----
PKGS       := msgpack sndfile soxr jansson zlib libdeflate fftw3 libutf8proc libprotobuf-c
PKG_CFLAGS  = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS    = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)
MORE_LIBS  := -llinear -llbfgs -llapacke -lopenblas -lm -lpthread
LIBS        = $(PKG_LIBS) $(MORE_LIBS)

CPPFLAGS = -D_GNU_SOURCE -Ilib -I$(BUILD)/gen $(PKG_CFLAGS)
# Rows of tables leave their last members out, which are then 0.
CFLAGS   = -std=c11 -Wall -Wextra -Wno-missing-field-initializers -Wshadow -Wstrict-prototypes -Wvla -fno-math-errno -ffp-contract=off $(PRECISION) \
           $(if $(WERROR),-Werror) $(CFLAGS_$(FLAVOUR))
LDFLAGS  = -Wl,--as-needed $(LDFLAGS_$(FLAVOUR))

# ---- what there is: found, not listed ----
LIB_SRC  := $(sort $(filter-out lib/train/mpi.c lib/plot/rsvg.c,$(wildcard lib/*/*.c lib/*/*/*.c)))
TOOL_SRC := $(sort $(wildcard src/ser-*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o) $(BUILD)/gen/corpus_builtins.o $(BUILD)/gen/model/onnx.pb-c.o $(BUILD)/gen/page_texts.o
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZERS  := $(FUZZ_SRC:tests/fuzz/fuzz_%.c=$(BUILD)/fuzz/%)
CORPORA  := $(addsuffix .corpus,$(sort $(basename $(wildcard lib/corpus/desc/*.corpus))))
TOOLS    := $(TOOL_SRC:src/%.c=$(BINDIR)/%)
TORTURE_SRC := $(filter-out tests/torture/shim.c,$(wildcard tests/torture/*.c))
TORTURE  := $(BUILD)/torture/torture $(BUILD)/torture/shim.so
UNITS    := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
MAN      := $(sort $(wildcard man/*.[1-8]))
RECIPE_SCRIPTS = $(shell find pipelines -maxdepth 1 -type f -perm -u+x | LC_ALL=C sort)

.PHONY: all deps deps-oracle demo demo-faces check check-san check-grad check-slurm check-s390x check-arm64 fuzz lint format bench bench-memory bench-load torture bench-growth bench-scale plugins FORCE install install-tools install-dev uninstall dist deb check-deb clean
.SECONDARY:

all: $(TOOLS) plugins

# `make deps demo` is one call: nothing is compiled before the packages are there, with -j too.
DEPS_FIRST := $(filter deps,$(MAKECMDGOALS))

$(BUILD)/%.o: %.c Makefile config.mk | $(DEPS_FIRST)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The corpus descriptions as C strings, so that the tools need no file beside them; made again when their list is another, too.
$(BUILD)/gen/corpora: FORCE
	@mkdir -p $(@D)
	@echo '$(CORPORA)' | cmp -s - $@ || echo '$(CORPORA)' > $@

$(BUILD)/gen/corpus_builtins.c: $(CORPORA) $(BUILD)/gen/corpora Makefile
	@mkdir -p $(@D)
	@{ echo '#include "corpus/private.h"'; echo 'const struct builtin ser_corpus_builtins[] = {'; \
	for f in $(CORPORA); do n=$${f##*/}; echo "{\"$${n%.corpus}\","; \
	  sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/"&\\n"/' "$$f"; echo '},'; done; echo '{0, 0}};'; \
	echo 'const char *const ser_corpus_folds[] = {'; \
	for f in $(CORPORA); do n=$${f##*/}; sed -n "s/^folds  *\([^ ]*\).*/\"$${n%.corpus}:\1\",/p" "$$f"; done; echo '0};'; } > $@

# The report's style and script the same, with the hash by which the page allows the script.
$(BUILD)/gen/page_texts.c: lib/page/page.css lib/page/page.js Makefile
	@mkdir -p $(@D)
	@{ echo '#include "page/private.h"'; for f in css js; do echo "const char ser_page_$$f[] ="; \
	  sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/"&\\n"/' lib/page/page.$$f; echo ';'; done; \
	echo "const char ser_page_js_sha256[] = \"$$(sha256sum < lib/page/page.js | cut -c 1-64 | tr a-f A-F | basenc --base16 -d | base64)\";"; } > $@

# ONNX's messages, as far as they are read, in C.
$(BUILD)/gen/%.pb-c.c $(BUILD)/gen/%.pb-c.h: lib/%.proto Makefile | $(DEPS_FIRST)
	@mkdir -p $(@D)
	$(call say,PB,$@)
	$(Q)protoc-c --c_out=$(BUILD)/gen -Ilib $<

$(BUILD)/lib/model/onnx.o: $(BUILD)/gen/model/onnx.pb-c.h

# Of the libraries, what they are, for ser-info --env
$(BUILD)/gen/libraries.inc: Makefile | $(DEPS_FIRST)
	@mkdir -p $(@D)
	@for p in $(PKGS) openblas; do printf '"%s%s=%s"\n' "$${comma:-}" "$$p" "$$(pkg-config --modversion $$p)"; comma=', '; done > $@

$(BUILD)/lib/cli/env.o: $(BUILD)/gen/libraries.inc

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c | $(DEPS_FIRST)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Product kernels are written for fused multiply-add; loops over arrays are vectorised. Neither lets a sum be reordered.
$(BUILD)/lib/la/gemm.o $(BUILD)/lib/la/dgemm.o $(BUILD)/tests/unit/test_la.o: CFLAGS += -ffp-contract=fast
ifneq ($(filter release double,$(FLAVOUR)),)
$(BUILD)/lib/la/%.o $(BUILD)/lib/nn/%.o $(BUILD)/lib/ml/kern.o: CFLAGS += -O3
endif

$(BUILD)/libser.a: $(LIB_OBJ)
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BINDIR)/%: $(BUILD)/src/%.o $(BUILD)/libser.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# What ser-train loads when mpirun starts it, and ser-plot for PDF and PNG; made where Open MPI and librsvg are, which is asked for after
# `make deps`. The tools are not linked with them.
PLUGINS = $(foreach p,mpi:ompi-c rsvg:librsvg-2.0,$(if $(shell pkg-config --exists $(lastword $(subst :, ,$(p))) && echo 1),$(LIBEXEC)/$(firstword $(subst :, ,$(p))).so))
plugins: | $(DEPS_FIRST)
	$(Q)plugins='$(PLUGINS)'; if [ -n "$$plugins" ]; then $(MAKE) -s --no-print-directory $$plugins; fi

plugin = $(CC) -Ilib $(subst -I,-isystem ,$(shell pkg-config --cflags $(1))) $(filter-out -fsanitize% -fno-sanitize%,$(CFLAGS)) \
	  -fPIC -shared -Wl,-z,relro,-z,now -o $@ $< $(shell pkg-config --libs $(1))

$(LIBEXEC)/mpi.so: lib/train/mpi.c lib/train/plugin.h
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(call plugin,ompi-c)

$(LIBEXEC)/rsvg.so: lib/plot/rsvg.c lib/plot/plugin.h
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(call plugin,librsvg-2.0 cairo-pdf)

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libser.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

# mkstream makes the streams that tests read; allfloats looks at the text of every float.
$(BUILD)/tests/%: $(BUILD)/tests/tools/%.o $(BUILD)/libser.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# The fault campaign: its driver, and what it loads into the tools.
$(BUILD)/torture/torture: $(TORTURE_SRC:%.c=$(BUILD)/%.o) $(BUILD)/libser.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/tests/torture/%.o: CPPFLAGS += -Itests

$(BUILD)/torture/shim.so: tests/torture/shim.c tests/torture/shim.h
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) -Itests -std=c11 -O1 -Wall -Wextra $(if $(WERROR),-Werror) $(if $(filter san tsan,$(FLAVOUR)),-DOWN_ALLOCATOR) -fPIC -shared -o $@ $< -ldl

# A parser of outside bytes: in the flavour fuzz with libFuzzer's main(), elsewhere with one that replays files.
$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/common.o $(if $(filter fuzz,$(FLAVOUR)),,$(BUILD)/tests/fuzz/replay.o) $(BUILD)/libser.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/libser.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# ---- packages ----
package = $(shell awk '$$1 ~ /^($(1))$$/ {print $$2}' packages.txt)
AS_ROOT := $(if $(filter-out 0,$(shell id -u)),sudo)
# Asks for nothing when all are installed, so that it needs no network then.
apt = for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q '^install ok installed' || missing="$${missing:-} $$p"; done; \
      if [ -n "$${missing:-}" ]; then echo "installing$$missing"; $(AS_ROOT) apt-get update -qq && \
      $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends $$missing >/dev/null; fi

deps:
	@$(call apt,$(call package,build|run|test))

deps-oracle: deps
	@$(call apt,$(call package,oracle))

# ---- the whole job on speech made on the spot; faces beside speech, made too ----
demo demo-faces: all
	$(MAKE) -C pipelines $@

# ---- tests: make check says what it skipped and why; its last line counts ----
check: all $(UNITS) $(FUZZERS) $(BUILD)/tests/mkstream $(TORTURE)
	$(if $(filter release,$(FLAVOUR)),$(MAKE) FLAVOUR=double build/double/unit/test_nn_grad)
	FLAVOUR=$(FLAVOUR) BINDIR=$(BINDIR) BUILD=$(BUILD) tests/run

# Under the address, undefined-behaviour and leak sanitizers.
check-san:
	$(MAKE) FLAVOUR=san check

# Gradients of every operator and loss against central differences, in double.
check-grad:
	$(MAKE) FLAVOUR=double build/double/unit/test_nn_grad
	build/double/unit/test_nn_grad

# The batch examples on a Slurm of one node, started for it; not part of make check.
check-slurm: all
	tests/slurm

# The tests on another kind of machine, in an emulator; TESTS= some of them.
check-s390x check-arm64: check-%:
	tests/cross $* $(TESTS)

# Every tool under every fault: cut and damaged inputs, full disks, failing calls, no memory, SIGKILL; then trainings and pipelines that
# are killed at random and go on. Minutes; CASES=N: at most N cases of a kind on one input.
torture: all $(BUILD)/tests/mkstream $(TORTURE)
	FLAVOUR=$(FLAVOUR) BINDIR=$(BINDIR) BUILD=$(BUILD) tests/torture/run -j 2 $(if $(CASES),-n $(CASES))
	FLAVOUR=$(FLAVOUR) BINDIR=$(BINDIR) BUILD=$(BUILD) tests/torture/kills

# Look for inputs that break a parser, FUZZ_SECONDS of CPU time on each (tests/fuzz/run). FUZZ=npy: only that.
FUZZ_SECONDS = 60
FUZZ = $(FUZZ_SRC:tests/fuzz/fuzz_%.c=%)
fuzz:
	$(MAKE) FLAVOUR=fuzz CC=clang $(FUZZ:%=build/fuzz/fuzz/%)
	tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ)

lint:
	tests/lint

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

# Against what a user would run instead; bench-memory, bench-load and bench-growth: what the stream's tools hold and carry.
bench: all
	tests/bench/run

bench-memory bench-load bench-growth: bench-%: all
	tests/bench/$*

# What training in two processes gives on this machine.
bench-scale: all $(BUILD)/tests/mkstream
	tests/bench/scale

# ---- installation ----
install: all install-tools
	for p in $(PLUGINS); do install -D -m 755 $$p $(DESTDIR)$(bindir)/../libexec/ser/$${p##*/}; done

install-tools: $(TOOLS)
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(datadir)/pipelines/corpora
	install -m 755 $(TOOLS) $(DESTDIR)$(bindir)
	for m in $(MAN); do install -D -m 644 $$m $(DESTDIR)$(mandir)/man$${m##*.}/$${m##*/}; done
	install -D -m 644 completions/ser.bash $(DESTDIR)$(bashcompdir)/ser-cat
	for t in $(filter-out ser-cat,$(notdir $(TOOLS))); do ln -sf ser-cat $(DESTDIR)$(bashcompdir)/$$t; done
	install -D -m 644 completions/_ser $(DESTDIR)$(zshcompdir)/_ser
	install -D -m 644 completions/ser.fish $(DESTDIR)$(fishcompdir)/ser-cat.fish
	for t in $(filter-out ser-cat,$(notdir $(TOOLS))); do ln -sf ser-cat.fish $(DESTDIR)$(fishcompdir)/$$t.fish; done
	install -m 644 pipelines/*.mk pipelines/*.tsv pipelines/Makefile pipelines/line $(DESTDIR)$(datadir)/pipelines
	install -m 755 $(RECIPE_SCRIPTS) $(DESTDIR)$(datadir)/pipelines
	install -m 644 pipelines/corpora/*.mk $(DESTDIR)$(datadir)/pipelines/corpora

# The library for programs of one's own: pkg-config ser. What a module keeps to itself is left out.
HEADERS := $(filter-out $(addprefix %/,private.h plugin.h arch.h draw.h wire.h front.h),$(sort $(wildcard lib/*/*.h)))
install-dev: $(BUILD)/libser.a
	for h in $(HEADERS); do install -D -m 644 $$h $(DESTDIR)$(includedir)/ser/$${h#lib/}; done
	install -D -m 644 $(BUILD)/libser.a $(DESTDIR)$(libdir)/libser.a
	install -d $(DESTDIR)$(libdir)/pkgconfig
	printf '%s\n' 'Name: ser' 'Description: filters for speech emotion recognition' 'Version: $(VERSION)' 'Requires: $(PKGS)' \
	  'Cflags: -I$(includedir)/ser' 'Libs: -L$(libdir) -lser $(MORE_LIBS)' > $(DESTDIR)$(libdir)/pkgconfig/ser.pc

uninstall:
	rm -f $(TOOLS:$(BINDIR)/%=$(DESTDIR)$(bindir)/%)
	for m in $(MAN); do rm -f $(DESTDIR)$(mandir)/man$${m##*.}/$${m##*/}; done
	rm -f $(TOOLS:$(BINDIR)/%=$(DESTDIR)$(bashcompdir)/%) $(TOOLS:$(BINDIR)/%=$(DESTDIR)$(fishcompdir)/%.fish) $(DESTDIR)$(zshcompdir)/_ser
	rm -rf $(DESTDIR)$(includedir)/ser $(DESTDIR)$(libdir)/libser.a $(DESTDIR)$(libdir)/pkgconfig/ser.pc
	rm -rf $(DESTDIR)$(datadir) $(DESTDIR)$(bindir)/../libexec/ser

dist:
	git archive --prefix=ser-$(VERSION)/ -o ser-$(VERSION).tar.gz HEAD

# Debian packages into build/deb, out of what is committed; check-deb: lintian's word on them, built again the same bytes, and the demo
# and the tutorial with them on a bare Debian 12.
deb: dist
	rm -rf build/deb && mkdir -p build/deb && tar -C build/deb -xf ser-$(VERSION).tar.gz
	cd build/deb/ser-$(VERSION) && dpkg-buildpackage -us -uc -b

check-deb:
	tests/package

clean:
	rm -rf build libexec bin/ser-*
