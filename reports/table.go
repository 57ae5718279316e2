package reports

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
)

func writeTable(w io.Writer, recs []record.Record, opts *Options) error {
	var b bytes.Buffer
	if len(recs) == 0 {
		b.WriteString("no records\n")
	}
	for i, group := range bySource(recs) {
		if i > 0 {
			b.WriteByte('\n')
		}
		section(&b, group)
	}
	if len(opts.Meaning) > 0 {
		b.WriteByte('\n')
	}
	for _, line := range opts.Meaning {
		fmt.Fprintln(&b, clean(line))
	}
	return flush(w, &b)
}

// bySource splits the records so that measured figures never stand in one
// column with simulated ones, in the order in which the sources appear.
func bySource(recs []record.Record) [][]record.Record {
	var groups [][]record.Record
	for _, r := range recs {
		at := slices.IndexFunc(groups, func(g []record.Record) bool { return g[0].Source == r.Source })
		if at < 0 {
			at, groups = len(groups), append(groups, nil)
		}
		groups[at] = append(groups[at], r)
	}
	return groups
}

// section is the heading, the table and the remarks for records of one source.
func section(b *bytes.Buffer, recs []record.Record) {
	columns := []column{op, algorithm}
	if len(ops(recs)) == 1 {
		columns = columns[1:]
	}
	columns = append(columns, headline(b, strings.Join(ops(recs), ", "), recs)...)
	table(b, append(columns, figures(recs)...), recs)
	if said := remarks(recs, named(recs)); len(said) > 0 {
		b.WriteByte('\n')
		b.WriteString(strings.Join(said, ""))
	}
}

// headline is the heading: what the records have in common. It returns columns of
// what they do not.
func headline(b *bytes.Buffer, name string, recs []record.Record) (columns []column) {
	agreed := map[string]string{} // the heading's lines by label
	for _, f := range facts {
		said, differs := f.agree(recs)
		switch {
		case differs:
			columns = append(columns, f.columns...)
		case said != "" && agreed[f.line] != "":
			agreed[f.line] += f.sep + said
		case said != "":
			agreed[f.line] = said
		}
	}
	name = title + " " + name
	if source := recs[0].Source; source != record.Measured {
		name += " (" + source + ")"
	}
	fmt.Fprintln(b, strings.TrimSpace(clean(name+"   "+agreed[title])))
	for _, label := range lines[1:] {
		if agreed[label] != "" {
			b.WriteString(remark(label, agreed[label]))
		}
	}
	b.WriteByte('\n')
	return columns
}

// agree returns what the heading says of the fact: the phrase that all records
// share, or each phrase with the operations that it holds for when that is all
// they differ by. Otherwise the records differ.
func (f fact) agree(recs []record.Record) (said string, differs bool) {
	var phrases []string
	holds := map[string][]string{} // for which operations
	byOp := map[string]string{}
	for i := range recs {
		r, s := &recs[i], f.say(&recs[i])
		if s == "" && f.lenient {
			continue
		}
		if before, ok := byOp[r.Op]; ok && before != s {
			return "", true
		} else if ok {
			continue
		}
		byOp[r.Op] = s
		if holds[s] = append(holds[s], r.Op); len(holds[s]) == 1 {
			phrases = append(phrases, s)
		}
	}
	if len(phrases) == 1 {
		return phrases[0], false
	}
	var parts []string
	for _, s := range phrases {
		if s != "" {
			parts = append(parts, s+" ("+strings.Join(holds[s], ", ")+")")
		}
	}
	return strings.Join(parts, ", "), false
}

func ops(recs []record.Record) []string {
	var names []string
	for _, r := range recs {
		if !slices.Contains(names, r.Op) {
			names = append(names, r.Op)
		}
	}
	return names
}

// A column is three lines of heading, the unit last, and a cell a record.
type column struct {
	head  string
	left  bool // words are aligned left, numbers right
	cells func([]record.Record) []string
}

// word is a column of words.
func word(head string, get func(*rec) *string) column {
	return column{head, true, each(func(r *rec) string { return unit.Opt(get(r), verbatim) })}
}

