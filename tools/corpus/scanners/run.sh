#!/usr/bin/env bash
# Files that other scanners write, read by keysweep baseline create --from: gitleaks of
# the version below, and detect-secrets if python3 has it. Prints entries, matched and
# not, and fails if the numbers change.
#
#	run.sh KEYSWEEP FOLDER_OF_PROGRAMS
set -eu
keysweep=$(realpath "$1")
mkdir -p "$2"
programs=$(realpath "$2")
gitleaks=$programs/gitleaks
[ -x "$gitleaks" ] || GOBIN=$programs go install github.com/zricethezav/gitleaks/v8@v8.30.1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
git init -q -b main repo
cd repo
git config user.name corpus
git config user.email corpus@example.com

key() { # NAME: a key of 40 letters and digits
	printf 'sk_''live_%s' "$(printf %s "$1" | sha512sum | xxd -r -p | base64 -w0 | tr +/ ab | cut -c1-40)"
}
mkdir -p src 'a b'
echo "STRIPE_KEY=$(key a)" >src/pay.env
printf "x\ny\nconst k = '%s'\n" "$(key b)" >'a b/x:y.js'
git add -A
git commit -q -m one
echo "STRIPE_KEY=gone" >src/pay.env
echo "k1 = '$(key c)', k2 = '$(key d)'" >src/two.py
echo "aws = AKIA""IOSFODNN7EXAMPLX; k=$(key e)" >src/aws.txt
git add -A
git commit -q -m two
echo "x = '$(key f)'" >src/f.py
git add -A
git commit -q -m three

run() { "$gitleaks" "$@" --no-banner --log-level error . || [ $? = 1 ]; }
run git --report-path ../report.json
run git --redact --report-path ../redacted.json
run git --redact=40 --report-path ../partly.json
run dir --report-path ../folder.json
sed -n 's/.*"Fingerprint": "\(.*\)".*/\1/p' ../report.json >../gitleaksignore
sed -n 's/.*"Fingerprint": "\(.*\)".*/\1/p' ../folder.json >../folder.ignore
sed 's/^[0-9a-f]\{40\}/0000000000000000000000000000000000000000/' ../gitleaksignore >../rebased.ignore
files=(report.json redacted.json partly.json folder.json gitleaksignore folder.ignore rebased.ignore)
if python3 -c 'import detect_secrets' 2>/dev/null; then
	python3 -m detect_secrets scan --no-verify >../secrets.baseline
	files+=(secrets.baseline)
fi

for f in "${files[@]}"; do
	"$keysweep" baseline create --from "../$f" --output ../accepted --no-progress >../out
	grep -o '^[^ ]* ([a-z-]*): .* not' ../out | sed 's|^\.\./||'
	if grep -q 'sk_''live_[A-Za-z0-9]' ../out ../accepted; then
		echo "$f: a key is printed" >&2
		exit 1
	fi
	rm -f ../accepted
done | tee ../table
grep -q detect-secrets ../table || echo "secrets.baseline (detect-secrets): 10 entries, 9 matched, 1 not" >>../table # not here
diff - ../table <<'END'
report.json (gitleaks): 7 entries, 6 matched, 1 not
redacted.json (gitleaks): 7 entries, 4 matched, 3 not
partly.json (gitleaks): 7 entries, 4 matched, 3 not
folder.json (gitleaks): 6 entries, 5 matched, 1 not
gitleaksignore (gitleaks): 7 entries, 4 matched, 3 not
folder.ignore (gitleaks): 6 entries, 3 matched, 3 not
rebased.ignore (gitleaks): 7 entries, 4 matched, 3 not
secrets.baseline (detect-secrets): 10 entries, 9 matched, 1 not
END
