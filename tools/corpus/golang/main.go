// Command golang writes files of Go packages, a key in each; see ../small.py.
package main

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/gob"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/fxamacker/cbor/v2"
	"github.com/hamba/avro/v2"
	"github.com/syndtr/goleveldb/leveldb"
	"github.com/vmihailenco/msgpack/v5"
	"go.etcd.io/bbolt"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	_ "modernc.org/sqlite"
)

type record struct {
	ID       int    `avro:"id"`
	Provider string `avro:"provider"`
	APIKey   string `avro:"api_key"`
	Note     string `avro:"note"`
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		name, key, _ := strings.Cut(in.Text(), " ")
		note := "eur"
		if strings.HasSuffix(name, "b") {
			note = "paid monthly, invoices go to accounting in Berlin"
		}
		write(name, record{4711, "stripe", key, note})
	}
	must(in.Err())
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func put(form, name string, data []byte) {
	folder := filepath.Join(os.Args[1], form)
	must(os.MkdirAll(folder, 0o777))
	must(os.WriteFile(filepath.Join(folder, name), data, 0o666))
}

func write(name string, r record) {
	var b bytes.Buffer
	must(gob.NewEncoder(&b).Encode([]record{{Provider: "paypal"}, r}))
	put("gob", name, b.Bytes())
	packed, err := msgpack.Marshal(r)
	must(err)
	put("vmihailenco msgpack", name, packed)
	packed, err = cbor.Marshal(r)
	must(err)
	put("fxamacker CBOR", name, packed)
	packed, err = avro.Marshal(avro.MustParse(`{"type":"record","name":"r","fields":[{"name":"id","type":"int"},{"name":"provider","type":"string"},{"name":"api_key","type":"string"},{"name":"note","type":"string"}]}`), r)
	must(err)
	put("hamba Avro", name, packed)
	s, err := structpb.NewStruct(map[string]any{"provider": r.Provider, "api_key": r.APIKey, "note": r.Note})
	must(err)
	packed, err = proto.MarshalOptions{Deterministic: true}.Marshal(s)
	must(err)
	put("protobuf Struct", name, packed)
	stores(name, r)
}

func stores(name string, r record) {
	work, err := os.MkdirTemp("", "corpus")
	must(err)
	defer os.RemoveAll(work)
	pairs := [][2]string{{"paypal", "none"}, {"stripe", r.APIKey}, {"zone", r.Note}}

	db, err := bbolt.Open(work+"/bolt", 0o600, nil)
	must(err)
	must(db.Update(func(t *bbolt.Tx) error {
		b, err := t.CreateBucket([]byte("keys"))
		for _, p := range pairs {
			must(b.Put([]byte(p[0]), []byte(p[1])))
		}
		return err
	}))
	must(db.Close())
	take("bbolt", name, work+"/bolt")

	level, err := leveldb.OpenFile(work+"/level", nil)
	must(err)
	for _, p := range pairs {
		must(level.Put([]byte(p[0]), []byte(p[1]), nil))
	}
	must(level.Close())
	take("goleveldb log", name, work+"/level/000001.log")

	lite, err := sql.Open("sqlite", work+"/lite")
	must(err)
	exec := func(query string, args ...any) { _, err := lite.Exec(query, args...); must(err) }
	exec("create table account(id integer primary key, provider text, api_key text, note text)")
	for i, p := range pairs {
		exec("insert into account values(?,?,?,?)", i+4711, p[0], p[1], r.Note)
	}
	exec("delete from account where provider='stripe'")
	must(lite.Close())
	take("modernc SQLite freed", name, work+"/lite")
}

func take(form, name, path string) {
	data, err := os.ReadFile(path)
	must(err)
	put(form, name, data)
}
