// Command corpus checks that keysweep finds keys whole in the files of real
// programs: it makes keys, has the scripts of this folder write them into files
// of many formats, scans each file, and prints a table of formats and shapes.
//
//	corpus [-script GLOB] [-keep FOLDER] [-only FORMAT] [-exact PERCENT] KEYSWEEP
//
// With -places, scripts put a key at each place of a document, and the table says which
// places of which documents are read.
package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
)

func main() {
	var c corpus
	flag.StringVar(&c.script, "script", "*.*", "run only scripts whose name this `glob` matches")
	flag.StringVar(&c.folder, "keep", "", "write the files to this `folder`, and keep them")
	flag.StringVar(&c.only, "only", "", "scan only formats that contain this `text`")
	flag.IntVar(&c.exact, "exact", 98, "fail if fewer than so many `percent` of the keys of documented shapes are exact")
	flag.StringVar(&c.scripts, "scripts", "tools/corpus", "the `folder` of the scripts")
	flag.BoolVar(&c.places, "places", false, "the scripts write documents with keys at several places")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := c.run(flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "corpus:", err)
		os.Exit(1)
	}
}

// corpus is one run.
type corpus struct {
	folder, scripts, script, only string
	exact                         int // percent
	places                        bool

	keys    []key
	results map[string]map[string]verdict // by format and name of the key
}

// key is a key of one shape. The name is the shape, a dot and a letter.
type key struct{ name, text, sha256 string }

const (
	digits = "0123456789"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	base62 = digits + lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	hexa   = "0123456789abcdef"
)

// shapes are the bodies that issuers give their keys. The words in front of the
// first comma are constant.
var shapes = []struct {
	name  string
	parts []part
	// documented says that a rule lists the shape.
	documented bool
}{
	{"24", []part{{24, base62}}, true},
	{"34", []part{{24, base62}, {0, "00"}, {8, base62}}, true},
	{"99", []part{{0, "51"}, {15, base62}, {72, base62}, {0, "00"}, {8, base62}}, true},
	{"40x", []part{{40, hexa}}, true},
	{"32x", []part{{32, hexa}}, true},
	{"42", []part{{42, base62}}, true},
	{"43", []part{{43, base62 + "-_"}}, false},
	{"uuid", []part{{8, hexa}, {0, "-"}, {4, hexa}, {0, "-4"}, {3, hexa}, {0, "-a"}, {3, hexa}, {0, "-"}, {12, hexa}}, true},
}

// part is n random characters of an alphabet, or with n zero the text itself.
type part struct {
	n        int
	alphabet string
}

// How many keys each shape has, and for documents.
const (
	perShape       = 2
	perShapePlaces = 7
)

// makeKeys makes the keys, the same ones in every run.
func (c *corpus) makeKeys() {
	random := rand.New(rand.NewPCG(1, 2))
	n := perShape
	if c.places {
		n = perShapePlaces
	}
	for _, s := range shapes {
		for i := range n {
			var body strings.Builder
			for _, p := range s.parts {
				if p.n == 0 {
					body.WriteString(p.alphabet)
				}
				for range p.n {
					body.WriteByte(p.alphabet[random.IntN(len(p.alphabet))])
				}
			}
			text := "sk_" + "live_" + body.String()
			c.keys = append(c.keys, key{fmt.Sprintf("%s.%c", s.name, 'a'+i), text, sum(text)})
		}
	}
}

// sum returns the hash that reports have of a text.
func sum(text string) string {
	b := sha256.Sum256([]byte(text))
	return hex.EncodeToString(b[:])
}

// run makes the files, scans them and prints the table.
func (c *corpus) run(keysweep string) (err error) {
	if keysweep, err = filepath.Abs(keysweep); err != nil {
		return err
	}
	if c.folder == "" {
		if c.folder, err = os.MkdirTemp("", "corpus"); err != nil {
			return err
		}
		defer os.RemoveAll(c.folder)
	}
	if err := os.MkdirAll(c.folder, 0o777); err != nil {
		return err
	}
	c.makeKeys()
	scripts, err := filepath.Glob(filepath.Join(c.scripts, c.script))
	if err != nil {
		return err
	}
	var said []byte
	for _, s := range scripts {
		if interpreters[filepath.Ext(s)] == nil {
			continue
		}
		out, err := c.generate(filepath.Base(s))
		if err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
		said = append(said, out...)
	}
	if c.places {
		return c.scanPlaces(keysweep, string(said))
	}
	if err := c.scan(keysweep); err != nil {
		return err
	}
	return c.report()
}

// interpreters are the commands that run scripts, by their extension.
var interpreters = map[string][]string{
	".py": {"/usr/bin/python3"}, ".sh": {"bash"}, ".pl": {"perl"}, ".rb": {"ruby"}, ".php": {"php"}, ".js": {"node"}, ".mjs": {"node"},
	".java": {"java"},
}

