#!/bin/sh
# @microsoft/sarif-multitool 5.7.0 (needs Node.js with npm)
#
# SARIF 2.1.0 counts lines by run.newlineSequences, CR LF and LF unless a run says
# otherwise. The multitool also ends a line at a lone CR, even if the run says that
# only LF does. Progress bars leave such CRs in recorded logs: after one, "rewrite
# --insert RegionSnippets" adds the text of an earlier line.
#
# Seen, for line 2 of the bytes "10 % CR 20 % LF key LF":
#   newlineSequences absent: snippet "20 %"
#   newlineSequences ["\n"]: snippet "20 %"
set -eu
expected='newlineSequences absent: snippet "20 %"
newlineSequences ["\n"]: snippet "20 %"'

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
{ npm init -y && npm install --save-exact @microsoft/sarif-multitool@5.7.0; } >install.log 2>&1 || { cat install.log >&2; exit 2; }
printf '10 %%\r20 %%\nkey\n' >build.log
snippet() {
	cat >in.sarif <<END
{
  "version": "2.1.0",
  "\$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
  "runs": [{
    "tool": {"driver": {"name": "example"}},$1
    "results": [{
      "ruleId": "key",
      "message": {"text": "a key"},
      "locations": [{"physicalLocation": {"artifactLocation": {"uri": "file://$dir/build.log"}, "region": {"startLine": 2}}}]
    }]
  }]
}
END
	npx --no-install sarif-multitool rewrite in.sarif --output out.sarif --log ForceOverwrite --insert RegionSnippets >log 2>&1 || cat log >&2
	node -p 'JSON.stringify(JSON.parse(fs.readFileSync("out.sarif", "utf8").replace(/^\ufeff/, "")).runs[0].results[0].locations[0].physicalLocation.region.snippet.text)'
}
seen=$(
	printf 'newlineSequences absent: snippet %s\n' "$(snippet '')"
	printf 'newlineSequences ["\\n"]: snippet %s\n' "$(snippet ' "newlineSequences": ["\n"],')"
)
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; printf '%s\n' "$expected" >&2; exit 1; }
