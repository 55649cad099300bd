package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// linuxPackages writes the deb and the rpm of a program for Linux.
func (r *release) linuxPackages(p *program) error {
	if p.goos != "linux" {
		return nil
	}
	for format, zsh := range map[string]string{"deb": "vendor-completions", "rpm": "site-functions"} {
		var contents files.Contents
		for _, f := range []struct{ name, path string }{
			{"keysweep", "/usr/bin/keysweep"},
			{"keysweep.1", "/usr/share/man/man1/keysweep.1"},
			{"completion/keysweep.bash", "/usr/share/bash-completion/completions/keysweep"},
			{"completion/_keysweep", "/usr/share/zsh/" + zsh + "/_keysweep"},
			{"completion/keysweep.fish", "/usr/share/fish/vendor_completions.d/keysweep.fish"},
			{"LICENSE", "/usr/share/doc/keysweep/copyright"},
			{"THIRD_PARTY_NOTICES", "/usr/share/doc/keysweep/THIRD_PARTY_NOTICES"},
		} {
			data, mode := p.shared[f.name], os.FileMode(0o644)
			if f.name == "keysweep" {
				data, mode = p.data, 0o755
			}
			source := filepath.Join(r.temp, "packages", p.goarch, filepath.FromSlash(f.name))
			if err := os.MkdirAll(filepath.Dir(source), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(source, data, 0o600); err != nil {
				return err
			}
			contents = append(contents, &files.Content{Source: source, Destination: f.path, FileInfo: &files.ContentFileInfo{Mode: mode, MTime: r.date, Owner: "root", Group: "root"}})
		}
		contents = append(contents, &files.Content{Destination: "/usr/share/doc/keysweep", Type: files.TypeDir, FileInfo: &files.ContentFileInfo{Mode: 0o755, MTime: r.date}})
		info := nfpm.WithDefaults(&nfpm.Info{
			Name: "keysweep", Arch: p.goarch, Version: r.version, Release: "1", Section: "utils", Priority: "optional", MTime: r.date, DisableGlobbing: true,
			Maintainer: "The keysweep authors", Description: summary, License: licence,
			Overridables: nfpm.Overridables{Contents: contents, Suggests: []string{"git"}, RPM: nfpm.RPM{BuildHost: "localhost", Summary: summary}},
		})
		if err := nfpm.PrepareForPackager(info, format); err != nil {
			return err
		}
		packager, err := nfpm.Get(format)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := packager.Package(info, &b); err != nil {
			return err
		}
		// With a tilde, GitHub would publish it under another name.
		if err := r.write(strings.ReplaceAll(packager.ConventionalFileName(info), "~", "-"), b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// npmPicker is the script of the package keysweep.
const npmPicker = `#!/usr/bin/env node
"use strict";
// Runs the program of the package for this platform.
const { spawn } = require("child_process");
const { constants } = require("os");
const name = "@keysweep/" + process.platform + "-" + process.arch;
let program;
try {
  program = require.resolve(name + "/bin/keysweep" + (process.platform === "win32" ? ".exe" : ""));
} catch {
  console.error("keysweep: the package " + name + " is missing: it was left out as an optional dependency, or there is none");
  process.exit(2);
}
const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });
process.on("SIGINT", () => {}); // the terminal sends it to both
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error("keysweep: " + error.message);
  process.exit(2);
});
child.on("exit", (status, signal) => {
  if (signal === null) process.exit(status);
  process.exitCode = 128 + constants.signals[signal]; // Node.js ignores SIGPIPE
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
`

// npmPlatform is what Node.js calls a platform.
func npmPlatform(p *program) (system, processor string) {
	system, processor = p.goos, p.goarch
	if system == "windows" {
		system = "win32"
	}
	if processor == "amd64" {
		processor = "x64"
	}
	return system, processor
}

// npm writes the npm package of a program. No script runs when it is installed.
func (r *release) npm(p *program) error {
	system, processor := npmPlatform(p)
	return r.npmPackage("@keysweep/"+system+"-"+processor, "keysweep-"+system+"-"+processor, map[string]any{
		"description": summary + ": the program for " + system + "-" + processor, "os": []string{system}, "cpu": []string{processor}, "preferUnplugged": true,
	}, entry{"bin/" + p.file(), 0o755, p.data})
}

// npmPicker writes the npm package that runs the one for the platform.
func (r *release) npmPicker() error {
	platforms := map[string]string{}
	for i := range r.keysweep.programs {
		system, processor := npmPlatform(&r.keysweep.programs[i])
		platforms["@keysweep/"+system+"-"+processor] = r.version
	}
	return r.npmPackage("keysweep", "keysweep", map[string]any{
		"description": summary, "bin": map[string]string{"keysweep": "keysweep.js"}, "optionalDependencies": platforms, "engines": map[string]string{"node": ">=16"},
	}, entry{"keysweep.js", 0o755, []byte(npmPicker)})
}

func (r *release) npmPackage(name, stem string, about map[string]any, program entry) error {
	about["name"], about["version"], about["license"] = name, r.version, licence
	if home, ok := r.home(); ok { // npm compares it with what an attestation of GitHub says
		about["repository"] = map[string]string{"type": "git", "url": "git+" + home + ".git"}
	}
	text, err := json.MarshalIndent(about, "", "  ")
	if err != nil {
		return err
	}
	entries := []entry{{"package.json", 0o644, append(text, '\n')}, program, {"LICENSE", 0o644, r.keysweep.shared["LICENSE"]}, {"THIRD_PARTY_NOTICES", 0o644, r.keysweep.shared["THIRD_PARTY_NOTICES"]}}
	for i := range entries {
		entries[i].name = path.Join("package", entries[i].name)
	}
	data, err := gzipped(entries, r.date)
	if err != nil {
		return err
	}
	return r.write(fmt.Sprintf("%s-%s.tgz", stem, r.version), data)
}
