# Labels that nobody gave, after Goncalves and Busso (Interspeech 2022) as far as their abstract tells: an encoder learns them first, then the
# emotions of other speakers, from a share of their labels, and hears them clean and under voices.
#
#   make pretext DATA=/data          energy variation, on nEMO, LibriSpeech and BAVED; emodb and ravdess as test beds
#   make pretext                     energy, facial activation and emotions of action units together, on a made corpus of talking faces
#                                    (made-faces): its figures say how the programs work, and nothing about people
#   make pretext FACES=/my/faces     the same on faces of one's own: manifest.tsv of sounds with spk and emo, and a table ID.csv for each; of RAVDESS
#                                    and its landmarks, tables and ser-prep ravdess /path > manifest.tsv, TRACKER='openface --id-prefix 01-=03-'
#   make pretext QUICK=1             few voices, one seed, few epochs; with DATA emodb alone
#
# The thresholds are medians of the speakers who pretrain; of the made corpus these are, fold by fold, those who are not tested. Left in OUT:
# RESULTS.md, results.tsv, and below CORPUS-SHARE-CONDITION predictions and scores.
include settings.mk

DATA    ?=
OUT     ?= out/pretext$(if $(DATA),,-made)$(if $(QUICK),-quick)
BEDS    ?= $(if $(DATA),$(if $(QUICK),emodb,emodb ravdess),made)
SEEDS   ?= $(if $(QUICK),1,1 2 3)
FOLDS   ?= $(if $(QUICK),0 1,0 1 2 3 4)
SHARES  ?= $(if $(QUICK),10 100,1 5 10 25 50 100)
SNRS    ?= $(if $(QUICK),10,20 10 0)
N_BOOT  ?= 1000
FACES   ?= $(OUT)/faces
TRACKER ?= openface
VOICES  ?= $(if $(QUICK),4,8)
SENTENCES ?= $(if $(QUICK),2,6)
# Every so many of the sounds that pretrain.
EVERY   ?= 2

FEATURES ?= --kind fbank --num-mel-bins 40
NETWORK  ?= --arch convpool --hyper channels=$(if $(QUICK),16,64)
PRETRAIN ?= --epochs $(if $(QUICK),4,8) --batch 16 --dev-frac 0.1
TRAIN    ?= --batch $(if $(QUICK),8,16)
# Epochs, by share where there are more: of few records an epoch is few steps.
EPOCHS   ?= $(if $(QUICK),15,30)
EPOCHS_1 ?= $(if $(QUICK),15,120)
EPOCHS_5 ?= $(EPOCHS_1)
EPOCHS_10 ?= $(EPOCHS_1)
EPOCHS_25 ?= $(if $(QUICK),15,60)
METHODS  ?= scratch energy $(if $(DATA),,faces)
TASKS_energy = classify -l energy
TASKS_faces  = classify -l energy
MORE_faces   = + classify -l activation + classify -l au_emotion

conditions = clean $(SNRS:%=%dB)
CORPORA   := $(foreach b,$(BEDS),$(foreach s,$(SHARES),$(foreach n,$(conditions),$(b)-$(s)-$(n))))

.PHONY: report
report: $(OUT)/RESULTS.md $(OUT)/report.html
	@cat $<

# ---- who pretrains: real speech, of no speaker of the test beds, nor of LibriSpeech's test parts, which are their noise ----
$(OUT)/pool.tsv: $(call uses,DATA EVERY)
	mkdir -p $(@D)
	for c in nemo librispeech baved; do \
		ser-prep -q $$c $(DATA)/$$c | awk -F'\t' '$$2 !~ /test-[a-z]+\//' | ser-manifest --utt-prefix $$c- --spk-prefix $$c- | \
			awk 'NR == 1 || NR % $(EVERY) == 0' > $@.$$c; \
	done
	ser-manifest $@.nemo $@.librispeech $@.baved -o $@
	rm $@.nemo $@.librispeech $@.baved

$(OUT)/pool.ser: $(OUT)/pool.tsv $(call uses,FEATURES)
	ser-wav2feat $(FEATURES) -q -t $(THREADS) $< | ser-select 'shape(feat, 0) >= 50' > $@.part
	ser-target energy --fit $(OUT)/energy.json $@.part
	ser-target energy --apply $(OUT)/energy.json -t $(THREADS) -o $@ $@.part
	rm $@.part

