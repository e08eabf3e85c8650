# Any corpus: a MANIFEST that is there (id, path, spk, emo), or PREP, the command that prints one; run, as its paths are meant, where
# make was called. CLUSTERS as many as there are classes, or so; FOLDS folds of speakers, numbered from 0.
WHERE    ?= $(CURDIR)
MANIFEST ?=
PREP     ?= $(if $(MANIFEST),cat '$(MANIFEST)',$(error say what the corpus is: make corpus MANIFEST=FILE, or PREP='ser-prep ...'))
ROOT     := $(WHERE)
AUDIO    := $(MANIFEST)
N_FOLDS  ?= 5
FOLD      = ser-fold kfold -k $(N_FOLDS) --seed $(SEED)
FOLDS     = $(shell seq 0 $$(($(N_FOLDS) - 1)))
CLUSTERS ?= 6
