# Methods on corpora by seeds: what each says of all folds together, its scores, and those against the first method's. Included by a recipe
# that has set CORPORA, METHODS, SEEDS, FOLDS, N_BOOT, SCORE (mode and label of ser-score) and COMPARE (its options of ser-score
# compare), and that makes OUT/CORPUS/METHOD-SEED-FOLD.pred.ser.
define seed_scores
$$(OUT)/$(1)/$(2)-$(3).pred.ser: $$(FOLDS:%=$$(OUT)/$(1)/$(2)-$(3)-%.pred.ser) $$(call uses,FOLDS)
	ser-cat -o $$@ $$(inputs)

$$(OUT)/$(1)/$(2)-$(3).score.json: $$(OUT)/$(1)/$(2)-$(3).pred.ser $$(call uses,N_BOOT)
	ser-score $$(SCORE) --fold none --n-boot $$(N_BOOT) --seed $(3) --json $$< > $$@.part
	mv $$@.part $$@

$$(OUT)/$(1)/$(2)-$(3).compare.json: $$(OUT)/$(1)/$(2)-$(3).pred.ser $$(OUT)/$(1)/$$(firstword $$(METHODS))-$(3).pred.ser $$(call uses,N_BOOT METHODS)
	ser-score compare $$(COMPARE) --fold none --n-boot $$(N_BOOT) --seed $(3) --json $$< $$(OUT)/$(1)/$$(firstword $$(METHODS))-$(3).pred.ser > $$@.part
	mv $$@.part $$@
endef
$(foreach c,$(CORPORA),$(foreach m,$(METHODS),$(foreach s,$(SEEDS),$(eval $(call seed_scores,$(c),$(m),$(s))))))

runs = $(foreach c,$(CORPORA),$(foreach m,$(METHODS),$(foreach s,$(SEEDS),$(OUT)/$(c)/$(m)-$(s))))