# ---- the test beds: folds by speaker, features clean and under voices of LibriSpeech, or of the made corpus' own ----
$(OUT)/faces/manifest.tsv: $(call uses,VOICES SENTENCES)
	rm -rf $(@D)
	./made-faces $(@D).part $(VOICES) $(SENTENCES)
	mv $(@D).part $(@D)

$(OUT)/%.tsv: $(if $(DATA),,$(FACES)/manifest.tsv) $(call uses,DATA FACES SEED FOLDS)
	mkdir -p $(@D)
	$(if $(DATA),ser-prep -q $* $(DATA)/$*,cat $<) | ser-fold kfold -k $(words $(FOLDS)) --by spk --seed $(SEED) -o $@

root = $(if $(DATA),,--root $(FACES) --allow-absolute)
$(OUT)/voices.ser: $(if $(DATA),,$(FACES)/manifest.tsv) $(call uses,DATA FACES)
	mkdir -p $(@D)
	$(if $(DATA),ser-prep -q librispeech $(DATA)/librispeech | awk -F'\t' 'NR == 1 || $$2 ~ /test-[a-z]+\//' | ser-manifest --spk-prefix ls-,cat $<) | \
		ser-wav2feat --kind wave $(root) -q -t $(THREADS) -o $@

$(OUT)/%.clean.ser: $(OUT)/%.tsv $(call uses,FEATURES)
	ser-wav2feat $(FEATURES) $(root) -q -t $(THREADS) -o $@ $<

define noisy
$$(OUT)/%.$(1)dB.ser: $$(OUT)/%.tsv $$(OUT)/voices.ser $$(call uses,FEATURES SEED)
	ser-wav2feat --kind wave $$(root) -q -t $$(THREADS) $$< | \
		ser-augment --no-keep --babble $$(OUT)/voices.ser --snr $(1):$(1) --seed $$(SEED) -q -t $$(THREADS) | \
		ser-wav2feat $$(FEATURES) -q -t $$(THREADS) -o $$@
endef
$(foreach n,$(SNRS),$(eval $(call noisy,$(n))))

