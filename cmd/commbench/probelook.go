package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/bench/watch"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/reports"
)

// lookTable is one look of --watch: a row for each source, a column for each figure.
func lookTable(p *probe.Page, l *look) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "commbench probe   %s", l.time.Format("2006-01-02 15:04:05 UTC"))
	if p.Fake != nil {
		fmt.Fprintf(&b, "   a machine that is not there: %s", *p.Fake)
	}
	b.WriteByte('\n')
	writeTroubles(&b, l.troubles) // first, where a small screen has them
	for rest := l.figures; len(rest) > 0; {
		// Sources that have the same figures share a table.
		head, sources := figuresOf(rest), 0
		var rows [][]watch.Figure
		for ; len(rest) > 0 && slices.Equal(figuresOf(rest), head); sources++ {
			rows, rest = append(rows, rest[:len(head)]), rest[len(head):]
		}
		names := reports.Strip{Left: true}
		for _, row := range rows {
			names.Cells = append(names.Cells, row[0].Source)
		}
		strips := []reports.Strip{names}
		for col, name := range head {
			values := make([]*float64, len(rows))
			text := name.Unit
			for i, row := range rows {
				values[i] = row[col].Value
				if text == "B/s" && values[i] != nil {
					values[i] = new(*values[i] / 1e9)
				}
			}
			if text == "B/s" {
				text = "GB/s"
			}
			s := reports.Strip{Head: strings.ReplaceAll(name.Name, "_", " ") + "\n" + text, Cells: unit.Column(values)}
			if text == "bits" {
				s = reports.Strip{Head: "held down\nby", Left: true, Cells: reasonCells(values)}
			}
			strips = append(strips, s)
		}
		b.WriteByte('\n')
		reports.Draw(&b, strips)
	}
	return append(b.Bytes(), '\n')
}

func writeTroubles(b *bytes.Buffer, troubles []string) {
	const most = 8
	if len(troubles) > 0 {
		b.WriteByte('\n')
	}
	for i, text := range troubles {
		if i == most {
			fmt.Fprintf(b, "and %d more\n", len(troubles)-most)
			break
		}
		fmt.Fprintln(b, text)
	}
}

// figureName is a heading.
type figureName struct{ Name, Unit string }

// figuresOf are those of the first source.
func figuresOf(figures []watch.Figure) (names []figureName) {
	for _, f := range figures {
		if f.Source != figures[0].Source {
			break
		}
		names = append(names, figureName{f.Name, f.Unit})
	}
	return names
}

func reasonCells(values []*float64) (cells []string) {
	for _, v := range values {
		cells = append(cells, unit.Opt(v, func(bits float64) string { return nvml.Reasons(bits).String() }))
	}
	return cells
}
