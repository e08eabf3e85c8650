# Faces out of speech, after Sadoughi and Busso (FG 2018) as far as their abstract tells: points of the lower face from the sound, alone (single),
# beside visemes and emotion on the same layers (parallel), and fed by what these say (fed).
#
#   make motion                      on a made corpus of talking faces (made-faces): what its figures say is how the programs work, not people
#   make motion DATA=/data           also visemes of EmoDB's phones, by speakers left out: real speech, real times (CORPORA=emodb: these alone)
#   make motion QUICK=1              few voices, one seed, few epochs
#   make motion FACES=/my/faces      faces of one's own: manifest.tsv, phones.ctm and a table ID.csv for each record, by TRACKER=openface or another of ser-face's
#
# Left in OUT: RESULTS.md, results.tsv, and below made and emodb predictions and scores.
include settings.mk

OUT     ?= out/motion$(if $(QUICK),-quick)
DATA    ?=
CORPORA ?= made $(if $(DATA),emodb)
FACES   ?= $(OUT)/faces
TRACKER ?= openface
VOICES  ?= $(if $(QUICK),4,8)
SENTENCES ?= $(if $(QUICK),2,6)
SEEDS   ?= $(if $(QUICK),1,1 2 3)
FOLDS   ?= $(if $(QUICK),0 1,0 1 2 3)
N_BOOT  ?= 1000
POINTS  ?= lower
VISEMES ?= oculus

FEATURES ?= --kind fbank --num-mel-bins 40
NETWORK  ?= --arch blstm --hyper hidden=$(if $(QUICK),8,32) --hyper layers=2
TRAIN    ?= --epochs $(if $(QUICK),3,20) --batch 16 --lr 0.005 --crop 1.5
METHODS  ?= single parallel fed
motion    = motion --target shape --seen seen
beside    = + frames -l viseme --weight 0.3 + classify -l emo --source encoder:frames --head-pool mean --weight 0.3
ARGS_single   = $(motion)
ARGS_parallel = $(motion)
ARGS_fed      = $(motion) --fed viseme --fed emo
MORE_parallel = $(beside)
MORE_fed      = $(beside)

.PHONY: report
report: $(OUT)/RESULTS.md $(OUT)/report.html
	@cat $<

# ---- sounds, faces and phones of the same records; folds by speaker ----
$(OUT)/faces/manifest.tsv: $(call uses,VOICES SENTENCES)
	rm -rf $(@D)
	./made-faces $(@D).part $(VOICES) $(SENTENCES)
	mv $(@D).part $(@D)