// number is a column of whole numbers.
func number[T int | int64](head string, get func(*rec) *T) column {
	return column{head, false, each(func(r *rec) string {
		return unit.Opt(get(r), func(n T) string { return unit.Count(int64(n)) })
	})}
}

// figure is a column of measured numbers, whose points line up.
func figure(head string, get func(*rec) *float64) column {
	return column{head, false, func(recs []record.Record) []string {
		values := make([]*float64, len(recs))
		for i := range recs {
			values[i] = get(&recs[i])
		}
		return unit.Column(values)
	}}
}

// busy is a column of shares of the time, of what was simulated.
func busy(what string, get func(*record.Busy) *float64) column {
	return column{what + "\nbusy\n%", false, each(func(r *rec) string {
		share := part(r.Simulation, func(s *record.Simulation) *float64 { return get(&s.Busy) })
		return unit.Opt(share, func(v float64) string { return fmt.Sprintf("%.0f", 100*v) })
	})}
}

func each(cell func(*rec) string) func([]record.Record) []string {
	return func(recs []record.Record) []string {
		cells := make([]string, len(recs))
		for i := range recs {
			cells[i] = cell(&recs[i])
		}
		return cells
	}
}

var (
	op        = word("\n\nop", func(r *rec) *string { return &r.Op })
	algorithm = word("\n\nalgorithm", func(r *rec) *string { return &r.Algorithm })
)

// figures are the columns of results. Those that not every operation has are
// left out where no record has them.
// What was simulated has one time, and moved no data that could be wrong.
func figures(recs []record.Record) []column {
	type shown struct {
		optional bool
		column
	}
	var all []shown
	virtual := !slices.ContainsFunc(recs, func(r rec) bool { return r.Simulation == nil })
	if virtual {
		all = []shown{{false, figure("\ntime\nus", func(r *rec) *float64 { return r.TimeUS.P50 })}}
	} else {
		all = []shown{
			{false, figure("time\np50\nus", func(r *rec) *float64 { return r.TimeUS.P50 })},
			{false, figure("time\np95\nus", func(r *rec) *float64 { return r.TimeUS.P95 })},
			{false, figure("time\np99\nus", func(r *rec) *float64 { return r.TimeUS.P99 })},
		}
	}
	all = append(all, []shown{
		{true, figure("notify\np50\nus", func(r *rec) *float64 { return r.TimeUS.NotifyP50 })},
		{true, figure("epilogue\np50\nus", func(r *rec) *float64 { return r.TimeUS.EpilogueP50 })},
		{false, figure("scale-out\nlogical\nGB/s/rank", func(r *rec) *float64 { return r.Bandwidth.ScaleOutLogical })},
		{false, figure("scale-out\nwire\nGB/s/rank", func(r *rec) *float64 { return r.Bandwidth.ScaleOutWire })},
		{false, figure("scale-up\nlogical\nGB/s/rank", func(r *rec) *float64 { return r.Bandwidth.ScaleUpLogical })},
		{false, figure("scale-up\nwire\nGB/s/rank", func(r *rec) *float64 { return r.Bandwidth.ScaleUpWire })},
		{true, figure("\ncopied\nGB", copied)},
		{true, busy("SMs", func(b *record.Busy) *float64 { return &b.SMs })},
		{true, busy("scale-out", func(b *record.Busy) *float64 { return &b.ScaleOut })},
		{true, busy("scale-up", func(b *record.Busy) *float64 { return &b.ScaleUp })},
		{true, column{"\nof\nlimit", false, each(func(r *rec) string { return unit.Opt(r.Efficiency, unit.Ratio) })}},
		{true, versus(recs)},
		{true, figure("\npower\nW", func(r *rec) *float64 { return part(r.Sampling, func(s *record.Sampling) *float64 { return s.PowerW }) })},
		{true, figure("SM\nclock\nMHz", func(r *rec) *float64 { return part(r.Sampling, func(s *record.Sampling) *float64 { return s.SMMHz }) })},
		{true, figure("throttled\nGPUs\ns", func(r *rec) *float64 {
			return part(r.Sampling, func(s *record.Sampling) *float64 { return s.ThrottledS })
		})},
		{true, column{"NIC\nover\nledger", false, each(func(r *rec) string { return unit.Opt(ofLedger(r), unit.Ratio) })}},
		{virtual, column{"\nwrong\ntokens", false, each(wrong)}},
	}...)
	var columns []column
	for _, c := range all {
		known := func(cell string) bool { return cell != unit.Unknown }
		if !c.optional || slices.ContainsFunc(c.cells(recs), known) {
			columns = append(columns, c.column)
		}
	}
	return columns
}

