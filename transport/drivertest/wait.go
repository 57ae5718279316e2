package drivertest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
)

func waitTimeout(t *testing.T, newDriver func() driver.Driver) {
	const timeout = 30 * time.Millisecond
	w := connected(t, newDriver(), shape{name: "rail 5", ranks: 2, words: 8, timeout: timeout})
	must(t, open(t, w[0], 1, 0).Signal(6, 41))
	start := time.Now()
	err := w[1].Wait(context.Background(), 6, 64)
	if took := time.Since(start); took < timeout || took > patience {
		t.Errorf("a wait of %v took %v", timeout, took)
	}
	if !errors.Is(err, transport.ErrTimeout) {
		t.Fatalf("the error is %v, not ErrTimeout", err)
	}
	var where *transport.Error
	if !errors.As(err, &where) || where.World != "rail 5" || where.Rank != 1 {
		t.Errorf("%q does not name world and rank", err)
	}
	var what *transport.WaitError
	if !errors.As(err, &what) || what.Word != 6 || what.Awaited != 64 || what.Seen != 41 || what.After < timeout {
		t.Errorf("%q does not name the word, what was awaited and what was seen", err)
	}
	for _, part := range []string{`"rail 5"`, "rank 1", "word 6", "awaited 64", "seen 41", "Options.Timeout"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not hold %q", err, part)
		}
	}
	wait(t, w[1], 6, 41) // waits do not disturb each other
	if err := w[1].Wait(context.Background(), 8, 0); !errors.Is(err, transport.ErrBounds) {
		t.Errorf("a wait on a word that does not exist: %v", err)
	}
	if got := w[1].Load(8) + w[1].Load(-1); got != 0 {
		t.Errorf("words that do not exist read %d", got)
	}
}

func waitCancel(t *testing.T, newDriver func() driver.Driver) {
	w := connected(t, newDriver(), shape{ranks: 1, words: 1})
	reason := errors.New("the operator has seen enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(5*time.Millisecond, func() { cancel(reason) })
	if err := w[0].Wait(ctx, 0, 1); !errors.Is(err, reason) {
		t.Errorf("a cancelled wait returned %v", err)
	}
	must(t, w[0].Wait(ctx, 0, 0)) // what is there already needs no waiting
}

func waitClose(t *testing.T, newDriver func() driver.Driver) {
	w := connected(t, newDriver(), shape{ranks: 1, words: 1})
	const waiters = 3
	ended := make(chan error, waiters)
	for range waiters {
		go func() { ended <- w[0].Wait(context.Background(), 0, 1) }()
	}
	time.Sleep(2 * time.Millisecond)
	must(t, w[0].Close())
	for range waiters {
		if err := <-ended; !errors.Is(err, transport.ErrClosed) {
			t.Errorf("a wait returned %v when the world was closed", err)
		}
	}
}
