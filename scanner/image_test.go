package scanner

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keysweep/finding"
)

// imageOf returns the files of an image of layers, as docker save writes them, or as an
// OCI image layout with compressed layers.
func imageOf(oci bool, config string, layers ...map[string]string) map[string]string {
	files := make(map[string]string)
	blob := func(content string) string {
		sum := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
		files["blobs/sha256/"+sum] = content
		return sum
	}
	type descriptor struct {
		Digest string `json:"digest"`
	}
	var list []descriptor
	var saved []string
	for i, l := range layers {
		if oci {
			list = append(list, descriptor{"sha256:" + blob(gzipOf(tarOf(l)))})
			continue
		}
		name := fmt.Sprintf("%064d/layer.tar", i)
		files[name] = tarOf(l)
		saved = append(saved, name)
	}
	sum := blob(config)
	if !oci {
		text, _ := json.Marshal([]map[string]any{{"Config": sum + ".json", "RepoTags": []string{"app:1"}, "Layers": saved}})
		files["manifest.json"] = string(text)
		return files
	}
	text, _ := json.Marshal(map[string]any{"schemaVersion": 2, "config": descriptor{"sha256:" + sum}, "layers": list})
	files["index.json"] = fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"digest":"sha256:%s"}]}`, blob(string(text)))
	files["oci-layout"] = `{"imageLayoutVersion":"1.0.0"}`
	return files
}

func TestFilesOfLayersAreFoundAlsoThoseThatALaterLayerRemoves(t *testing.T) {
	k := keysOf(6, 7)
	text := func(i int) string { return "KEY=" + k[i] + "\n" }
	layers := []map[string]string{
		{"app/.env": text(0), "app/kept.env": text(1), "cache/a/b.env": text(2), "old/deep/c.env": text(3)},
		{"app/other": "x"},
		{"app/.wh..env": "", "cache/.wh..wh..opq": "", "cache/new.env": text(4)},
		{"./.wh.old": ""},
	}
	config := `{"config":{"Env":["KEY=` + k[5] + `"]},"history":[{"created_by":"RUN x"}]}`
	want := map[string]finding.Layer{
		"app/.env": {Number: 1, RemovedIn: 3}, "app/kept.env": {Number: 1}, "cache/a/b.env": {Number: 1, RemovedIn: 3},
		"old/deep/c.env": {Number: 1, RemovedIn: 4}, "cache/new.env": {Number: 3},
	}
	for _, oci := range []bool{false, true} {
		files := imageOf(oci, config, layers...)
		for name, content := range map[string]map[string]string{
			"tar": {"image.tar": tarOf(files)}, "tar.gz": {"image.tgz": gzipOf(tarOf(files))}, "folder": files,
			"archive": {"outer.zip": zipOf(zip.Deflate, map[string]string{"images/app.tar": tarOf(files)})},
		} {
			t.Run(fmt.Sprintf("OCI %v as %s", oci, name), func(t *testing.T) {
				r := newRepo(t, filepath.Join(t.TempDir(), "r"))
				for name, text := range content {
					write(t, filepath.Join(r.dir, name), text)
				}
				r.commit("an image")
				for _, opts := range []Options{{Tree: true}, {History: true}} {
					if opts.History && name == "folder" {
						continue // its blobs are judged apart
					}
					opts.Paths = []string{r.dir}
					res := scanAll(t, opts)
					got, config := map[string]finding.Layer{}, false
					for _, f := range res.Findings {
						for _, o := range f.Listed {
							place := o.InsideOf(o.Path)
							if o.Layer.Number == 0 && strings.Contains(place, "blobs/sha256/") && f.Secret.Reveal() == k[5] {
								config = true
								continue
							}
							got[place[strings.LastIndex(place, "!/")+2:]] = o.Layer
						}
					}
					if !maps.Equal(got, want) || !config || len(res.Skipped) > 0 {
						t.Errorf("history %v: %v, want %v; config %v, skipped %+v", opts.History, got, want, config, res.Skipped)
					}
				}
			})
		}
	}
}

// A layer of two images has a number if both agree, and is removed if both remove it.
func TestALayerOfSeveralImages(t *testing.T) {
	var m images
	a, b, c := contentID(location{path: "a"}, nil), contentID(location{path: "b"}, nil), contentID(location{path: "c"}, nil)
	m.remove(b, "x")
	at := location{path: "a", inside: "x"}
	for _, step := range []struct {
		image []string
		want  finding.Layer
	}{
		{[]string{a, b}, finding.Layer{Number: 1, RemovedIn: 2}},
		{[]string{a, b}, finding.Layer{Number: 1, RemovedIn: 2}},
		{[]string{a, b, c}, finding.Layer{Number: 1, RemovedIn: 2}},
		{[]string{a, c}, finding.Layer{}},
	} {
		m.add(slices.Clone(step.image))
		if got := m.layerOf(at); got != step.want {
			t.Errorf("%q: %v, want %v", step.image, got, step.want)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add(`[{"Layers":["a/layer.tar"]}]`, "manifest.json", "a/.wh.x")
	f.Add(`{"layers":[{"digest":"sha256:a"},{}]}`, "blobs/sha256/"+strings.Repeat("a", 64), ".wh..wh..opq")
	f.Fuzz(func(t *testing.T, text, name, member string) {
		var m images
		r := m.file(location{path: name}, strings.NewReader(text))
		if b, err := io.ReadAll(m.member(location{path: "x"}, []string{"layer", member}, r)); err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
		m.layerOf(location{path: "x", inside: "layer\x00" + member})
	})
}
