#!/bin/sh
# github.com/owenrumney/go-sarif/v3 3.3.1 (needs Go)
#
# The library reads a minimal valid SARIF file, and its Validate then refuses it: what is
# validated is what the library would write, where an absent language is "" (the schema
# wants two letters) and absent newlineSequences are [] (the schema wants one at least).
# WithStrictValidation, an option of reading, validates nothing.
#
# Seen, for a run with a tool and without results:
#   read: <nil>
#   validate: 3 errors
#   read a file of version "9", strictly: <nil>
set -eu
expected='read: <nil>
validate: 3 errors
read a file of version "9", strictly: <nil>'

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'END'
package main

import (
	"fmt"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
)

func main() {
	file := `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "example"}}, "results": []}]}`
	report, err := sarif.FromString(file)
	fmt.Println("read:", err)
	fmt.Println("validate:", strings.Count(report.Validate().Error(), "runs.0"), "errors")
	_, err = sarif.FromString(strings.Replace(file, "2.1.0", "9", 1), sarif.WithStrictValidation())
	fmt.Println("read a file of version \"9\", strictly:", err)
}
END
{ go mod init example && go get github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif@v3.3.1; } >install.log 2>&1 || { cat install.log >&2; exit 2; }
seen=$(go run .)
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; printf '%s\n' "$expected" >&2; exit 1; }
