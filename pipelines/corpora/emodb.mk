# EmoDB: 10 speakers, 7 emotions, one speaker left out at a time.
DATA     ?= $(error say where EmoDB is: make emodb DATA=/where/it/is)
PREP      = ser-prep emodb $(DATA)
FOLD     := ser-fold loso
FOLDS    := 0 1 2 3 4 5 6 7 8 9
CLUSTERS := 7
