# What all recipes share: a strict shell, whole files, the tools built here (or of TOOLS) before those installed.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS   += --no-builtin-rules

TOOLS ?= ../bin
export PATH := $(abspath $(TOOLS)):$(PATH)
export LC_ALL := C

# Seeds of everything that draws numbers.
SEED ?= 1
# Threads of one tool; -j of make runs folds side by side.
THREADS ?= 1
