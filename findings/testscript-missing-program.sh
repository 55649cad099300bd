#!/bin/sh
# github.com/rogpeppe/go-internal/testscript v1.16.0 (needs Go)
#
# "! exec PROGRAM" demands that the program fails. It also passes if there is no
# such program: a script that checks that something is refused still passes after the
# program was renamed or was not built. "! stderr ." does not notice either, since
# nothing ran. "exec" without "!" does fail.
#
# Seen:
#   renamed program must fail: pass
#   renamed program must succeed: fail
set -eu
expected='renamed program must fail: pass
renamed program must succeed: fail'

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >example_test.go <<'END'
package example

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestScripts(t *testing.T) { testscript.Run(t, testscript.Params{Dir: "scripts"}) }
END
mkdir scripts
printf '! exec program-of-another-name --refuse\n! stdout .\n! stderr .\n' >scripts/fail.txtar
printf 'exec program-of-another-name --accept\n' >scripts/succeed.txtar
export GOPATH="$dir/go" GOFLAGS=-modcacherw GO111MODULE=on
{ go mod init example && go get github.com/rogpeppe/go-internal/testscript@v1.16.0 && go test -c -o scripts.test; } >install.log 2>&1 ||
	{ cat install.log >&2; exit 2; }
seen=$(for name in fail succeed; do
	result=fail
	./scripts.test -test.run "TestScripts/$name\$" >log 2>&1 && result=pass
	echo "renamed program must $name: $result"
done)
echo "$seen"
[ "$seen" = "$expected" ] || { cat log >&2; echo "changed; expected:" >&2; echo "$expected" >&2; exit 1; }