$(OUT)/faces.ser: $(FACES)/manifest.tsv $(call uses,FACES POINTS TRACKER)
	ser-face $(TRACKER) -q -t $(THREADS) $(FACES)/*.csv | ser-face shape --points $(POINTS) -t $(THREADS) | \
		ser-select --drop land,au,pose true -o $@

$(OUT)/made.ser: $(FACES)/manifest.tsv $(OUT)/faces.ser $(call uses,FACES FEATURES VISEMES SEED FOLDS)
	ser-fold kfold -k $(words $(FOLDS)) --by spk --seed $(SEED) $< | ser-wav2feat $(FEATURES) --root $(FACES) --allow-absolute -q -t $(THREADS) | \
		ser-join - $(OUT)/faces.ser | ser-target visemes --phones $(FACES)/phones.ctm --from ctm --set $(VISEMES) -o $@

# ---- visemes of EmoDB: its own segments; three records have none ----
$(OUT)/emodb.ser: $(call uses,DATA FEATURES VISEMES SEED FOLDS)
	mkdir -p $(@D)
	ser-prep -q emodb $(DATA)/emodb | awk -F'\t' 'NR == 1 || $$1 !~ /^(08a01Ab|08a01Wa|14b09Ea)$$/' | \
		ser-fold kfold -k $(words $(FOLDS)) --by spk --seed $(SEED) | ser-wav2feat $(FEATURES) -q -t $(THREADS) | \
		ser-target visemes --phones $(DATA)/emodb/lablaut --from lablaut --alphabet sampa --set $(VISEMES) -o $@

# ---- CORPUS/METHOD-SEED-FOLD.st, and what it predicts of the fold left out ----
define method
$$(OUT)/$(1)/$(2)-$(3)-%.st: $$(OUT)/$(1).ser $$(call uses,NETWORK TRAIN ARGS_$(2) MORE_$(2))
	mkdir -p $$(@D)
	ser-train $$(ARGS_$(2)) $$(NETWORK) $$(TRAIN) --test-fold $$* --seed $(3) -t $$(THREADS) -q --log $$(@:.st=.log) -o $$@ $$(MORE_$(2)) $$<

$$(OUT)/$(1)/$(2)-$(3)-%.pred.ser: $$(OUT)/$(1)/$(2)-$(3)-%.st $$(OUT)/$(1).ser
	ser-select 'fold == $$*' $$(word 2,$$^) | ser-predict -m $$< -t $$(THREADS) --drop feat -o $$@

$$(OUT)/$(1)/$(2)-$(3).pred.ser: $$(FOLDS:%=$$(OUT)/$(1)/$(2)-$(3)-%.pred.ser) $$(call uses,FOLDS)
	ser-cat -o $$@ $$(inputs)

$$(OUT)/$(1)/$(2)-$(3).score.json: $$(OUT)/$(1)/$(2)-$(3).pred.ser $$(OUT)/$(1)/$(4)-$(3).pred.ser $$(call uses,N_BOOT)
	ser-score frames $(5) --n-boot $$(N_BOOT) --seed $(3) --against $$(OUT)/$(1)/$(4)-$(3).pred.ser --json $$< > $$@.part
	mv $$@.part $$@

$$(OUT)/$(1)/$(2)-$(3).compare.json: $$(OUT)/$(1)/$(2)-$(3).score.json
	cp $$< $$@
endef
ARGS_visemes = frames -l viseme
METHODS_made  = $(METHODS)
METHODS_emodb = visemes
SCORE_made    = --target shape --seen seen
SCORE_emodb   = --target viseme
$(foreach c,$(CORPORA),$(foreach m,$(METHODS_$(c)),$(foreach s,$(SEEDS),$(eval $(call method,$(c),$(m),$(s),$(firstword $(METHODS_$(c))),$(SCORE_$(c)))))))

runs = $(foreach c,$(CORPORA),$(foreach m,$(METHODS_$(c)),$(foreach s,$(SEEDS),$(OUT)/$(c)/$(m)-$(s))))

made        = $(filter $(OUT)/faces,$(FACES))
whose_faces = $(if $(made),The faces are made (made-faces) by rules from the phones: the figures tell that the programs work and nothing about people.,Faces: $(FACES).)
define about_made
echo '# Faces out of speech'; echo; \
	echo '`$(FEATURES)`, `$(NETWORK) $(TRAIN)`. Points: $(POINTS), without the motion of the head; scores are means over their coordinates,'; \
	echo 'of all frames.'; echo; echo '$(whose_faces)'; echo
endef
define about_emodb
echo '# Visemes of EmoDB'"'"'s phones'; echo; \
	echo '`$(FEATURES)`, `$(NETWORK) $(TRAIN)`. Set $(VISEMES), a class a frame: chance is an UAR of 1 / 15. Times of phones are those EmoDB comes with.'; echo
endef
define corpus_report
{ $(about_$(1)); ./seeds-report '$(OUT)' $(1) '$(METHODS_$(1))' '$(SEEDS)'; echo; } >> $@.part
mv $(OUT)/results.tsv $(OUT)/results.$(1).tsv

endef
$(OUT)/RESULTS.md: seeds-report $(runs:%=%.score.json) $(runs:%=%.compare.json) $(call uses,METHODS SEEDS CORPORA)
	: > $@.part
	$(foreach c,$(CORPORA),$(call corpus_report,$(c)))
	awk 'NR == 1 || FNR > 1' $(CORPORA:%=$(OUT)/results.%.tsv) > $(OUT)/results.tsv
	rm $(CORPORA:%=$(OUT)/results.%.tsv)
	$(spent) >> $@.part
	mv $@.part $@

# ---- the page, of the first seed: scores and the first fold's training ----
first := $(firstword $(SEEDS))
shown  = $(foreach c,$(CORPORA),$(foreach m,$(METHODS_$(c)),$(c)/$(m)-$(first)))
about  = $(if $(filter made,$(CORPORA)),$(FACES)/manifest.tsv) $(if $(filter emodb,$(CORPORA)),$(OUT)/emodb.ser)
TITLE  = $(if $(filter made,$(CORPORA)),Faces out of speech$(if $(made), (of a made corpus: nothing about people)))$(if $(word 2,$(CORPORA)), and )$(if $(filter emodb,$(CORPORA)),visemes of EmoDB)
$(OUT)/report.html: $(about) $(foreach s,$(shown),$(OUT)/$(s).score.json) $(call uses,CORPORA METHODS SEEDS TITLE)
	ser-report --title '$(TITLE), seed $(first)' -q -o $@ $(foreach s,$(shown),$(notdir $(s))=$(OUT)/$(s).score.json \
		$(notdir $(s))=$(OUT)/$(s)-$(firstword $(FOLDS)).log) $(about)