// generate runs a script: it gets the folder, and the keys on standard input. What it
// prints is returned.
func (c *corpus) generate(script string) ([]byte, error) {
	folder, err := filepath.Abs(c.folder)
	if err != nil {
		return nil, err
	}
	command := append(slices.Clone(interpreters[filepath.Ext(script)]), script, folder)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Stderr = c.scripts, os.Stderr
	var in strings.Builder
	for _, k := range c.keys {
		fmt.Fprintln(&in, k.name, k.text)
	}
	cmd.Stdin = strings.NewReader(in.String())
	return cmd.Output()
}

// verdict is what became of a key.
type verdict int

const (
	exact  verdict = iota
	likely         // the key, and said to be uncertain
	cut            // not the key, and said to be uncertain
	wrong          // not the key, and said to be exact
	lost           // no finding
)

var verdicts = [...]string{"exact", "likely", "cut", "wrong", "lost"}

// found is what is read of a report.
type found struct {
	Findings []finding         `json:"findings"`
	Skipped  []json.RawMessage `json:"skipped"`
}

type finding struct {
	SHA256 string `json:"secret_sha256"`
	Extent string `json:"extent"`
}

// scanFile scans a file alone, so that no other copy of its keys helps.
func scanFile(keysweep, file string) (f found, err error) {
	out, err := exec.Command(keysweep, "scan", file, "-f", "json", "-q", "--no-config").Output()
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() == 2) {
		return f, err
	}
	return f, json.Unmarshal(out, &f)
}

func (c *corpus) scan(keysweep string) error {
	c.results = map[string]map[string]verdict{}
	forms, err := os.ReadDir(c.folder)
	if err != nil {
		return err
	}
	var (
		workers sync.WaitGroup
		mu      sync.Mutex
		failed  error // guarded by mu, as is c.results
		free    = make(chan struct{}, runtime.NumCPU())
	)
	for _, form := range forms {
		if !strings.Contains(form.Name(), c.only) {
			continue
		}
		results := map[string]verdict{}
		c.results[form.Name()] = results
		for _, k := range c.keys {
			free <- struct{}{}
			workers.Go(func() {
				defer func() { <-free }()
				file := filepath.Join(c.folder, form.Name(), k.name)
				v, err := c.scanOne(keysweep, file, k)
				mu.Lock()
				defer mu.Unlock()
				results[k.name] = v
				if err != nil {
					failed = fmt.Errorf("%s: %w", file, err)
				}
			})
		}
	}
	workers.Wait()
	return failed
}

// scanOne returns what became of the key in a file.
func (c *corpus) scanOne(keysweep, file string, k key) (verdict, error) {
	f, err := scanFile(keysweep, file)
	if err != nil {
		return 0, err
	}
	v := lost
	for _, finding := range f.Findings {
		said := cmp.Or(finding.Extent, "exact")
		this := cut
		switch is := finding.SHA256 == k.sha256; {
		case !is && slices.ContainsFunc(c.keys, func(other key) bool { return finding.SHA256 == other.sha256 }):
			continue // as in a diff
		case is && said == "exact":
			this = exact
		case is:
			this = likely
		case said == "exact":
			this = wrong
		}
		if v == lost || this == wrong || v != wrong && this < v {
			v = this
		}
	}
	return v, nil
}

// report prints the table, and returns an error if a goal is missed.
func (c *corpus) report() error {
	forms := make([]string, 0, len(c.results))
	for f := range c.results {
		forms = append(forms, f)
	}
	slices.Sort(forms)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "format")
	for _, s := range shapes {
		fmt.Fprint(w, "\t"+s.name)
	}
	fmt.Fprintln(w)
	var total, documented, said [len(verdicts)]int // of all, of documented shapes, of formats that say where a text ends
	for _, form := range forms {
		fmt.Fprint(w, form)
		for _, s := range shapes {
			var words []string
			for i := range perShape {
				v := c.results[form][fmt.Sprintf("%s.%c", s.name, 'a'+i)]
				total[v]++
				if s.documented {
					documented[v]++
				}
				if s.documented && unsaid[form] == "" {
					said[v]++
				}
				words = append(words, verdicts[v])
			}
			fmt.Fprint(w, "\t"+strings.Join(slices.Compact(words), "/"))
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	all, n := 0, 0
	for v, word := range verdicts {
		fmt.Printf("%s %d, ", word, total[v])
		all, n = all+documented[v], n+said[v]
	}
	fmt.Printf("of %d formats; of documented shapes exact %d of %d; in formats that say where a text ends %d of %d\n", len(forms), documented[exact], all, said[exact], n)
	for _, form := range forms {
		if why := unsaid[form]; why != "" {
			fmt.Printf("%s: %s\n", form, why)
		}
	}
	switch {
	case documented[wrong] > 0 || documented[lost] > 0:
		return fmt.Errorf("%d wrong, %d lost", documented[wrong], documented[lost])
	case said[exact]*100 < n*c.exact:
		return fmt.Errorf("fewer than %d %% are exact", c.exact)
	}
	return nil
}

// unsaid are the formats that do not say, near the key, where it ends, and why.
var unsaid = map[string]string{
	"char[n]":        "fields of a fixed width with nothing between",
	"Go WebAssembly": "texts with nothing between; addresses count from the start of memory",
	"NumPy S":        "fields of a fixed width with nothing between",
	"NumPy U":        "the same",
}
