package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/gpu"
	"github.com/commbench/commbench/bench/unit"
)

func gpuCommand() *cli.Command {
	return &cli.Command{
		Name:  "gpu",
		Usage: "measure what the GPUs of this machine move, for sm and sim",
		Description: "Examples:\n" +
			"  commbench gpu measure\n" +
			"  commbench gpu measure --hardware h100 -o mine.yaml\n" +
			"  commbench sm --hardware mine.yaml --nodes 4",
		Subcommands: []*cli.Command{{
			Name:  "measure",
			Usage: "what so many SMs read, write, copy and add up, copies over PCIe and between GPUs, launches",
			Description: "Runs kernels on 1, 2, 3, 4, 6, 8, ... and all SMs of each NVIDIA GPU, one block an SM, and checks\n" +
				"the bytes of every result. It takes some ten seconds a GPU, in which nothing else should use it, and\n" +
				"needs the driver only. Where NVML is, it says whether clocks were held down or errors came up\n" +
				"meanwhile. What each figure counts: docs/gpu.md.\n\n" +
				"With -o it writes a file that sm and sim take as --hardware: what was measured, and of the\n" +
				"hardware that --hardware names the rest, such as the network, each with its source.\n\n" +
				"Examples:\n" +
				"  commbench gpu measure\n" +
				"  commbench gpu measure --device 0,1 --repeats 20 --format json\n" +
				"  commbench gpu measure --sample 100ms --strict\n" +
				"  commbench gpu measure --hardware h100 -o mine.yaml",
			Flags: append([]cli.Flag{
				&cli.StringFlag{Name: "device", Category: runFlags, Value: "all", Usage: "`LIST` of GPUs by CUDA's numbers, 0,1, or all"},
				&cli.IntFlag{Name: "repeats", Category: runFlags, Value: gpu.DefaultRepeats, Usage: "samples of each figure, whose median it is"},
				&cli.Int64Flag{Name: "bytes", Category: runFlags, Usage: "that a kernel goes through", DefaultText: "20 times the L2 cache, at least 256 MiB, at most a quarter of what is free"},
				&cli.StringFlag{Name: "hardware", Category: outputFlags, Usage: "a `NAME` of the catalogue or a FILE.yaml, for what -o cannot know"},
				&cli.StringFlag{Name: "output", Category: outputFlags, Aliases: []string{"o"}, Usage: "write the hardware to `FILE.yaml`"},
				formatFlag("table or json"),
				&cli.BoolFlag{Name: "quiet", Category: outputFlags, Aliases: []string{"q"}, Usage: "show no progress"},
			}, watchFlags()...),
			Action:       runGPU,
			OnUsageError: usage,
		}},
		HideHelpCommand: true,
		OnUsageError:    usage,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usageError{fmt.Errorf("no command %q; see commbench gpu --help", c.Args().First())}
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

// driverLibrary is CUDA's, unless a test has its own.
var driverLibrary string

func runGPU(c *cli.Context) error {
	cfg, err := gpuConfig(c)
	if err != nil {
		return err
	}
	format, err := formatOf(c, "table", "json")
	if err != nil {
		return err
	}
	if err := checkWatch(c); err != nil {
		return err
	}
	h, out, err := gpuOutput(c)
	if err != nil {
		return err
	}
	show := newProgress(c.App.ErrWriter, c.Bool("quiet"))
	cfg.Progress = func(stage string, done, all int) { show.update(bench.Progress{Stage: stage, Done: done, All: all}) }
	report := gpuReport{Schema: "commbench.gpu/v1", Version: version}
	cfg.Ready = func(gpus []*gpu.GPU) {
		show.update(bench.Progress{Stage: "looking at the machine"})
		report.watch(c.Context, c.Duration("sample"), gpus)
	}
	done := make(chan struct{})
	stop := context.AfterFunc(c.Context, func() {
		select {
		case <-done:
		case <-time.After(2 * time.Second):
			fmt.Fprintln(c.App.ErrWriter, "commbench: waiting for the GPU; a second interrupt ends at once, and loses what was measured")
		}
	})
	result, runErr := gpu.Run(c.Context, cfg)
	report.finish(&result)
	close(done)
	stop()
	show.clear()
	if errors.Is(runErr, gpu.ErrConfig) {
		runErr = usageError{runErr}
	}
	if n := len(result.Wrong); n > 0 {
		wrong := fmt.Errorf("%w: %s", bench.ErrWrong, result.Wrong[0])
		if n > 1 {
			wrong = fmt.Errorf("%w, and %d more", wrong, n-1)
		}
		runErr = errors.Join(wrong, runErr)
	}
	if len(result.GPUs) > 0 && len(result.GPUs[0].Curve) > 0 {
		runErr = errors.Join(runErr, report.write(c.App.Writer, format))
	}
	if err = plainly(runErr); out != nil {
		err = out.finish(runErr == nil, runErr, func(w io.Writer) error {
			if err := asMeasured(h, &report); err != nil {
				return err
			}
			_, err := w.Write(h.YAML())
			return err
		})
	}
	warnOf(c, format == "table", report.Verdicts)
	return strictly(c, err, report.Verdicts)
}

func gpuConfig(c *cli.Context) (cfg gpu.Config, err error) {
	cfg = gpu.Config{Library: driverLibrary, Bytes: c.Int64("bytes"), Repeats: c.Int("repeats")}
	if err := noArguments(c); err != nil {
		return cfg, err
	}
	// A zero that was asked for is not a default.
	if c.IsSet("bytes") && cfg.Bytes < 1 {
		return cfg, usageError{fmt.Errorf("--bytes %d: want at least 1", cfg.Bytes)}
	}
	if cfg.Repeats < 1 || cfg.Repeats > gpu.MostRepeats {
		return cfg, usageError{fmt.Errorf("--repeats %d: want 1 to %d", cfg.Repeats, gpu.MostRepeats)}
	}
	if c.String("device") == "all" {
		return cfg, nil
	}
	for part := range strings.SplitSeq(c.String("device"), ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 0 {
			return cfg, usageError{fmt.Errorf("--device %q: want numbers of GPUs, such as 0,1, or all", c.String("device"))}
		}
		cfg.Devices = append(cfg.Devices, n)
	}
	return cfg, nil
}

// gpuOutput opens the file that was asked for, and what it starts from; else both are nil.
func gpuOutput(c *cli.Context) (*hardware.Hardware, *output, error) {
	switch err := yamlName(c, "output"); {
	case !c.IsSet("output") && !c.IsSet("hardware"):
		return nil, nil, nil
	case !c.IsSet("output"):
		return nil, nil, usageError{errors.New("--hardware is for -o FILE.yaml")}
	case err != nil:
		return nil, nil, err
	case !c.IsSet("hardware"):
		return nil, nil, usageError{errors.New("-o wants --hardware NAME too: what cannot be measured here, such as the network, is taken from there")}
	}
	h, err := hardware.Open(c.String("hardware"))
	if err != nil {
		return nil, nil, usageError{err}
	}
	out, err := openOutput(c.String("output"), "table", io.Discard)
	return h, out, err
}

// asMeasured puts what was measured in place of what was known: of several GPUs what the
// slowest does.
func asMeasured(h *hardware.Hardware, r *gpuReport) error {
	slowest := r.GPUs[0]
	most, _ := slowest.BestCopy()
	for _, g := range r.GPUs {
		if g.Name != slowest.Name || g.SMs != slowest.SMs {
			return usageError{fmt.Errorf("GPU %d (%s) and GPU %d (%s) differ, and a hardware file is of one kind: choose with --device", slowest.Number, slowest.Name, g.Number, g.Name)}
		}
		if best, _ := g.BestCopy(); best < most {
			slowest, most = g, best
		}
	}
	by := fmt.Sprintf("measured by commbench gpu measure, %s, driver for CUDA %s", slowest.Name, r.CUDA)
	if held := r.held(); held != "" {
		by += ", while " + held
	}
	best, sms := slowest.BestCopy()
	if best == 0 {
		return errors.New("no copy was measured: there is nothing to write to a hardware file")
	}
	for _, g := range r.GPUs {
		if !g.Whole() {
			return fmt.Errorf("GPU %d: what was measured is not what its memory can do, see the warnings: no hardware file is written", g.Number)
		}
	}
	h.GPU.SMs = hardware.Figure{Value: float64(slowest.SMs), Source: by}
	h.GPU.Memory = hardware.Figure{Value: unit.Rounded(best), Source: fmt.Sprintf("%s: copy on %s, read and written, the slowest of %s", by, unit.Counted(int64(sms), "SM"), unit.Counted(int64(len(r.GPUs)), "GPU"))}
	if pair := slowestPair(r.Result); pair != nil {
		if line := h.ScaleUp.Line.Value; pair.GBps > line {
			return usageError{fmt.Errorf("from GPU %d to %d go %v, and the line rate of %s is %v: name the hardware that this is with --hardware", pair.From, pair.To, unit.GBps(pair.GBps), h.Name, unit.GBps(line))}
		}
		h.ScaleUp.Achievable = hardware.Figure{Value: unit.Rounded(pair.GBps), Source: fmt.Sprintf("%s: copy from GPU %d to %d, the slowest of %s", by, pair.From, pair.To, unit.Counted(int64(len(r.Peers)), "ordered pair"))}
	}
	h.Name, h.Title = h.Name+"-measured", fmt.Sprintf("%s, measured; all else as %s", slowest.Name, h.Title)
	return nil
}

// slowestPair is nil where there is one GPU, or where some reach each other by way of the host only.
func slowestPair(r *gpu.Result) (slowest *gpu.Peer) {
	for i := range r.Peers {
		p := &r.Peers[i]
		if !p.Direct {
			return nil
		}
		if slowest == nil || p.GBps < slowest.GBps {
			slowest = p
		}
	}
	return slowest
}
