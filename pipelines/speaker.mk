# A speaker encoder out of whatever corpora have speakers, and what it is worth on speakers that it never heard.
#
#   make -f speaker.mk DATA=/data OUT=out/speaker encoder   out/speaker/encoder.st, for ser-embed -m
#   make -f speaker.mk DATA=/data OUT=out/speaker verify    and verify.txt, verify.json: EER and minDCF beside baselines
#   make speaker DATA=/data QUICK=1                         a smaller one, trained less, on speech at its own speed alone
#
# SPEAKER_CORPORA names them; one is looked for in DATA/NAME, or where DIR_NAME says, and PREP_NAME is the command that makes
# its manifest when that is not ser-prep's own. Ids and speakers get the corpus' name in front, so that speaker 03 of one
# is not speaker 03 of another. NEVER names the corpora that the encoder is to be used on: encoder.st says whom it was
# trained on, and without proof that none is theirs there is no speakers.txt, and no success.
# Augmentation needs no further corpus: babble is voices of the training part, from one talker to a crowd, rooms are
# synthetic, and copies at other speeds are speakers of their own, as in Kaldi's recipes. NOISE=MANIFEST adds noises.
include settings.mk

OUT             ?= out/speaker$(if $(QUICK),-quick)
SPEAKER_CORPORA ?= librispeech arabic-speech-commands baved
NEVER           ?= ravdess emodb nemo
ARCH            ?= ecapa

# What of a corpus is scored and never trained on: its own test part where it has one, files whose paths match this; else
# about this share of it, in whole speakers.
TEST_PART_librispeech ?= (test|dev)-
TEST_PART_voxceleb1   ?= /id10(2[7-9]|30)[0-9]/
HELD_OUT              ?= 0.15

# The network is small enough for one core and half an hour; VoxCeleb wants the architectures' own sizes and more epochs.
HYPER_ecapa   ?= $(if $(QUICK),channels=32 mfa=96,channels=128 mfa=384)
HYPER_xvector ?= channels=256 last=512 emb=192
TRAIN_SPEAKER ?= --epochs $(if $(QUICK),2,5) --batch 64 --crop $(if $(QUICK),1,2) --lr 0.002

# Training sounds: pieces of so many seconds, none shorter than so many samples; speeds beside 1; what is done to the copy
# of each; of each speaker, the percentage of the records that babbles, and against which scores are normalised.
SEGMENT  ?= 3
SHORTEST ?= 8000
SPEEDS   ?= $(if $(QUICK),,0.9 1.1)
AUGMENT  ?= --reverb 0.1:0.7 --drr 0:12 --voices 1:12 --snr 3:20
NOISE    ?=
SOME     ?= 20

# Features of the encoder, and of the baseline: mean and deviation of cepstra.
FEATURES ?= --kind fbank --num-mel-bins 80
BASELINE ?= --kind mfcc --num-ceps 20 --functionals mean,std

# Trials of each speaker and kind, the nearest of the cohort for AS-norm.
TRIALS ?= 200
TOP    ?= 200

manifests = $(SPEAKER_CORPORA:%=$(OUT)/corpora/%.tsv)
folder    = $(or $(DIR_$(1)),$(or $(DATA),$(error say where the corpora are: DATA=/where/they/are))/$(1))
prep      = $(or $(PREP_$(1)),ser-prep $(1) $(call folder,$(1)))
features  = ser-wav2feat $(FEATURES) -q -t $(THREADS)
network   = --arch $(ARCH) $(addprefix --hyper ,$(HYPER_$(ARCH)))
rows      = awk -F'\t' 'NR == 1 {for (i = 1; i <= NF; i++) if ($$i == "$(1)") c = i} NR == 1 || $$c == "$(2)"'

.PHONY: encoder verify
encoder: $(OUT)/encoder.st $(OUT)/speakers.txt
verify: $(OUT)/verify.txt $(OUT)/verify.json $(OUT)/report.html
	@cat $<

# ---- the corpora: names that differ, and a division that shares no speaker ----
by_path = awk -F'\t' -v OFS='\t' '{print $$0, NR == 1 ? "split" : $$2 ~ "$(TEST_PART_$(1))" ? "test" : "train"}'
divide  = $(if $(TEST_PART_$(1)),$(by_path),ser-fold holdout --test-frac $(HELD_OUT) --seed $(SEED))
MANIFEST_of = $(call prep,$(1)) | ser-manifest --utt-prefix $(1)- --spk-prefix $(1)- | $(call divide,$(1))
$(foreach c,$(SPEAKER_CORPORA),$(eval MANIFEST_$(c) = $$(call MANIFEST_of,$(c))) \
	$(eval $(OUT)/corpora/$(c).tsv: $$(call uses,MANIFEST_$(c))))
