package reports

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
)

var ceilingFormats = []struct {
	name  string
	write func(io.Writer, record.Ceilings) error
}{
	{"table", ceilingsTable},
	{"json", record.WriteCeilings},
	{"csv", ceilingsCSV},
}

// CeilingFormats are the names that WriteCeilings knows.
func CeilingFormats() []string {
	var names []string
	for _, f := range ceilingFormats {
		names = append(names, f.name)
	}
	return names
}

// WriteCeilings writes a host's ceilings in the named format. The errors are as
// those of Write.
func WriteCeilings(w io.Writer, format string, c record.Ceilings) error {
	for _, f := range ceilingFormats {
		if f.name == format {
			return f.write(w, c)
		}
	}
	return fmt.Errorf("reports: %w %q: want %s", ErrFormat, format, strings.Join(CeilingFormats(), ", "))
}

// ceilingsCSV writes a row for each case: what the document says of all, but for
// its warnings, and then the case's own.
func ceilingsCSV(w io.Writer, c record.Ceilings) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("reports: %w", err)
	}
	var head, common []string
	for name, value := range c.Leaves() {
		if name != "warnings" {
			head, common = append(head, name), append(common, cell(value))
		}
	}
	for name := range new(record.Ceiling).Leaves() {
		head = append(head, name)
	}
	rows := [][]string{head}
	for i := range c.Cases {
		row := slices.Clone(common)
		for _, value := range c.Cases[i].Leaves() {
			row = append(row, cell(value))
		}
		rows = append(rows, row)
	}
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	out.UseCRLF = true
	if err := out.WriteAll(rows); err != nil {
		return err
	}
	return flush(w, &b)
}

func ceilingsTable(w io.Writer, c record.Ceilings) error {
	var b bytes.Buffer
	heading(&b, &c)
	rates(&b, c.Cases)
	signals(&b, c.Cases)
	legend(&b, c.Cases)
	if c.Interrupted || len(c.Warnings) > 0 {
		b.WriteByte('\n')
	}
	if c.Interrupted {
		b.WriteString(remark("interrupted", "before all repeats: a figure is of those that were taken"))
	}
	for _, s := range c.Warnings {
		b.WriteString(remark("warning", s))
	}
	return flush(w, &b)
}

func heading(b *bytes.Buffer, c *record.Ceilings) {
	host := strings.Join(slices.DeleteFunc([]string{
		unit.Opt(c.Host.CPU, verbatim), counted(c.Host.Cores, "core"), phrase(c.ISA, "%s"),
	}, func(s string) bool { return s == "" || s == unit.Unknown }), ", ")
	fmt.Fprintln(b, strings.TrimSpace(clean("commbench limits   "+host)))
	bytes := func(n *int64) string {
		return unit.Opt(n, func(n int64) string { return unit.Bytes(n).String() })
	}
	b.WriteString(remark("memory", fmt.Sprintf("%s; in cache %s a worker, of L2 %s; out of cache %s, last cache %s",
		unit.Opt(c.Memory, verbatim), bytes(c.InBytes), bytes(c.L2Bytes), bytes(c.PoolBytes), bytes(c.LastBytes))))
	b.WriteString(remark("samples", fmt.Sprintf("%s of %s each, in turn over all cases; rates are of all workers together",
		counted(&c.Repeats, "repeat"), unit.Micros(c.SampleUS))))
}

// line is what cases that differ only in their workers have in common.
type line struct {
	kind, cache, order, stores string
	rows                       int
	block                      int64
}

func lineOf(c *record.Ceiling) line {
	l := line{c.Kind, unit.Opt(c.Cache, verbatim), unit.Opt(c.Order, verbatim), unit.Opt(c.Stores, verbatim), 0, 0}
	if c.Rows != nil {
		l.rows = *c.Rows
	}
	if c.BlockBytes != nil {
		l.block = *c.BlockBytes
	}
	return l
}

