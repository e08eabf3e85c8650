# Which link of the chain from embeddings to a better recogniser breaks? Contrastive pretraining on pairs from clusters inside each speaker, where the
# clusters come from real embeddings, from what embeddings are held against, and from the true emotions, whole and blurred.
#
#   make -f links.mk DATA=/data MODELS=out/weights/ge2e.st report       RESULTS.md, results.tsv, gains-*.svg
#   make -f links.mk DATA=/data MODELS=... CORPORA=ravdess SHARE=5 report
#   make links DATA=/data QUICK=1                                       EmoDB, one seed, two folds, no model
#
#   make -f links.mk DATA=/data MODELS=... agreement                    agreement.md alone: how right the clusters of each source are, without any training
#
# A source of clusters is random; self, where a record is its own positive, and dropout, masks and crops all that differs; speaker, where the encoder learns to tell
# speakers apart instead; cepstra, their mean and deviation; each of MODELS by its file's name; A+B, where the records of a cluster share
# both A's and B's; A.even, with the mean of each speaker's soft, middle and loud thirds of
# records taken off before; A.level, clusters inside these thirds; A.near, of A's clusters the positives
# that are the nearest of NEAR drawn; A.sure, the half of each speaker's records with the greatest margins; true, the emotions themselves; true-90 and so on, with the emotion of all but 90 % of the records drawn anew. For each fold
# of speakers, the others pretrain a perceptron on functionals by pairs of each source, without emotion labels but for true's, and learn from SHARE percent
# of the labels. All seeds of all folds are scored together, against the same network from scratch. Other encoders than that perceptron:
#
#   VECTORS='ser-embed -m /models/whisper-base.st --layer 3 --pool mean,std --name func'     a frozen layer, the perceptron as its head
#   VECTORS='ser-wav2feat --kind fbank --num-mel-bins 40' ENCODER='--field feat --arch conformer --hyper head_size=16 --hyper heads=2 --hyper layers=2 --hyper ffn=64'    over frames
include settings.mk
.SECONDEXPANSION:
comma := ,

OUT     ?= out/links$(if $(QUICK),-quick)
DATA    ?= $(error say where the corpora are: make -f links.mk DATA=/where/they/are)
CORPORA ?= emodb
MODELS  ?=
named   := $(basename $(notdir $(MODELS)))
SOURCES ?= random cepstra $(named) $(named:%=%+cepstra) $(foreach m,$(named),$(m).even $(m).level $(m).sure $(m).near) true-70 true-90 true
FOLD    ?= ser-fold kfold -k 5 --seed 1 -q
FOLDS   ?= $(if $(QUICK),0 1,0 1 2 3 4)
SEEDS   ?= $(if $(QUICK),1,1 2 3)
SHARE   ?= 10
N_BOOT  ?= 2000

FUNCTIONALS ?= --kind compare --trim 30 --functionals mean,std,p5,p50,p95,slope
VECTORS     ?= ser-wav2feat $(FUNCTIONALS)
CEPSTRA     ?= --kind mfcc --num-ceps 20 --functionals mean,std
METRIC      ?= cosine
PAIRS       ?= --negatives 2
NEAR        ?= 5
# Clusters inside a speaker; as many as there are emotions unless said.
K           ?=
ENCODER     ?= --field func --arch mlp --hyper hidden=128 --hyper dropout=0.6 --weight-decay 0.05
CONTRASTIVE ?= --epochs 30 --batch 64
# Further tasks of the pretraining: '+ classify --label spk --adversarial --weight 0.1 --hidden 64 --head-layers 2'
TASKS       ?=
CLASSIFY    ?= --epochs 100 --batch 32 --smooth 0.1

.PHONY: report agreement
report: $(OUT)/RESULTS.md $(CORPORA:%=$(OUT)/gains-%.svg) $(OUT)/report.html
	@cat $<

agreement: $(OUT)/agreement.md
	@cat $<

prep = $(or $(PREP_$(1)),ser-prep -q $(1) $(or $(DIR_$(1)),$(DATA)/$(1)))
$(foreach c,$(CORPORA),$(eval MANIFEST_$(c) = $$(call prep,$(c)) | $$(FOLD)) $(eval $(OUT)/$(c)/manifest.tsv: $$(call uses,MANIFEST_$(c))))
$(OUT)/%/manifest.tsv:
	mkdir -p $(@D)
	$(MANIFEST_$*) > $@.part
	mv $@.part $@

$(OUT)/%/func.ser: $(OUT)/%/manifest.tsv $(call uses,VECTORS)
	$(VECTORS) -q -t $(THREADS) -o $@ $<