$(OUT)/corpora/%.tsv:
	mkdir -p $(@D)
	$(MANIFEST_$*) > $@.part
	mv $@.part $@

$(OUT)/train.tsv: $(manifests) $(call uses,SPEAKER_CORPORA)
	ser-manifest $(inputs) | $(call rows,split,train) > $@.part
	mv $@.part $@

$(OUT)/held.tsv: $(manifests) $(call uses,SPEAKER_CORPORA)
	ser-manifest $(inputs) | $(call rows,split,test) > $@.part
	mv $@.part $@

$(OUT)/some.tsv: $(OUT)/train.tsv $(call uses,SOME SEED)
	ser-fold subset --label spk --percent $(SOME) --seed $(SEED) $< | $(call rows,subset,$(SOME)) > $@.part
	mv $@.part $@

# ---- training data: each speaker at each speed, clean and augmented ----
$(OUT)/voices.ser: $(OUT)/some.tsv
	ser-wav2feat --kind wave -q -o $@ $<

sounds  = ser-wav2feat --kind wave --segment $(SEGMENT) -q $(1) | ser-select 'shape(feat, 0) >= $(SHORTEST)'
augment = ser-augment $(AUGMENT) --babble $(OUT)/voices.ser $(NOISE:%=--noise %) --seed $(SEED)
$(OUT)/train-1.ser: $(OUT)/train.tsv $(OUT)/voices.ser $(call uses,SEGMENT SHORTEST AUGMENT NOISE FEATURES SEED)
	$(call sounds,$<) | $(augment) | $(features) -o $@

$(OUT)/train-%.ser: $(OUT)/train.tsv $(OUT)/voices.ser $(call uses,SEGMENT SHORTEST AUGMENT NOISE FEATURES SEED)
	ser-manifest --utt-prefix sp$*- --spk-prefix sp$*- $< | $(call sounds) | ser-augment --no-keep --suffix sp --speed $* | \
		$(augment) | $(features) -o $@

# ---- the encoder; an interrupted training goes on from its checkpoint ----
$(OUT)/encoder.st: $(OUT)/train-1.ser $(SPEEDS:%=$(OUT)/train-%.ser) $(call uses,network TRAIN_SPEAKER SPEEDS SEED)
	ser-train speaker --label spk $(network) $(TRAIN_SPEAKER) --seed $(SEED) -t $(THREADS) \
		--checkpoint $(@:.st=.ckpt) --resume --log $(@:.st=.log.tsv) -o $@ $(inputs)
	rm -f $(@:.st=.ckpt)

# ---- whom was it trained on? By its own word: speakers of the corpora named, none of those that it must never see ----
any = ^(sp[0-9.]+-)?($(subst $(eval ) ,|,$(strip $(1))))-
$(OUT)/speakers.txt: $(OUT)/encoder.st $(call uses,NEVER SPEAKER_CORPORA)
	ser-model show --json $< | jq -r '.train.speakers[]' | LC_ALL=C sort > $@.part
	if grep -E '$(call any,$(NEVER))' $@.part; then echo "speaker.mk: $<: was trained on these, of corpora in NEVER" >&2; exit 1; fi
	if grep -vE '$(call any,$(SPEAKER_CORPORA))' $@.part; then echo "speaker.mk: $<: was trained on these, of no corpus in SPEAKER_CORPORA" >&2; exit 1; fi
	mv $@.part $@

# ---- baselines: the same network with the weights it began with (its batch norm has seen some data), and cepstra ----
$(OUT)/some.ser: $(OUT)/some.tsv $(call uses,FEATURES)
	$(features) -o $@ $<

$(OUT)/random.st: $(OUT)/some.ser $(call uses,network TRAIN_SPEAKER SEED)
	ser-train speaker --label spk $(network) $(TRAIN_SPEAKER) --epochs 1 --lr 0 --seed $(SEED) -t $(THREADS) -o $@ $<

