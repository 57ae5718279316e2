package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/record"
)

// strictError is --strict's: verdicts are bad, and nothing else has failed.
type strictError struct{ error }

// strictFlags are of commands that have verdicts.
func strictFlags(category string) []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "strict", Category: category, Usage: "exit with 4 if a verdict is bad: throttled clocks, a wrong NIC, noise, ...; see docs/verdicts.md"},
		&cli.StringFlag{Name: "allow", Category: category, Usage: "`VERDICTS` that --strict lets be bad, such as huge-pages,noise"},
	}
}

// checkAllow is for before anything is measured.
func checkAllow(c *cli.Context) error {
	if c.IsSet("allow") && !c.Bool("strict") {
		return usageError{fmt.Errorf("--allow is for --strict")}
	}
	for _, name := range allowed(c) {
		if !slices.Contains(judge.Names, name) {
			return usageError{fmt.Errorf("--allow %q: want some of %s", name, strings.Join(judge.Names, ", "))}
		}
	}
	return nil
}

func allowed(c *cli.Context) []string {
	if !c.IsSet("allow") {
		return nil
	}
	return strings.Split(c.String("allow"), ",")
}

// warnOf shows bad verdicts to whoever sits at a terminal, where the report itself has not shown them.
func warnOf(c *cli.Context, shown bool, verdicts []record.Verdict) {
	if shown || !terminal(c.App.ErrWriter) {
		return
	}
	for _, v := range verdicts {
		if v.State == record.Bad {
			fmt.Fprintf(c.App.ErrWriter, "commbench: BAD %s: %s\n", v.Name, v.Why)
		}
	}
}

// tableShown says whether a table of records went to standard output.
func tableShown(c *cli.Context) bool {
	return c.String("format") == "table" && c.String("output") == ""
}

// strictly makes bad verdicts an error, if there is no other and --strict asks for it: whoever reads 4
// knows that the result is there.
func strictly(c *cli.Context, err error, verdicts []record.Verdict) error {
	if err != nil || !c.Bool("strict") {
		return err
	}
	var names []string
	for _, v := range verdicts {
		if v.State == record.Bad && !slices.Contains(names, v.Name) && !slices.Contains(allowed(c), v.Name) {
			names = append(names, v.Name)
		}
	}
	switch len(names) {
	case 0:
		return nil
	case 1:
		return strictError{fmt.Errorf("--strict: verdict %s is bad; see docs/verdicts.md", names[0])}
	}
	return strictError{fmt.Errorf("--strict: verdicts %s are bad; see docs/verdicts.md", strings.Join(names, ", "))}
}
