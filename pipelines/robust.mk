# What breaks a recogniser: trained on the sounds as they are, heard through noise, rooms, codecs and so on.
#
#   make robust DATA=/data               CORPORA, all conditions: RESULTS.md, results.tsv, falls-*.svg, reliability-*.svg
#   make robust DATA=/data QUICK=1       EmoDB, one level of four conditions
#
# For each fold of speakers a logistic regression on functionals learns from the others; its temperature and the threshold below which it decides for
# nothing come from a model that was trained on three quarters of these speakers and predicted the last quarter. Test speakers are then heard
# through each condition at each of its levels. A condition is FAMILY-LEVEL; WITH_FAMILY says what ser-augment does at a LEVEL.
include settings.mk

OUT     ?= out/robust$(if $(QUICK),-quick)
DATA    ?= $(error say where the corpora are: make robust DATA=/where/they/are)
CORPORA ?= $(if $(QUICK),emodb,emodb ravdess)
FOLD_emodb      ?= ser-fold loso -q
FOLDS_emodb     ?= 0 1 2 3 4 5 6 7 8 9
FOLD_ravdess    ?= ser-fold published ravdess:emobox -q
FOLDS_ravdess   ?= 1 2 3 4 5 6
# Percentage of the records that are heard through the conditions, of each emotion the same; all are trained on.
HEARD           ?= 100
N_BOOT  ?= 2000
# Of the validation records so many are to be decided for.
KEEP    ?= 0.8

FUNCTIONALS ?= --kind compare --trim 30 --functionals mean,std,p5,p50,p95,slope
LEARN       ?= --loss logistic --cost 1e-4,1e-3,1e-2

FAMILIES ?= $(if $(QUICK),noise babble reverb codec,noise babble reverb codec gain clip rate fast slow)
LEVELS_noise   ?= $(if $(QUICK),10,20 10 0)
LEVELS_babble  ?= $(if $(QUICK),10,20 10 0)
LEVELS_reverb  ?= $(if $(QUICK),0.6,0.3 0.6 1.2)
LEVELS_codec   ?= $(if $(QUICK),mulaw:8000,mp3:16000:0.9 opus:16000:0.97 mulaw:8000)
LEVELS_gain    ?= 20 -20 -40
LEVELS_clip    ?= 10 20 30
LEVELS_rate    ?= 8000 4000 2000
LEVELS_fast    ?= 1.1 1.25 1.5
LEVELS_slow    ?= 0.9 0.8 0.67
WITH_clean      = --gain 0:0
WITH_noise      = --noise $(OUT)/noise.tsv --snr $(1):$(1)
WITH_babble     = --babble $(OUT)/$(2)/manifest.tsv --voices 4:8 --snr $(1):$(1)
WITH_reverb     = --reverb $(1):$(1) --drr 0:0
WITH_codec      = --codec $(1)
WITH_gain       = --gain $(1):$(1)
WITH_clip       = --gain $(1):$(1) --codec pcm
WITH_rate       = --codec pcm:$(1)
WITH_fast       = --speed $(1)
WITH_slow       = --speed $(1)
# What a level is counted in, for the pictures.
UNIT_noise = dB
UNIT_babble = dB
UNIT_reverb = s
UNIT_gain = dB
UNIT_clip = dB
UNIT_rate = Hz

.PHONY: report
report: $(OUT)/RESULTS.md $(foreach c,$(CORPORA),$(OUT)/falls-$(c).svg $(OUT)/reliability-$(c).svg) $(OUT)/report.html
	@cat $<

# ---- conditions; a colon is no part of a file's name ----
CONDITIONS := clean-0 $(foreach f,$(FAMILIES),$(LEVELS_$(f):%=$(f)-%))
family      = $(firstword $(subst -, ,$(1)))
level       = $(patsubst $(call family,$(1))-%,%,$(1))
flat        = $(subst :,_,$(1))
augment     = ser-augment --no-keep $(call WITH_$(call family,$(1)),$(call level,$(1)),$(2)) --seed $(SEED)

# ---- five seconds of white noise, as a file of 8-bit samples; only its loudness beside the sound's matters ----
$(OUT)/noise.tsv: $(call uses,SEED)
	mkdir -p $(@D)
	printf '%b' "$$(awk -v seed=$(SEED) 'BEGIN {srand(seed); printf ".snd\\0\\0\\0\\030\\0\\01\\070\\0200\\0\\0\\0\\02\\0\\0\\076\\0200\\0\\0\\0\\01"; \
		for (i = 0; i < 80000; i++) {x = int(25 * sqrt(-2 * log(1 - rand())) * cos(6.283185307 * rand())); \
			x = x > 127 ? 127 : x < -127 ? -127 : x; printf "\\0%o", x < 0 ? x + 256 : x}}')" > $(@:.tsv=.au)
	printf 'id\tpath\nwhite\t%s\n' '$(abspath $(@:.tsv=.au))' > $@.part
	mv $@.part $@