func copied(r *rec) *float64 {
	if r.Traffic.CopiedBytes == nil {
		return nil
	}
	return new(unit.Bytes(*r.Traffic.CopiedBytes).GB())
}

// ofLedger is what the NIC counted, of what the ledger has.
func ofLedger(r *rec) *float64 {
	if r.Counted == nil {
		return nil
	}
	return r.Counted.Ratio
}

// versus names the baseline in the heading if there is only one, or else in
// each cell.
func versus(recs []record.Record) column {
	var names []string
	for _, r := range recs {
		if r.Baseline != nil && !slices.Contains(names, r.Baseline.Algorithm) {
			names = append(names, r.Baseline.Algorithm)
		}
	}
	head := "baseline"
	if len(names) == 1 {
		head = names[0]
	}
	return column{"\nvs\n" + clean(head), false, each(func(r *rec) string {
		switch {
		case r.Baseline == nil:
			return unit.Unknown
		case len(names) == 1:
			return unit.Ratio(r.Baseline.Ratio)
		default:
			return unit.Ratio(r.Baseline.Ratio) + " " + r.Baseline.Algorithm
		}
	})}
}

func wrong(r *rec) string {
	if r.Wrong != nil && *r.Wrong != 0 {
		return "WRONG " + unit.Count(*r.Wrong)
	}
	return unit.Opt(r.Wrong, unit.Count)
}

// Strip is a column of a table: a heading of some lines, the unit last, and its cells.
type Strip struct {
	Head  string // lines; the last one stands right above the cells
	Left  bool   // words are aligned left, numbers right
	Cells []string
}

func table(b *bytes.Buffer, columns []column, recs []record.Record) {
	strips := make([]Strip, len(columns))
	for i, c := range columns {
		strips[i] = Strip{c.head, c.left, c.cells(recs)}
	}
	Draw(b, strips)
}

// Draw draws strips side by side, with one rule under the heading and no other
// lines. A library that draws tables was here before: with borders, wrapping and
// colours turned off it was as long as this, and took 3 s of a first build.
func Draw(b *bytes.Buffer, strips []Strip) {
	const gap = "  "
	heads, rows := 0, 0
	for _, s := range strips {
		heads, rows = max(heads, 1+strings.Count(s.Head, "\n")), max(rows, len(s.Cells))
	}
	lines := make([][]string, heads+rows)
	total := len(gap) * (len(strips) - 1)
	for _, s := range strips {
		cells := slices.Concat(make([]string, heads-1-strings.Count(s.Head, "\n")), strings.Split(s.Head, "\n"))
		for _, cell := range s.Cells {
			cells = append(cells, clean(cell))
		}
		width := 0
		for _, cell := range cells {
			width = max(width, utf8.RuneCountInString(cell))
		}
		total += width
		for i := range lines {
			cell := ""
			if i < len(cells) {
				cell = cells[i]
			}
			pad := strings.Repeat(" ", width-utf8.RuneCountInString(cell))
			if s.Left {
				lines[i] = append(lines[i], cell+pad)
			} else {
				lines[i] = append(lines[i], pad+cell)
			}
		}
	}
	for i, cells := range lines {
		if i == heads {
			fmt.Fprintln(b, strings.Repeat("-", total))
		}
		fmt.Fprintln(b, strings.TrimRight(strings.Join(cells, gap), " "))
	}
}
