# Work that is spread over machines: parallel over ssh to servers of our own on the loopback, with keys that are thrown away.
load helper

setup() {
	work
	for c in espeak-ng parallel rsync jq; do
		command -v $c >/dev/null || skip "$c is not installed"
	done
	"$ROOT"/pipelines/demo-corpus audio 5 2
	ser-prep --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' audio >all.tsv
	mkdir serial
	grep 'id\|^m[12]' all.tsv | ser-wav2feat -q --kind fbank --num-mel-bins 40 >train.ser
	ser-train speaker -q --label spk --arch mlp -e 1 --seed 1 -o spk.st train.ser
	ser-train classify -q --label emo --arch mlp -e 1 --seed 1 -o emo.st train.ser
	grep 'id\|^m[345]' all.tsv >m.tsv
	ser-wav2feat -q --like emo.st <m.tsv >serial/feat.ser
	ser-embed -m spk.st --drop feat serial/feat.ser >serial/emb.ser
	ser-predict -m emo.st --drop feat serial/feat.ser >serial/pred.ser
}

teardown() {
	[ ! -e sshd.pid ] || kill "$(cat sshd.pid)"
}

# A server on a free port of 127.0.0.1 that lets one key in, and a client that calls it by two names.
serve() {
	local sshd port
	sshd=$(PATH=$PATH:/usr/sbin command -v sshd) || skip "openssh-server is not installed"
	[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd || skip "sshd has no directory /run/sshd"
	ssh-keygen -q -t ed25519 -N '' -f host
	ssh-keygen -q -t ed25519 -N '' -f key
	for port in 22722 23822 24922; do
		printf '%s\n' "Port $port" 'ListenAddress 127.0.0.1' "HostKey $PWD/host" "AuthorizedKeysFile $PWD/key.pub" 'UsePAM no' \
			'StrictModes no' 'PermitRootLogin yes' "PidFile $PWD/sshd.pid" "SetEnv PATH=$PATH LC_ALL=C HOME=$PWD/home" \
			'MaxStartups 100' >sshd_config
		"$sshd" -f sshd_config -E sshd.log || continue
		for _ in {1..50}; do # it says that a port is taken in its log alone
			[ ! -s sshd.pid ] || break 2
			! grep -q 'Cannot bind' sshd.log || break
			sleep 0.1
		done
		rm sshd.log
	done
	[ -s sshd.pid ] || skip "no sshd on the loopback"
	printf '%s\n' 'Host one two' 'HostName 127.0.0.1' "Port $port" "IdentityFile $PWD/key" 'IdentitiesOnly yes' \
		'StrictHostKeyChecking no' 'UserKnownHostsFile /dev/null' 'LogLevel ERROR' >ssh_config
	export PARALLEL_SSH="ssh -F $PWD/ssh_config" HOME=$PWD/home
	mkdir home
	$PARALLEL_SSH one true || skip "sshd on the loopback lets nobody in here: $(tail -n 1 sshd.log)"
}

same_as_serial() {
	for f in feat emb pred; do
		cmp "$1/$f.ser" "serial/$f.ser"
	done
	ser-score classes --label emo serial/pred.ser | diff - "$1/score.txt"
}

@test "here, and again with nothing left to do" {
	PART=5 "$ROOT"/examples/spread.sh m.tsv spk.st emo.st out >/dev/null
	[ "$(ls out/feat | wc -l)" -eq 5 ]
	same_as_serial out
	echo cut >out/feat/000001.ser.a1B2c3 # of a job that was killed
	sleep 0.02
	cp -r out/feat before
	PART=5 "$ROOT"/examples/spread.sh m.tsv spk.st emo.st out >/dev/null
	for f in before/*; do
		[ ! "out/feat/${f##*/}" -nt "$f" ]
	done
	run "$ROOT"/examples/spread.sh m.tsv spk.st emo.st out
	[ "$status" -eq 1 ] && [[ $output == *'another manifest, model or PART'* ]]
}

@test "on two machines by ssh: the bytes of the serial run" {
	serve
	PART=5 "$ROOT"/examples/spread.sh m.tsv spk.st emo.st out one two >/dev/null
	same_as_serial out
	for h in one two; do
		[ "$(cat out/*.jobs | cut -f 2 | grep -c $h)" -gt 0 ]
	done
	[ -z "$(find home -name '*.ser' -o -name '*.st' -o -name '*.tsv')" ]
}

@test "a part that fails stops the run; the same command goes on from there" {
	serve
	local lost
	lost=$(cut -f 2 m.tsv | sed -n 14p)
	mv "$lost" kept
	run --separate-stderr env PART=5 "$ROOT"/examples/spread.sh m.tsv spk.st emo.st out one two
	[ "$status" -ne 0 ]
	[ ! -e out/feat.ser ]
	mv kept "$lost"
	PART=5 "$ROOT"/examples/spread.sh m.tsv spk.st emo.st out one two >/dev/null
	same_as_serial out
	[ "$(tail -n +2 out/feat.jobs | awk '$7 != 0' | wc -l)" -ge 1 ]
}
