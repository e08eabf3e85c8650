#!/usr/bin/env bash
# spread.sh MANIFEST SPK.st EMO.st OUT [LOGIN]...: features of a large corpus, its speaker embeddings by the encoder SPK.st
# and its predictions by the recogniser EMO.st, both trained on features of one kind, on many machines by GNU parallel over ssh. OUT/feat.ser, OUT/emb.ser and
# OUT/pred.ser are then what one machine would have made, byte for byte; OUT/score.txt is the score of the predictions.
#
# LOGIN is what parallel --sshlogin takes: HOST, USER@HOST, 8/HOST for eight jobs at once (this machine too: localhost, by ssh).
# Without one the jobs run here. The machines have the tools on their PATH, and the sounds at the manifest's paths, below AUDIO
# (default: the directory at hand) when these are relative; parts of the streams and the models travel to and fro.
# PART (default 500) is the number of utterances in a job.
#
# Interrupted, or stopped by a job that failed, the same command goes on with the jobs that are not done: OUT/*.jobs
# is parallel's log of them, with the time that each took and where.
set -euo pipefail
shopt -s nullglob
usage='usage: spread.sh MANIFEST SPK.st EMO.st OUT [LOGIN]...'
manifest=${1:?$usage} spk=${2:?$usage} emo=${3:?$usage} out=${4:?$usage} part=${PART:-500}
shift 4
root=$(realpath "${AUDIO:-.}")
mkdir -p "$out"/{tsv,feat,emb,pred}

# The parts of an earlier run are good for the same question only.
asked=$(cat "$manifest" "$spk" "$emo" | cksum; echo "$part")
[ ! -e "$out/asked" ] || [ "$(cat "$out/asked")" = "$asked" ] ||
	{ echo "spread.sh: $out is of another manifest, model or PART; choose another directory" >&2; exit 1; }
echo "$asked" >"$out/asked"
cp "$spk" "$out/spk.st"
cp "$emo" "$out/emo.st"
awk -v n="$part" -v out="$out" 'NR == 1 {head = $0; next}
	(NR - 2) % n == 0 {close(f); f = sprintf("%s/tsv/%06d.tsv", out, (NR - 2) / n); print head >f}
	{print >f}' "$manifest"
n=$(awk 'END {print NR - 1}' "$manifest")
cd "$out"

# stage NAME FROM COMMAND [FILE]...: a job for each file of FROM, which makes NAME/PART.ser; all jobs need the FILEs.
stage() {
	local name=$1 from=$2 command=$3 where=()
	shift 3
	if [ ${#logins[@]} -gt 0 ]; then
		where=("${logins[@]/#/--sshlogin=}" --workdir ... --cleanup
			--transferfile '{}' "${@/#/--transferfile=}" --return "$name/{/.}.ser")
	fi
	mkdir -p "$name"
	rm -f "$name"/*.ser.?????? # what a killed job had not finished
	printf '%s\n' "$from"/*.{tsv,ser} | parallel --will-cite "${where[@]}" --joblog "$name.jobs" --resume-failed --halt soon,fail=1 \
		"mkdir -p $name && $command -o $name/{/.}.ser {}"
}
logins=("$@")
stage feat tsv "ser-wav2feat -q --like emo.st --root $(printf %q "$root") --allow-absolute" emo.st
stage emb feat 'ser-embed -q -m spk.st --drop feat' spk.st
stage pred feat 'ser-predict -q -m emo.st --drop feat' emo.st

# The parts have one provenance, so that together they are one segment under it; no record may be missing.
for name in feat emb pred; do
	ser-cat --merge --expect "$n" -o $name.ser $name/*.ser
done
ser-score classes --label emo pred.ser >score.txt
cat score.txt
