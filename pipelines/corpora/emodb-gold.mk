# EmoDB as its authors divide it: six speakers to train on, four to test.
DATA     ?= $(error say where EmoDB is: make emodb-gold DATA=/where/it/is)
PREP      = ser-prep emodb $(DATA)
FOLD     := ser-fold published emodb:gold
FOLDS    := 1
CLUSTERS := 7
