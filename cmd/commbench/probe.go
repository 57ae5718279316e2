package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/watch"
)

func probeCommand() *cli.Command {
	return &cli.Command{
		Name:  "probe",
		Usage: "say what hardware this is and whether it is healthy: GPUs, links, NICs, host",
		Description: "Asks NVML, sysfs and /proc, changes nothing, and needs no rights. What cannot be told is said to be\n" +
			"so, and why (--format json has every reason). A machine without GPUs has a page as well.\n\n" +
			"Examples:\n" +
			"  commbench probe\n" +
			"  commbench probe --format json\n" +
			"  commbench probe --watch\n" +
			"  commbench probe --fake h100x8\n" +
			"  commbench probe --fake h100x8,throttle:3,link-down:5 --strict\n\n" +
			"Machines that --fake knows, all or fewer of their GPUs, and faults that may follow:" + fakeHelp(),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "fake", Usage: "show a `MACHINE` that is not there, such as h100x8"},
			&cli.BoolFlag{Name: "watch", Usage: "look again and again: clocks, power, rates; updates in place on a terminal"},
			&cli.DurationFlag{Name: "interval", Value: time.Second, Usage: "between two looks of --watch"},
			&cli.IntFlag{Name: "looks", Usage: "end --watch after so many", DefaultText: "until it is interrupted"},
			&cli.BoolFlag{Name: "strict", Usage: "exit with 4 if a verdict is bad"},
			formatFlag("table or json (with --watch a line for each look)"),
		},
		Action:       runProbe,
		OnUsageError: usage,
	}
}

// fakeHelp lists what there is to show.
func fakeHelp() string {
	specs, faults := probe.Fakes()
	var b strings.Builder
	fmt.Fprintf(&b, "\n  %s", strings.Join(specs, ", "))
	for _, f := range faults {
		fmt.Fprintf(&b, "\n  %-14s %s", f.Name, f.Text)
	}
	return b.String()
}

func runProbe(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	format, err := formatOf(c, "table", "json")
	if err != nil {
		return err
	}
	live := c.Bool("watch")
	switch {
	case !live && (c.IsSet("interval") || c.IsSet("looks")):
		return usageError{fmt.Errorf("--interval and --looks are for --watch")}
	case c.Duration("interval") < 10*time.Millisecond:
		return usageError{fmt.Errorf("--interval %v: want at least 10ms", c.Duration("interval"))}
	case c.IsSet("looks") && c.Int("looks") < 1:
		return usageError{fmt.Errorf("--looks %d: want at least 1", c.Int("looks"))}
	case live && c.Bool("strict"):
		return usageError{fmt.Errorf("--strict judges one look: leave --watch out")}
	}
	machine := probe.Here()
	if c.IsSet("fake") {
		if machine, err = probe.Fake(c.String("fake")); err != nil {
			return usageError{fmt.Errorf("--fake: %w", err)}
		}
	}
	page, err := firstPage(c.Context, machine, newProgress(c.App.ErrWriter, false))
	if err != nil {
		return err // and whoever does not answer cannot be closed
	}
	if live {
		err = watchMachine(c, machine, page, format)
		return closing(machine, err)
	}
	page.Verdicts = judge.Machine(page)
	page.Finish()
	if format == "json" {
		err = writeJSON(c.App.Writer, page)
	} else {
		_, err = c.App.Writer.Write(pageTable(page))
	}
	if err == nil && c.Bool("strict") {
		err = strict(page.Verdicts)
	}
	return closing(machine, err)
}

// closing closes the machine, whose error is only of interest where there is no other.
func closing(m *probe.Machine, err error) error {
	if closed := m.Close(); err == nil && closed != nil {
		err = fmt.Errorf("closing NVML: %w", closed)
	}
	return err
}

// patience is how long the first look may take: a GPU in trouble may never answer.
const patience = 30 * time.Second

// firstPage reads the machine, and says who did not answer.
func firstPage(ctx context.Context, m *probe.Machine, show *progress) (*probe.Page, error) {
	defer show.clear()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	asked := make(chan string, 64)
	m.Asking = func(what string) {
		select {
		case asked <- what:
		default:
		}
	}
	pages := make(chan *probe.Page, 1)
	go func() { pages <- m.Read() }()
	last, limit := "the machine", time.After(patience)
	for {
		select {
		case page := <-pages:
			page.Version = version
			return page, nil
		case last = <-asked:
		case <-tick.C:
			show.update(bench.Progress{Stage: "asking " + last})
		case <-ctx.Done():
			return nil, errInterrupted
		case <-limit:
			return nil, fmt.Errorf("no answer from %s for %v: the driver or the device hangs; see the kernel's log", last, patience)
		}
	}
}

// watchMachine prints what changes, until it is interrupted: that is how it ends, and no error.
func watchMachine(c *cli.Context, m *probe.Machine, page *probe.Page, format string) error {
	live := watch.NewLive(m, page)
	ticker := time.NewTicker(c.Duration("interval"))
	defer ticker.Stop()
	w := c.App.Writer
	f, ok := w.(*os.File)
	inPlace := ok && format == "table" && isatty.IsTerminal(f.Fd())
	live.Look() // rates need two
	for n := 0; !c.IsSet("looks") || n < c.Int("looks"); n++ {
		select {
		case <-c.Context.Done():
			return nil
		case <-ticker.C:
		}
		figures := live.Look()
		if err := showLook(w, page, figures, format, inPlace); err != nil {
			return err
		}
	}
	return nil
}

func showLook(w io.Writer, page *probe.Page, figures []watch.Figure, format string, inPlace bool) error {
	now := time.Now().UTC()
	if format == "json" {
		values := map[string]map[string]*float64{}
		for _, f := range figures {
			if values[f.Source] == nil {
				values[f.Source] = map[string]*float64{}
			}
			values[f.Source][f.Name+" "+f.Unit] = f.Value
		}
		return json.NewEncoder(w).Encode(map[string]any{"time": now, "figures": values})
	}
	text := lookTable(page, figures, now)
	if inPlace { // home, and clear what a longer page left
		text = slices.Concat([]byte("\x1b[H\x1b[J"), text)
	}
	_, err := w.Write(text)
	return err
}
