package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/watch"
	"github.com/commbench/commbench/nvml"
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
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "fake", Usage: "show a `MACHINE` that is not there, such as h100x8"},
			&cli.BoolFlag{Name: "watch", Usage: "look again and again: clocks, power, rates; updates in place on a terminal"},
			&cli.DurationFlag{Name: "interval", Value: time.Second, Usage: "between two looks of --watch"},
			&cli.IntFlag{Name: "looks", Usage: "end --watch after so many", DefaultText: "until it is interrupted"},
			formatFlag("table or json (with --watch a line for each look)"),
		}, strictFlags("")...),
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
	if err := checkAllow(c); err != nil {
		return err
	}
	machine, err := probe.Here(), error(nil)
	if c.IsSet("fake") { // Here opens nothing
		if machine, err = probe.Fake(c.String("fake")); err != nil {
			return usageError{fmt.Errorf("--fake: %w", err)}
		}
	}
	ask := newAsker(c.Context, machine, newProgress(c.App.ErrWriter, false))
	page, err := ask.page()
	if err == nil && live {
		err = watchMachine(c, ask, page, format)
	} else if err == nil {
		page.Verdicts = judge.Machine(page)
		page.Finish()
		if format == "json" {
			err = writeJSON(c.App.Writer, page)
		} else {
			_, err = c.App.Writer.Write(pageTable(page))
		}
		err = strictly(c, err, page.Verdicts)
	}
	if closed := ask.close(); err == nil && closed != nil {
		err = fmt.Errorf("closing NVML: %w", closed)
	}
	return err
}

// watchMachine prints what changes, until it is interrupted: that is how it ends, and no error.
func watchMachine(c *cli.Context, ask *asker, page *probe.Page, format string) error {
	live := watch.NewLive(ask.machine, page)
	ticker := time.NewTicker(c.Duration("interval"))
	defer ticker.Stop()
	w := c.App.Writer
	inPlace := format == "table" && repaints(w)
	if inPlace {
		fmt.Fprintf(w, "commbench probe   the first look comes in %v\n", c.Duration("interval"))
	}
	for n := 0; !c.IsSet("looks") || n <= c.Int("looks"); n++ {
		figures, err := patiently(ask, live.Look)
		if err == nil && n > 0 { // rates need two
			err = showLook(w, page, &look{time.Now().UTC(), figures, live.Troubles()}, format, inPlace)
		}
		switch {
		case errors.Is(err, errInterrupted):
			return nil
		case err != nil:
			return err
		}
		select {
		case <-c.Context.Done():
			return nil
		case <-ticker.C:
		}
	}
	return nil
}

// look is one of --watch.
type look struct {
	time     time.Time
	figures  []watch.Figure
	troubles []string
}

// lookRecord is a look for machines. docs/probe.md has its fields.
type lookRecord struct {
	Schema   string                         `json:"schema"`
	Time     time.Time                      `json:"time"`
	Version  string                         `json:"version"`
	Fake     *string                        `json:"fake"`
	Figures  map[string]map[string]*float64 `json:"figures"`      // by source, by name and unit
	HeldBy   map[string][]string            `json:"held_down_by"` // by GPU
	Troubles []string                       `json:"troubles"`
}

func lookOf(page *probe.Page, l *look) lookRecord {
	r := lookRecord{"commbench.look/v1", l.time, version, page.Fake, map[string]map[string]*float64{}, map[string][]string{}, l.troubles}
	for _, f := range l.figures {
		switch {
		case f.Unit != "bits":
			if r.Figures[f.Source] == nil {
				r.Figures[f.Source] = map[string]*float64{}
			}
			r.Figures[f.Source][f.Name+" "+f.Unit] = f.Value
		case f.Value != nil:
			r.HeldBy[f.Source] = append([]string{}, nvml.Reasons(*f.Value).Names()...)
		}
	}
	return r
}

func showLook(w io.Writer, page *probe.Page, l *look, format string, inPlace bool) error {
	if format == "json" {
		return json.NewEncoder(w).Encode(lookOf(page, l))
	}
	text := lookTable(page, l)
	if inPlace { // home, and clear what a longer page left
		text = slices.Concat([]byte("\x1b[H\x1b[J"), fit(text, w))
	}
	_, err := w.Write(text)
	return err
}
