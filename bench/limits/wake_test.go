package limits

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/mem"
	"github.com/commbench/commbench/transport/shm"
)

func needShm(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("processes are connected on Linux alone")
	}
}

func measureTwice(t *testing.T, w *Wake) {
	t.Helper()
	for range 2 {
		ns, err := w.Measure(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if len(ns) != wakeRounds {
			t.Errorf("%d round trips, want %d", len(ns), wakeRounds)
		}
		for i, v := range ns {
			if v <= 0 {
				t.Fatalf("round trip %d took %v ns", i, v)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func TestWakeThreads(t *testing.T) {
	w, err := WakeThreads(mem.New())
	if err != nil {
		t.Fatal(err)
	}
	measureTwice(t, w)
}

func TestWakeProcesses(t *testing.T) {
	needShm(t)
	w, err := WakeProcesses(context.Background(), shm.New(), asPeer)
	if err != nil {
		t.Fatal(err)
	}
	measureTwice(t, w)
}

func TestProcessesNeedADriverThatConnectsThem(t *testing.T) {
	if _, err := WakeProcesses(context.Background(), mem.New(), asPeer); !errors.Is(err, driver.ErrNotSupported) {
		t.Error(err)
	}
}

// A process that is not what it should be, or is no more, is an error that says
// which and how it ended.
func TestPeerThatFails(t *testing.T) {
	needShm(t)
	t.Run("mute", func(t *testing.T) {
		_, err := WakeProcesses(context.Background(), shm.New(), asMute)
		wants(t, err, "pid", "exit status 3", "cannot begin")
	})
	t.Run("wrong program", func(t *testing.T) {
		_, err := WakeProcesses(context.Background(), shm.New(), asWrong)
		wants(t, err, "encoding/hex")
	})
	t.Run("dies", func(t *testing.T) {
		w, err := WakeProcesses(context.Background(), shm.New(), asDead)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = w.Measure(context.Background())
		wants(t, err, "pid", "exit status 7", "unwell")
		if took := time.Since(began); took >= patience {
			t.Errorf("it took %v to notice", took)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("killed", func(t *testing.T) {
		w, err := WakeProcesses(context.Background(), shm.New(), asPeer)
		if err != nil {
			t.Fatal(err)
		}
		for _, pid := range children(t) {
			p, err := os.FindProcess(pid)
			if err != nil {
				t.Fatal(err)
			}
			_ = p.Kill()
		}
		_, err = w.Measure(context.Background())
		wants(t, err, "pid", "killed")
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}

func wants(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%q does not say %q", err, p)
		}
	}
}

func TestWakeIsCancelled(t *testing.T) {
	needShm(t)
	why := errors.New("enough")
	for name, start := range map[string]func(ctx context.Context) (*Wake, error){
		"threads":   func(context.Context) (*Wake, error) { return WakeThreads(mem.New()) },
		"processes": func(ctx context.Context) (*Wake, error) { return WakeProcesses(ctx, shm.New(), asPeer) },
	} {
		ctx, cancel := context.WithCancelCause(context.Background())
		w, err := start(ctx)
		if err != nil {
			t.Fatal(err)
		}
		cancel(why)
		if _, err := w.Measure(ctx); !errors.Is(err, why) {
			t.Errorf("%s: %v", name, err)
		}
		if err := w.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left := children(t); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
}

// children are the pids of this process's children.
func children(t *testing.T) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, _ := os.ReadFile(f)
		for _, word := range strings.Fields(string(b)) {
			pid := 0
			for _, digit := range word {
				pid = 10*pid + int(digit-'0')
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestPeer is the peer's side alone.
func TestPeer(t *testing.T) {
	line := func(b []byte) string { return string(bytes.TrimSpace(b)) + "\n" }
	for name, c := range map[string]struct {
		in   string
		says string
	}{
		"nothing comes":          {"", "no address"},
		"half an address":        {"00", "no address"},
		"no hex":                 {line([]byte("zz")), "encoding/hex"},
		"a line that has no end": {strings.Repeat("0", 2*maxLine), "buffer full"},
		"damaged addresses":      {"00\n00\n", "address"},
	} {
		err := Peer(context.Background(), mem.New(), strings.NewReader(c.in), io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Peer(context.Background(), broken{}, strings.NewReader(""), io.Discard); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	if _, err := WakeThreads(broken{}); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	if _, err := WakeProcesses(context.Background(), broken{}, asPeer); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

// broken is a driver that cannot do anything.
type broken struct{}

var errBroken = errors.New("broken")

func (broken) Name() string                     { return "broken" }
func (broken) Caps() driver.Caps                { return driver.Caps{Processes: true} }
func (broken) Alloc(int) (driver.Memory, error) { return nil, errBroken }
func (broken) Listen(driver.Place, driver.Options) (driver.Endpoint, error) {
	return nil, errBroken
}
