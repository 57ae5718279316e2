package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/model"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
)

func calibrateCommand() *cli.Command {
	names := make([]string, len(model.Parameters))
	for i, p := range model.Parameters {
		names[i] = string(p)
	}
	return &cli.Command{
		Name:  "calibrate",
		Usage: "fit hardware and kernels to measured records",
		Description: "Reads records (JSON or JSON Lines: of dispatch, combine and sim, or imported) and finds the link\n" +
			"rates, the latency and the rate of an SM with which the model is nearest to their times. It starts\n" +
			"from --hardware and --kernels, prints what it found with what is left of each record's error, and\n" +
			"writes a hardware file, and a kernels file, for sm and sim. See docs/model.md.\n\n" +
			"Examples:\n" +
			"  commbench calibrate --records runs.jsonl --hardware h100 --kernels v1 --sms 20\n" +
			"  commbench calibrate --records runs.jsonl --hardware h100 -o mine.yaml --kernels-output kernels.yaml\n" +
			"  commbench calibrate --records runs.jsonl --hardware h100 --fit scale_out.achievable_gbps",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "records", Usage: "`FILE` of records; - is standard input"},
			&cli.StringFlag{Name: "hardware", Usage: "a `NAME` of the catalogue or a FILE.yaml to start from"},
			&cli.StringFlag{Name: "kernels", Value: "v2", Usage: "`GENERATION` of kernels, or a FILE.yaml, to start from", DefaultText: "v2; ll where all records are of low-latency"},
			&cli.IntFlag{Name: "sms", Usage: "SMs of a GPU, of records that do not say", DefaultText: "what their channels take"},
			&cli.StringFlag{Name: "fit", Usage: "`PARAMETERS` to fit: " + strings.Join(names, ", "), DefaultText: "all that the records depend on"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the hardware to `FILE.yaml`"},
			&cli.StringFlag{Name: "kernels-output", Usage: "write the kernels to `FILE.yaml`"},
			formatFlag("table or json"),
		},
		Action:       runCalibrate,
		OnUsageError: usage,
	}
}

// calibration is what calibrate prints.
type calibration struct {
	*model.Fitted
	records string // where they are from
	rows    []calibrated
	left    []string // why records were left out
	doubts  []string // why what was fitted may not be of the hardware
}

// calibrated is a record beside its predictions.
type calibrated struct {
	Op        string  `json:"op"`
	Algorithm string  `json:"algorithm"`
	Nodes     int     `json:"nodes"`
	Ranks     int     `json:"ranks"`
	Tokens    int     `json:"tokens"`
	SMs       int     `json:"sms"`
	Measured  float64 `json:"measured_us"`
	Before    float64 `json:"before_us"`
	After     float64 `json:"after_us"`
	Residual  float64 `json:"residual"` // after over measured, less 1
}

func runCalibrate(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	format, err := formatOf(c, "table", "json")
	if err != nil {
		return err
	}
	for _, name := range []string{"records", "hardware"} {
		if !c.IsSet(name) {
			return usageError{fmt.Errorf("--%s: want one; see commbench calibrate --help", name)}
		}
	}
	for _, name := range []string{"output", "kernels-output"} {
		if err := yamlName(c, name); err != nil {
			return err
		}
	}
	if c.IsSet("sms") && c.Int("sms") < 1 {
		return usageError{fmt.Errorf("--sms %d: want at least 1", c.Int("sms"))}
	}
	fitted, err := calibrate(c)
	if err != nil {
		return err
	}
	if err := fitted.save(c.String("output"), c.String("kernels-output")); err != nil {
		return err
	}
	if format == "json" {
		return writeJSON(c.App.Writer, fitted.document())
	}
	_, err = c.App.Writer.Write(fitted.table())
	return err
}

