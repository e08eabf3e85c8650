# What all recipes share: a strict shell, whole files, the tools built here (or of TOOLS) before those installed, and settings
# that a stage depends on as it does on files.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
planning    := $(or $(findstring n,$(firstword -$(MAKEFLAGS))),$(findstring q,$(firstword -$(MAKEFLAGS))))
MAKEFLAGS   += --no-builtin-rules

# Files and folders that were named on the command line, or in the environment, may have any name; they begin at FROM, or here.
quoted = '$(subst ','\'',$(1))'
plain  = $(or $(shell ./plain $(call quoted,$(or $(FROM),.)) $(call quoted,$(1)) $(2)),$(error "$(1)" cannot be used))
NAMES := OUT DATA OTHER_DATA MANIFEST FACES VOTES SPEAKER ENCODER_ST AUDIO_MODEL TEXT_MODEL EMBED
LISTS := ENCODERS MODELS
$(foreach v,$(NAMES),$(if $($(v)),$(eval override $(v) := $$(call plain,$$($(v)),$(if $(filter OUT,$(v)),$(if $(planning),planned,made))))))
$(foreach v,$(LISTS),$(if $($(v)),$(eval override $(v) := $$(foreach w,$$($(v)),$$(call plain,$$(w))))))

TOOLS ?= ../bin
export PATH := $(if $(filter /%,$(TOOLS)),$(TOOLS),$(CURDIR)/$(TOOLS)):$(PATH)
export LC_ALL := C

# Seeds of everything that draws numbers.
SEED ?= 1
# Threads of one tool; -j of make runs folds side by side.
THREADS ?= 1

# $(call uses,FRAMES SEED) among the prerequisites of a stage: it is made again when one of these variables has another value
# than last time, and so is what hangs on it, and nothing else. The values lie in SETTINGS, a file a variable; a plan (make -n)
# shows what would be done and leaves them as they are. $(inputs) is $^ without them.
SETTINGS = $(OUT)/settings
uses     = $(foreach v,$(1),$(call setting,$(v),$(SETTINGS)/$(v),$(strip $(v) = $($(v)))))
setting  = $(if $(call same,$(strip $(file <$(2))),$(3)),$(2),$(if $(planning),FORCE,$(shell mkdir -p '$(SETTINGS)')$(file >$(2),$(3))$(2)))
same     = $(if $(subst x$(1)x,,x$(2)x)$(subst x$(2)x,,x$(1)x),,yes)
inputs   = $(filter-out $(SETTINGS)/% FORCE,$^)
.PHONY: FORCE

# On a terminal, or with PROGRESS=1, `line` says which line of how many begins and how long the rest may take; a plan, made first, tells
# how many there are. PROGRESS= is silent.
PROGRESS ?= $(shell [ -t 2 ] && echo 1)
ifneq ($(PROGRESS),)
ifeq ($(planning)$(STAGES),)
export STAGES := $(shell MAKEFLAGS=$(call quoted,n -- PROGRESS= $(MAKEOVERRIDES)) $(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) $(MAKECMDGOALS) \
	2>/dev/null | awk '!more {n++} {more = /\\$$/} END {print n + 0}')
export STAGES_DONE  := $(shell mktemp)
export STAGES_BEGAN := $(shell date +%s)
endif
endif

# What each line of a recipe used of the processor goes to CPU_LOG when it ends; lines of a make that a line calls, too, so that the calling line
# begins with $(lines_count). $(spent) adds it up, for the report.
export CPU_LOG  ?= $(abspath $(OUT))/cpu.log
export BASH_ENV := $(CURDIR)/line
lines_count      = trap - EXIT;
spent            = awk '{for (i = 1; i <= 2; i++) {split($$i, t, /[ms]/); s += 60 * t[1] + t[2]}} END {printf "\nProcessor time of all that was run for this, by every run: %s.\n", s < 60 ? sprintf("%.0f s", s) : sprintf("%.1f min", s / 60)}' '$(CPU_LOG)'
