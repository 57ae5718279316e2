package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/commbench/commbench/bench/record"
)

// strictError is --strict's: verdicts are bad. Nothing else has failed.
type strictError struct{ error }

// strict makes bad verdicts an error.
func strict(verdicts []record.Verdict) error {
	var names []string
	for _, v := range verdicts {
		if v.State == record.Bad {
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

// onlyStrict says whether nothing but verdicts is wrong.
func onlyStrict(err error) bool {
	var s strictError
	return errors.As(err, &s)
}
