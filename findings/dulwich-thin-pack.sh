#!/bin/sh
# python3-dulwich 0.21.2-1+b1 of Debian 12 (needs apt, dpkg, git, and Python 3 with urllib3)
#
# The server of dulwich ends the connection of a client that does not offer thin-pack. The
# protocol has it the other way round (gitprotocol-capabilities(5)): a server must not send
# a thin pack to a client that does not offer it. git fetch-pack offers it only with
# --thin; clients without it (go-git among them) get no answer and no error.
#
# Seen:
#   without --thin: status 128
#   with --thin: status 0
set -eu
expected='without --thin: status 128
with --thin: status 0'

dir=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || :; rm -rf "$dir"' EXIT
server=
cd "$dir"
{ apt-get download python3-dulwich=0.21.2-1+b1 && dpkg -x python3-dulwich_*.deb root; } >install.log 2>&1 || { cat install.log >&2; exit 2; }
git init -q -b main shop
git -C shop -c user.name=Ada -c user.email=ada@example.com commit -q --allow-empty -m one
cat >server.py <<'END'
from dulwich.repo import Repo
from dulwich.server import DictBackend, TCPGitServer

server = TCPGitServer(DictBackend({b"/shop": Repo("shop")}), "127.0.0.1", 0)
print(server.server_address[1], flush=True)
server.serve_forever()
END
PYTHONPATH=$dir/root/usr/lib/python3/dist-packages /usr/bin/python3 server.py >port 2>server.log &
server=$!
while ! [ -s port ]; do sleep 0.1; done
seen=$(for thin in '' --thin; do
	git init -q --bare "clone$thin"
	status=0
	(cd "clone$thin" && git fetch-pack $thin "git://127.0.0.1:$(cat ../port)/shop" refs/heads/main) >/dev/null 2>&1 || status=$?
	if [ "$thin" ]; then echo "with --thin: status $status"; else echo "without --thin: status $status"; fi
done)
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; printf '%s\n' "$expected" >&2; exit 1; }