// rates is the table of the cases that have one: a line for each case, and columns
// for each number of workers.
func rates(b *bytes.Buffer, cases []record.Ceiling) {
	var lines []line
	var workers []int
	at := map[line]map[int]record.Spread{}
	for i := range cases {
		c := &cases[i]
		if c.Workers == nil || c.GBps.P50 == nil {
			continue
		}
		l := lineOf(c)
		if at[l] == nil {
			lines, at[l] = append(lines, l), map[int]record.Spread{}
		}
		if !slices.Contains(workers, *c.Workers) {
			workers = append(workers, *c.Workers)
		}
		at[l][*c.Workers] = c.GBps
	}
	if len(lines) == 0 {
		return
	}
	slices.Sort(workers)
	// What is compared stands together: within a kind all that is in cache first.
	slices.SortStableFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(kindOf(a.kind), kindOf(b.kind)), cmp.Compare(a.cache, b.cache))
	})
	text := func(head string, left bool, get func(line) string) Strip {
		s := Strip{Head: head, Left: left}
		for _, l := range lines {
			s.Cells = append(s.Cells, get(l))
		}
		return s
	}
	strips := []Strip{
		text("\n\nkind", true, func(l line) string { return l.kind }),
		text("\nblock\nB", false, func(l line) string { return unit.Count(l.block) }),
		text("\n\nrows", false, func(l line) string {
			if l.rows == 0 {
				return ""
			}
			return unit.Count(int64(l.rows))
		}),
		text("\n\ncache", true, func(l line) string { return blank(l.cache) }),
		text("\n\norder", true, func(l line) string { return blank(l.order) }),
		text("\n\nstores", true, func(l line) string { return blank(l.stores) }),
	}
	for _, n := range workers {
		// One number of decimals for all three.
		var values []*float64
		for _, get := range []func(record.Spread) *float64{
			func(s record.Spread) *float64 { return s.P50 },
			func(s record.Spread) *float64 { return s.Min },
			func(s record.Spread) *float64 { return s.Max },
		} {
			for _, l := range lines {
				values = append(values, get(at[l][n]))
			}
		}
		cells := unit.Column(values)
		for i, head := range []string{counted(&n, "worker") + "\np50", "\nmin", "\nmax"} {
			strips = append(strips, Strip{Head: head + "\nGB/s", Cells: cells[i*len(lines):][:len(lines)]})
		}
	}
	b.WriteByte('\n')
	Draw(b, strips)
}

// blank leaves out what a case does not have, which is not unknown.
func blank(s string) string {
	if s == unit.Unknown {
		return ""
	}
	return s
}

// signals is the table of latencies.
func signals(b *bytes.Buffer, cases []record.Ceiling) {
	var names []string
	var p50, p99 []*float64
	for _, c := range cases {
		if c.LatencyNS.P50 != nil {
			names, p50, p99 = append(names, c.Kind), append(p50, c.LatencyNS.P50), append(p99, c.LatencyNS.P99)
		}
	}
	if len(names) == 0 {
		return
	}
	cells := unit.Column(append(p50, p99...))
	b.WriteByte('\n')
	Draw(b, []Strip{
		{Head: "\n\nkind", Left: true, Cells: names},
		{Head: "latency\np50\nns", Cells: cells[:len(names)]},
		{Head: "latency\np99\nns", Cells: cells[len(names):]},
	})
}

// explained says what each kind counts.
var explained = []struct{ kind, text string }{
	{record.LimitCopy, "bytes written, once, as a ledger counts what is copied"},
	{record.LimitReduce, "bytes read, rows x block, to add so many BF16 rows up into one"},
	{record.LimitQuantize, "bytes read of BF16 rows, to make FP8 values and their scales"},
	{record.LimitDequantize, "bytes read of FP8 values and their scales, to make BF16 rows"},
	{record.LimitLoopback, "bytes received over TCP within this host, one way; a worker is a connection with two threads"},
	{record.LimitWakeThreads, "a signal, one way, to another thread that polls for it"},
	{record.LimitWakeProcesses, "a signal, one way, to another process that polls for it"},
}

// kindOf is the place of a kind among all.
func kindOf(name string) int {
	return slices.IndexFunc(explained, func(e struct{ kind, text string }) bool { return e.kind == name })
}

func legend(b *bytes.Buffer, cases []record.Ceiling) {
	if len(cases) > 0 {
		b.WriteByte('\n')
	}
	for _, e := range explained {
		if slices.ContainsFunc(cases, func(c record.Ceiling) bool { return c.Kind == e.kind }) {
			fmt.Fprintf(b, "%-15s %s\n", e.kind, e.text)
		}
	}
}