# ---- clusters inside each speaker, as many as there are emotions: tables of id, spk, emo, cluster ----
$(OUT)/%/cepstra.emb.ser: $(OUT)/%/manifest.tsv $(call uses,CEPSTRA)
	ser-wav2feat $(CEPSTRA) -q -t $(THREADS) $< | ser-norm --field func --global -o $@

define embedded
$$(OUT)/%/$(basename $(notdir $(1))).emb.ser: $(1) $$(OUT)/%/manifest.tsv
	ser-embed -q -m $$< -t $$(THREADS) --name func -o $$@ $$(word 2,$$^)
endef
$(foreach m,$(MODELS),$(eval $(call embedded,$(m))))

cluster   = ser-kmeans --pass-small --field func --metric $(METRIC) --seed $(SEED) -t $(THREADS)
n_emotion = $(if $(K),$(K),$(call n_named,$(1)))
n_named   = $$(ser-dump --tsv emo $(1) | tail -n +2 | sort -u | wc -l)
table     = ser-dump --tsv id,spk,emo,cluster$(1)
$(OUT)/%.clu.tsv: $(OUT)/%.emb.ser $(call uses,METRIC K SEED)
	$(cluster) --by spk -k $(call n_emotion,$<) $< | $(table) > $@.part
	mv $@.part $@

# ---- the loudness of a speaker's records, by thirds: eGeMAPS' last functional ----
$(OUT)/%/level.tsv: $(OUT)/%/manifest.tsv
	ser-wav2feat --preset egemaps -q -t $(THREADS) $< | ser-dump --data | jq -r '[.id, .spk, .func.data[-1]] | @tsv' | sort -t $$'\t' -k 2,2 -k 3,3g | \
		awk -F'\t' -v OFS='\t' '{id[NR] = $$1; spk[NR] = $$2; at[NR] = n[$$2]++} END {print "id", "level"; \
			for (i = 1; i <= NR; i++) print id[i], spk[i] "/" int(3 * at[i] / n[spk[i]])}' > $@.part
	mv $@.part $@

levelled = ser-join --tsv $< $(word 2,$^)
$(OUT)/%.even.clu.tsv: $(OUT)/%.emb.ser $(OUT)/$$(*D)/level.tsv $(call uses,METRIC K SEED)
	$(levelled) | $(cluster) --by spk --center level -k $(call n_emotion,$<) | $(table) > $@.part
	mv $@.part $@

# two in each third; another third's are others
$(OUT)/%.level.clu.tsv: $(OUT)/%.emb.ser $(OUT)/$$(*D)/level.tsv $(call uses,METRIC SEED)
	$(levelled) | $(cluster) --by level -k 2 | $(call table,$(comma)level) | \
		awk -F'\t' -v OFS='\t' 'NR == 1 {print $$1, $$2, $$3, $$4; next} {sub(/.*\//, "", $$5); print $$1, $$2, $$3, $$4 == "" ? "" : 10 * $$5 + $$4}' > $@.part
	mv $@.part $@

$(OUT)/%.sure.clu.tsv: $(OUT)/%.emb.ser $(call uses,METRIC K SEED)
	$(cluster) --by spk --margin -k $(call n_emotion,$<) $< | $(call table,$(comma)cluster_margin) | tail -n +2 | sort -t $$'\t' -k 2,2 -k 5,5gr | \
		awk -F'\t' -v OFS='\t' '{line[NR] = $$1 OFS $$2 OFS $$3; k[NR] = $$4; spk[NR] = $$2; at[NR] = n[$$2]++} END {print "id", "spk", "emo", "cluster"; \
			for (i = 1; i <= NR; i++) print line[i], 2 * at[i] < n[spk[i]] ? k[i] : ""}' > $@.part
	mv $@.part $@

# the clusters as they are: their pairs are others
$(OUT)/%.near.clu.tsv: $(OUT)/%.clu.tsv
	cp $< $@

# ---- pairs of a source; of self those of random clusters whose positive is the anchor ----
pairs     = ser-pairs --by spk $(PAIRS) $(if $(call vectors,$(1)),--field func --metric $(METRIC)) $(if $(filter %.near,$(1)),--near $(NEAR))
paired_by = PAIRS $(if $(call vectors,$(1)),METRIC) $(if $(filter %.near,$(1)),NEAR)
# Vectors go with the clusters that are of them, to measure by, and because their header says whom the model was trained on.
of_model  = $(firstword $(foreach m,$(named),$(if $(filter $(m) $(m)+% %+$(m) $(m).%,$(1)),$(m))))
vectors   = $(or $(call of_model,$(1)),$(if $(filter cepstra cepstra.%,$(1)),cepstra))
alone     = $(if $(filter self,$(1)),| ser-dump | jq -c '.positive = .anchor' | ser-cat --from json)

