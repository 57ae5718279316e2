// Package doc is what the programs share that measure for a document: running
// others, saying what machine it is, and replacing a block between markers.
package doc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/scripts/internal/program"
)

// WrongError is a program that found its data wrong: it exited with ExitWrong.
type WrongError struct{ error }

// ExitWrong is the exit code of commbench and of the peers for wrong data.
const ExitWrong = 3

// ExitCode is that of a program which has ended so, as program.ExitCode, but that wrong
// data have their own.
func ExitCode(name string, err error) int {
	code := program.ExitCode(name, err)
	if errors.As(err, new(WrongError)) {
		return ExitWrong
	}
	return code
}

// A run that takes longer hangs. One that is told to end has this long to do so.
const (
	runTimeout = 10 * time.Minute
	endTimeout = 20 * time.Second
)

// Output runs a command, with more environment, and returns what it prints. When
// ctx ends, the command is told to end: a launcher then ends its ranks.
func Output(ctx context.Context, env []string, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = endTimeout
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err == nil {
		return out.Bytes(), nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(name), cause)
	}
	err = fmt.Errorf("%s: %w\n%s", name, err, strings.TrimSpace(errs.String()))
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == ExitWrong {
		return nil, WrongError{err}
	}
	return nil, err
}

// Machine says what machine this is, and which versions of the given programs, by
// the names that they go by, are on it.
func Machine(ctx context.Context, programs ...[2]string) string {
	h := host.Read("").Record()
	said := []string{fmt.Sprintf("%d cores of %s", *h.Cores, unit.Opt(h.CPU, func(s string) string { return s }))}
	if h.MemoryBytes != nil {
		said = append(said, unit.Bytes(*h.MemoryBytes).String())
	}
	if h.Kernel != nil {
		said = append(said, "Linux "+*h.Kernel)
	}
	said = append(said, *h.Go)
	for _, p := range programs {
		out, err := Output(ctx, nil, p[1], "--version")
		if v := regexp.MustCompile(`\d+\.\d+\.\d+`).Find(out); err == nil && v != nil {
			said = append(said, p[0]+" "+string(v))
		}
	}
	return strings.Join(said, ", ")
}

// Replace puts the block between the markers of a name in a document.
func Replace(path, name, block string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if text, err = Between(text, name, block); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, text, 0o666)
}

// Between puts the block between the lines <!-- name: begin --> and
// <!-- name: end --> of a text.
func Between(text []byte, name, block string) ([]byte, error) {
	begin, end := "<!-- "+name+": begin -->", "<!-- "+name+": end -->"
	from, to := bytes.Index(text, []byte(begin)), bytes.Index(text, []byte(end))
	if from < 0 || to < from {
		return nil, errors.New("the lines " + begin + " and " + end + " are not there, in this order")
	}
	var b bytes.Buffer
	b.Write(text[:from+len(begin)])
	b.WriteString("\n\n" + strings.TrimSpace(block) + "\n\n")
	b.Write(text[to:])
	return b.Bytes(), nil
}
