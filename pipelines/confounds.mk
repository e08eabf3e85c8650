# What do the clusters of a speaker's embeddings line up with: with emotion, or with what else differs between recordings?
#
#   make -f confounds.mk DATA=/data OUT=out/confounds SPEAKER=out/speaker      confounds.tsv, confounds.md, emotion.svg, map-*.svg, panels-*.svg
#   make -f confounds.mk DATA=/data QUICK=1       EmoDB, cepstra and eGeMAPS, 100 shuffles; no encoder is trained
#   make -f confounds.mk DATA=/data MODELS=out/weights/ge2e.st SYSTEMS='ge2e ge2e-random cepstra egemaps'
#
# For each corpus that the encoder never saw, and for its embeddings, those of the same network with random weights, mean and
# deviation of cepstra, and eGeMAPS' functionals: k-means with as many clusters as there are emotions, within each speaker and over all, as
# the embeddings are and with each speaker's mean taken off; then scores of the clusters against emotion, text, intensity,
# take, loudness and, over all, sex and speaker, each beside its chance level. SPEAKER is where speaker.mk was; it runs when need be.
# MODELS are further models of ser-train or ser-model import, each a system of its file's name, and with random weights NAME-random;
# NAME-layerN, NAME-random-layerN is the mean over time of what layer N of a transformer gives. PREP_nemo='ser-prep nemo /data/nemo | ser-fold subset ...' takes a
# part of a corpus.
include settings.mk

OUT     ?= out/confounds$(if $(QUICK),-quick)
SPEAKER ?= out/speaker
CORPORA ?= $(if $(QUICK),emodb,ravdess emodb nemo)
export DATA

# What is scored within a speaker, and over all as well: labels that vary there.
LABELS_ravdess ?= emo text intensity take loud
LABELS_emodb   ?= emo text take loud
LABELS_nemo    ?= emo text loud
LABELS          = $(or $(LABELS_$(1)),emo text loud)

MODELS  ?=
SYSTEMS ?= $(if $(QUICK),,encoder random) cepstra egemaps $(foreach m,$(named),$(m) $(m)-random)
named    = $(basename $(notdir $(MODELS)))
MAPS    ?= $(firstword $(SYSTEMS))

FEATURES ?= --kind fbank --num-mel-bins 80
BASELINE ?= --kind mfcc --num-ceps 20 --functionals mean,std
N_PERM   ?= $(if $(QUICK),100,1000)
METRIC   ?= cosine
FEW      ?= 64
MAPPED   ?= 6
MAP      ?= --method tsne --metric cosine --perplexity 30

folder = $(or $(DIR_$(1)),$(or $(DATA),$(error say where the corpora are: DATA=/where/they/are))/$(1))
prep   = $(or $(PREP_$(1)),ser-prep $(1) $(call folder,$(1)))

.PHONY: confounds
confounds: $(OUT)/confounds.md $(OUT)/confounds.tsv $(OUT)/emotion.svg $(CORPORA:%=$(OUT)/map-%.svg) $(CORPORA:%=$(OUT)/panels-%.svg) $(OUT)/report.html
	@cat $<

# ---- the encoder and what it is held against ----
$(SPEAKER)/encoder.st $(SPEAKER)/speakers.txt $(SPEAKER)/random.st $(SPEAKER)/cepstra.norm $(SPEAKER)/some.tsv:
	+$(lines_count) $(MAKE) -f speaker.mk OUT=$(SPEAKER) QUICK= $@

# ---- the corpora, under names of their own ----
$(foreach c,$(CORPORA),$(eval MANIFEST_$(c) = $$(call prep,$(c))) $(eval $(OUT)/$(c).tsv: $$(call uses,MANIFEST_$(c))))
$(OUT)/%.tsv:
	mkdir -p $(@D)
	$(MANIFEST_$*) | ser-manifest --utt-prefix $*- --spk-prefix $*- > $@.part
	mv $@.part $@

$(OUT)/%.feat.ser: $(OUT)/%.tsv $(call uses,FEATURES)
	ser-wav2feat $(FEATURES) -q -t $(THREADS) -o $@ $<

# ---- embeddings ----
field    = $(if $(filter cepstra egemaps,$(1)),func,emb)
$(OUT)/%.encoder.ser: $(SPEAKER)/encoder.st $(OUT)/%.feat.ser $(call uses,SPEAKER)
	ser-embed -m $(word 1,$^) -t $(THREADS) --drop feat -o $@ $(word 2,$^)

$(OUT)/%.random.ser: $(SPEAKER)/random.st $(OUT)/%.feat.ser $(call uses,SPEAKER)
	ser-embed -m $(word 1,$^) -t $(THREADS) --drop feat -o $@ $(word 2,$^)

