package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/commbench/commbench/alltoall/model"
	"github.com/commbench/commbench/bench/unit"
)

// sign gives what was fitted its source, and names of their own.
func (f *calibration) sign(samples int) {
	source := fmt.Sprintf("fitted to %s of %s", unit.Counted(int64(samples), "record"), filepath.Base(f.records))
	h, k := f.Hardware, f.Kernels
	for _, v := range f.Values {
		if !v.Determined {
			continue
		}
		switch v.Parameter {
		case model.OutRate:
			h.ScaleOut.Achievable.Source = source
		case model.UpRate:
			h.ScaleUp.Achievable.Source = source
		case model.Latency:
			h.ScaleOut.Put.Source, h.ScaleOut.Signal.Source = source, source
		case model.SMRate:
			k.Write.Source = source
			k.Read.Source, k.Reduce.Source = source+", in proportion to write_gbps", source+", in proportion to write_gbps"
		}
	}
	h.Name, h.Title = h.Name+"-calibrated", h.Title+", calibrated"
	k.Name, k.Title = k.Name+"-calibrated", k.Title+", calibrated"
}

// save writes the files that were asked for.
func (f *calibration) save(hardwareFile, kernelsFile string) error {
	for _, out := range []struct {
		path string
		text []byte
	}{{hardwareFile, f.Hardware.YAML()}, {kernelsFile, f.Kernels.YAML()}} {
		if out.path == "" {
			continue
		}
		o, err := openOutput(out.path, "table", io.Discard)
		if err != nil {
			return err
		}
		if err := o.write(func(w io.Writer) error { _, err := w.Write(out.text); return err }); err != nil {
			return err
		}
	}
	return nil
}

// residuals are the errors of all records, sorted by size.
func (f *calibration) residuals() []float64 {
	all := make([]float64, len(f.rows))
	for i := range f.rows {
		all[i] = math.Abs(f.rows[i].Residual)
	}
	slices.Sort(all)
	return all
}

func (f *calibration) table() []byte {
	var t bytes.Buffer
	fmt.Fprintf(&t, "commbench calibrate: %s of %s\n\n", unit.Counted(int64(len(f.rows)), "record"), f.records)
	const value = "%-28s%-6s%11s%11s  %s\n"
	fmt.Fprintf(&t, value, "parameter", "unit", "before", "after", "")
	for _, v := range f.Values {
		units, note := "GB/s", ""
		if v.Parameter == model.Latency {
			units = "us"
		}
		if !v.Determined {
			note = "no record depends on it"
		}
		t.WriteString(strings.TrimRight(fmt.Sprintf(value, v.Parameter, units, unit.Number(v.Before), unit.Number(v.After), note), " \n") + "\n")
	}
	t.WriteString("\n")
	const line = "%-11s%-10s%7s%7s%9s%6s%14s%12s%12s%11s\n"
	fmt.Fprintf(&t, line, "algorithm", "op", "nodes", "ranks", "tokens", "SMs", "measured, us", "before", "after", "residual")
	for _, r := range f.rows {
		fmt.Fprintf(&t, line, r.Algorithm, r.Op, unit.Count(int64(r.Nodes)), unit.Count(int64(r.Ranks)), unit.Count(int64(r.Tokens)), unit.Count(int64(r.SMs)),
			numeral(r.Measured), numeral(r.Before), numeral(r.After), fmt.Sprintf("%+.1f %%", 100*r.Residual))
	}
	all := f.residuals()
	fmt.Fprintf(&t, "\nresiduals: median %.1f %%, worst %.1f %%\n", 100*median(all), 100*all[len(all)-1])
	for _, why := range f.left {
		fmt.Fprintf(&t, "left out: %s\n", why)
	}
	for _, why := range f.doubts {
		fmt.Fprintf(&t, "warning: %s\n", why)
	}
	return t.Bytes()
}

// document is the same for machines.
func (f *calibration) document() any {
	type value struct {
		Parameter  model.Parameter `json:"parameter"`
		Before     float64         `json:"before"`
		After      float64         `json:"after"`
		Determined bool            `json:"determined"`
	}
	doc := struct {
		Schema     string       `json:"schema"`
		Parameters []value      `json:"parameters"`
		Records    []calibrated `json:"records"`
		LeftOut    []string     `json:"left_out"`
		Warnings   []string     `json:"warnings"`
	}{Schema: "commbench.calibration/v1", Records: f.rows, LeftOut: append([]string{}, f.left...), Warnings: append([]string{}, f.doubts...)}
	for _, v := range f.Values {
		doc.Parameters = append(doc.Parameters, value{v.Parameter, v.Before, v.After, v.Determined})
	}
	return doc
}
