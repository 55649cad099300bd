#!/bin/bash
# servers.sh FOLDER: files and dumps of database servers; see small.py.
set -eu
out=$1
work=$(mktemp -d)
chmod 755 "$work"
stop=
trap 'for p in $stop; do kill $p 2>/dev/null || true; done; wait; rm -rf "$work"' EXIT
cd "$work"
cat >keys
put() { mkdir -p "$out/$1" && cat >"$out/$1/$2"; }
until_ready() { for _ in $(seq 100); do ! "$@" >/dev/null 2>&1 || return 0; sleep 0.1; done; echo "$1 does not answer" >&2; return 1; }

redis() {
	mkdir "$work/redis"
	redis-server --port 0 --unixsocket "$work/redis/s" --dir "$work/redis" --appendonly no --save "" --rdbcompression no >/dev/null &
	stop+=" $!"
	r() { redis-cli -s "$work/redis/s" "$@"; }
	until_ready r ping
	while read -r name key; do
		r flushall >/dev/null
		r mset paypal none stripe "$key" zone eu >/dev/null
		r save >/dev/null
		put "Redis RDB" "$name" <"$work/redis/dump.rdb"
		r flushall >/dev/null
		r hset account:4711 provider stripe api_key "$key" currency eur >/dev/null
		r rpush keys first "$key" third >/dev/null
		r save >/dev/null
		put "Redis RDB hash" "$name" <"$work/redis/dump.rdb"
	done <"$work/keys"
}

postgres() {
	local bin=/usr/lib/postgresql/15/bin
	mkdir "$work/pg" && chown postgres "$work/pg"
	su postgres -c "$bin/initdb -D $work/pg/data -A trust -E UTF8 --locale=C >/dev/null && printf 'wal_recycle=off\nfsync=off\nautovacuum=off\nwal_level=minimal\nmax_wal_senders=0\n' >>$work/pg/data/postgresql.conf && $bin/pg_ctl -w -D $work/pg/data -o \"-c listen_addresses='' -k $work/pg\" -l $work/pg/log start >/dev/null"
	p() { psql -q -X -A -t -h "$work/pg" -U postgres "$@"; }
	local n=0
	while read -r name key; do
		n=$((n + 1))
		p -c "select pg_switch_wal()" >/dev/null
		p -c "create table t$n(id int, provider text, api_key text, created text)" -c "insert into t$n values (1,'paypal','none','2025'),(2,'stripe','$key','2026-01-31'),(3,'adyen','none','2026')" -c "create index i$n on t$n(api_key)" -c "checkpoint"
		put "Postgres heap" "$name" <"$work/pg/data/$(p -c "select pg_relation_filepath('t$n')")"
		put "Postgres index" "$name" <"$work/pg/data/$(p -c "select pg_relation_filepath('i$n')")"
		put "Postgres WAL" "$name" <"$work/pg/data/pg_wal/$(p -c "select pg_walfile_name(pg_current_wal_lsn())")"
		p -c "copy t$n to stdout (format binary)" | put "Postgres COPY binary" "$name"
		p -c "copy t$n to stdout" | put "Postgres COPY" "$name"
		pg_dump -h "$work/pg" -U postgres -t "t$n" postgres | put "pg_dump" "$name"
		pg_dump -h "$work/pg" -U postgres -Fc -t "t$n" postgres | put "pg_dump -Fc" "$name"
	done <"$work/keys"
	su postgres -c "$bin/pg_ctl -m immediate -D $work/pg/data stop >/dev/null"
}

mariadb_files() {
	mkdir "$work/my" && chown mysql "$work/my"
	mariadb-install-db --no-defaults --user=mysql --datadir="$work/my/data" >/dev/null 2>&1
	mariadbd --no-defaults --user=mysql --datadir="$work/my/data" --skip-networking --socket="$work/my/s" --log-bin=bin --binlog-format=row >"$work/my/log" 2>&1 &
	stop+=" $!"
	m() { mariadb --no-defaults -S "$work/my/s" "$@"; }
	until_ready m -e "select 1"
	m -e "create database shop"
	local n=0 engine
	while read -r name key; do
		n=$((n + 1))
		m -e "flush binary logs"
		for engine in MyISAM InnoDB Aria; do
			m shop -e "create table $engine$n(id int, provider varchar(20), api_key varchar(200), created varchar(30)) engine=$engine; insert into $engine$n values (1,'paypal','none','2025'),(2,'stripe','$key','2026-01-31'),(3,'adyen','none','2026')"
		done
		m -e "flush logs; flush tables"
		m shop -e "flush tables InnoDB$n for export; select sleep(0.1)" >/dev/null
		put MyISAM "$name" <"$work/my/data/shop/MyISAM$n.MYD"
		put InnoDB "$name" <"$work/my/data/shop/InnoDB$n.ibd"
		put Aria "$name" <"$work/my/data/shop/Aria$n.MAD"
		put "MariaDB binary log" "$name" <"$(ls "$work"/my/data/bin.0* | tail -2 | head -1)"
		mariadb-dump --no-defaults -S "$work/my/s" shop "InnoDB$n" | put mariadb-dump "$name"
	done <"$work/keys"
}

etcd_snapshots() {
	local n=0 pid value
	while read -r name key; do
		n=$((n + 1))
		etcd --data-dir "$work/etcd$n" --listen-client-urls http://127.0.0.1:23790 --advertise-client-urls http://127.0.0.1:23790 --listen-peer-urls http://127.0.0.1:23800 --initial-advertise-peer-urls http://127.0.0.1:23800 --initial-cluster default=http://127.0.0.1:23800 >/dev/null 2>&1 &
		pid=$!
		stop+=" $pid"
		e() { ETCDCTL_API=3 etcdctl --endpoints 127.0.0.1:23790 "$@"; }
		until_ready e get x
		printf '%s' "$key" | e put /config/stripe >/dev/null
		# The data of a Secret: a map from names to bytes.
		python3 -c 'import sys;k=sys.argv[1].encode();e=b"\x0a\x06stripe\x12"+bytes([len(k)])+k;sys.stdout.buffer.write(b"k8s\0\x12"+bytes([len(e)])+e+b"\x1a\x06Opaque")' "$key" | e put /registry/secrets/default/stripe >/dev/null
		e snapshot save "$work/snapshot" >/dev/null 2>&1
		put "etcd snapshot" "$name" <"$work/snapshot"
		kill $pid
		wait $pid 2>/dev/null || true
		rm -rf "$work/snapshot" "$work/etcd$n"
	done <"$work/keys"
}

redis
postgres
mariadb_files
etcd_snapshots
