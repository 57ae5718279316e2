package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
)

// remark is one labelled line of the heading or below the table.
func remark(label, text string) string {
	return fmt.Sprintf("%-12s%s\n", label, clean(text))
}

// remarks are the lines below the table: what is wrong first, then what the
// records say of themselves. A name is that of a record's row.
func remarks(recs []record.Record, name func(*rec) string) []string {
	var said []string
	for _, kind := range []struct {
		label string
		say   func(*rec) []string
	}{
		{"WRONG", sayWrong},
		{"BAD", sayBad},
		{"interrupted", sayInterrupted},
		{"note", func(r *rec) []string { return r.Notes }},
		{"warning", func(r *rec) []string { return r.Warnings }},
	} {
		for _, text := range shared(recs, kind.say, name) {
			said = append(said, remark(kind.label, text))
		}
	}
	return said
}

func sayWrong(r *rec) []string {
	switch {
	case r.Wrong == nil || *r.Wrong == 0:
		return nil
	case *r.Wrong == 1:
		return []string{"1 token differs from the reference"}
	default:
		return []string{unit.Count(*r.Wrong) + " tokens differ from the reference"}
	}
}

// sayBad are the bad verdicts; docs/verdicts.md has a section for each name.
func sayBad(r *rec) (said []string) {
	for _, v := range r.Verdicts {
		if v.State == record.Bad {
			said = append(said, v.Name+": "+v.Why)
		}
	}
	return said
}

func sayInterrupted(r *rec) []string {
	if !r.Interrupted {
		return nil
	}
	finished := len(r.SamplesUS)
	if r.Exec.Iterations == nil {
		return []string{"after " + counted(&finished, "iteration")}
	}
	return []string{"after " + unit.Count(int64(finished)) + " of " + counted(r.Exec.Iterations, "iteration")}
}

// named are rows by their algorithm, and their operation where there are several.
func named(recs []record.Record) func(*rec) string {
	if len(ops(recs)) == 1 {
		return func(r *rec) string { return r.Algorithm }
	}
	return func(r *rec) string { return r.Op + " " + r.Algorithm }
}

// shared is each sentence once, with the names of the rows whose it is unless
// every record says it.
func shared(recs []record.Record, say func(*rec) []string, name func(*rec) string) []string {
	var sentences []string // in the order in which they come up
	sayers := map[string]int{}
	names := map[string][]string{}
	for i := range recs {
		r, name := &recs[i], name(&recs[i])
		said := map[string]bool{}
		for _, s := range say(r) {
			if said[s] {
				continue
			}
			said[s] = true
			if sayers[s]++; sayers[s] == 1 {
				sentences = append(sentences, s)
			}
			if !slices.Contains(names[s], name) {
				names[s] = append(names[s], name)
			}
		}
	}
	for i, s := range sentences {
		if sayers[s] < len(recs) {
			sentences[i] = strings.Join(names[s], ", ") + ": " + s
		}
	}
	return sentences
}
