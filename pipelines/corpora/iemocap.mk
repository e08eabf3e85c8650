# IEMOCAP: 10 speakers in 5 sessions, a session left out at a time; anger, happiness with excitement, neutral, sadness: 5,531 turns.
DATA     ?= $(error say where IEMOCAP is: make iemocap DATA=/where/it/is)
PREP      = ser-prep --label-set 4class iemocap $(DATA)
FOLD     := ser-fold published iemocap:sessions
FOLDS    := 1 2 3 4 5
CLUSTERS := 4
