# For every file of command-line tests:  load helper
# The tools come from BINDIR (so that a sanitizer build runs the same tests), mkstream from BUILD; each test has an empty
# directory of its own to work in. ROOT is the top of the source tree.
bats_require_minimum_version 1.5.0
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
FLAVOUR=${FLAVOUR:-release}
BUILD=${BUILD:-build/$FLAVOUR}
if [ -z "${BINDIR:-}" ]; then if [ "$FLAVOUR" = release ]; then BINDIR=bin; else BINDIR=$BUILD/bin; fi; fi
[[ $BINDIR = /* ]] || BINDIR=$ROOT/$BINDIR
[[ $BUILD = /* ]] || BUILD=$ROOT/$BUILD
export ROOT FLAVOUR BUILD BINDIR PATH="$BINDIR:$BUILD/tests:$PATH" LC_ALL=C
export PYTHON=/usr/bin/python3 # Debian's, for what only it can check

# Nothing that a test writes lands in the source tree, whatever its setup() does.
cd "${BATS_TEST_TMPDIR:-$ROOT}" || exit 1

# The test's own directory, empty.
work() {
	mkdir -p "$BATS_TEST_TMPDIR/work" && cd "$BATS_TEST_TMPDIR/work" || return 1
}

setup() {
	work
}

# For tests that run something on a terminal of its own.
needs_terminal() {
	$PYTHON -c 'import pty; pty.openpty()' 2>/dev/null || skip "no pseudo-terminal can be had here"
}

# fails STATUS TEXT COMMAND...: the command ends with this status and one line on stderr, which names the tool and has TEXT.
fails() {
	local status_want=$1 text=$2
	shift 2
	run --separate-stderr "$@"
	if [ "$status" -ne "$status_want" ]; then
		echo "status $status, expected $status_want: $*"
		echo "$stderr"
		return 1
	fi
	if [ "${#stderr_lines[@]}" -ne 1 ] || [[ $stderr != ser-* ]] || [[ $stderr != *"$text"* ]]; then
		echo "expected one line with \"$text\" from: $*"
		echo "$stderr"
		return 1
	fi
}

# same EXPECTED COMMAND...: the command succeeds and prints this.
same() {
	local want=$1
	shift
	run --separate-stderr "$@"
	if [ "$status" -ne 0 ] || [ "$output" != "$want" ]; then
		echo "status $status: $*"
		echo "$stderr"
		diff <(printf '%s\n' "$want") <(printf '%s\n' "$output")
		return 1
	fi
}
