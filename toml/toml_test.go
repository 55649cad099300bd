package toml

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	oracle "github.com/pelletier/go-toml/v2"
)

// file has all the types that Decode knows.
type file struct {
	Text   string            `toml:"text"`
	Switch bool              `toml:"switch"`
	Count  *int              `toml:"count"`
	Size   float64           `toml:"size"`
	Any    any               `toml:"any"`
	List   []string          `toml:"list"`
	Map    map[string]string `toml:"map"`
	Lists  map[string][]string
	Inner  inner  `toml:"inner"`
	Rows   []row  `toml:"row"`
	Hidden string // no tag: not in a file
}

type inner struct {
	Text string  `toml:"text"`
	Deep *inner  `toml:"deep"`
	Rows []inner `toml:"rows"`
}

type row struct {
	ID   string              `toml:"id"`
	Of   map[string][]string `toml:"of"`
	Cell []inner             `toml:"cell"`
}

func TestDecodesWhatTheParserOfTheLibraryDecodes(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":         "",
		"comments":        "# a\n\n # b\n",
		"strings":         "text = \"a\\u00e9\\n\"\nlist = ['''\na\nb''', \"\"\"c\\\n  d\"\"\", 'e\\n']\n",
		"numbers":         "count = 1_000\nsize = 1_0.5e-2\n",
		"hex":             "count = 0xff\nsize = -3\n",
		"a signed number": "count = -0\nsize = +1.5\nswitch = true\n",
		"a map":           "[map]\na = \"b\"\n\"c.d\" = 'e'\n",
		"inline tables":   "map = { a = \"b\", c = \"d\" }\ninner = { text = \"x\", deep = { text = \"y\" }, rows = [{ text = \"z\" }] }\n",
		"lines in them":   "inner = {\n  text = \"x\", # why\n}\nlist = [ # ]\n \"a\",\n]\n",
		"dotted keys":     "inner.text = \"x\"\ninner.deep.text = \"y\"\nmap.a = \"b\"\n",
		"tables":          "[inner.deep]\ntext = \"x\"\n[inner]\ntext = \"y\"\n",
		"arrays":          "[[row]]\nid = \"a\"\n[row.of]\nx = [\"1\"]\n[[row.cell]]\n[[row.cell]]\ntext = \"z\"\n[[row]]\n[[row.cell]]\n[row.cell.deep]\ntext = \"u\"\n",
		"an empty array":  "row = []\nlist = []\n",
		"windows":         "text = \"a\"\r\n[inner]\r\ntext = \"b\"\r\n",
	} {
		var got, want file
		if _, err := Decode([]byte(text), &got, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := oracle.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("%s: the library: %v", name, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

func TestWrongFilesAreRefusedAtTheirPosition(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no value", "a = \n", "line 1, column 5: "},
		{"the end", "[inner\n", "line 1, column 7: "},
		{"an open string at the end", "text = \"a", "line 1, column "},
		{"an unknown key", "list = []\n  text2 = 1\n", `line 2, column 3: unknown key "text2"`},
		{"an unknown table", "\n [inner.other]\n", `line 2, column 2: unknown key "inner.other"`},
		{"an unknown array", "text = 'é'\n[[rows]]\n", `line 2, column 1: unknown key "rows"`},
		{"an unknown key of the second", "[[row]]\n[[row]]\nid = 'a'\nname = 'b'\n", `line 4, column 1: unknown key "row.name"`},
		{"within a line", "inner = { text = 'é', x = 1 }\n", `line 1, column 24: unknown key "inner.x"`},
		{"a field without a tag", "Hidden = 'a'\n", "line 1, column 1: unknown key"},
		{"no string", "text = 1\n", "line 1, column 1: text must be a string"},
		{"no strings", "list = ['a', 1]\n", "line 1, column 1: list must be an array of strings"},
		{"no tables", "row = [{ id = 'a' }, ['b']]\n", "line 1, column 1: [[row]] must be an array of tables"},
		{"a string for a list", "list = 'a'\n", "line 1, column 1: list must be an array of strings"},
		{"tables for strings", "[[list]]\n", "line 1, column 1: list must be an array of strings"},
		{"no table", "inner = 1\n", "line 1, column 1: inner must be a table"},
		{"a map of numbers", "map = { a = 1 }\n", "line 1, column 9: map.a must be a string"},
		{"a map of tables", "map.a.b = 'c'\n", "line 1, column 5: map.a must be a string"},
		{"a table in a map", "[map.a]\n", "line 1, column 1: map.a must be a string"},
		{"a table below a string", "[text.a]\n", "line 1, column 1: text must be a string"},
		{"a table for an array", "[row]\n", "line 1, column 1: [[row]] must be an array of tables"},
		{"an array for a table", "[[inner]]\n", "line 1, column 1: inner must be a table"},
		{"a key below an array", "[[row]]\n[inner]\nrows.text = 'a'\n", "line 3, column 1: [[inner.rows]] must be an array of tables"},
		{"an array of an absent row", "[row.of]\n", "line 1, column 1: [[row]] must be an array of tables"},
		{"a fraction", "count = 1.0\n", "line 1, column 1: count must be a whole number"},
		{"a great number", "count = 9223372036854775808\n", "line 1, column 1: count: 9223372036854775808 is out of range"},
		{"a great fraction", "size = 1e999\n", "line 1, column 1: size: 1e999 is out of range"},
		{"yes", "switch = 'yes'\n", "line 1, column 1: switch must be true or false"},
		{"twice", "text = 'a'\ntext = 'b'\n", "line 2, column 1: text is defined twice"},
		{"a table twice", "[inner]\n[inner]\n", "line 2, column 1: inner is defined twice"},
		{"twice in a map", "map = { a = 'b', a = 'c' }\n", "line 1, column 18: map.a is defined twice"},
		{"a list and its tables", "[[row]]\n[[row.cell]]\n[inner]\n[[row.cell]]\n[[row]]\ncell = []\ncell = []\n", "line 7, column 1: row.cell is defined twice"},
		{"not UTF-8", "# \xff\n", "line 1, column 1: not UTF-8"},
		{"UTF-16", "a\n#\x00", "line 2, column 2: a NUL byte: TOML is UTF-8"},
	} {
		var v file
		_, err := Decode([]byte(tt.text), &v, nil)
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), tt.want) || e.Reason == "" {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestPositionsOfKeys(t *testing.T) {
	const text = "\ufeff# é\ntext = 'ö'\n\n[[row]]\n  id = \"\"\"\nid = 1\n\"\"\"\n[[ row . cell ]]\n\n\t[[row]]\n[row.of]\n'a.b' = []\n[[row.cell]]\ntext = 'x'\n[[row.cell]]\ntext = 'x'\ndeep = { rows = [{}, { text = 'y' }] }\n"
	keys, err := Decode([]byte(text), &file{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]Position{
		"text": {2, 1}, "row[0]": {4, 1}, "row[0].id": {5, 3}, "row[0].cell[0]": {8, 1},
		"row[0].cell[0].text": {8, 1}, "row[1]": {10, 2}, "row[1].": {10, 2}, "row[1].id": {10, 2}, "row[1].of.a.b": {12, 1},
		"row[1].cell[0].text": {14, 1}, "row[1].cell[1].text": {16, 1}, "row[1].cell[1].deep.rows[0]": {17, 18}, "row[1].cell[1].deep.rows[1].text": {17, 24},
		"inner": {1, 1}, "row[2]": {1, 1},
	} {
		if got := keys.At(path); got != want {
			t.Errorf("%s is at %v, want %v", path, got, want)
		}
	}
}

func TestKeysAtTheTopAreLeftToOthers(t *testing.T) {
	var v file
	text := "other.x = 1\ntext = 'a'\n[other.y]\nz = 1\nz = 2\n[[other]]\n[inner]\ntext = 'b'\n"
	keys, err := Decode([]byte(text), &v, func(key string) bool { return key == "other" })
	if err != nil || v.Text != "a" || v.Inner.Text != "b" || len(keys) != 3 {
		t.Errorf("got %v, %+v, %v", err, v, keys)
	}
}

func TestAnyHoldsAStringOrADate(t *testing.T) {
	for text, want := range map[string]any{
		"any = 'a'": "a", "any = 2026-01-31": LocalDate("2026-01-31"), "any = 2026-01-31T00:00:00": []byte("2026-01-31T00:00:00"), "any = [1]": []byte(nil),
	} {
		var v file
		if _, err := Decode([]byte(text), &v, nil); err != nil || !reflect.DeepEqual(v.Any, want) {
			t.Errorf("%s: got %#v, %v", text, v.Any, err)
		}
	}
}

// TestWorkGrowsWithTheText counts allocations of files that took the square of
// their length, when each key was looked for from the start.
func TestWorkGrowsWithTheText(t *testing.T) {
	for name, line := range map[string]string{
		"tables":          "[[row]]\nid = 'a'\n",
		"keys of others":  "[[other.a]]\nb = 1\n",
		"tables of one":   "[[row.cell]]\ntext = 'a'\n",
		"an inline table": "",
	} {
		text := func(n int) []byte {
			if line == "" {
				return []byte("inner = { rows = [" + strings.Repeat("{ text = 'a' }, ", n) + "] }\n")
			}
			return []byte("[[row]]\n" + strings.Repeat(line, n))
		}
		run := func(text []byte) (allocs float64) {
			return testing.AllocsPerRun(1, func() {
				keys, err := Decode(text, &file{}, func(key string) bool { return key == "other" })
				if err != nil {
					t.Fatal(err)
				}
				for path := range keys {
					keys.At(path + ".absent")
				}
			})
		}
		if few, many := run(text(1000)), run(text(2000)); many > 2.2*few+100 {
			t.Errorf("%s: %.0f allocations, %.0f for half", name, many, few)
		}
	}
}

func FuzzDecode(f *testing.F) {
	names, err := filepath.Glob("../rules/builtin/*.toml")
	if err != nil || len(names) == 0 {
		f.Fatal("no rules", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("[[row]]\nid = 'a'\n[row.of]\n'b' = ['c']\n[[row.cell]]\ndeep = { rows = [{}] }\n[map]\na = 'b'\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<16 {
			return
		}
		var got file
		keys, err := Decode(text, &got, nil)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Line < 1 || e.Col < 1 || e.Reason == "" {
				t.Fatalf("an error without a position: %v", err)
			}
			return
		}
		lines := strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n")
		for path, p := range keys {
			if p.Line > len(lines) || p.Col > len(lines[p.Line-1]) {
				t.Fatalf("%s is at %v, behind the line", path, p)
			}
		}
		var want file
		if oracle.Unmarshal(text, &want) == nil && got.Text != want.Text {
			t.Fatalf("got %q, want %q", got.Text, want.Text)
		}
	})
}
