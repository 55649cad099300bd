// Command release makes the files that are published of one commit:
//
//	release [-base ADDRESS] [-platforms LIST] [-sweep-platforms LIST] [-o FOLDER] VERSION
//
// It builds a clone of the commit that is checked out, so changes that are not
// committed are left out. The same commit, version, base, tools and Go give the
// same bytes. docs/releasing.md says what is done with them.
package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	summary   = "Finds leaked sk_live_ and sk_test_ secret keys"
	licence   = "Apache-2.0"
	buildTags = "urfave_cli_no_docs,release" // "release" is what keysweep version looks for
)

func main() {
	base := flag.String("base", "", "the `address` of the folder that the files will be in; without it, no file that names one is made")
	platforms := flag.String("platforms", "linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64", "a `list` of GOOS/GOARCH")
	sweep := flag.String("sweep-platforms", "", "the `list` for keysweep-sweep; if not given, the same one")
	out := flag.String("o", "bin/release", "the `folder` to make, in place of an earlier release")
	flag.Parse()
	if flag.NArg() != 1 || !versions.MatchString(flag.Arg(0)) {
		fmt.Fprintln(os.Stderr, "release: a version is needed, as v1.2.3 or v1.2.3-rc.1 (Go has a v2 only for a module path that ends in /v2)")
		os.Exit(2)
	}
	keysweep := &product{name: "keysweep", platforms: strings.Fields(*platforms)}
	sweeper := &product{name: "keysweep-sweep", folder: "sweep", platforms: strings.Fields(cmp.Or(*sweep, *platforms))}
	if err := makeRelease(flag.Arg(0), strings.TrimSuffix(*base, "/"), keysweep, sweeper, *out); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

var versions = regexp.MustCompile(`^v[01]\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.]+)?$`)

// release is one release while it is made.
type release struct {
	version  string // without the v
	base     string
	out      string // the folder of what is published
	temp     string // removed at the end
	commit   string // whole id
	date     time.Time
	keysweep *product
}

// product is keysweep or keysweep-sweep.
type product struct {
	name      string
	folder    string // of its module, from the top of the clone
	platforms []string
	programs  []program
	modules   []module
	shared    map[string][]byte // the files of every archive but the program, by name
}

// program is a product for one platform.
type program struct {
	*product
	goos, goarch string
	data         []byte
	info         *buildinfo.BuildInfo
}

// file is what users call the program's file.
func (p *program) file() string {
	if p.goos == "windows" {
		return p.name + ".exe"
	}
	return p.name
}

func makeRelease(version, base string, keysweep, sweep *product, out string) (err error) {
	out = filepath.Clean(out)
	if err := earlier(out); err != nil {
		return err
	}
	r := &release{version: version[1:], base: base, out: out + ".new", keysweep: keysweep}
	if r.temp, err = os.MkdirTemp("", "keysweep-release"); err != nil {
		return err
	}
	defer os.RemoveAll(r.temp)
	if err := r.clone(version); err != nil {
		return err
	}
	if err := cmp.Or(os.RemoveAll(r.out), os.MkdirAll(r.out, 0o755)); err != nil {
		return err
	}
	if err := r.makeProduct(keysweep, r.help, r.archive, r.billOfMaterials, r.linuxPackages, r.image, r.npm); err != nil {
		return err
	}
	if err := r.makeProduct(sweep, nil, r.archive, r.billOfMaterials, r.image); err != nil {
		return err
	}
	for _, step := range []func() error{r.npmPicker, r.addresses, r.sums, func() error { return os.RemoveAll(out) }} {
		if err := step(); err != nil {
			return err
		}
	}
	return os.Rename(r.out, out)
}

// makeProduct builds a product for each platform, and takes the steps for each.
func (r *release) makeProduct(of *product, help func() error, steps ...func(*program) error) error {
	if len(of.platforms) == 0 {
		return errors.New("no platform is named")
	}
	for _, platform := range of.platforms {
		goos, goarch, ok := strings.Cut(platform, "/")
		if !ok {
			return fmt.Errorf("%s is no GOOS/GOARCH", platform)
		}
		p, err := r.build(of, goos, goarch)
		if err != nil {
			return err
		}
		of.programs = append(of.programs, p)
	}
	if err := r.findModules(of); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(r.source(), "LICENSE"))
	if err != nil {
		return err
	}
	of.shared = map[string][]byte{"LICENSE": text, "THIRD_PARTY_NOTICES": of.notices()}
	if help != nil {
		if err := help(); err != nil {
			return err
		}
	}
	for i := range of.programs {
		p := &of.programs[i]
		for _, step := range steps {
			if err := step(p); err != nil {
				return fmt.Errorf("%s for %s/%s: %w", p.name, p.goos, p.goarch, err)
			}
		}
	}
	return nil
}

