#!/bin/bash
# postgres.sh FOLDER: dumps of pg_dump in its custom format; see places.py. That of the
# system knows one compression, a newer one the others.
set -eu
newer=$(realpath ../../../bin)/newer-postgresql
work=$(mktemp -d)
bin=/usr/lib/postgresql/15/bin
. ../newer/unpack.sh
chmod 755 "$work"
trap 'su postgres -c "$bin/pg_ctl -m immediate -D $work/pg/data stop" >/dev/null 2>&1; rm -rf "$work"' EXIT
mapfile -t keys < <(awk 'NR % 7 == 1 { print $2 }')
program=$newer/root/usr/lib/postgresql/17/bin/pg_dump
[ -e "$program" ] || (unpack "$newer" trixie postgresql-client-17 libpq5 libc6 zlib1g liblz4-1 libzstd1 libssl3t64 libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 \
	libcom-err2 libkeyutils1 libldap2 libsasl2-2) >&2
libraries=$(dirname "$(find "$newer/root" -name 'libz.so.1' | head -1)")
new() { "$libraries"/ld-linux-*.so.* --library-path "$libraries" "$program" "$@"; }

mkdir "$work/pg" && chown postgres "$work/pg"
su postgres -c "$bin/initdb -D $work/pg/data -A trust -E UTF8 --locale=C >/dev/null && $bin/pg_ctl -w -D $work/pg/data -o \"-c listen_addresses='' -k $work/pg\" -l $work/pg/log start >/dev/null"
at=(-h "$work/pg" -U postgres)
psql -q "${at[@]}" >/dev/null <<END
create table account(id serial, provider text, api_key text default '${keys[0]}', created text);
insert into account(provider, api_key, created) select 'none', md5(n::text), '2025-12-24' from generate_series(1, 5000) n;
insert into account(provider, api_key, created) values ('stripe', '${keys[1]}', '2026-01-01');
insert into account(provider, api_key, created) select 'none', md5(n::text), '2026-02-01' from generate_series(1, 5000) n;
comment on table account is 'the key is ${keys[2]}, keep it safe';
create function call() returns text language sql as \$\$ select '${keys[3]}'::text \$\$;
select lo_from_bytea(0, 'STRIPE=${keys[4]}');
create table note(body jsonb); insert into note values ('{"stripe": {"key": "${keys[5]}"}}');
END
dump() {
	local form=$1 n=0 place
	shift
	mkdir -p "$out/$form"
	"$@" "${at[@]}" -Fc -b >"$out/$form/a.dump"
	for place in "default of a column" row comment function "large object" JSON; do
		printf '%s\t%s\t%s\n' "$form/a.dump" "$place" "${keys[n]}"
		n=$((n + 1))
	done
}
out=$1
dump "pg_dump 15 gzip" pg_dump
dump "pg_dump 15 none" pg_dump -Z0
for method in none gzip lz4 zstd; do dump "pg_dump 17 $method" new -Z "$method"; done