$(OUT)/%.cepstra.ser: $(OUT)/%.tsv $(SPEAKER)/cepstra.norm $(call uses,SPEAKER BASELINE)
	ser-wav2feat $(BASELINE) -q -t $(THREADS) $< | ser-norm --field func --apply $(word 2,$^) -o $@

# Scales of its own for each of eGeMAPS' functionals: those of the corpus
$(OUT)/%.egemaps.ser: $(OUT)/%.tsv
	ser-wav2feat --preset egemaps -q -t $(THREADS) $< | ser-norm --field func --global -o $@

few = awk 'NR == 1 {print; next} {line[n++] = $$0} END {m = n < $(FEW) ? n : $(FEW); for (i = 0; i < m; i++) print line[int(i * n / m)]}' $(1)
define model_system
$$(OUT)/%.$(1).ser: $(2) $$(OUT)/%.tsv
	ser-embed -q -m $$< -t $$(THREADS) -o $$@ $$(word 2,$$^)

# its batch norm, where it has some, has seen some of the encoder's training data; its weights are those that it would begin with
$$(OUT)/$(1)-random.st: $(2) $$(SPEAKER)/some.tsv $$(call uses,SEED FEW)
	$$(call few,$$(word 2,$$^)) | ser-wav2feat --like $$< -q | ser-train speaker --label spk --arch $$$$(ser-model show --json $$< | jq -r .arch) \
		$$$$(ser-model show --json $$< | jq -r '.hyper | to_entries[] | "--hyper \(.key)=\(.value)"') --crop 0 --epochs 1 --lr 0 --seed $$(SEED) \
		-q -t $$(THREADS) -o $$@

$$(OUT)/%.$(1)-random.ser: $$(OUT)/$(1)-random.st $$(OUT)/%.tsv
	ser-embed -q -m $$< -t $$(THREADS) -o $$@ $$(word 2,$$^)
endef
$(foreach m,$(MODELS),$(eval $(call model_system,$(basename $(notdir $(m))),$(m))))

# all layers at once, then each by itself. $(1) NAME-layerN, $(2) NAME or NAME-random, $(3) N
layered = $(named) $(named:%=%-random)
define layers_of
$$(OUT)/%.$(1)-all-layers.ser: $$(or $$(filter %/$(1).st,$$(MODELS)),$$(OUT)/$(1).st) $$(OUT)/%.tsv
	ser-embed -q -m $$< --layer all -t $$(THREADS) -o $$@ $$(word 2,$$^)
endef
$(foreach m,$(layered),$(if $(filter $(m)-layer%,$(SYSTEMS)),$(eval $(call layers_of,$(m)))))
define layer_system
$$(OUT)/%.$(1).ser: $$(OUT)/%.$(2)-all-layers.ser
	ser-select --row emb:$(3) true -o $$@ $$<
endef
$(foreach m,$(layered),$(foreach s,$(filter $(m)-layer%,$(SYSTEMS)),$(eval $(call layer_system,$(s),$(m),$(s:$(m)-layer%=%)))))

# ---- how loud, by thirds of what a speaker says, by eGeMAPS' last functional, the equivalent sound level; and whose records are one group
# over all: those of one language, where the corpus says which ----
$(CORPORA:%=$(OUT)/%.loud.tsv): $(OUT)/%.loud.tsv: $(OUT)/%.egemaps.ser
	ser-dump --data $< | jq -r '[.id, .spk, .func.data[-1], .lang // "all"] | @tsv' | sort -t $$'\t' -k 2,2 -k 3,3g | \
		awk -F'\t' -v OFS='\t' '{id[NR] = $$1; spk[NR] = $$2; at[NR] = n[$$2]++; lang[NR] = $$4} END {print "id", "loud", "language"; \
			for (i = 1; i <= NR; i++) print id[i], "third" 1 + int(3 * at[i] / n[spk[i]]), lang[i]}' > $@.part
	mv $@.part $@

# ---- clusters, as many as emotions. Embeddings stay where they are what was clustered, for their silhouettes and because
# their header says whom the encoder was trained on; over all records silhouettes would take too long ----
VIEWS     := speaker speaker-centred all all-centred
by         = $(if $(filter speaker%,$(1)),--by spk --pass-small) $(if $(filter %-centred,$(1)),--center spk)
drop       = $(if $(filter-out speaker,$(1)),--drop $(call field,$(2)))
n_emotion  = $$(awk -F'\t' 'NR > 1 && $$4 != "" {n += !seen[$$4]++} END {print n}' $(1))
define clustering
$$(OUT)/%.$(1).$(2).ser: $$(OUT)/%.$(1).ser $$(OUT)/%.tsv $$(OUT)/%.loud.tsv $$(call uses,METRIC SEED)
	ser-kmeans -k $$(call n_emotion,$$(word 2,$$^)) $$(call by,$(2)) --field $$(call field,$(1)) --metric $$(METRIC) --seed $$(SEED) \
		-t $$(THREADS) $$< | ser-join --tsv --fields loud,language - $$(word 3,$$^) | ser-select $$(call drop,$(2),$(1)) true -o $$@
