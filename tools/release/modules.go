package main

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// module is a library that at least one program of a product contains, or Go itself.
type module struct {
	path, version string
	licence       string // an expression of SPDX
	texts         []byte // of the licence and what belongs to it
}

const standardLibrary = "Go standard library"

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)(\.(md|txt))?$`)

// licences are sentences by which a licence is recognised. A library may have
// parts under another one.
var licences = []struct{ id, sentence string }{
	{"Apache-2.0", "Apache License Version 2.0"},
	{"MPL-2.0", "Mozilla Public License, v. 2.0"},
	{"MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"BSD-3-Clause", "used to endorse or promote products derived from this software"},
	{"BSD-2-Clause", "Redistribution and use in source and binary forms"},
}

// contained returns what a program contains: versions by path.
func (r *release) contained(p *program) map[string]string {
	versions := map[string]string{standardLibrary: p.info.GoVersion}
	for _, d := range p.info.Deps {
		versions[d.Path] = d.Version
		if d.Replace != nil { // keysweep itself, from the same clone
			versions[d.Path] = "v" + r.version
		}
	}
	return versions
}

// findModules reads the licences of what the programs of a product contain, from
// the folders that they were built from.
func (r *release) findModules(of *product) error {
	goroot, err := run(".", "go", "env", "GOROOT")
	if err != nil {
		return err
	}
	folders := map[string]string{standardLibrary: goroot}
	versions := map[string]string{}
	for i := range of.programs {
		maps.Copy(versions, r.contained(&of.programs[i]))
	}
	text, err := run(filepath.Join(r.source(), of.folder), "go", "list", "-m", "-f", "{{.Path}}\t{{.Dir}}", "all")
	if err != nil {
		return err
	}
	for line := range strings.Lines(text) {
		path, folder, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if versions[path] != "" {
			folders[path] = folder
		}
	}
	for path, version := range versions {
		m := module{path: path, version: version}
		files, err := os.ReadDir(folders[path])
		if err != nil {
			return fmt.Errorf("the licence of %s: %w", path, err)
		}
		for _, f := range files {
			if !licenceFile.MatchString(f.Name()) {
				continue
			}
			text, err := os.ReadFile(filepath.Join(folders[path], f.Name()))
			if err != nil {
				return err
			}
			m.texts = append(append(m.texts, bytes.TrimSpace(text)...), "\n\n"...)
		}
		words := strings.Join(strings.Fields(string(m.texts)), " ")
		var ids []string
		for _, l := range licences {
			if strings.Contains(words, l.sentence) && (l.id != "BSD-2-Clause" || !slices.Contains(ids, "BSD-3-Clause")) {
				ids = append(ids, l.id)
			}
		}
		if ids == nil {
			return fmt.Errorf("the licence of %s %s is not known", path, version)
		}
		m.licence = strings.Join(ids, " AND ")
		of.modules = append(of.modules, m)
	}
	slices.SortFunc(of.modules, func(a, b module) int { return cmp.Compare(a.path, b.path) })
	return nil
}

// notices returns the licences of all libraries.
func (of *product) notices() []byte {
	var b bytes.Buffer
	b.WriteString(of.name + " contains these libraries. Their licences follow.\n\n")
	for _, m := range of.modules {
		fmt.Fprintf(&b, "  %s %s (%s)\n", m.path, m.version, m.licence)
	}
	for _, m := range of.modules {
		fmt.Fprintf(&b, "\n%s\n%s %s\n\n", strings.Repeat("-", 72), m.path, m.version)
		if strings.Contains(m.licence, "MPL-2.0") { // section 3.2 wants this said
			fmt.Fprintf(&b, "Its source code: https://%s, version %s (go mod download %[1]s@%[2]s).\n\n", m.path, m.version)
		}
		b.Write(m.texts)
	}
	return b.Bytes()
}

// billOfMaterials writes what a program contains, in CycloneDX.
func (r *release) billOfMaterials(p *program) error {
	licensed := func(expression string) *cdx.Licenses { return &cdx.Licenses{{Expression: expression}} }
	bom := cdx.NewBOM()
	main := "pkg:golang/" + p.info.Main.Path + "@v" + r.version + "?type=module&goos=" + p.goos + "&goarch=" + p.goarch
	bom.Metadata = &cdx.Metadata{Timestamp: r.date.Format("2006-01-02T15:04:05Z"), Component: &cdx.Component{
		BOMRef: main, Type: cdx.ComponentTypeApplication, Name: p.name, Version: r.version, PackageURL: main, Licenses: licensed(licence),
		Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hash(p.data)}},
	}}
	contained := r.contained(p)
	var components []cdx.Component
	var refs []string
	for _, m := range p.modules {
		if contained[m.path] == "" {
			continue
		}
		name, url := m.path, "pkg:golang/"+m.path+"@"+m.version+"?type=module"
		if m.path == standardLibrary {
			name, url = "std", "pkg:golang/std@"+strings.TrimPrefix(m.version, "go")+"?type=module"
		}
		components = append(components, cdx.Component{BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: name, Version: m.version, PackageURL: url, Licenses: licensed(m.licence)})
		refs = append(refs, url)
	}
	bom.Components, bom.Dependencies = &components, &[]cdx.Dependency{{Ref: main, Dependencies: &refs}}
	var b bytes.Buffer
	if err := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return err
	}
	if err := checkBill(b.Bytes()); err != nil {
		return err
	}
	return r.write(r.stem(p)+".cdx.json", b.Bytes())
}

// checkBill checks a bill against the schema that the library comes with.
func checkBill(text []byte) error {
	folder, err := run(".", "go", "-C", "tools", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go")
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	for _, name := range []string{"bom-1.6.schema.json", "spdx.schema.json", "jsf-0.82.schemax.json"} {
		schema, err := os.ReadFile(filepath.Join(folder, "schema", name))
		if err != nil {
			return err
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := c.AddResource("http://cyclonedx.org/schema/"+strings.Replace(name, "schemax", "schema", 1), doc); err != nil {
			return err
		}
	}
	schema, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(doc)
}
