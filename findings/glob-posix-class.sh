#!/bin/sh
# github.com/bmatcuk/doublestar/v4 v4.10.4 (needs Go and git)
#
# In git's patterns [[:digit:]] is a digit. doublestar calls the same pattern valid
# and reads it as a class of the six characters [ : d i g t, followed by a plain ]. It
# misses the intended file, matches another one, and returns no error.
#
# Seen (git: whether a .gitignore with the pattern ignores the file):
#   report[[:digit:]].txt  report1.txt   git yes  doublestar no   valid true
#   report[[:digit:]].txt  reportd].txt  git no   doublestar yes  valid true
set -eu
expected='report[[:digit:]].txt  report1.txt   git yes  doublestar no   valid true
report[[:digit:]].txt  reportd].txt  git no   doublestar yes  valid true'

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'END'
package main

import (
	"fmt"
	"os"

	"github.com/bmatcuk/doublestar/v4"
)

func main() {
	matches, err := doublestar.Match(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("doublestar %-4s valid %v\n", map[bool]string{true: "yes", false: "no"}[matches], doublestar.ValidatePattern(os.Args[1]))
}
END
export GOPATH="$dir/go" GOFLAGS=-modcacherw GO111MODULE=on
{ go mod init example && go get github.com/bmatcuk/doublestar/v4@v4.10.4 && go build -o match .; } >install.log 2>&1 ||
	{ cat install.log >&2; exit 2; }
git init -q repo
pattern='report[[:digit:]].txt'
echo "$pattern" >repo/.gitignore
seen=$(for name in report1.txt 'reportd].txt'; do
	git=no
	git -C repo check-ignore -q "$name" && git=yes
	printf '%s  %-12s  git %-3s  %s\n' "$pattern" "$name" "$git" "$(./match "$pattern" "$name")"
done)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; echo "$expected" >&2; exit 1; }
