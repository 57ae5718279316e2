package reports

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
)

// Sweep is one operation with different numbers of workers.
type Sweep struct {
	Records []record.Record
	GBps    []*float64 // for each record, what its limit is compared with; nil is unknown
	Knee    int        // the record that is marked; -1 is none
	Meaning []string   // what the figures mean, in words, a line each
}

// WriteSweep writes a sweep in the named format. The table ends in a plot; the
// formats for machines have the records alone. The errors are those of Write.
func WriteSweep(w io.Writer, format string, s Sweep) error {
	if format != "table" || len(s.Records) == 0 {
		return Write(w, format, s.Records, nil)
	}
	var b bytes.Buffer
	first := &s.Records[0]
	columns := headline(&b, "sm: "+first.Op+" by "+first.Algorithm, s.Records)
	what := "copied"
	if first.Op == record.Combine {
		what = "reduced"
	}
	table(&b, append(columns,
		figure("time\np50\nus", func(r *rec) *float64 { return r.TimeUS.P50 }),
		column{"\n" + what + "\nGB/s", false, func([]record.Record) []string { return unit.Column(s.GBps) }},
		figure("\nlimit\nGB/s", limitOf),
		column{"\nof\nlimit", false, each(func(r *rec) string { return unit.Opt(r.Efficiency, unit.Ratio) })},
		column{"\nwrong\ntokens", false, each(wrong)}), s.Records)
	s.plot(&b, what)
	if said := remarks(s.Records, func(r *rec) string { return counted(r.Exec.Workers, "worker") }); len(said) > 0 {
		b.WriteString("\n" + strings.Join(said, ""))
	}
	b.WriteByte('\n')
	for _, line := range s.Meaning {
		fmt.Fprintln(&b, clean(line))
	}
	return flush(w, &b)
}

func limitOf(r *rec) *float64 {
	if r.Limit == nil {
		return nil
	}
	return &r.Limit.GBps
}

// plotColumns is the width of the largest figure of a plot.
const plotColumns = 50

// plot draws a bar for each record: its rate, with its limit marked.
func (s *Sweep) plot(b *bytes.Buffer, what string) {
	top := 0.0
	for i := range s.Records {
		for _, v := range []*float64{s.GBps[i], limitOf(&s.Records[i])} {
			if v != nil && !math.IsInf(*v, 0) {
				top = math.Max(top, *v)
			}
		}
	}
	if !(top > 0) { // there are no rates, or one is no number
		return
	}
	limit := "the limit of as many workers"
	if l := s.Records[0].Limit; l != nil && l.Kind == record.LimitLoopback {
		limit = "loopback's limit"
	}
	fmt.Fprintf(b, "\nworkers  # %s, | %s; %d columns are %v\n", what, limit, plotColumns, unit.GBps(top))
	for i := range s.Records {
		r := &s.Records[i]
		bar := []byte(strings.Repeat(" ", plotColumns))
		copy(bar, strings.Repeat("#", columnsOf(s.GBps[i], top)))
		if at := columnsOf(limitOf(r), top); at > 0 {
			bar[at-1] = '|'
		}
		row := fmt.Sprintf("%7s  %s", unit.Opt(r.Exec.Workers, func(n int) string { return unit.Count(int64(n)) }), bar)
		if i == s.Knee {
			row += "  <- knee"
		}
		fmt.Fprintln(b, strings.TrimRight(row, " "))
	}
}

// columnsOf is the nearest number of columns, 0 to plotColumns.
func columnsOf(v *float64, top float64) int {
	if v == nil || !(*v > 0) {
		return 0
	}
	return int(math.Round(plotColumns * math.Min(*v/top, 1)))
}
