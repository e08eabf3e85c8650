# RAVDESS, speech: 24 actors, 8 emotions, six published folds of 4 actors each.
DATA     ?= $(error say where RAVDESS is: make ravdess DATA=/where/it/is)
PREP      = ser-prep ravdess $(DATA)
FOLD     := ser-fold published ravdess:emobox
FOLDS    := 1 2 3 4 5 6
CLUSTERS := 8
