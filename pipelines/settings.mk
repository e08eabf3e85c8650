# What all recipes share: a strict shell, whole files, the tools built here (or of TOOLS) before those installed, and settings
# that a stage depends on as it does on files.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
planning    := $(or $(findstring n,$(firstword -$(MAKEFLAGS))),$(findstring q,$(firstword -$(MAKEFLAGS))))
MAKEFLAGS   += --no-builtin-rules

TOOLS ?= ../bin
export PATH := $(abspath $(TOOLS)):$(PATH)
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

# On a terminal, or with PROGRESS=1, `progress` says which line of how many begins and how long the rest may take; a plan, made first, tells
# how many there are. PROGRESS= is silent.
PROGRESS ?= $(shell [ -t 2 ] && echo 1)
quoted    = '$(subst ','\'',$(1))'
ifneq ($(PROGRESS),)
ifeq ($(planning)$(STAGES),)
export STAGES := $(shell MAKEFLAGS=$(call quoted,n -- PROGRESS= $(MAKEOVERRIDES)) $(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) $(MAKECMDGOALS) \
	2>/dev/null | awk '!more {n++} {more = /\\$$/} END {print n + 0}')
export STAGES_DONE  := $(shell mktemp)
export STAGES_BEGAN := $(shell date +%s)
endif
export BASH_ENV := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))progress)
endif