// calibrate reads what the flags name, and fits.
func calibrate(c *cli.Context) (*calibration, error) {
	recs, name, err := readRecords(c)
	if err != nil {
		return nil, err
	}
	h, err := hardware.Open(c.String("hardware"))
	if err != nil {
		return nil, usageError{err}
	}
	kernels := c.String("kernels")
	if !c.IsSet("kernels") && !slices.ContainsFunc(recs, func(r record.Record) bool { return r.Algorithm != record.LowLatency }) {
		kernels = "ll"
	}
	k, err := hardware.Kernels(kernels)
	if err != nil {
		return nil, usageError{err}
	}
	parameters := model.Parameters
	if c.IsSet("fit") {
		parameters = nil
		for p := range strings.SplitSeq(c.String("fit"), ",") {
			parameters = append(parameters, model.Parameter(strings.TrimSpace(p)))
		}
	}
	out := &calibration{records: name}
	var samples []model.Sample
	for i := range recs {
		s, err := sampleOf(&recs[i], k, c.Int("sms"))
		if err == nil {
			_, err = model.Fit(h, k, []model.Sample{s}) // which predicts it, and fits nothing
		}
		if err != nil {
			out.left = append(out.left, fmt.Sprintf("record %d (%s by %s): %v", i, recs[i].Op, recs[i].Algorithm, err))
			continue
		}
		samples = append(samples, s)
		out.rows = append(out.rows, calibrated{recs[i].Op, recs[i].Algorithm, s.Nodes, s.Nodes * s.GPUsPerNode, s.Tokens, s.SMs, s.US, 0, 0, 0})
	}
	if len(samples) == 0 && len(out.left) > 0 {
		return nil, usageError{fmt.Errorf("--records %s: no record can be fitted to: %s", name, out.left[0])}
	}
	if out.Fitted, err = model.Fit(h, k, samples, parameters...); err != nil {
		return nil, usageError{fmt.Errorf("--records %s: %w", name, err)}
	}
	for i := range out.rows {
		r := &out.rows[i]
		r.Before, r.After = out.Before[i], out.After[i]
		r.Residual = r.After/r.Measured - 1
	}
	if n := hostOnly(recs); n > 0 {
		out.doubts = append(out.doubts, fmt.Sprintf("%d of %s ran over the memory of a host without GPUs: what is fitted to them is how that copies, and not what %s does",
			n, unit.Counted(int64(len(recs)), "record"), h.Name))
	}
	out.sign(len(samples))
	return out, nil
}

// hostOnly counts records of runs that crossed no network and had no GPU.
func hostOnly(recs []record.Record) (n int) {
	for i := range recs {
		if r := &recs[i]; r.Source == record.Measured && r.Transport.Network == nil && len(r.Host.GPUs) == 0 {
			n++
		}
	}
	return n
}

func readRecords(c *cli.Context) (recs []record.Record, name string, err error) {
	name = c.String("records")
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, name, usageError{fmt.Errorf("--records: %w", err)}
		}
		defer func() { _ = f.Close() }() // which was read
		in = f
	}
	if recs, err = record.Read(in, name); err != nil {
		return nil, name, usageError{fmt.Errorf("--records: %w", err)}
	}
	if len(recs) == 0 {
		err = usageError{fmt.Errorf("--records %s: no records", name)}
	}
	return recs, name, err
}

// sampleOf is what a record says to the model.
func sampleOf(r *record.Record, k *hardware.Profile, sms int) (s model.Sample, err error) {
	if r.TimeUS.TransferP50 == nil && r.TimeUS.P50 == nil {
		return s, errors.New("no time")
	}
	s.US = *cmp.Or(r.TimeUS.TransferP50, r.TimeUS.P50)
	w := &r.Workload
	s.Workload = model.Workload{Op: model.Op(r.Op), Algorithm: plan.Algorithm(r.Algorithm), Nodes: r.Cluster.Nodes, GPUsPerNode: r.Cluster.GPUsPerNode,
		Experts: w.Experts, TopK: w.TopK, Tokens: w.Tokens, Hidden: w.Hidden}
	if r.Op == record.Dispatch {
		if s.DType, err = plan.ParseDType(w.Dtype); err != nil {
			return s, err
		}
	}
	if n, ranks := r.Skew.NodesPerToken, r.Skew.RanksPerToken; n != nil && ranks != nil {
		s.TokenNodes, s.TokenRanks = *n, *ranks
	}
	if hot := r.Skew.HottestRank; hot != nil && *hot > chance {
		s.Hottest = *hot
	}
	switch {
	case r.Simulation != nil:
		s.SMs = r.Simulation.SMs
	case sms > 0:
		s.SMs = sms
	case r.Exec.Channels != nil && k.RolesApart:
		s.SMs = 2 * *r.Exec.Channels
	case r.Exec.Channels != nil:
		s.SMs = *r.Exec.Channels
	default:
		return s, errors.New("it does not say how many SMs: give --sms")
	}
	if s.SMs < 1 && !k.LowLatency && !k.Engine {
		return s, fmt.Errorf("%d SMs", s.SMs)
	}
	if r.Op == record.Roundtrip {
		return s, errors.New("its dispatch and its combine are fitted to, not their sum")
	}
	return s, nil
}
