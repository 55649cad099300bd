// Package transcript knows where coding agents keep what was said and done, and what the
// lines there say of themselves: which project and session they are of, when, and who
// wrote what.
package transcript

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"keysweep/file"
)

// Folder is a folder or file that an agent keeps.
type Folder struct {
	Agent string // its title
	Path  string
}

// Folders returns what agents have left in a home folder, as far as it is there, and the
// settings of projects that they know, whose permission rules hold whole commands. env
// returns a variable of the environment, "" if it is not set.
func Folders(home string, env func(string) string) (list []Folder) {
	known := func(agent string, paths ...string) {
		for _, path := range paths {
			if !filepath.IsAbs(path) {
				path = filepath.Join(home, filepath.FromSlash(path))
			}
			if _, err := os.Stat(path); err == nil && !slices.Contains(list, Folder{agent, path}) {
				list = append(list, Folder{agent, path})
			}
		}
	}
	or := func(variable, path string) string {
		if folder := env(variable); filepath.IsAbs(folder) {
			return folder
		}
		return path
	}
	known("Claude Code", or("CLAUDE_CONFIG_DIR", ".claude"), ".claude.json")
	known("Claude Code", projectSettings(filepath.Join(home, ".claude.json"))...)
	known("OpenAI Codex", or("CODEX_HOME", ".codex"))
	known("Gemini CLI", ".gemini")
	known("GitHub Copilot CLI", ".copilot")
	known("Cursor", ".cursor")
	known("Windsurf", ".codeium/windsurf")
	known("opencode", filepath.Join(or("XDG_DATA_HOME", ".local/share"), "opencode"))
	for _, data := range []string{or("XDG_CONFIG_HOME", ".config"), "Library/Application Support", or("APPDATA", "AppData/Roaming")} {
		known("Cursor", filepath.Join(data, "Cursor", "User", "globalStorage"), filepath.Join(data, "Cursor", "User", "workspaceStorage"))
		for _, editor := range []string{"Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf"} {
			if cline := filepath.Join(data, editor, "User", "globalStorage", "saoudrizwan.claude-dev"); editor != "Cursor" { // a part of Cursor's
				known("Cline", cline)
			}
		}
	}
	return list
}

// projectSettings returns the settings files of the projects that Claude Code lists.
func projectSettings(path string) (files []string) {
	const limit = 64 << 20
	text, err := file.Read(path, limit)
	var all struct {
		Projects map[string]json.RawMessage `json:"projects"`
	}
	if err != nil || json.Unmarshal(text, &all) != nil {
		return nil
	}
	for project := range all.Projects {
		for _, name := range []string{"settings.json", "settings.local.json"} {
			if filepath.IsAbs(project) {
				files = append(files, filepath.Join(project, ".claude", name))
			}
		}
	}
	slices.Sort(files)
	return files
}
