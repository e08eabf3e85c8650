# Speech made here: 16 voices of espeak-ng, 4 emotions as prosody; 4 voices are never trained on.
AUDIO    := $(OUT)/audio/done
PREP      = ser-prep --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' $(OUT)/audio
FOLD     := ser-fold holdout --test-frac 0.25 --seed 1
FOLDS    := 0
CLUSTERS := 4
VOICES    ?= 16
SENTENCES ?= 12
TRAIN_SPEAKER  := --arch convpool --epochs 8 --crop 1.5
TRAIN_CLASSIFY := --epochs 25 --smooth 0.1
SOUNDS    ?= 6

$(AUDIO): $(call uses,VOICES SENTENCES)
	./demo-corpus $(@D) $(VOICES) $(SENTENCES)
	touch $@
