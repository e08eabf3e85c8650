#!/usr/bin/env bats
# What the release build asks the compiler and the linker for is in the tools.
load helper

# each CHECK: prints the tools for which it fails, status 1 when there is one
each() {
	local t bad=0
	[ "$FLAVOUR" = release ] || skip "the release build only"
	for t in "$BINDIR"/ser-*; do
		"$@" "$t" || { echo "${t##*/}: $1"; bad=1; }
	done
	return $bad
}

pie() { readelf -hW "$1" | grep -q 'Type: *DYN' && readelf -dW "$1" | grep -q 'FLAGS_1.*PIE'; }
relro() { readelf -lW "$1" | grep -q GNU_RELRO && readelf -dW "$1" | grep -Eq 'BIND_NOW|FLAGS_1.*NOW'; }
stack() { readelf -lW "$1" | grep -Eq 'GNU_STACK .* RW +0x'; }
canary() { readelf --dyn-syms -W "$1" | grep -q ' __stack_chk_fail@'; }
fortified() { readelf --dyn-syms -W "$1" | grep -Eq ' __(v?[sf]n?printf|mem(cpy|move|set)|strn?cpy|p?read)_chk@'; }
no_writable_code() { ! readelf -lW "$1" | grep -E '^ +LOAD' | grep -q 'RWE'; }
branches() { objdump -d --no-show-raw-insn --disassemble=main "$1" | grep -A 1 '<main>:' | grep -q endbr64; }

@test "position-independent, so that addresses are drawn anew in each run" { each pie; }
@test "the table of the linker is read-only before main" { each relro; }
@test "no stack is executable, no code writable" { each stack && each no_writable_code; }
@test "stacks are guarded" { each canary; }
@test "calls that copy know how much room there is" { each fortified; }
@test "indirect branches have landing places" {
	[ "$(uname -m)" = x86_64 ] || skip "a feature of x86"
	each branches
}