# ---- the corpus, and what the learner sees of it ----
prep = $(or $(PREP_$(1)),ser-prep -q $(1) $(or $(DIR_$(1)),$(DATA)/$(1)))
define corpus
MANIFEST_$(1) = $$(call prep,$(1)) | $$(FOLD_$(1))
$$(OUT)/$(1)/manifest.tsv: $$(call uses,MANIFEST_$(1))
	mkdir -p $$(@D)
	$$(MANIFEST_$(1)) > $$@.part
	mv $$@.part $$@

$$(OUT)/$(1)/func.ser: $$(OUT)/$(1)/manifest.tsv $$(call uses,FUNCTIONALS)
	ser-wav2feat $$(FUNCTIONALS) -q -t $$(THREADS) -o $$@ $$<

HEARD_$(1) ?= $$(HEARD)
$$(OUT)/$(1)/heard.tsv: $$(OUT)/$(1)/manifest.tsv $$(call uses,HEARD_$(1) SEED)
	ser-fold subset --label emo --percent $$(HEARD_$(1)) --seed $$(SEED) -q $$< | \
		awk -F'\t' 'NR == 1 {for (i = 1; i <= NF; i++) if ($$$$i == "subset") c = i} NR == 1 || $$$$c == "$$(HEARD_$(1))"' > $$@.part
	mv $$@.part $$@
endef
$(foreach c,$(CORPORA),$(eval $(call corpus,$(c))))

# ---- a fold: the recogniser; its temperature, the weights and offsets of vector scaling, and the threshold, by a twin that leaves speakers of the training part out ----
# $(1) corpus, $(2) fold
define learnt
$$(OUT)/$(1)/fold-$(2).st: $$(OUT)/$(1)/func.ser $$(call uses,LEARN SEED)
	ser-svm --label emo --test-fold $(2) $$(LEARN) --seed $$(SEED) -q -o $$@ $$<

$$(OUT)/$(1)/fold-$(2).json: $$(OUT)/$(1)/func.ser $$(call uses,LEARN SEED)
	ser-select 'fold != $(2)' $$< | ser-select --drop fold true | ser-fold holdout --test-frac 0.25 --seed $$(SEED) -q -o $$@.some
	ser-svm --label emo --test-fold 0 $$(LEARN) --seed $$(SEED) -q -o $$@.st $$@.some
	ser-select 'split == "test"' $$@.some > $$@.dev
	ser-predict -q -m $$@.st $$@.dev | ser-score calibration --label emo --n-boot 0 --json > $$@.plain
	t=$$$$(jq '.temperature[0].temperature' $$@.plain); ser-predict -q -m $$@.st --temperature "$$$$t" $$@.dev | \
		ser-score calibration --label emo --n-boot 0 --json | jq --argjson t "$$$$t" --slurpfile p $$@.plain '. + {t: $$$$t, vector: $$$$p[0].vector}' > $$@.part
	rm $$@.some $$@.dev $$@.st $$@.plain
	mv $$@.part $$@
endef
$(foreach c,$(CORPORA),$(foreach f,$(FOLDS_$(c)),$(eval $(call learnt,$(c),$(f)))))

# ---- what it says of a condition: as it is, scaled, and tempered, without predictions where the twin would have had none ----
# $(1) corpus, $(2) condition, $(3) its file
define heard
$$(OUT)/$(1)/$(3).func.ser: $$(OUT)/$(1)/heard.tsv $(if $(filter noise,$(call family,$(2))),$$(OUT)/noise.tsv) $$(call uses,FUNCTIONALS SEED) \
		$$(call uses,WITH_$(call family,$(2)))
	ser-wav2feat --kind wave -q $$< | $$(call augment,$(2),$(1)) | ser-wav2feat $$(FUNCTIONALS) -q -t $$(THREADS) -o $$@

