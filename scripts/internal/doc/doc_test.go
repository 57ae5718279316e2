package doc

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOutput(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	if out, err := Output(ctx, []string{"PEERS_TEST=said"}, "sh", "-c", "echo $PEERS_TEST"); string(out) != "said\n" || err != nil {
		t.Errorf("%q (%v)", out, err)
	}
	if _, err := Output(ctx, nil, "sh", "-c", "echo why >&2; exit 1"); err == nil || !strings.Contains(err.Error(), "why") || errors.As(err, new(WrongError)) {
		t.Errorf("exit 1: %v", err)
	}
	if _, err := Output(ctx, nil, "sh", "-c", "exit 3"); !errors.As(err, new(WrongError)) {
		t.Errorf("exit 3: %v", err)
	}
	// An interrupt asks the child to end, and waits for it.
	file := filepath.Join(t.TempDir(), "ended")
	time.AfterFunc(300*time.Millisecond, cancel)
	start := time.Now()
	_, err := Output(ctx, nil, "sh", "-c", "trap 'echo yes >"+file+"; exit 0' TERM; while :; do sleep 0.05; done")
	if b, _ := os.ReadFile(file); !errors.Is(err, context.Canceled) || string(b) != "yes\n" || time.Since(start) > endTimeout {
		t.Errorf("interrupted after %v: %v, the child wrote %q", time.Since(start), err, b)
	}
}

func TestExitCode(t *testing.T) {
	for want, err := range map[int]error{0: nil, 1: errors.New("this is printed by a test"), ExitWrong: WrongError{errors.New("and so is this")}} {
		if got := ExitCode("it", err); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}

func TestReplace(t *testing.T) {
	const begin, end = "<!-- it: begin -->", "<!-- it: end -->"
	file := filepath.Join(t.TempDir(), "a.md")
	if err := os.WriteFile(file, []byte("before\n"+begin+"\nold\n"+end+"\nafter\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it replaces its own
		if err := Replace(file, "it", "new\n"); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(file); string(got) != "before\n"+begin+"\n\nnew\n\n"+end+"\nafter\n" {
			t.Errorf("%q", got)
		}
	}
	for _, text := range []string{"", begin, end, end + begin} {
		if _, err := Between([]byte(text), "it", "new"); err == nil {
			t.Errorf("%q: taken as good", text)
		}
	}
	if err := Replace(file, "that", "new"); err == nil || !strings.Contains(err.Error(), file) {
		t.Error(err)
	}
}

func TestMachine(t *testing.T) {
	got := Machine(context.Background(), [2]string{"Nothing", "no-such-program"})
	if !strings.Contains(got, "core") || !strings.Contains(got, "go1.") || strings.Contains(got, "Nothing") {
		t.Error(got)
	}
}
