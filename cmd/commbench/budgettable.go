package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/commbench/commbench/alltoall/model"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
)

func (b *budget) print(w io.Writer) error {
	var t bytes.Buffer
	l := &b.load
	fmt.Fprintf(&t, "commbench sm: %s by %s, predicted   %s x %s = %s of %s\n", l.Op, l.Algorithm,
		unit.Counted(int64(l.Nodes), "node"), unit.Counted(int64(l.GPUsPerNode), "GPU"), unit.Counted(int64(l.Nodes*l.GPUsPerNode), "rank"), b.h.Title)
	fmt.Fprintf(&t, "workload    %s tokens/rank, hidden %d, %v = %v/token, %s experts, top-%d\n", unit.Count(int64(l.Tokens)), l.Hidden, carried(string(l.Op), l.DType),
		unit.Bytes(int64(b.Bytes)), unit.Count(int64(l.Experts)), l.TopK)
	fmt.Fprintf(&t, "routing     %s: %s nodes and %s ranks a token\n", b.routing, unit.Number(b.TokenNodes), unit.Number(b.TokenRanks))
	fmt.Fprintf(&t, "kernels     %s: %s\n\n", b.kernels.Name, b.kernels.Title)

	const line = "%5s%12s%11s%11s  %-11s"
	fmt.Fprintf(&t, line+"\n", "", "", "scale-out", "scale-up", "")
	fmt.Fprintf(&t, line+"\n", "SMs", "time, us", "GB/s", "GB/s", "bound by")
	most := b.Points[len(b.Points)-1].Up
	for _, i := range b.shown() {
		p := &b.Points[i]
		fmt.Fprintf(&t, line+"%s", unit.Count(int64(p.SMs)), numeral(p.US), unit.Opt(b.out(p), unit.Number), unit.Number(p.Up), p.Bound, strings.Repeat("#", int(40*p.Up/most)))
		if i == b.Knee && !b.kernels.LowLatency {
			t.WriteString(" <- knee")
		}
		t.WriteByte('\n')
	}
	t.WriteByte('\n')
	for _, remark := range b.remarks() {
		fmt.Fprintln(&t, remark)
	}
	_, err := w.Write(t.Bytes())
	return err
}

// out is nil on one node, where nothing crosses scale-out.
func (b *budget) out(p *model.Point) *float64 {
	if b.load.Nodes == 1 {
		return nil
	}
	return &p.Out
}

// upToTwiceTheKnee are the points that are worth looking at: beyond them nothing changes.
func (b *budget) upToTwiceTheKnee() []model.Point { return b.Points[:min(2*b.Knee+2, len(b.Points))] }

// mostRows is how many numbers of SMs up to twice the knee's a person is shown.
const mostRows = 16

// shown are the points for people: evenly up to twice the knee, the knee, and the last.
func (b *budget) shown() (at []int) {
	end := len(b.upToTwiceTheKnee())
	stride := (end + mostRows - 1) / mostRows
	for i := range end {
		if (i+1)%stride == 0 || i == b.Knee {
			at = append(at, i)
		}
	}
	if last := len(b.Points) - 1; at[len(at)-1] != last {
		at = append(at, last)
	}
	return at
}

func (b *budget) remarks() []string {
	knee, last := &b.Points[b.Knee], &b.Points[len(b.Points)-1]
	if b.kernels.LowLatency {
		said := fmt.Sprintf("%d SMs of %d: as many as %s take; not to be chosen", knee.SMs, b.h.SMs(), unit.Counted(int64(b.load.Experts), "expert"))
		return append([]string{said}, b.others()...)
	}
	said := fmt.Sprintf("knee: %s of %d, the fewest whose time is within 2 %% of the best", unit.Counted(int64(knee.SMs), "SM"), b.h.SMs())
	switch {
	case last.Bound == model.SMs:
		said += "; more would still help"
	case b.Knee == 0:
		said += fmt.Sprintf(", and the fewest that these kernels take; bound by %s", last.Bound)
	default:
		said += fmt.Sprintf("; fewer are bound by their own work, more by %s", last.Bound)
	}
	return append([]string{said}, b.others()...)
}