endef
$(foreach s,$(SYSTEMS),$(foreach v,$(VIEWS),$(eval $(call clustering,$(s),$(v)))))

# ---- scores: CORPUS.SYSTEM.VIEW.LABEL.json, without scores where the corpus has no such label ----
group      = $(if $(filter speaker%,$(1)),spk,language)
scored     = $(call LABELS,$(1)) $(if $(filter all,$(2)),sex spk)
score_json = $(OUT)/scores/$(1).$(2).$(3).$(4).json
define scores
$(call score_json,$(1),$(2),$(3),$(4)): $(OUT)/$(1).$(2).$(3).ser $$(call uses,N_PERM SEED)
	mkdir -p $$(@D)
	if [ $(4) = loud ] || head -n 1 $$(OUT)/$(1).tsv | tr '\t' '\n' | grep -qx $(4); then \
		ser-score clusters --by $(call group,$(3)) $(if $(filter speaker,$(3)),--field $(call field,$(2))) --label $(4) --n-perm $$(N_PERM) --seed $$(SEED) \
			-t $$(THREADS) --json $$<; else echo '{"about": {}, "scores": []}'; fi > $$@.part
	mv $$@.part $$@
ALL_SCORES += $(call score_json,$(1),$(2),$(3),$(4))
endef
$(foreach c,$(CORPORA),$(foreach s,$(SYSTEMS),$(foreach v,$(VIEWS),$(foreach l,$(call scored,$(c),$(v)),$(eval \
	$(call scores,$(c),$(s),$(v),$(l)))))))

# ---- one table; none when a speaker of these corpora had a part in the encoder ----
$(OUT)/confounds.tsv: $(ALL_SCORES) $(call uses,ALL_SCORES)
	./confounds-report tsv $(inputs) > $@.part
	if awk -F'\t' '$$NF ~ /^[1-9]/ {print $$1, $$NF; bad = 1} END {exit !bad}' $@.part | sort -u | grep .; then \
		echo "confounds.mk: of these corpora, so many speakers were trained on" >&2; exit 1; fi
	mv $@.part $@

$(OUT)/confounds.md: $(OUT)/confounds.tsv $(if $(filter encoder,$(SYSTEMS)),$(SPEAKER)/speakers.txt)
	./confounds-report md $< $(if $(filter encoder,$(SYSTEMS)),$(SPEAKER)) > $@.part
	$(spent) >> $@.part
	mv $@.part $@

# ---- clusters within speakers against emotion, of up to eight systems ----
PLOTTED ?= $(wordlist 1,8,$(SYSTEMS))
$(OUT)/emotion.svg: $(foreach c,$(CORPORA),$(PLOTTED:%=$(OUT)/scores/$(c).%.speaker.emo.json)) $(call uses,PLOTTED CORPORA)
	ser-plot bars -q --score ami --title 'Clusters within speakers and emotion: adjusted mutual information' -o $@ \
		$(foreach c,$(CORPORA),$(foreach s,$(PLOTTED),'$(c)/$(s)=$(OUT)/scores/$(c).$(s).speaker.emo.json'))

# ---- the map: some speakers' embeddings, coloured by speaker and emotion; and each speaker in a panel ----
first = $$(cut -f 3 $(1) | tail -n +2 | LC_ALL=C sort -u | head -n $(MAPPED) | sed 's/.*/"&"/' | paste -s -d ,)
$(OUT)/%.map.ser: $(OUT)/%.$(MAPS).ser $(OUT)/%.tsv $(call uses,MAPS MAPPED MAP SEED)
	ser-select "spk in ($(call first,$(word 2,$^)))" $< | ser-project $(MAP) --field $(call field,$(MAPS)) --seed $(SEED) -o $@

$(OUT)/map-%.svg: $(OUT)/%.map.ser
	ser-plot scatter -q --color spk,emo --title "$*: speaker embeddings" -o $@ $<

$(OUT)/panels-%.svg: $(OUT)/%.map.ser
	ser-plot scatter --color emo --panel spk --title "$*: speaker embeddings, one panel a speaker" -o $@ $<

# ---- the page: the maps, what the clusters inside speakers say of emotion, the corpora ----
shown = $(filter %.speaker.emo.json,$(ALL_SCORES))
$(OUT)/report.html: $(OUT)/confounds.tsv $(CORPORA:%=$(OUT)/%.map.ser) $(CORPORA:%=$(OUT)/%.tsv)
	ser-report --title 'What clusters of speaker embeddings line up with' -o $@ $(foreach c,$(CORPORA),$(c)=$(OUT)/$(c).map.ser) \
		$(foreach j,$(shown),$(subst .,-,$(patsubst %.speaker.emo.json,%,$(notdir $(j))))=$(j)) $(CORPORA:%=$(OUT)/%.tsv)
