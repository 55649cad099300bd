package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// The columns of the table of places. A key is cut if another finding is there that is said
// to be uncertain. One that is not found is noted if the report names something in the file
// that was not read.
const (
	placeExact = iota
	placeLikely
	placeCut
	placeNoted
	placeSilent
	placeColumns
)

// scanPlaces scans the files that scripts have printed, a line for each place and key:
//
//	LibreOffice docx/a.docx \t header \t sk_…
//
// and prints a table in Markdown. What is neither found nor noted is an error, and so is a
// finding that is said to be exact, and is none of the keys.
func (c *corpus) scanPlaces(keysweep, said string) error {
	var files []string
	places := map[string][][2]string{} // name and key, by file
	for line := range strings.Lines(said) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 3 {
			return fmt.Errorf("a script says %q", line)
		}
		if !strings.Contains(f[0], c.only) {
			continue
		}
		if places[f[0]] == nil {
			files = append(files, f[0])
		}
		places[f[0]] = append(places[f[0]], [2]string{f[1], f[2]})
	}
	var total [placeColumns]int
	wrong := 0
	fmt.Println("| document | exact | likely | cut | noted | silent |\n|---|---|---|---|---|---|")
	for _, file := range files {
		f, err := scanFile(keysweep, filepath.Join(c.folder, file))
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		var row [placeColumns][]string
		uncertain := f.others(places[file], false)
		for _, p := range places[file] {
			column := f.column(sum(p[1]))
			if column > placeCut && uncertain > 0 {
				column = placeCut
				uncertain--
			}
			total[column]++
			row[column] = append(row[column], p[0])
		}
		fmt.Printf("| %s", filepath.Dir(file))
		for _, names := range row {
			fmt.Printf(" | %s", strings.Join(names, ", "))
		}
		fmt.Println(" |")
		if n := f.others(places[file], true); n > 0 {
			fmt.Printf("\n%s: %d findings that are none of the keys\n", file, n)
			wrong += n
		}
	}
	fmt.Printf("\n%d documents: %d exact, %d likely, %d cut, %d noted, %d silent\n", len(files), total[placeExact], total[placeLikely], total[placeCut], total[placeNoted], total[placeSilent])
	if wrong > 0 || total[placeSilent] > 0 {
		return fmt.Errorf("%d silent, %d wrong", total[placeSilent], wrong)
	}
	return nil
}

// others returns how many findings are none of the keys, and are said to be exact or not.
func (f found) others(places [][2]string, exact bool) (n int) {
	for _, finding := range f.Findings {
		if finding.exact() == exact && !slices.ContainsFunc(places, func(p [2]string) bool { return sum(p[1]) == finding.SHA256 }) {
			n++
		}
	}
	return n
}

func (f finding) exact() bool { return f.Extent == "exact" || f.Extent == "" }

// column returns the column of the key with a hash.
func (f found) column(sha256 string) int {
	column := placeSilent
	if len(f.Skipped) > 0 {
		column = placeNoted
	}
	for _, finding := range f.Findings {
		if finding.SHA256 == sha256 {
			column = min(column, placeLikely)
			if finding.exact() {
				column = placeExact
			}
		}
	}
	return column
}
