#!/bin/sh
# github.com/rhysd/actionlint v1.7.12 (needs Go and git)
#
# actionlint knows the inputs of well-known actions and reports a misspelt one. It
# knows them by tag: for an action that is pinned to a commit, as GitHub's own guide
# to hardening advises, or that has a newer tag, it checks no input, says nothing,
# and ends with 0.
#
# Seen, for "with: { fetch-dept: 0 }":
#   actions/checkout@v4: status 1, input "fetch-dept" is not defined
#   actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683: status 0, no message
#   actions/checkout@v99: status 0, no message
set -eu
commit=11bd71901bbe5b1630ceea73d27597364c9af683 # of v4.2.2
expected="actions/checkout@v4: status 1, input \"fetch-dept\" is not defined
actions/checkout@$commit: status 0, no message
actions/checkout@v99: status 0, no message"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOPATH="$dir/go" GOBIN="$dir" GOFLAGS=-modcacherw GO111MODULE=on
go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 >install.log 2>&1 || { cat install.log >&2; exit 2; }
git init -q .
mkdir -p .github/workflows
seen=$(for version in v4 "$commit" v99; do
	cat >.github/workflows/example.yml <<END
on: push
jobs:
  example:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@$version
        with: { fetch-dept: 0 }
END
	status=0
	./actionlint -no-color -oneline >log 2>&1 || status=$?
	message=$(grep -o 'input "fetch-dept" is not defined' log || echo no message)
	echo "actions/checkout@$version: status $status, $message"
done)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; echo "$expected" >&2; exit 1; }