$(OUT)/cepstra.norm: $(OUT)/some.tsv $(call uses,BASELINE)
	ser-wav2feat $(BASELINE) -q -t $(THREADS) $< | ser-norm --field func --fit $@

# ---- embeddings of those never trained on, and of the cohort ----
SYSTEMS := encoder random cepstra
field    = $(if $(filter cepstra,$(1)),func,emb)
$(OUT)/held.ser: $(OUT)/held.tsv $(call uses,FEATURES)
	$(features) -o $@ $<

$(OUT)/held.%.ser: $(OUT)/%.st $(OUT)/held.ser
	ser-embed -m $(word 1,$^) -t $(THREADS) --drop feat -o $@ $(word 2,$^)

$(OUT)/some.%.ser: $(OUT)/%.st $(OUT)/some.ser
	ser-embed -m $(word 1,$^) -t $(THREADS) --drop feat -o $@ $(word 2,$^)

$(OUT)/held.cepstra.ser $(OUT)/some.cepstra.ser: $(OUT)/%.cepstra.ser: $(OUT)/%.tsv $(OUT)/cepstra.norm $(call uses,BASELINE)
	ser-wav2feat $(BASELINE) -q -t $(THREADS) $< | ser-norm --field func --apply $(word 2,$^) -o $@

# ---- trials within each corpus: two corpora are too easy to tell apart ----
$(OUT)/trials/%.txt: $(OUT)/held.ser $(call uses,TRIALS SEED)
	mkdir -p $(@D)
	ser-select 'spk =~ "^$*-"' $< | ser-trials --targets $(TRIALS) --nontargets $(TRIALS) --seed $(SEED) -o $@

$(OUT)/trials/all.txt: $(SPEAKER_CORPORA:%=$(OUT)/trials/%.txt) $(call uses,SPEAKER_CORPORA)
	cat $(inputs) > $@.part
	mv $@.part $@

# ---- scores: of each system, on each corpus and all, plain cosine and normalised ----
define verification
$$(OUT)/verify/$(1).%.cosine.json: $$(OUT)/held.$(1).ser $$(OUT)/trials/%.txt $$(call uses,SEED)
	mkdir -p $$(@D)
	ser-score verify --field $$(call field,$(1)) --trials $$(word 2,$$^) --seed $$(SEED) -t $$(THREADS) --json $$< > $$@.part
	mv $$@.part $$@

$$(OUT)/verify/$(1).%.as-norm.json: $$(OUT)/held.$(1).ser $$(OUT)/trials/%.txt $$(OUT)/some.$(1).ser $$(call uses,TOP SEED)
	mkdir -p $$(@D)
	ser-score verify --field $$(call field,$(1)) --trials $$(word 2,$$^) --cohort $$(word 3,$$^) --top $$(TOP) --seed $$(SEED) \
		-t $$(THREADS) --json $$< > $$@.part
	mv $$@.part $$@
endef
$(foreach s,$(SYSTEMS),$(eval $(call verification,$(s))))

$(OUT)/verify.json: $(foreach s,$(SYSTEMS),$(foreach c,all $(SPEAKER_CORPORA),$(foreach n,cosine as-norm,$(OUT)/verify/$(s).$(c).$(n).json))) $(call uses,SPEAKER_CORPORA)
	jq -n '[inputs | (input_filename / "/" | .[-1] / ".") as $$f | {system: $$f[0], corpus: $$f[1], scoring: $$f[2]} + .about + {scores}]' \
		$(inputs) > $@.part
	mv $@.part $@

$(OUT)/verify.txt: $(OUT)/verify.json $(OUT)/encoder.st $(OUT)/speakers.txt
	./verify-report $(inputs) $(SPEAKER_CORPORA) > $@.part
	$(spent) >> $@.part
	mv $@.part $@

# ---- the page: those scores, the training, the speakers held out ----
pages = $(foreach s,$(SYSTEMS),$(OUT)/verify/$(s).all.as-norm.json)
$(OUT)/report.html: $(pages) $(OUT)/encoder.st $(OUT)/held.tsv $(call uses,SYSTEMS)
	ser-report --title 'Speaker encoder: verification of speakers left out' -o $@ $(foreach s,$(SYSTEMS),$(s)=$(OUT)/verify/$(s).all.as-norm.json) \
		$$(ls $(OUT)/encoder.log.tsv 2> /dev/null) held=$(OUT)/held.tsv
