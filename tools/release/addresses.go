package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

// addresses writes the files that say where the others are.
func (r *release) addresses() error {
	if r.base == "" {
		return nil
	}
	for _, write := range []func() error{r.formula, r.scoop, r.actionSums} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

// home is the page of the project: the repository if the base is a release of a
// repository of GitHub, else the base.
func (r *release) home() (address string, repository bool) {
	address, _, repository = strings.Cut(r.base, "/releases/download/")
	return address, repository
}

// download is an archive with its address and sum.
type download struct{ GOOS, GOARCH, URL, Sum, Stem string }

func (r *release) downloads() (list []download, err error) {
	for i := range r.keysweep.programs {
		p := &r.keysweep.programs[i]
		sum, err := r.sum(r.archiveName(p))
		if err != nil {
			return nil, err
		}
		list = append(list, download{p.goos, p.goarch, r.base + "/" + r.archiveName(p), sum, r.stem(p)})
	}
	return list, nil
}

var formula = template.Must(template.New("").Parse(`class Keysweep < Formula
  desc "{{.Summary}}"
  homepage "{{.Home}}"
  version "{{.Version}}"
  license "{{.Licence}}"
{{range .Downloads}}
  on_{{if eq .GOOS "darwin"}}macos{{else}}linux{{end}} do
    on_{{if eq .GOARCH "amd64"}}intel{{else}}arm{{end}} do
      url "{{.URL}}"
      sha256 "{{.Sum}}"
    end
  end
{{end}}
  def install
    bin.install "keysweep"
    man1.install "keysweep.1"
    bash_completion.install "completion/keysweep.bash" => "keysweep"
    zsh_completion.install "completion/_keysweep"
    fish_completion.install "completion/keysweep.fish"
    doc.install "THIRD_PARTY_NOTICES"
  end

  test do
    assert_match "v#{version}", shell_output("#{bin}/keysweep version")
  end
end
`))

// formula writes the formula of Homebrew.
func (r *release) formula() error {
	list, err := r.downloads()
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(d download) bool { return d.GOOS == "windows" })
	home, _ := r.home()
	var b bytes.Buffer
	if err := formula.Execute(&b, map[string]any{"Summary": summary, "Home": home, "Version": r.version, "Licence": licence, "Downloads": list}); err != nil {
		return err
	}
	return r.write("keysweep.rb", b.Bytes())
}

// scoop writes the manifest of Scoop.
func (r *release) scoop() error {
	list, err := r.downloads()
	if err != nil {
		return err
	}
	programs := map[string]any{}
	for _, d := range list {
		if d.GOOS == "windows" {
			name := map[string]string{"amd64": "64bit", "arm64": "arm64"}[d.GOARCH]
			programs[name] = map[string]string{"url": d.URL, "hash": d.Sum, "extract_dir": d.Stem}
		}
	}
	home, _ := r.home()
	text, err := json.MarshalIndent(map[string]any{"version": r.version, "description": summary, "homepage": home, "license": licence, "bin": "keysweep.exe", "architecture": programs}, "", "    ")
	if err != nil {
		return err
	}
	return r.write("keysweep.json", append(text, '\n'))
}

// actionSums writes the file with which action.yml downloads this release.
func (r *release) actionSums() error {
	source, err := run(r.source(), "sh", filepath.Join(".ci", "source-sum"))
	if err != nil {
		return err
	}
	list, err := r.downloads()
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# The release of this source, for action.yml. Written by make release.\nbase %s\nsource %s\n", r.base, source)
	for _, d := range list {
		fmt.Fprintf(&b, "%s  %s\n", d.Sum, d.URL[len(r.base)+1:])
	}
	return r.write("action.sums", []byte(b.String()))
}
