#!/usr/bin/env bats
# What every tool must do, over whatever tools there are in BINDIR. contract.tab says how to run those that need more than a
# stream on standard input.
load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	mkstream -n 60 >good.ser
	mkstream -n 60 --seed 2 >other.ser
	mkstream -n 60 --dtype '<i2' >int.ser
	for d in empty garbage cut flip newer dup-id dup-field count no-trailer; do mkstream --defect $d >bad-$d.ser; done
	printf 'abc\n' >text.ser
	head -c 1 good.ser >byte.ser
}

tools() {
	local t
	for t in "$BINDIR"/ser-*; do [ -x "$t" ] && basename "$t"; done
}

modes() { # the modes of a tool, or one empty line when it has none
	local m
	m=$("$1" --help | sed -n '/^modes (/,/^$/s/^  \([a-z0-9-]*\) .*/\1/p')
	printf '%s\n' "$m"
}

# The table's lines of "tool mode"; for a tool without a mode that has none, the usual line; nothing when it cannot be run without one.
rows() {
	grep "^$1"$'\t' "$ROOT/tests/cli/contract.tab" || [[ $1 = *' '* ]] || printf '%s\tstream\tstdout\t1\t-\t\t\n' "$1"
}

# each FUNCTION: calls it for every line of the table, and every other tool that can be run, in a fresh directory, and collects what
# it complains about.
each() {
	local t m in out fail float args prepare cmd n=0 bad=0
	while IFS=$'\t' read -r -u 3 t in out fail float args prepare; do
		cmd="$t $args"
		n=$((n + 1))
		mkdir -p "$BATS_TEST_TMPDIR/$n"
		cd "$BATS_TEST_TMPDIR/$n" || return 1
		cp "$BATS_FILE_TMPDIR"/*.ser .
		if [ -n "$prepare" ] && ! (eval "$prepare") >prepare.log 2>&1; then
			echo "$cmd: the set-up failed:"
			cat prepare.log
			bad=1
			continue
		fi
		[ -e good.in ] || cp good.ser good.in
		"$1" || bad=1
	done 3< <(for t in $(tools); do modes "$t" | while IFS= read -r m; do rows "$t${m:+ $m}"; done; done)
	[ $n -gt 0 ] && return $bad
}

# expect STATUS: $rc is it, and err has one line that begins with the tool's name.
expect() {
	if [ "$rc" -ne "$1" ]; then
		echo "status $rc, expected $1: $2"
		head -n 3 err
		return 1
	fi
	if [ "$(wc -l <err)" -ne 1 ] || ! grep -q "^${cmd%% *}: " err; then
		echo "expected one line that begins with ${cmd%% *}: $2"
		head -n 5 err
		return 1
	fi
}

@test "there are tools to test" {
	[ "$(tools | wc -l)" -gt 0 ]
}

@test "every tool: --help and --version on standard output, status 0" {
	bad=0
	for t in $(tools); do
		while IFS= read -r m; do
			"$t" $m --help >out 2>err && [ -s out ] && ! [ -s err ] || { echo "$t $m --help"; bad=1; }
			"$t" $m -h 2>&1 | cmp -s - out || { echo "$t $m -h"; bad=1; }
			grep -q "^usage: $t" out || { echo "$t $m --help: no usage line"; bad=1; }
		done < <(modes "$t")
		"$t" --version >out 2>err && grep -q "^$t (ser) [0-9]" out && ! [ -s err ] || { echo "$t --version"; bad=1; }
	done
	[ $bad -eq 0 ]
}

# In `out` is the header of a stream that was not begun, by which whoever reads on sees that the tool failed.
nothing_but_begun() {
	run ser-info out
	[ "$status" -eq 1 ] && [[ $output == *"after 0 records: no trailer; $1 did not finish" ]]
}

@test "every tool: an unknown option is a usage error" {
	bad=0
	for t in $(tools); do
		while IFS= read -r m; do
			for o in --no-such-option -Z; do
				cmd="$t $m $o"
				rc=0
				$cmd </dev/null >out 2>err || rc=$?
				expect 2 "$cmd" || bad=1
				! [ -s out ] || nothing_but_begun "$t" || { echo "$cmd: wrote to standard output"; bad=1; }
			done
		done < <(modes "$t")
	done
	[ $bad -eq 0 ]
}

@test "every tool: zz is no number" {
	bad=0
	for t in $(tools); do
		while IFS= read -r m; do
			for o in $("$t" $m --help | tr '\n' ' ' | sed 's/   *-/\n-/g' |
				sed -nE 's/^(-., )?--([a-z0-9-]+) .*\((int|real|bytes)[,;)].*/\2/p'); do
				for v in zz 1zz '' ' 1' nan 99999999999999999999999; do
					cmd="$t $m --$o=$v"
					rc=0
					"$t" $m "--$o=$v" </dev/null >/dev/null 2>err || rc=$?
					[ "$v" = 99999999999999999999999 ] && [ $rc -ne 2 ] && "$t" $m --help | grep -q -- "--$o .*(real" && continue
					expect 2 "$cmd" || bad=1
				done
			done
		done < <(modes "$t")
	done
	[ $bad -eq 0 ]
}

@test "the test above finds numeric options" {
	"$BINDIR"/ser-head --help | grep -q -- '--records N.*(int'
}

good() {
	rc=0
	eval "$cmd" <good.in >out 2>err || rc=$?
	[ $rc -eq 0 ] || { [ "$fail" = 2 ] && [ $rc -eq 1 ]; } || { echo "status $rc: $cmd"; cat err; return 1; }
}
@test "every tool: good input, status 0" {
	each good
}

