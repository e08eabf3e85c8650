# nEMO: 9 speakers, 6 emotions, three of them left out at a time.
DATA     ?= $(error say where nEMO is: make nemo DATA=/where/it/is)
PREP      = ser-prep nemo $(DATA)
FOLD     := ser-fold kfold -k 3 --seed 1
FOLDS    := 0 1 2
CLUSTERS := 6
