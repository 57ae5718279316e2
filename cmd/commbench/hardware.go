package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/reports"
)

func hardwareCommand() *cli.Command {
	return &cli.Command{
		Name:  "hardware",
		Usage: "list and show the hardware that predictions know",
		Description: "The catalogue has GPUs, their links and the network between nodes, each figure with its\n" +
			"source. A file in the same form is taken wherever a name is: start from\n" +
			"  commbench hardware show --format yaml h100 > my.yaml\n\n" +
			"Examples:\n" +
			"  commbench hardware list\n" +
			"  commbench hardware show h800\n" +
			"  commbench hardware show --format json my.yaml\n" +
			"  commbench hardware kernels v1",
		Subcommands: []*cli.Command{
			{
				Name:         "list",
				Usage:        "a line for each",
				Flags:        []cli.Flag{formatFlag("table or json")},
				Action:       listHardware,
				OnUsageError: usage,
			},
			{
				Name:         "show",
				Usage:        "all figures of one, and where they are from",
				ArgsUsage:    "NAME or FILE.yaml",
				Flags:        []cli.Flag{formatFlag("table, yaml or json")},
				Action:       showHardware,
				OnUsageError: usage,
			},
			{
				Name:         "kernels",
				Usage:        "all figures of a generation of kernels, as --kernels takes them: v1, v2 or ll",
				ArgsUsage:    "NAME or FILE.yaml",
				Flags:        []cli.Flag{formatFlag("table, yaml or json")},
				Action:       showKernels,
				OnUsageError: usage,
			},
		},
		HideHelpCommand: true,
		OnUsageError:    usage,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usageError{fmt.Errorf("no command %q; see commbench hardware --help", c.Args().First())}
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

func formatFlag(what string) cli.Flag {
	return &cli.StringFlag{Name: "format", Category: outputFlags, Value: "table", Usage: "`FORMAT`: " + what}
}

// described is a Hardware or a Profile for machines.
type described struct {
	Name    string            `json:"name"`
	Title   string            `json:"title"`
	Flags   map[string]bool   `json:"flags"`
	Figures []describedFigure `json:"figures"`
}

type describedFigure struct {
	Field  string  `json:"field"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Source string  `json:"source"`
}

func describe(name, title string, flags map[string]bool, lines []hardware.Line) described {
	d := described{Name: name, Title: title, Flags: flags}
	for _, l := range lines {
		d.Figures = append(d.Figures, describedFigure{l.Field, l.Value, l.Unit, l.Source})
	}
	return d
}

func describeHardware(h *hardware.Hardware) described {
	return describe(h.Name, h.Title, map[string]bool{"fabric.rail_optimised": h.Fabric.RailOptimised}, h.Lines())
}

func listHardware(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	format, err := formatOf(c, "table", "json")
	if err != nil {
		return err
	}
	var all []*hardware.Hardware
	for _, name := range hardware.Names() {
		h, err := hardware.Open(name)
		if err != nil {
			return err
		}
		all = append(all, h)
	}
	if format == "json" {
		list := []described{}
		for _, h := range all {
			list = append(list, describeHardware(h))
		}
		return writeJSON(c.App.Writer, list)
	}
	var b bytes.Buffer
	column := func(head string, left bool, cell func(*hardware.Hardware) string) reports.Strip {
		return strip(all, head, left, func(h **hardware.Hardware) string { return cell(*h) })
	}
	figure := func(head string, of func(*hardware.Hardware) hardware.Figure) reports.Strip {
		return column(head, false, func(h *hardware.Hardware) string { return number(of(h)) })
	}
	reports.Draw(&b, []reports.Strip{
		column("\n\nname", true, func(h *hardware.Hardware) string { return h.Name }),
		figure("\n\nSMs", func(h *hardware.Hardware) hardware.Figure { return h.GPU.SMs }),
		figure("\nmemory\nGB/s", func(h *hardware.Hardware) hardware.Figure { return h.GPU.Memory }),
		figure("\ndomain\nGPUs", func(h *hardware.Hardware) hardware.Figure { return h.ScaleUp.GPUs }),
		figure("scale-up\nline\nGB/s", func(h *hardware.Hardware) hardware.Figure { return h.ScaleUp.Line }),
		figure("scale-up\nachievable\nGB/s", func(h *hardware.Hardware) hardware.Figure { return h.ScaleUp.Achievable }),
		figure("NICs\nof a\nGPU", func(h *hardware.Hardware) hardware.Figure { return h.ScaleOut.NICs }),
		figure("NIC\nline\nGB/s", func(h *hardware.Hardware) hardware.Figure { return h.ScaleOut.Line }),
		figure("NIC\nachievable\nGB/s", func(h *hardware.Hardware) hardware.Figure { return h.ScaleOut.Achievable }),
		column("\n\nof", true, func(h *hardware.Hardware) string { return h.Title }),
	})
	b.WriteString("\nRates are of one GPU (memory, scale-up) or NIC, one way. commbench hardware show NAME says where each is from.\n")
	_, err = c.App.Writer.Write(b.Bytes())
	return err
}

func showHardware(c *cli.Context) error {
	return show(c, func(name string) (described, []byte, error) {
		h, err := hardware.Open(name)
		if err != nil {
			return described{}, nil, err
		}
		return describeHardware(h), h.YAML(), nil
	})
}

func showKernels(c *cli.Context) error {
	return show(c, func(name string) (described, []byte, error) {
		k, err := hardware.Kernels(name)
		if err != nil {
			return described{}, nil, err
		}
		flags := map[string]bool{"roles_apart": k.RolesApart, "low_latency": k.LowLatency, "engine": k.Engine}
		return describe(k.Name, k.Title, flags, k.Lines()), k.YAML(), nil
	})
}

// show prints the one that is named, which open finds.
func show(c *cli.Context, open func(name string) (d described, yaml []byte, err error)) error {
	if c.NArg() != 1 {
		return usageError{errors.New("want one name or file, after the flags; commbench hardware list says which names there are")}
	}
	format, err := formatOf(c, "table", "yaml", "json")
	if err != nil {
		return err
	}
	d, yaml, err := open(c.Args().First())
	if err != nil {
		return usageError{err}
	}
	switch format {
	case "yaml":
		_, err = c.App.Writer.Write(yaml)
		return err
	case "json":
		return writeJSON(c.App.Writer, d)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "commbench hardware: %s   %s\n\n", d.Name, d.Title)
	const line = "%-28s%10s  %-7s%s\n"
	fmt.Fprintf(&b, line, "figure", "value", "unit", "source")
	for _, l := range d.Figures {
		fmt.Fprintf(&b, line, l.Field, numeral(l.Value), l.Unit, l.Source)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Flags)) {
		fmt.Fprintf(&b, "%-28s%10s\n", name, yesNo(d.Flags[name]))
	}
	_, err = c.App.Writer.Write(b.Bytes())
	return err
}

func yesNo(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}

// number is a figure without the digits that a whole one does not have.
func number(f hardware.Figure) string { return numeral(f.Value) }

func numeral(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e9 {
		return unit.Count(int64(v))
	}
	return unit.Number(v)
}

// formatOf is --format, which must be one of those.
func formatOf(c *cli.Context, formats ...string) (string, error) {
	f := c.String("format")
	if !slices.Contains(formats, f) {
		return "", usageError{fmt.Errorf("--format %q: want %s", f, strings.Join(formats, ", "))}
	}
	return f, nil
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