full() {
	[ "$out" = stdout ] || return 0
	rc=0
	eval "$cmd" <good.in >/dev/full 2>err || rc=$?
	expect "$fail" "$cmd > /dev/full"
}
@test "every tool: a full disk" {
	each full
}

closed() {
	rc=0
	eval "$cmd" <good.in >&- 2>err || rc=$?
	expect "$fail" "$cmd >&-"
}
@test "every tool: a closed standard output" {
	each closed
}

missing() {
	[ "$in" = stream ] && [[ $args != *' - '* && $args != '- '* ]] || return 0
	rc=0
	eval "$cmd no/such/file" >/dev/null 2>err || rc=$?
	expect "$fail" "$cmd no/such/file" && grep -q 'no/such/file' err
}
@test "every tool: a file that is not there" {
	each missing
}

broken() {
	local f b=0
	[ "$in" != none ] || return 0
	for f in bad-*.ser text.ser byte.ser; do
		if [ "$in" = text ] && [ $f != bad-empty.ser ] && [ $f != bad-garbage.ser ]; then continue; fi
		rc=0
		eval "$cmd" <$f >out 2>err || rc=$?
		expect "$fail" "$cmd < $f" || b=1
		if [ "$in" = stream ] && [ "${cmd%% *}" != ser-cmp ] && ! grep -q '<stdin>' err; then
			echo "the message does not say where: $cmd < $f"
			cat err
			b=1
		fi
	done
	return $b
}
@test "every tool: empty, cut, damaged, newer input and repeated ids" {
	each broken
}

dtype() {
	[ "$float" != - ] || return 0
	rc=0
	mkstream -n 60 --dtype '<i2' --name "$float" >int.ser
	eval "$cmd" <int.ser >out 2>err || rc=$?
	expect "$fail" "$cmd, with integers for \"$float\"" && grep -q "\"$float\"" err
}
@test "every tool that needs floats: integers instead" {
	each dtype
}

half() {
	local b=0 f left
	if [ "$in" != stream ] || ! grep -q -- '--output' <("${cmd%% *}" ${cmd#* } --help 2>/dev/null); then return 0; fi
	[ "$out" = files ] || cmd+=" -o half.out"
	find . -type f | sort >before
	for f in bad-cut.ser bad-count.ser bad-dup-id.ser; do
		rc=0
		eval "$cmd" <$f >out 2>err || rc=$?
		[ $rc -eq "$fail" ] || { echo "status $rc: $cmd < $f"; b=1; }
		left=$(find . -type f ! -name out ! -name err ! -name before | sort | comm -13 <(grep -vE '/(out|err|before)$' before) -)
		[ -z "$left" ] || { echo "$cmd < $f left behind: $left"; b=1; }
	done
	return $b
}
@test "every tool with -o: nothing half-written is left" {
	each half
}

threads() {
	"${cmd%% *}" ${cmd#* } --help 2>/dev/null | grep -q -- '--threads' && [ "$out" = stdout ] || return 0
	eval "$cmd -t 1" <good.in >one 2>err && eval "$cmd -t 4" <good.in >four 2>>err || { echo "failed: $cmd -t"; cat err; return 1; }
	cmp one four
}
@test "every tool with -t: the same bytes on 1 thread and on 4" {
	each threads
}

@test "every tool: --help=json says what --help says" {
	bad=0
	for t in $(tools); do
		"$t" --help=json >json 2>err && ! [ -s err ] && jq -e '.tool and .version and (.options | length > 0)' json >/dev/null || { echo "$t --help=json"; bad=1; }
		while IFS= read -r m; do
			"$t" $m --help | sed -nE '/^options:/,/^$/s/^  (-(.), |    )--([a-z0-9-]+).*/\2 \3/p' >help
			"$t" $m --help=json | jq -r '.options[] | "\(.letter // "") \(.name)"' |
				diff help - || { echo "$t $m: --help (<) and --help=json (>) differ"; bad=1; }
		done < <(modes "$t")
	done
	[ $bad -eq 0 ]
}

@test "every tool: a manual page with the options of --help=json and no others, their letters, arguments and defaults" {
	bad=0
	for t in $(tools); do
		page=$ROOT/man/$t.1
		[ -e "$page" ] || { echo "$t: no manual page"; bad=1; continue; }
		"$ROOT"/tests/tools/manual "$t" "$page" || bad=1
		for s in NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
			grep -q "^\.Sh $s\$" "$page" || { echo "$t: no section $s"; bad=1; }
		done
	done
	[ $bad -eq 0 ]
}

@test "a sample under valgrind" {
	[ "$FLAVOUR" = release ] || skip "this build has its own checks"
	command -v valgrind >/dev/null || skip "valgrind is not installed"
	cd "$BATS_FILE_TMPDIR"
	mkstream -n 8 >few.ser
	vg() { valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite "$@"; }
	bad=0
	for c in 'ser-cat -m few.ser' 'ser-dump -H few.ser' 'ser-select "emo == \"sad\" or shape(feat,0) > 5" few.ser' \
		'ser-sort --mem 1K --by spk few.ser' 'ser-cat bad-cut.ser' 'ser-dump bad-flip.ser' 'ser-info bad-garbage.ser'; do
		rc=0
		eval "vg $c" >/dev/null 2>err || rc=$?
		[ $rc -ne 99 ] && { [ $rc -eq 0 ] || [[ $c = *bad* ]]; } || { echo "status $rc: $c"; cat err; bad=1; }
	done
	[ $bad -eq 0 ]
}