ideal = awk -F'\t' -v OFS='\t' -v keep=$(1) -v seed=$(SEED) 'BEGIN {srand(seed)} NR == FNR {if (FNR > 1 && !($$3 in k)) k[$$3] = n++; next} \
	FNR == 1 {print "id", "spk", "emo", "cluster"; next} {print $$1, $$2, $$3, rand() * 100 < keep ? k[$$3] : int(n * rand())}'
# $(1) corpus, $(2) source
define ideal_source
$$(OUT)/$(1)/$(2).clu.tsv: $$(OUT)/$(1)/func.ser $$(call uses,SEED)
	ser-dump --tsv id,spk,emo $$< > $$@.all
	$$(call ideal,$(if $(filter random self speaker,$(2)),0,$(or $(patsubst true-%,%,$(filter true-%,$(2))),100))) $$@.all $$@.all > $$@.part
	rm $$@.all
	mv $$@.part $$@
endef
define agreed_source
$$(OUT)/$(1)/$(2).clu.tsv: $$(patsubst %,$$(OUT)/$(1)/%.clu.tsv,$(subst +, ,$(2)))
	paste $$^ | awk -F'\t' -v OFS='\t' 'NR == 1 {print $$$$1, $$$$2, $$$$3, $$$$4; next} $$$$1 != $$$$5 {exit 1} {print $$$$1, $$$$2, $$$$3, $$$$4 == "" || $$$$8 == "" ? "" : 1000 * $$$$4 + $$$$8}' > $$@.part
	mv $$@.part $$@
endef
define sourced
$$(OUT)/$(1)/$(2).clu.ser: $$(OUT)/$(1)/$(2).clu.tsv $(patsubst %,$$(OUT)/$(1)/%.emb.ser,$(call vectors,$(2)))
	jq -cR 'select(input_line_number > 1) / "\t" | {id: .[0], spk: .[1], emo: .[2], cluster: (.[3] | tonumber? // null)}' $$< | ser-cat --from json $(if $(call vectors,$(2)),| ser-join --fields func - $$(word 2,$$^)) -o $$@

$$(OUT)/$(1)/$(2).agree.tsv: $$(OUT)/$(1)/$(2).clu.ser $$(call uses,$(call paired_by,$(2)) SEED)
	$$(call pairs,$(2)) --seed $$(SEED) --report-label emo --report $$@.part -o $$@.pairs $$<
	rm $$@.pairs
	mv $$@.part $$@

$$(OUT)/$(1)/$(2).ami.json: $$(OUT)/$(1)/$(2).clu.ser $$(call uses,SEED)
	ser-score clusters --by spk --label emo --n-perm 200 --seed $$(SEED) --json $$< > $$@.part
	mv $$@.part $$@
endef
$(foreach c,$(CORPORA),$(foreach s,$(SOURCES),$(eval $(call sourced,$(c),$(s)))) \
	$(foreach s,$(filter random self speaker true%,$(SOURCES)),$(eval $(call ideal_source,$(c),$(s)))) \
	$(foreach s,$(SOURCES),$(if $(findstring +,$(s)),$(eval $(call agreed_source,$(c),$(s))))))

# ---- training; pairs of test speakers find no record. $(1) corpus, $(2) source or scratch, $(3) seed, $(4) fold ----
define scratch_trained
$$(OUT)/$(1)/scratch-$(3)-$(4).pred.ser: $$(OUT)/$(1)/func.ser $$(call uses,ENCODER CLASSIFY SHARE)
	ser-select 'fold != $(4)' $$< > $$@.train
	$$(call learn,$(3),,$(4))
	rm $$@.train $$@.st
endef
define trained
$$(OUT)/$(1)/$(2)-$(3)-$(4).pred.ser: $$(OUT)/$(1)/func.ser $$(OUT)/$(1)/$(2).clu.ser $$(call uses,ENCODER CONTRASTIVE TASKS CLASSIFY $(call paired_by,$(2)) SHARE)
	ser-select 'fold != $(4)' $$< > $$@.train
	$$(call pairs,$(2)) --seed $(3) $$(word 2,$$^) $(call alone,$(2)) > $$@.pairs
	ser-train $(if $(filter speaker,$(2)),speaker --label spk,contrastive --pairs $$@.pairs) $$(ENCODER) $$(CONTRASTIVE) --seed $(3) -q -t $$(THREADS) -o $$@.enc \
		$(if $(filter speaker,$(2)),,$$(TASKS)) $$@.train
	$$(call learn,$(3),--init $$@.enc,$(4))
	rm $$@.train $$@.pairs $$@.enc $$@.st
