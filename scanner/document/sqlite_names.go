package document

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// rowName names a row: its table and number, or the page and cell where that is not known.
func (p *sqlitePage) rowName(kind byte, cell int, c sqliteCell) (string, error) {
	if !p.found {
		p.found = true
		if err := p.findTables(); err != nil && !errors.Is(err, errNotWhole) {
			return "", err
		}
	}
	name := ""
	if int64(p.number) < int64(len(p.owner)) {
		name = p.tables[p.owner[p.number]]
	}
	switch {
	case name == "":
		name = fmt.Sprintf("page %d", p.number)
	case kind != pageLeafTable:
		name += fmt.Sprintf("/page %d", p.number)
	}
	if kind == pageLeafTable {
		return name + "/" + strconv.FormatInt(c.row, 10), nil
	}
	return fmt.Sprintf("%s/%d", name, cell+1), nil
}

// findTables reads the schema, a table whose root is page 1, and which pages the tree of
// each table has.
//
//	type | name | table's name | root page | SQL
func (p *sqlitePage) findTables() error {
	d := p.sqlite
	d.tables = []string{""}
	if d.isLog || d.pages > maxOwned {
		return nil
	}
	d.owner = make([]uint16, d.pages+1)
	type root struct {
		name string
		page uint32
	}
	var roots []root
	err := d.tree(1, d.table("sqlite_schema"), func(n uint32, b []byte) error {
		schema := sqlitePage{sqlite: d, b: b, number: n}
		return schema.cells(func(_ int, kind byte, at int) error {
			c, ok := schema.cell(kind, at)
			if kind != pageLeafTable || !ok || len(roots) == maxTables {
				return nil
			}
			if name, page := d.schemaRow(c); page > 0 {
				roots = append(roots, root{name, page})
			}
			return nil
		})
	})
	for _, r := range roots {
		if err == nil || errors.Is(err, errNotWhole) {
			err = d.tree(r.page, d.table(r.name), nil)
		}
	}
	return err
}

// table returns the number of a further table.
func (d *sqlite) table(name string) uint16 {
	d.tables = append(d.tables, name)
	return uint16(len(d.tables) - 1)
}

// schemaRow returns the name and the root page that a row of the schema has.
func (d *sqlite) schemaRow(c sqliteCell) (name string, page uint32) {
	r, err := newRow(d, c)
	if err != nil || len(r.columns) < 4 || r.columns[3].isKept {
		return "", 0
	}
	number := make([]byte, r.columns[3].size)
	var texts strings.Builder
	for i := range 3 {
		if r.columns[i].size > 1<<12 {
			return "", 0
		}
	}
	left := len(r.columns) - 3
	for len(r.columns) > left || r.left > 0 {
		if r.step() != nil {
			return "", 0
		}
	}
	texts.Write(r.out)
	if _, err := io.ReadFull(r.in, number); err != nil {
		return "", 0
	}
	lines := strings.SplitN(texts.String(), cellEnd, 3)
	if len(lines) < 3 {
		return "", 0
	}
	var v uint64
	for _, c := range number {
		v = v<<8 | uint64(c)
	}
	return strings.Clone(lines[1][:min(len(lines[1]), maxTableName)]), uint32(min(v, 1<<32-1))
}

// tree notes that the pages below root are table's, and calls leaf, if not nil, for each
// leaf. All leaves are equally deep: they need not be read to know that they are leaves.
func (d *sqlite) tree(root uint32, table uint16, leaf func(n uint32, b []byte) error) error {
	buf := make([]byte, d.pageSize)
	depth := 0
	for n := root; ; depth++ {
		if err := d.page(n, buf); err != nil {
			return err
		}
		children := d.children(n, buf)
		if len(children) == 0 {
			break
		}
		const deepest = 40
		if n = children[0]; depth > deepest {
			return errNotWhole
		}
	}
	level := []uint32{root}
	for ; len(level) > 0; depth-- {
		var next []uint32
		for _, n := range level {
			if n == 0 || int64(n) >= int64(len(d.owner)) || d.owner[n] != 0 {
				continue
			}
			d.owner[n] = table
			if depth <= 0 && leaf == nil {
				continue
			}
			if err := d.page(n, buf); err != nil {
				return err
			}
			if leaf != nil {
				if err := leaf(n, buf); err != nil {
					return err
				}
			}
			next = append(next, d.children(n, buf)...)
		}
		level = next
	}
	return nil
}

// children returns the pages below page n, which is b.
func (d *sqlite) children(n uint32, b []byte) (list []uint32) {
	head := 0
	if n == 1 {
		head = 100
	}
	if b[head] != pageInnerTable && b[head] != pageInnerIndex {
		return nil
	}
	p := sqlitePage{sqlite: d, b: b, number: n}
	_ = p.cells(func(_ int, _ byte, at int) error {
		list = append(list, binary.BigEndian.Uint32(b[at:]))
		return nil
	})
	return append(list, binary.BigEndian.Uint32(b[head+8:]))
}