// others are the remarks that are not about the knee.
func (b *budget) others() (all []string) {
	for _, i := range b.whatIf {
		all = append(all, fmt.Sprintf("what if %s: %s and %s us, %s as fast; bound by %s", i.changes, unit.Counted(int64(i.SMs), "SM"), numeral(i.US),
			unit.Ratio(i.faster), i.Bound))
	}
	if c := b.closed; c != nil {
		all = append(all, fmt.Sprintf("closed form: %s, which is %s with a margin of %s, at least %s, in multiples of %s", unit.Counted(int64(c.SMs), "SM"),
			unit.Number(c.Raw), number(b.kernels.Margin), number(b.kernels.Least), number(b.kernels.Step)))
	}
	if b.EpilogueUS > 0 {
		all = append(all, fmt.Sprintf("epilogue: %v more with all SMs, for copies into tensors or last sums, which are a kernel of their own", unit.Micros(b.EpilogueUS)))
	}
	if hot := b.load.Hottest; hot > 0 {
		all = append(all, fmt.Sprintf("skew: the busiest rank receives %s the mean, and all wait for it", unit.Ratio(hot)))
	}
	return append(all, "GB/s count payload and scales, the own node's and the rank's own too; notify is not in the time. Assumptions: docs/model.md")
}

// document is the prediction for machines. Rates are GB/s, times microseconds.
func (b *budget) document() any {
	type point struct {
		SMs   int      `json:"sms"`
		US    float64  `json:"time_us"`
		Bound string   `json:"bound"`
		Out   *float64 `json:"scale_out_logical_gbps"`
		Up    float64  `json:"scale_up_logical_gbps"`
	}
	type closed struct {
		SMs   int     `json:"sms"`
		Raw   float64 `json:"raw"`
		Bound string  `json:"bound"`
	}
	type other struct {
		Changes string  `json:"changes"`
		SMs     int     `json:"knee_sms"`
		US      float64 `json:"time_us"`
		Faster  float64 `json:"times_as_fast"`
		Bound   string  `json:"bound"`
	}
	l := &b.load
	d := struct {
		Schema    string         `json:"schema"`
		Version   string         `json:"version"`
		Source    string         `json:"source"`
		Op        string         `json:"op"`
		Algorithm string         `json:"algorithm"`
		Hardware  string         `json:"hardware"`
		Kernels   string         `json:"kernels"`
		Cluster   record.Cluster `json:"cluster"`
		Workload  map[string]any `json:"workload"`
		Points    []point        `json:"points"`
		Knee      int            `json:"knee_sms"`
		Of        int            `json:"sms_of_gpu"`
		Epilogue  *float64       `json:"epilogue_us"`
		Closed    *closed        `json:"closed_form"`
		WhatIf    []other        `json:"what_if"`
	}{"commbench.budget/v1", version, "model", string(l.Op), string(l.Algorithm), b.h.Name, b.kernels.Name,
		record.Cluster{Nodes: l.Nodes, GPUsPerNode: l.GPUsPerNode, Ranks: l.Nodes * l.GPUsPerNode},
		map[string]any{"tokens": l.Tokens, "hidden": l.Hidden, "experts": l.Experts, "topk": l.TopK, "dtype": carried(string(l.Op), l.DType).String(), "routing": b.routing,
			"hottest_rank_over_mean": max(b.load.Hottest, 1), "nodes_per_token": b.TokenNodes, "ranks_per_token": b.TokenRanks, "bytes_per_token": b.Bytes},
		nil, b.Points[b.Knee].SMs, b.h.SMs(), nil, nil, []other{}}
	for i := range b.Points {
		p := &b.Points[i]
		d.Points = append(d.Points, point{p.SMs, p.US, string(p.Bound), b.out(p), p.Up})
	}
	if b.EpilogueUS > 0 {
		d.Epilogue = &b.EpilogueUS
	}
	for _, i := range b.whatIf {
		d.WhatIf = append(d.WhatIf, other{i.changes, i.SMs, i.US, i.faster, string(i.Bound)})
	}
	if c := b.closed; c != nil {
		d.Closed = &closed{c.SMs, c.Raw, string(c.Bound)}
	}
	return d
}