endef
# $(1) seed, $(2) what it begins with, $(3) fold
define learn
	ser-fold subset --label emo --percent $(SHARE) --seed $(1) -q $@.train | ser-select 'subset <= $(SHARE)' | \
		ser-train classify --label emo $(2) $(ENCODER) $(CLASSIFY) --seed $(1) -q -t $(THREADS) --log $(@:.pred.ser=.log) -o $@.st
	ser-select 'fold == $(3)' $< | ser-predict -q -m $@.st --drop $(word 2,$(ENCODER)) | ser-cat --id-prefix $(1)/ -o $@
endef
define scored
$$(OUT)/$(1)/$(2).pred.ser: $$(foreach s,$$(SEEDS),$$(FOLDS:%=$$(OUT)/$(1)/$(2)-$$(s)-%.pred.ser)) $$(call uses,SEEDS FOLDS)
	ser-cat -o $$@ $$(inputs)

$$(OUT)/$(1)/$(2).uar.json: $$(OUT)/$(1)/$(2).pred.ser $$(call uses,N_BOOT SEED)
	ser-score classes --label emo --fold none --n-boot $$(N_BOOT) --seed $$(SEED) --json $$< > $$@.part
	mv $$@.part $$@

$$(OUT)/$(1)/$(2).gain.json: $$(OUT)/$(1)/$(2).pred.ser $$(OUT)/$(1)/scratch.pred.ser $$(call uses,N_BOOT SEED)
	ser-score compare --label emo --fold none --n-boot $$(N_BOOT) --seed $$(SEED) --json $$(inputs) > $$@.part
	mv $$@.part $$@
endef
$(foreach c,$(CORPORA),$(foreach m,scratch $(SOURCES),$(eval $(call scored,$(c),$(m))) \
	$(foreach s,$(SEEDS),$(foreach f,$(FOLDS),$(eval $(call $(if $(filter scratch,$(m)),scratch_)trained,$(c),$(m),$(s),$(f)))))))

# ---- how right the clusters are ----
$(OUT)/agreement.md: $(foreach c,$(CORPORA),$(foreach s,$(SOURCES),$(foreach k,ami.json agree.tsv,$(OUT)/$(c)/$(s).$(k)))) links-report $(call uses,CORPORA SOURCES)
	./links-report agreement $(OUT) '$(CORPORA)' '$(SOURCES)' > $@.part
	$(spent) >> $@.part
	mv $@.part $@

# ---- the report ----
made = $(foreach c,$(CORPORA),$(OUT)/$(c)/scratch.uar.json $(foreach s,$(SOURCES),$(foreach k,uar.json gain.json ami.json agree.tsv,$(OUT)/$(c)/$(s).$(k))))
$(OUT)/results.tsv: $(made) links-report $(call uses,CORPORA SOURCES)
	./links-report tsv $(OUT) '$(CORPORA)' '$(SOURCES)' > $@.part
	mv $@.part $@

$(OUT)/RESULTS.md: $(OUT)/results.tsv $(call uses,SHARE SEEDS CONTRASTIVE TASKS)
	SHARE='$(SHARE)' SEEDS='$(SEEDS)' CONTRASTIVE='$(strip $(CONTRASTIVE) $(TASKS))' ./links-report md $< > $@.part
	$(spent) >> $@.part
	mv $@.part $@

$(OUT)/gains-%.svg: $(foreach s,$(SOURCES),$(OUT)/%/$(s).gain.json) $(call uses,SOURCES)
	ser-plot bars -q --table differences --score uar --title '$*: gain of UAR by pretraining on pairs of' -o $@ $(foreach s,$(SOURCES),'$(s)/gain'=$(OUT)/$*/$(s).gain.json)

# ---- the page: all seeds of a source as one system, what it gains, its clusters, the first training ----
shown = $(foreach c,$(CORPORA),$(foreach s,scratch $(SOURCES),$(c)/$(s)))
$(OUT)/report.html: $(made) $(call uses,CORPORA SOURCES SEEDS FOLDS N_BOOT)
	ser-report --title 'Contrastive pretraining with one link of its chain replaced' --fold none --n-boot $(N_BOOT) -t $(THREADS) -q -o $@ \
		$(foreach s,$(shown),$(subst /,-,$(s))=$(OUT)/$(s).pred.ser $(subst /,-,$(s))=$(OUT)/$(s)-$(firstword $(SEEDS))-$(firstword $(FOLDS)).log) \
		$(foreach s,$(filter-out %/scratch,$(shown)),$(subst /,-,$(s))=$(OUT)/$(s).gain.json $(subst /,-,$(s))=$(OUT)/$(s).ami.json) \
		$(CORPORA:%=$(OUT)/%/manifest.tsv)