# ---- the targets of faces, cut by the speakers of a fold who are not tested ----
$(OUT)/faces.ser: $(FACES)/manifest.tsv $(call uses,FACES TRACKER)
	ser-face $(TRACKER) -q -t $(THREADS) $(FACES)/*.csv | ser-target units -t $(THREADS) -o $@

$(OUT)/made/targets-%.ser: $(OUT)/made.clean.ser $(OUT)/faces.ser
	mkdir -p $(@D)
	ser-join $< $(OUT)/faces.ser | ser-select 'fold != $*' > $@.part
	ser-target energy --fit $@.energy.json $@.part
	ser-target activation --fit $@.face.json $@.part
	ser-target energy --apply $@.energy.json $@.part | ser-target activation --apply $@.face.json | ser-select --drop land,au,pose,seen true -o $@
	rm $@.part

# ---- encoders ----
define pretrain
$$(OUT)/pretext/$(1)-$(2).st: $$(OUT)/pool.ser $$(call uses,NETWORK PRETRAIN TASKS_$(1) MORE_$(1))
	mkdir -p $$(@D)
	ser-train $$(TASKS_$(1)) $$(NETWORK) $$(PRETRAIN) --seed $(2) -t $$(THREADS) -q --log $$(@:.st=.log) -o $$@ $$(MORE_$(1)) $$<

$$(OUT)/made/$(1)-$(2)-%.pre.st: $$(OUT)/made/targets-%.ser $$(call uses,NETWORK PRETRAIN TASKS_$(1) MORE_$(1))
	ser-train $$(TASKS_$(1)) $$(NETWORK) $$(PRETRAIN) --dev-frac 0 --seed $(2) -t $$(THREADS) -q --log $$(@:.st=.log) -o $$@ $$(MORE_$(1)) $$<
endef
$(foreach m,$(filter-out scratch,$(METHODS)),$(foreach s,$(SEEDS),$(eval $(call pretrain,$(m),$(s)))))

# ---- BED/METHOD-SHARE-SEED-FOLD.st from a share of the training labels, nested shares; and what it says of the fold left out ----
# $(1) bed, $(2) method, $(3) share, $(4) seed
encoder = $(if $(filter scratch,$(2)),,$(if $(filter made,$(1)),$(OUT)/made/$(2)-$(4)-%.pre.st,$(OUT)/pretext/$(2)-$(4).st))
define finetune
$$(OUT)/$(1)/$(2)-$(3)-$(4)-%.st: $$(OUT)/$(1).clean.ser $(call encoder,$(1),$(2),$(3),$(4)) $$(call uses,NETWORK TRAIN SHARES EPOCHS EPOCHS_$(3))
	mkdir -p $$(@D)
	ser-select 'fold != $$*' $$< | ser-fold subset --percent $(subst $(space),$(comma),$(SHARES)) --seed $(4) -q | ser-select -q 'subset <= $(3)' | \
		ser-train classify -l emo $$(NETWORK) $$(TRAIN) --epochs $(or $(EPOCHS_$(3)),$(EPOCHS)) $(if $(filter scratch,$(2)),,--init $$(word 2,$$^)) --seed $(4) -t $$(THREADS) -q --log $$(@:.st=.log) -o $$@
endef
define condition
$$(OUT)/$(1)-$(3)-$(5)/$(2)-$(4)-%.pred.ser: $$(OUT)/$(1)/$(2)-$(3)-$(4)-%.st $$(OUT)/$(1).$(5).ser
	mkdir -p $$(@D)
	ser-select 'fold == $$*' $$(word 2,$$^) | ser-predict -m $$< -t $$(THREADS) --drop feat -o $$@
endef
comma := ,
space := $() $()
each  = $(foreach b,$(BEDS),$(foreach m,$(METHODS),$(foreach p,$(SHARES),$(foreach s,$(SEEDS),$(call $(1),$(b),$(m),$(p),$(s))))))
one   = $(eval $(call finetune,$(1),$(2),$(3),$(4)))$(foreach n,$(conditions),$(eval $(call condition,$(1),$(2),$(3),$(4),$(n))))
$(call each,one)

SCORE   := classes --label emo
COMPARE := --label emo
made    := $(if $(DATA),,$(filter $(OUT)/faces,$(FACES)))
TITLE   := Pretext tasks$(if $(made), on a made corpus (nothing about people))
# Of twelve conditions a bed: the smallest share and all, clean.
SHOWN   := $(foreach b,$(BEDS),$(foreach s,$(sort $(firstword $(SHARES)) $(lastword $(SHARES))),$(b)-$(s)-clean))
ABOUT   := $(BEDS:%=$(OUT)/%.tsv)
LOG      = $(OUT)/$(firstword $(subst -, ,$(1)))/$(2)-$(word 2,$(subst -, ,$(1)))-$(first)-$(firstword $(FOLDS)).log
include seeds.mk

where_real = on one of $(EVERY) sounds of nEMO, LibriSpeech and BAVED.
where_made = on the speakers of a made corpus (made-faces) who are not tested: the figures tell that the programs work and nothing about people.
where_own  = on the speakers of $(FACES) who are not tested.
where      = $(if $(DATA),$(where_real),$(if $(made),$(where_made),$(where_own)))
$(OUT)/RESULTS.md: seeds-report $(runs:%=%.score.json) $(runs:%=%.compare.json) $(call uses,CORPORA METHODS SEEDS)
	@{ echo '# Pretext tasks'; echo; \
		echo 'Emotion of speakers left out, learnt from a share of the others'"'"' labels, by percent; clean, or under voices at so many dB (bed-share-condition).'; \
		echo '`$(FEATURES)`, `$(NETWORK) $(TRAIN)`, of the shares $(SHARES) $(foreach s,$(SHARES),$(or $(EPOCHS_$(s)),$(EPOCHS))) epochs; pretraining `$(PRETRAIN)`'; \
		echo '$(where)'; \
		echo; } > $@.part
	./seeds-report '$(OUT)' '$(CORPORA)' '$(METHODS)' '$(SEEDS)' >> $@.part
	$(spent) >> $@.part
	mv $@.part $@
