package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"slices"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// image writes the image of a program for Linux as an archive that docker load,
// podman load and skopeo read: an image layout of OCI (image-spec,
// image-layout.md) with the manifest.json of docker save. It holds the program,
// the certificates that Mozilla trusts, a user and /tmp, and no shell.
func (r *release) image(p *program) error {
	if p.goos != "linux" {
		return nil
	}
	doc := "usr/share/doc/" + p.name + "/"
	files := []entry{
		{"etc/", 0o755, nil}, {"etc/passwd", 0o644, []byte("keysweep:x:65532:65532::/tmp:/\n")},
		{"etc/ssl/", 0o755, nil}, {"etc/ssl/certs/", 0o755, nil}, {"etc/ssl/certs/ca-certificates.crt", 0o644, certificates()},
		{"src/", 0o755, nil}, {"tmp/", 0o1777, nil},
		{"usr/", 0o755, nil}, {"usr/bin/", 0o755, nil}, {"usr/bin/" + p.name, 0o755, p.data},
		{"usr/share/", 0o755, nil}, {"usr/share/doc/", 0o755, nil}, {doc, 0o755, nil},
		{doc + "LICENSE", 0o644, p.shared["LICENSE"]}, {doc + "THIRD_PARTY_NOTICES", 0o644, p.shared["THIRD_PARTY_NOTICES"]},
	}
	plain, err := tarred(files, r.date)
	if err != nil {
		return err
	}
	layer, err := gzipped(files, r.date)
	if err != nil {
		return err
	}
	blobs := map[string][]byte{}
	add := func(kind string, data []byte) map[string]any {
		blobs["blobs/sha256/"+hash(data)] = data
		return map[string]any{"mediaType": kind, "digest": "sha256:" + hash(data), "size": len(data)}
	}
	const media = "application/vnd.oci.image."
	config := add(media+"config.v1+json", encode(map[string]any{
		"created": r.date.Format(time.RFC3339), "os": p.goos, "architecture": p.goarch,
		"config": map[string]any{"User": "65532:65532", "Entrypoint": []string{p.name}, "Env": []string{"PATH=/usr/bin", "HOME=/tmp"}, "WorkingDir": "/src", "Labels": map[string]string{
			"org.opencontainers.image.title": p.name, "org.opencontainers.image.version": r.version, "org.opencontainers.image.licenses": licence,
			"org.opencontainers.image.revision": r.commit}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hash(plain)}},
	}))
	content := add(media+"layer.v1.tar+gzip", layer)
	manifest := add(media+"manifest.v1+json", encode(map[string]any{"schemaVersion": 2, "mediaType": media + "manifest.v1+json", "config": config, "layers": []any{content}}))
	manifest["annotations"] = map[string]string{
		"org.opencontainers.image.ref.name": r.version,
		"io.containerd.image.name":          "docker.io/library/" + p.name + ":" + r.version, // by which podman and Docker 29 call it
	}
	manifest["platform"] = map[string]string{"os": p.goos, "architecture": p.goarch}
	blob := func(of map[string]any) string { return "blobs/sha256/" + of["digest"].(string)[len("sha256:"):] }
	entries := []entry{
		{"oci-layout", 0o644, []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{"index.json", 0o644, encode(map[string]any{"schemaVersion": 2, "mediaType": media + "index.v1+json", "manifests": []any{manifest}})},
		{"manifest.json", 0o644, encode([]any{map[string]any{"Config": blob(config), "RepoTags": []string{p.name + ":" + r.version}, "Layers": []string{blob(content)}}})},
		{"blobs/", 0o755, nil}, {"blobs/sha256/", 0o755, nil},
	}
	for _, name := range sorted(blobs) {
		entries = append(entries, entry{name, 0o644, blobs[name]})
	}
	data, err := tarred(entries, r.date)
	if err != nil {
		return err
	}
	return r.write(r.stem(p)+".image.tar", data)
}

// certificates returns the roots that Mozilla trusts without conditions, which a file
// cannot express. The version of the module is that of the list.
func certificates() []byte {
	var list []string
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			list = append(list, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})))
		}
	}
	slices.Sort(list)
	var b bytes.Buffer
	for _, c := range list {
		b.WriteString(c)
	}
	return b.Bytes()
}

// encode returns JSON, whose maps are sorted by key.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps, strings and numbers
	}
	return text
}
