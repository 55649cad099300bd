package scanner

import (
	"bytes"
	"encoding/json"
	"io"
	"path"
	"slices"
	"strings"
	"sync"

	"keysweep/finding"
)

// images are the container images of a target, as archives or unpacked: which of the
// files in one another are layers, and what a layer removes from those below it. Since
// a manifest may come last, what it says of a key is looked up when that is reported.
//
//	docker save:      manifest.json [{"Layers": ["HEX/layer.tar", …]}]
//	OCI image layout: blobs/sha256/HEX {"layers": [{"digest": "sha256:HEX"}, …]}
//	layer:            DIR/.wh.NAME removes DIR/NAME, DIR/.wh..wh..opq all that was in DIR
type images struct {
	mu     sync.Mutex
	layers map[string][]layer             // by contentID; guarded by mu
	gone   map[string]map[string]struct{} // by contentID of a layer: paths, with "/" behind for what is in a folder; guarded by mu
	held   int                            // bytes of text in both; guarded by mu
}

// layer is one layer of one image.
type layer struct {
	image  []string // contentIDs of its layers, the lowest first
	number int      // in image, from 0
}

const (
	maxManifest   = 1 << 20
	maxImageNames = 16 << 20 // bytes of text; what is beyond is reported without its layer
	whiteout      = ".wh."
	opaque        = ".wh..wh..opq"
	blobs         = "blobs/sha256"
)

// contentID identifies what inside leads to in the file or object at l.
func contentID(l location, inside []string) string {
	id := l.path
	if id == "" {
		id = l.object.String()
	}
	for _, name := range inside {
		id += "\x00" + path.Clean(name)
	}
	return id
}

// member notes what the member of a container at l says of layers: inside leads to it,
// r yields it. It returns what yields the same.
func (m *images) member(l location, inside []string, r io.Reader) io.Reader {
	last := len(inside) - 1
	dir, base := path.Split(inside[last])
	switch {
	case base == opaque:
		m.remove(contentID(l, inside[:last]), path.Clean(dir)+"/")
	case strings.HasPrefix(base, whiteout):
		m.remove(contentID(l, inside[:last]), path.Join(dir, base[len(whiteout):]))
	}
	return m.document(inside[last], r, func(name string) string { return contentID(l, append(inside[:last:last], name)) })
}

// file does the same for a file at l that may belong to an unpacked image.
func (m *images) file(l location, r io.Reader) io.Reader {
	return m.document(l.path, r, func(name string) string { return contentID(location{path: name}, nil) })
}

// document notes the layers that r names, if it is a manifest called name. id returns
// the contentID of another file in the same folder or archive.
func (m *images) document(name string, r io.Reader, id func(name string) string) io.Reader {
	dir, base := path.Split(path.Clean(name))
	root, isBlob := strings.CutSuffix(strings.TrimSuffix(dir, "/"), blobs)
	if isBlob = isBlob && (root == "" || strings.HasSuffix(root, "/")) && len(base) == 64; !isBlob && base != "manifest.json" {
		return r
	}
	text, err := io.ReadAll(io.LimitReader(r, maxManifest))
	if err != nil {
		return io.MultiReader(bytes.NewReader(text), failing{err})
	}
	var saved []struct{ Layers []string }
	var manifest struct {
		Layers []struct{ Digest string }
	}
	switch {
	case !isBlob && json.Unmarshal(text, &saved) == nil:
		for _, image := range saved {
			for i := range image.Layers {
				image.Layers[i] = id(path.Join(dir, image.Layers[i]))
			}
			m.add(image.Layers)
		}
	case bytes.HasPrefix(text, []byte("{")) && json.Unmarshal(text, &manifest) == nil:
		var image []string
		for _, l := range manifest.Layers {
			image = append(image, id(path.Join(dir, strings.TrimPrefix(l.Digest, "sha256:"))))
		}
		m.add(image)
	}
	return io.MultiReader(bytes.NewReader(text), r)
}

// failing is a reader that failed.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func (m *images) add(image []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.layers == nil {
		m.layers = make(map[string][]layer)
	}
	for i, id := range image {
		same := func(l layer) bool { return l.number == i && slices.Equal(l.image, image) }
		if m.room(len(id)) && !slices.ContainsFunc(m.layers[id], same) { // read again, or saved for both programs
			m.layers[id] = append(m.layers[id], layer{image, i})
		}
	}
}

func (m *images) remove(layer, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.room(len(name)) {
		return
	}
	if m.gone == nil {
		m.gone = make(map[string]map[string]struct{})
	}
	if m.gone[layer] == nil {
		m.gone[layer] = make(map[string]struct{})
	}
	m.gone[layer][name] = struct{}{}
}

// room reports whether a text of n bytes may be held.
func (m *images) room(n int) bool {
	m.held += n
	return m.held <= maxImageNames
}

// layerOf returns in which layer of an image l is, and which removes it; zero if it is
// in none, or in several images with different numbers.
func (m *images) layerOf(l location) (of finding.Layer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.layers) == 0 || l.inside == "" {
		return of
	}
	inside := strings.Split(l.inside, "\x00")
	for i, name := range inside {
		for n, layer := range m.layers[contentID(l, inside[:i])] {
			found := finding.Layer{Number: layer.number + 1, RemovedIn: m.removedIn(layer, path.Clean(name))}
			if n > 0 && found != of {
				return finding.Layer{}
			}
			of = found
		}
	}
	return of
}

// removedIn returns the number of the first layer above l that removes name, from 1;
// 0: none does.
func (m *images) removedIn(l layer, name string) int {
	for i := l.number + 1; i < len(l.image); i++ {
		gone := m.gone[l.image[i]]
		if len(gone) == 0 {
			continue
		}
		if _, ok := gone[name]; ok {
			return i + 1
		}
		for dir := name; dir != "." && dir != "/"; {
			dir = path.Dir(dir)
			_, removed := gone[dir]
			_, emptied := gone[dir+"/"]
			if removed || emptied {
				return i + 1
			}
		}
	}
	return 0
}
