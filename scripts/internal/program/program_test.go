package program

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string // in what is printed; "" is a good command line
	}{
		{[]string{"-n", "3"}, ""},
		{[]string{"-n", "0"}, "it: n is 0\n"},
		{[]string{"-n", "x"}, "invalid value"},
		{[]string{"-m"}, "not defined"},
	} {
		f := flag.NewFlagSet("it", flag.ContinueOnError)
		n := f.Int("n", 1, "a number")
		var said strings.Builder
		err := Parse(f, c.args, &said, func() error {
			if *n == 0 {
				return errors.New("n is 0")
			}
			return nil
		})
		if errors.As(err, new(UsageError)) != (c.want != "") || !strings.Contains(said.String(), c.want) || c.want == "" && said.Len() > 0 {
			t.Errorf("%q: %v, and it printed %q", c.args, err, &said)
		}
	}
}

func TestExitCode(t *testing.T) {
	if got := ExitCode("it", Parse(flag.NewFlagSet("it", flag.ContinueOnError), []string{"-h"}, io.Discard, nil)); got != 0 {
		t.Errorf("help: %d", got)
	}
	for want, err := range []error{nil, errors.New("this is printed by a test"), fmt.Errorf("no: %w", UsageError{errors.New("this is not")})} {
		if got := ExitCode("it", err); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}
