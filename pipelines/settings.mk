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
