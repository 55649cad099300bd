#!/bin/sh
# texlive-latex-base 2022.20230122, poppler-utils 22.12.0, as in Debian 12 (needs apt)
#
# In LaTeX's default font encoding, \_ is no character: it is a line that is drawn between
# two words, with \texttt too. So pdftotext has a space there, and a name or key that
# was typed as a\_b cannot be found in the PDF's text. With \usepackage[T1]{fontenc} it
# is a character; with \verb and \url it always is.
#
# Seen, for sk\_demo, \texttt{sk\_demo} and \verb|sk_demo|:
#   OT1: sk demo, sk demo, sk_demo.
#   T1: sk_demo, sk_demo, sk_demo.
set -eu
expected="OT1: sk demo, sk demo, sk_demo.
T1: sk_demo, sk_demo, sk_demo."

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export HOME="$dir"
if ! command -v pdflatex >/dev/null || ! command -v pdftotext >/dev/null; then
	{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		texlive-latex-base=2022.20230122-3 poppler-utils; } >install.log 2>&1 || { cat install.log >&2; exit 2; }
fi
for encoding in OT1 T1; do
	printf '\\documentclass{article}\\usepackage[%s]{fontenc}\\pagestyle{empty}\\begin{document}sk\\_demo, \\texttt{sk\\_demo}, \\verb|sk_demo|.\\end{document}\n' $encoding >$encoding.tex
	pdflatex -interaction=batchmode $encoding.tex >log 2>&1 || { cat log >&2; exit 2; }
done
seen=$(for encoding in OT1 T1; do echo "$encoding: $(pdftotext -raw $encoding.pdf - | head -1)"; done)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; echo "$expected" >&2; exit 1; }
