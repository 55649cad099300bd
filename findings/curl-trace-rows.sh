#!/bin/sh
# curl 7.88.1-10+deb12u15 of Debian 12 (needs apt, dpkg and python3)
#
# curl --trace-ascii looks like a log of lines, and is a dump: a header of more than 64
# bytes goes on in a next row, in the middle of a word, behind the offset of that row.
# Who searches such a log for a long token finds a part of it. The offset also counts the
# CR LF at the end of a header, which is not written.
#
# Seen, for a header with a word of 100 letters (its rows, with their lengths):
#   0042: Authorization: Bearer xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx (64)
#   0082: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx (58)
#   00be:  (0)
set -eu
expected='0042: Authorization: Bearer xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx (64)
0082: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx (58)
00be:  (0)'

dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$dir"' EXIT
cd "$dir"
{ apt-get download curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 && for p in *.deb; do dpkg -x "$p" root; done; } >install.log 2>&1 || { cat install.log >&2; exit 2; }
python3 - >port <<'END2' &
import http.server, socketserver
class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_): pass
with socketserver.TCPServer(("127.0.0.1", 0), Quiet) as s:
    print(s.server_address[1], flush=True)
    s.serve_forever()
END2
server=$!
while [ ! -s port ]; do sleep 0.1; done
word=$(printf '%0100d' 0 | tr 0 x)
LD_LIBRARY_PATH=$(echo root/usr/lib/*-linux-gnu) root/usr/bin/curl -s --trace-ascii trace -A curl -H 'Host: api.example' -H "Authorization: Bearer $word" "http://127.0.0.1:$(cat port)/"
seen=$(sed -n '/Authorization/,/^00be/p' trace | awk '{ print $0 " (" length($0) - 6 ")" }')
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; echo "$expected" >&2; exit 1; }