// published is how the names of files of a release start.
var published = regexp.MustCompile(`^(keysweep[-_.]|SHA256SUMS|action\.sums$)`)

// earlier returns an error unless a folder is absent or holds nothing but a release,
// since it is replaced.
func earlier(folder string) error {
	files, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, f := range files {
		if f.IsDir() || !published.MatchString(f.Name()) {
			return fmt.Errorf("%s is not replaced: it holds %s, which is no file of a release", folder, f.Name())
		}
	}
	return err
}

// source is the folder of the clone.
func (r *release) source() string { return filepath.Join(r.temp, "source") }

// clone clones the commit that is checked out, and tags it in the clone, so that
// the Go command records version, commit and date.
func (r *release) clone(version string) error {
	changed, err := run(".", "git", "status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		fmt.Fprintln(os.Stderr, "release: changes that are not committed are left out")
	}
	top, err := run(".", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	if _, err := run(".", "git", "clone", "-q", "--shared", "--no-tags", "-c", "advice.detachedHead=false", top, r.source()); err != nil {
		return err
	}
	for _, tag := range []string{version, "sweep/" + version} { // as the Go command wants it for a module in a folder
		if _, err := run(r.source(), "git", "tag", "--no-sign", tag); err != nil {
			return err
		}
	}
	text, err := run(r.source(), "git", "log", "-1", "--no-show-signature", "--format=%ct %H")
	if err != nil {
		return err
	}
	stamp, commit, _ := strings.Cut(text, " ")
	r.commit = commit
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	r.date = time.Unix(seconds, 0).UTC()
	return err
}

// built is the path of a program that was built.
func (r *release) built(of *product, goos, goarch string) string {
	return filepath.Join(r.temp, "programs", of.name+"-"+goos+"-"+goarch)
}

// build builds a product for a platform.
func (r *release) build(of *product, goos, goarch string) (program, error) {
	path := r.built(of, goos, goarch)
	p := program{product: of, goos: goos, goarch: goarch}
	_, err := run(filepath.Join(r.source(), of.folder), "env", "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOFIPS140=off",
		"go", "build", "-buildvcs=true", "-trimpath", "-tags", buildTags, "-ldflags=-s -w", "-o", path, ".")
	if err != nil {
		return p, err
	}
	if p.data, err = os.ReadFile(path); err != nil {
		return p, err
	}
	p.info, err = buildinfo.Read(bytes.NewReader(p.data))
	if err == nil && p.info.Main.Version != "v"+r.version {
		err = fmt.Errorf("the Go command recorded the version %q", p.info.Main.Version)
	}
	return p, err
}

// help makes the completion scripts and the manual page of keysweep's archives. A
// program for this machine writes its own help.
func (r *release) help() error {
	keysweep := r.built(r.keysweep, runtime.GOOS, runtime.GOARCH)
	if _, err := os.Stat(keysweep); err != nil {
		if _, err := r.build(r.keysweep, runtime.GOOS, runtime.GOARCH); err != nil {
			return err
		}
	}
	for name, shell := range map[string]string{"keysweep.bash": "bash", "_keysweep": "zsh", "keysweep.fish": "fish", "keysweep.ps1": "powershell"} {
		text, err := run(".", keysweep, "completion", shell)
		if err != nil {
			return err
		}
		r.keysweep.shared["completion/"+name] = []byte(text + "\n")
	}
	page, err := manual(r.version, r.date, func(args ...string) (string, error) {
		return run(".", keysweep, append([]string{"help"}, args...)...)
	})
	r.keysweep.shared["keysweep.1"] = page
	return err
}

// write writes a file that is published.
func (r *release) write(name string, data []byte) error {
	fmt.Printf("%9d %s\n", len(data), name)
	return os.WriteFile(filepath.Join(r.out, name), data, 0o644)
}

// sums writes SHA256SUMS, as sha256sum reads it.
func (r *release) sums() error {
	files, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, f := range files {
		sum, err := r.sum(f.Name())
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s  %s\n", sum, f.Name())
	}
	return r.write("SHA256SUMS", b.Bytes())
}

func (r *release) sum(name string) (string, error) {
	data, err := os.ReadFile(filepath.Join(r.out, name))
	return hash(data), err
}

func hash(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

// sorted returns the names of files.
func sorted(files map[string][]byte) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// run runs a program in a folder, and returns what it prints without the end of
// the last line.
func run(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSuffix(stdout.String(), "\n"), nil
}
