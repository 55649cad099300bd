#!/bin/bash
# programs.sh FOLDER: what compilers of C, Rust and Java make of a key; see small.py.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for form in "C -O0" "C -Os" "C -O2 compared" "Rust" "Rust -O" "Java class" "Java serialization" "Java writeUTF" "Erlang BEAM" "C wide characters"; do
	mkdir -p "$1/$form"
done
cat >Write.java <<'EOF'
import java.io.*;
import java.util.*;

class Write {
    static class Account implements Serializable {
        String provider = "stripe", apiKey;
        int id = 4711;
        String note = "paid monthly";
    }

    public static void main(String[] args) throws IOException {
        try (Scanner in = new Scanner(System.in)) {
            while (in.hasNext()) {
                String name = in.next(), key = in.next();
                Account account = new Account();
                account.apiKey = key;
                try (var out = new ObjectOutputStream(new FileOutputStream(args[0] + "/Java serialization/" + name))) {
                    out.writeObject(new ArrayList<>(List.of("first", key, account)));
                }
                try (var out = new DataOutputStream(new FileOutputStream(args[0] + "/Java writeUTF/" + name))) {
                    out.writeInt(4711);
                    for (String s : new String[] {"stripe", key, "eur", "paid monthly, invoices go to accounting in Berlin"}) out.writeUTF(s);
                }
            }
        }
    }
}
EOF
cat >keys
javac -d . Write.java
java -cp . Write "$1" <keys
while read -r name key; do
	cat >m.c <<EOF
#include <stdio.h>
#include <string.h>
static const char *const names[] = {"stripe", "$key", "eur", "2026-01-31"};
int main(int n, char **args) {
	if (n > 1 && !strcmp(args[1], "$key")) puts("the same");
	return puts(names[n % 4]);
}
EOF
	gcc -O0 -o "$1/C -O0/$name" m.c
	gcc -Os -s -o "$1/C -Os/$name" m.c
	gcc -O2 -o "$1/C -O2 compared/$name" m.c
	printf '#include <wchar.h>\nconst wchar_t *k[] = {L"stripe", L"%s", L"eur"};\n' "$key" >w.c
	gcc -c -o "$1/C wide characters/$name" w.c
	cat >m.rs <<EOF
const KEY: &str = "$key";
static NAMES: [&str; 3] = ["stripe", KEY, "eur"];
fn main() {
    let n = std::env::args().count();
    println!("{} {}", NAMES[n % 3], std::env::var("HOME").unwrap_or_default() == KEY);
}
EOF
	/usr/bin/rustc -o "$1/Rust/$name" m.rs
	/usr/bin/rustc -O -C strip=symbols -o "$1/Rust -O/$name" m.rs
	cat >Shop.java <<EOF
class Shop {
    static final String KEY = "$key";
    static final int RETRIES = 3;
    static String call(String path) { return path + KEY.length() + KEY; }
}
EOF
	javac Shop.java
	cp Shop.class "$1/Java class/$name"
	printf -- '-module(m).\n-export([f/1]).\nf(P) -> <<"key ", "%s", P/binary>>.\n' "$key" >m.erl
	erlc m.erl
	cp m.beam "$1/Erlang BEAM/$name"
done <keys