$$(OUT)/$(1)/$(3).pred.ser $$(OUT)/$(1)/$(3).scaled.ser $$(OUT)/$(1)/$(3).sure.ser &: $$(OUT)/$(1)/$(3).func.ser $$(foreach f,$$(FOLDS_$(1)),$$(OUT)/$(1)/fold-$$(f).st \
		$$(OUT)/$(1)/fold-$$(f).json) $$(call uses,FOLDS_$(1) KEEP)
	for f in $$(FOLDS_$(1)); do ./robust-fold $$(OUT)/$(1)/fold-$$$$f $$$$f $$(KEEP) $$(OUT)/$(1)/$(3); done
	for what in sure scaled pred; do ser-cat -o $$(OUT)/$(1)/$(3).$$$$what.ser $$(foreach f,$$(FOLDS_$(1)),$$(OUT)/$(1)/$(3).$$$$what.ser.$$(f)); done
	rm $$(OUT)/$(1)/$(3).{pred,scaled,sure}.ser.*

$$(OUT)/$(1)/$(3).json: $$(OUT)/$(1)/$(3).pred.ser $$(OUT)/$(1)/$(3).scaled.ser $$(OUT)/$(1)/$(3).sure.ser $$(OUT)/$(1)/clean-0.sure.ser $$(call uses,N_BOOT SEED)
	./robust-score '$(2)' $$(N_BOOT) $$(SEED) $$(foreach w,pred scaled sure,$$(OUT)/$(1)/$(3).$$(w).ser) $$(OUT)/$(1)/clean-0.sure.ser > $$@.part
	mv $$@.part $$@

$$(OUT)/$(1)/$(3).uar.json: $$(OUT)/$(1)/$(3).pred.ser $$(call uses,N_BOOT SEED)
	ser-score classes --label emo --fold none --n-boot $$(N_BOOT) --seed $$(SEED) --json $$< > $$@.part
	mv $$@.part $$@
endef
$(foreach c,$(CORPORA),$(foreach d,$(CONDITIONS),$(eval $(call heard,$(c),$(d),$(call flat,$(d))))))

# ---- who and what is heard worse without any condition: sex, language, and thirds of the records by length ----
define gaps
$$(OUT)/$(1)/gaps.json: $$(OUT)/$(1)/clean-0.pred.ser $$(OUT)/$(1)/heard.tsv $$(call uses,N_BOOT SEED)
	./robust-gaps $$(N_BOOT) $$(SEED) $$(inputs) > $$@.part
	mv $$@.part $$@
endef
$(foreach c,$(CORPORA),$(eval $(call gaps,$(c))))

# ---- the report, and pictures: UAR by family and level; posteriors as they are, and tempered ----
results = $(foreach c,$(CORPORA),$(foreach d,$(CONDITIONS),$(OUT)/$(c)/$(call flat,$(d)).json))
$(OUT)/results.tsv: $(results) $(call uses,CORPORA CONDITIONS)
	./robust-report tsv $(inputs) > $@.part
	mv $@.part $@

$(OUT)/RESULTS.md: $(OUT)/results.tsv $(CORPORA:%=$(OUT)/%/gaps.json) robust-report $(call uses,KEEP SEED)
	KEEP=$(KEEP) SEED=$(SEED) ./robust-report md $< $(filter %/gaps.json,$^) > $@.part
	$(spent) >> $@.part
	mv $@.part $@

define pictures
$$(OUT)/falls-$(1).svg: $$(foreach d,$$(CONDITIONS),$$(OUT)/$(1)/$$(call flat,$$(d)).uar.json) $$(call uses,CONDITIONS)
	ser-plot bars --score uar --title '$(1): unweighted average recall' -q -o $$@ \
		$$(foreach d,$$(CONDITIONS),'$$(if $$(filter clean-0,$$(d)),clean,$$(strip $$(call family,$$(d)) $$(call level,$$(d)) $$(UNIT_$$(call family,$$(d)))))'=$$(OUT)/$(1)/$$(call flat,$$(d)).uar.json)

$$(OUT)/reliability-$(1).svg: $$(OUT)/$(1)/clean-0.pred.ser
	ser-plot reliability --label emo --title '$(1): reliability of posteriors as they are' -o $$@ $$<
endef
$(foreach c,$(CORPORA),$(eval $(call pictures,$(c))))

# ---- the page: what is said of the sounds as they are, and the scores of each condition ----
$(OUT)/report.html: $(OUT)/RESULTS.md $(foreach c,$(CORPORA),$(OUT)/falls-$(c).svg)
	ser-report --title 'What breaks a recogniser' --fold none --seed $(SEED) --n-boot $(N_BOOT) -t $(THREADS) -q -o $@ $(foreach c,$(CORPORA),$(c)=$(OUT)/$(c)/clean-0.pred.ser \
		$(foreach d,$(filter-out clean-0,$(CONDITIONS)),$(c)-$(d)=$(OUT)/$(c)/$(call flat,$(d)).uar.json) $(OUT)/$(c)/manifest.tsv)
